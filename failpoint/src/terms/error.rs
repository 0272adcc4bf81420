//! How does a refused text look to the one who typed it?

use crate::visible::is_hidden;
use std::fmt;
use std::sync::Arc;

/// Where text left the grammar, and what was expected there.
///
/// Its `Display` is a sentence and a picture:
/// ```text
/// expected an action such as return, sleep or panic (did you mean "return"?)
///   2*retrun(5)
///     ^ at byte 2
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// The place, in bytes from the beginning of the whole text.
    pub offset: usize,
    /// What was expected, as it continues the word "expected".
    pub expected: String,
    /// Shared, because a config may have as many errors as it has bytes.
    text: Arc<str>,
}

impl ParseError {
    pub(crate) fn new(offset: usize, expected: String, text: Arc<str>) -> ParseError {
        ParseError { offset, expected, text }
    }

    /// The whole text that was refused.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The line that holds the place, and below it a caret under the place.
    ///
    /// Of a long line only the surroundings are shown. The caret counts characters; hidden ones are
    /// escaped, but for blanks such as a tab.
    pub fn caret(&self) -> String {
        // Only the surroundings are ever looked at, so that showing all errors of a long
        // line takes time in their number, not in its square.
        const AROUND: usize = 30;

        let (before, after) = self.split();
        let mut left: Vec<char> = line(before.chars().rev()).take(AROUND + 1).collect();
        if left.len() > AROUND {
            left[AROUND] = '…';
        }
        left.reverse();
        let mut right: Vec<char> = line(after.chars()).take(AROUND + 1).collect();
        if right.len() > AROUND {
            right[AROUND] = '…';
        }

        let before: String = left.into_iter().flat_map(shown).collect();
        let after: String = right.into_iter().flat_map(shown).collect();
        let indent = " ".repeat(before.chars().count());
        let line = before + &after;
        format!("  {}\n  {indent}^ at byte {}", line.trim_end(), self.offset)
    }

    /// The text before and after the place. The field is public, so it may have become any
    /// number.
    fn split(&self) -> (&str, &str) {
        let mut at = self.offset.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        self.text.split_at(at)
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}\n{}", self.expected, self.caret())
    }
}

impl std::error::Error for ParseError {}

fn line(chars: impl Iterator<Item = char>) -> impl Iterator<Item = char> {
    chars.take_while(|&c| c != '\n')
}

/// A tab or an escape sequence would move the caret away from its place.
fn shown(c: char) -> impl Iterator<Item = char> {
    let (itself, escaped) = match c {
        '\t' | '\r' => (Some(' '), None),
        c if is_hidden(c) => (None, Some(c.escape_default())),
        c => (Some(c), None),
    };
    itself.into_iter().chain(escaped.into_iter().flatten())
}

#[cfg(test)]
mod tests {
    use super::ParseError;
    use crate::terms::Terms;

    fn error(text: &str) -> ParseError {
        Terms::parse(text).unwrap_err()
    }

    #[test]
    fn a_sentence_and_a_picture() {
        assert_eq!(
            error("2*retrun(5)").to_string(),
            "expected an action such as return, sleep or panic (did you mean \"return\"?)\n  \
             2*retrun(5)\n    ^ at byte 2"
        );
    }

    #[test]
    fn the_caret_counts_characters() {
        assert_eq!(error("return(é€𝄞)x").caret(), "  return(é€𝄞)x\n             ^ at byte 17");
    }

    #[test]
    fn only_the_line_is_shown() {
        assert_eq!(error("off->\r\n\tfoo\n->off").caret(), "   foo\n   ^ at byte 8");
    }

    #[test]
    fn hidden_characters_are_escaped_and_the_caret_is_in_its_place() {
        assert_eq!(
            error("print(\u{1b}[2J\u{202e})x\u{9b}").caret(),
            "  print(\\u{1b}[2J\\u{202e})x\\u{9b}\n                          ^ at byte 14"
        );
    }

    #[test]
    fn a_long_line_is_windowed() {
        let text = format!("return({})x{}", "é".repeat(100), "y".repeat(100));
        assert_eq!(
            error(&text).caret(),
            format!(
                "  …{})x{}…\n  {}^ at byte 208",
                "é".repeat(29),
                "y".repeat(29),
                " ".repeat(31)
            )
        );
    }

    #[test]
    fn a_place_outside_the_text_is_no_panic() {
        let mut error = error("é");
        for offset in [1, 2, 3, usize::MAX] {
            error.offset = offset;
            assert!(error.caret().contains('^'));
        }
    }
}
