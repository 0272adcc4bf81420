//! Texts that a fire hands over without an allocation.

use std::str;

/// How many bytes fit where a `String` would be.
const SHORT: usize = 15;

/// A text. A short one, as most values are, is copied and not allocated.
#[derive(Clone, Debug)]
pub struct Text(Stored);

#[derive(Clone, Debug)]
enum Stored {
    Short(Short),
    Long(String),
}

/// Copied as a whole.
#[derive(Clone, Copy, Debug)]
struct Short {
    len: u8,
    bytes: [u8; SHORT],
}

impl Text {
    pub(crate) fn as_str(&self) -> &str {
        match &self.0 {
            // Cut out of a text, so it is one.
            Stored::Short(Short { len, bytes }) => {
                str::from_utf8(&bytes[..usize::from(*len)]).unwrap_or_default()
            }
            Stored::Long(text) => text,
        }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        let mut bytes = [0; SHORT];
        Self(match bytes.get_mut(..text.len()) {
            Some(place) => {
                place.copy_from_slice(text.as_bytes());
                Stored::Short(Short { len: text.len() as u8, bytes })
            }
            None => Stored::Long(text.to_owned()),
        })
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        match text.0 {
            Stored::Long(text) => text,
            Stored::Short(_) => text.as_str().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_it_was_made_of() {
        for text in [
            "",
            "5",
            "permission",
            "fifteen bytes..",
            "sixteen bytes...",
            "é日本語",
            "é日本語日本語",
        ] {
            let made = Text::from(text);
            assert_eq!((made.as_str(), String::from(made.clone()).as_str()), (text, text));
        }
        assert_eq!(size_of::<Option<Option<Text>>>(), size_of::<String>());
    }
}
