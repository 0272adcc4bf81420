//! Where do the values of a call go, and what keeps one from being taken for more than a value?
//!
//! A place is a word in braces: `{key}`. How its value is written depends on where the place stands:
//!
//! | where | how |
//! |---|---|
//! | an argument of a program | as it is. No shell reads it, unless the program is one. |
//! | a URL | percent-encoded, except for addresses |
//! | a line over TCP | as it is; refused with blanks, quotes, backslashes or control characters |
//! | a header | as it is; refused with control characters |
//! | a body | for the `content-type` JSON escaped as in a JSON string, for a form percent-encoded, else as it is |
//!
//! A NUL is refused everywhere but in a body.

use std::borrow::Cow;

/// The places that every call has.
pub const EVERYWHERE: [&str; 7] =
    ["name", "client", "host", "port", "failpoint", "data", "directory"];

/// The places that a call of this name has besides; `None`: there is no such call.
#[must_use]
pub fn places(call: &str) -> Option<&'static [&'static str]> {
    Some(match call {
        "stop" | "kill" | "pause" | "unpause" => &["signal"],
        "launch" | "running" | "logs" | "health" | "leader" | "hash" | "revision" => &[],
        "put" => &["key", "value"],
        "get" | "delete" => &["key"],
        "range" => &["from", "to"],
        _ => return None,
    })
}

/// The values, by the name of the place.
pub(super) type Values<'a> = [(&'a str, &'a str)];

/// Where a text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    Argument,
    Url,
    Line,
    Header,
    Body(Escape),
}

/// How values are written in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escape {
    Json,
    Form,
    Nothing,
}

impl Escape {
    /// By the headers of the request.
    pub(super) fn of(headers: &[(String, String)]) -> Self {
        let of = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let of = of.map(|(_, value)| value.split(';').next().unwrap_or_default().trim());
        match of.map(str::to_ascii_lowercase).as_deref() {
            Some("application/x-www-form-urlencoded") => Self::Form,
            Some(of) if of == "application/json" || of.ends_with("+json") => Self::Json,
            _ => Self::Nothing,
        }
    }
}

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    Place(&'a str),
}

/// A text in pieces. Braces around anything but a word of `a`-`z` and `-` are text.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut done, mut from) = (0, 0);
    while let Some(open) = text[from..].find('{').map(|at| from + at) {
        let word = text[open + 1..]
            .split_once('}')
            .map(|(word, _)| word)
            .filter(|word| !word.is_empty())
            .filter(|word| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'));
        from = open + 1;
        if let Some(word) = word {
            pieces.push(Piece::Text(&text[done..open]));
            pieces.push(Piece::Place(word));
            from = open + word.len() + 2;
            done = from;
        }
    }
    pieces.push(Piece::Text(&text[done..]));
    pieces
}

/// The places in a text, in their order.
pub(crate) fn places_in(text: &str) -> impl Iterator<Item = &str> {
    pieces(text).into_iter().filter_map(|piece| match piece {
        Piece::Text(_) => None,
        Piece::Place(word) => Some(word),
    })
}

/// Writes the values into their places. A place without a value stays as it is.
pub(super) fn fill(text: &str, values: &Values<'_>, context: Context) -> Result<String, String> {
    let mut filled = String::with_capacity(text.len());
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Place(word) => match values.iter().find(|(name, _)| *name == word) {
                Some((_, value)) => filled.push_str(&write(word, value, context)?),
                None => filled.extend(["{", word, "}"]),
            },
        }
    }
    Ok(filled)
}

fn write<'a>(word: &str, value: &'a str, context: Context) -> Result<Cow<'a, str>, String> {
    let is_address = matches!(word, "client" | "host" | "port" | "failpoint");
    let refused: fn(char) -> bool = match context {
        Context::Argument => |c| c == '\0',
        Context::Line => |c| c.is_control() || c.is_whitespace() || matches!(c, '"' | '\'' | '\\'),
        Context::Header => char::is_control,
        Context::Url | Context::Body(_) => |_| false,
    };
    if let Some(bad) = value.chars().find(|c| refused(*c)) {
        return Err(format!("the value of {{{word}}} has {bad:?}, which cannot stand here"));
    }
    Ok(match context {
        Context::Url if !is_address => Cow::Owned(percent_encoded(value)),
        Context::Body(Escape::Form) => Cow::Owned(percent_encoded(value)),
        Context::Body(Escape::Json) => {
            let quoted = serde_json::Value::from(value).to_string();
            Cow::Owned(quoted[1..quoted.len() - 1].to_owned())
        }
        _ => Cow::Borrowed(value),
    })
}

/// All bytes but those of words are written as `%XX`.
fn percent_encoded(value: &str) -> String {
    value.bytes().fold(String::with_capacity(value.len()), |mut text, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(byte));
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::{Context, Escape, fill, places_in};

    #[test]
    fn places_are_words_in_braces() {
        let places = |text| places_in(text).collect::<Vec<_>>();
        assert_eq!(places("{key}={value}"), ["key", "value"]);
        assert_eq!(places(r#"{"a": {"b": "{key}"}}"#), ["key"]);
        assert_eq!(places("{ print $1 } {} {A} {a b} {key"), Vec::<&str>::new());
        assert_eq!(places("{{key}}"), ["key"]);
    }

    #[test]
    fn values_are_written_as_their_place_needs() {
        let value = "a/b c\"{key}\n";
        let with = |text, context| fill(text, &[("key", value), ("client", "[::1]:80")], context);
        assert_eq!(with("x{key}", Context::Argument).unwrap(), format!("x{value}"));
        assert_eq!(
            with("http://{client}/{key}", Context::Url).unwrap(),
            "http://[::1]:80/a%2Fb%20c%22%7Bkey%7D%0A"
        );
        assert_eq!(
            with(r#"{"k":"{key}"}"#, Context::Body(Escape::Json)).unwrap(),
            r#"{"k":"a/b c\"{key}\n"}"#
        );
        assert_eq!(
            with("k={key}", Context::Body(Escape::Form)).unwrap(),
            "k=a%2Fb%20c%22%7Bkey%7D%0A"
        );
        for context in [Context::Line, Context::Header] {
            assert!(with("{key}", context).is_err(), "{context:?}");
        }
        assert_eq!(with("{other}", Context::Line).unwrap(), "{other}");
    }
}
