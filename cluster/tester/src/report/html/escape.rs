//! How does text from elsewhere become a part of a page?

use std::fmt::{self, Display, Formatter, Write};

use failpoint::__private::text::visible_lines;

/// Shows `text` as text of HTML or SVG, also inside an attribute in double quotes. Hidden
/// characters are shown as escapes.
pub(super) fn text(text: &(impl AsRef<str> + ?Sized)) -> Text<'_> {
    Text(text.as_ref())
}

/// Given by [`text`].
pub(super) struct Text<'a>(&'a str);

struct Escaping<'a, 'b>(&'a mut Formatter<'b>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
            self.0.write_str(&rest[..at])?;
            self.0.write_str(match rest.as_bytes()[at] {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' => "&gt;",
                b'"' => "&quot;",
                _ => "&#39;",
            })?;
            rest = &rest[at + 1..];
        }
        self.0.write_str(rest)
    }
}

impl Display for Text<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", visible_lines(self.0))
    }
}
