//! Percent-encoding: writes text into URLs, and reads it from them.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
#[cfg(feature = "failpoints")]
use std::borrow::Cow;

/// The characters to encode in a path and in a query's value. Characters of names are not encoded, not
/// even `/` and `:`, because gofail does not decode.
const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/').remove(b':');

pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// Decodes `text`; if the encoding is invalid or the result is not UTF-8, returns `text` unchanged.
#[cfg(feature = "failpoints")]
pub(crate) fn decode(text: &str) -> Cow<'_, str> {
    decode_strictly(text).unwrap_or(Cow::Borrowed(text))
}

/// Decodes `text`; `None` if the encoding is invalid or the result is not UTF-8.
#[cfg(feature = "failpoints")]
pub(crate) fn decode_strictly(text: &str) -> Option<Cow<'_, str>> {
    let is_pair = |after: &str| {
        let pair = after.as_bytes().get(..2);
        pair.is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit))
    };
    // The library leaves what is broken as it is.
    if !text.split('%').skip(1).all(is_pair) {
        return None;
    }
    percent_encoding::percent_decode_str(text).decode_utf8().ok()
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn what_must_be_is_encoded() {
        assert_eq!(encode("pkg/a::b-c.d_e~"), "pkg/a::b-c.d_e~");
        assert_eq!(encode("a b?é%\r\n#*&=+"), "a%20b%3F%C3%A9%25%0D%0A%23%2A%26%3D%2B");
    }

    #[cfg(feature = "failpoints")]
    #[test]
    fn what_is_broken_stays() {
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
            assert_eq!(super::decode(text), decoded, "{text}");
        }
    }
}
