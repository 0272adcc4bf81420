//! What was asked for, whoever carried it here?

use std::borrow::Cow;

/// A request without its carrier.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    /// As it came, without the query.
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a [u8],
    /// Who asks, for the log.
    pub(crate) from: &'a str,
}

impl<'a> Request<'a> {
    /// Every value of a header; its name in any case.
    pub(crate) fn header(&self, name: &str) -> impl Iterator<Item = &'a str> {
        let named = self.headers.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name));
        named.map(|(_, value)| *value)
    }

    /// Whether the caller asks for JSON rather than text, which is what everybody else gets.
    pub(crate) fn wants_json(&self) -> bool {
        let types = self.header("accept").flat_map(|value| value.split(','));
        let mut types = types.map(|one| one.split(';').next().unwrap_or_default().trim());
        types.any(|one| {
            one.eq_ignore_ascii_case("application/json")
                || one.eq_ignore_ascii_case("application/problem+json")
        })
    }

    /// The parameters of the query, decoded.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> {
        self.query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
    }
}

/// Undoes percent-encoding; text in which it is broken, or hides what is not UTF-8, stays as it is.
pub(crate) fn decode(text: &str) -> Cow<'_, str> {
    decode_strictly(text).unwrap_or(Cow::Borrowed(text))
}

/// Undoes percent-encoding; `None` where it is broken, or hides what is not UTF-8.
pub(crate) fn decode_strictly(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let ((high, low), after) = hex_pair(rest)?;
        bytes.push(high * 16 + low);
        rest = after;
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

fn hex_pair(bytes: &[u8]) -> Option<((u8, u8), &[u8])> {
    let (pair, after) = bytes.split_at_checked(2)?;
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(((digit(pair[0])?, digit(pair[1])?), after))
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn percent_encoding() {
        for (text, decoded) in [
            ("plain", "plain"),
            ("a%2Fb", "a/b"),
            ("a%2fb%3F", "a/b?"),
            ("%C3%A9", "é"),
            ("100%", "100%"),
            ("a%2", "a%2"),
            ("a%zz", "a%zz"),
            ("%+1", "%+1"),
            ("%ff", "%ff"),
            ("a+b", "a+b"),
        ] {
            assert_eq!(decode(text), decoded, "{text}");
        }
    }
}
