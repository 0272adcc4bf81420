//! Shows text to a person, without control characters.
//!
//! Control characters move the cursor of a terminal, colour it or rename its window; bidirectional
//! ones make text look different from what it is. Wherever a person reads text from
//! elsewhere, both are shown as the escapes that a string in terms has for them.

use std::fmt;

/// Whether `c` is invisible itself but changes the text around it.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

/// Whether `text` holds a hidden character.
pub fn holds_hidden(text: &str) -> bool {
    // Most text is ASCII, where bytes can be compared many at a time.
    let is_printable = |byte: u8| matches!(byte, b' '..=b'~');
    !text.bytes().all(is_printable) && text.contains(is_hidden)
}

/// `text` on one line, its hidden characters escaped.
pub fn visible(text: &str) -> Visible<'_> {
    Visible { text, lines: false }
}

/// `text` with its line ends, all other hidden characters escaped.
pub fn visible_lines(text: &str) -> Visible<'_> {
    Visible { text, lines: true }
}

/// JSON with its hidden characters escaped: the same value, however it was written.
pub fn visible_json(json: String) -> String {
    let is_shown = |byte: u8| byte < 0x7f;
    if json.bytes().all(is_shown) {
        return json;
    }
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        // What is hidden in ASCII is white space here, but for DEL; inside a string JSON escapes
        // it. All that is hidden is below U+10000, where an escape is one code unit.
        if c >= '\x7f' && is_hidden(c) {
            shown += &format!("\\u{:04x}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Given by [`visible`] and [`visible_lines`].
#[derive(Clone, Copy, Debug)]
pub struct Visible<'a> {
    text: &'a str,
    lines: bool,
}

impl fmt::Display for Visible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.text;
        let is_escaped = |c: char| is_hidden(c) && !(self.lines && c == '\n');
        while let Some(at) = rest.find(is_escaped) {
            let (before, from) = rest.split_at(at);
            f.write_str(before)?;
            let mut chars = from.chars();
            if let Some(c) = chars.next() {
                write!(f, "{}", c.escape_default())?;
            }
            rest = chars.as_str();
        }
        f.write_str(rest)
    }
}

/// Writes what is formatted into it as [`visible_lines`] shows it.
#[cfg(feature = "runtime")]
pub(crate) struct Escaping<W>(pub(crate) W);

#[cfg(feature = "runtime")]
impl<W: fmt::Write> fmt::Write for Escaping<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        write!(self.0, "{}", visible_lines(text))
    }
}

#[cfg(test)]
mod tests {
    use super::{holds_hidden, visible, visible_json, visible_lines};

    #[test]
    fn what_steers_a_terminal_or_reorders_text_is_escaped() {
        for (text, shown) in [
            ("", ""),
            ("plain: é 日本 😀 e\u{301} a\\n", "plain: é 日本 😀 e\u{301} a\\n"),
            ("\u{1b}]0;x\u{7}", "\\u{1b}]0;x\\u{7}"),
            ("a\nb\r\tc\0\u{7f}", "a\\nb\\r\\tc\\u{0}\\u{7f}"),
            ("\u{85}\u{9b}31m", "\\u{85}\\u{9b}31m"),
            ("\u{61c}\u{200e}\u{200f}", "\\u{61c}\\u{200e}\\u{200f}"),
            ("\u{2028}\u{2029}\u{202a}\u{202e}", "\\u{2028}\\u{2029}\\u{202a}\\u{202e}"),
            ("\u{2066}\u{2069}x", "\\u{2066}\\u{2069}x"),
        ] {
            assert_eq!(visible(text).to_string(), shown, "{text:?}");
            assert_eq!(holds_hidden(text), text != shown, "{text:?}");
        }
        assert_eq!(visible_lines("a\u{9b}\n\rb\n").to_string(), "a\\u{9b}\n\\rb\n");
    }

    #[test]
    fn json_stays_the_same_value() {
        let json = "{\n  \"é\": \"\\u001b\u{7f}\u{9b}\u{202e}\"\n}".to_owned();
        let shown = "{\n  \"é\": \"\\u001b\\u007f\\u009b\\u202e\"\n}";
        assert_eq!(visible_json(json), shown);
        assert_eq!(visible_json("[1]".to_owned()), "[1]");
    }
}
