//! Text as it stands in XML.

use failpoint::__private::text::{is_hidden, visible};

/// At most `most` characters of the text as it is shown, escaped.
pub(super) fn cut(text: &str, most: usize) -> String {
    let text = visible(text).to_string();
    if text.chars().count() <= most {
        return escape(&text);
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    escape(&short)
}

/// Text in XML, which cannot hold control characters.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push('\n'),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c if is_hidden(c) => escaped.extend(c.escape_default()),
            c => escaped.push(c),
        }
    }
    escaped
}
