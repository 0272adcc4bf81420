//! A mistake in a script, as it is shown to the person who made it.

use super::source::{Source, Span};
use failpoint::__private::text::visible;
use std::fmt;
use std::sync::Arc;

/// A mistake in a script, or a command that cannot be run.
///
/// Its `Display` names the place and shows it:
/// ```text
/// scripts/campaign.txt:4:13: `add-nodes` has no argument `vters`; did you mean `voters`?
///   add-nodes 3 vters=(1,2,3)
///               ^^^^^
/// ```
#[derive(Clone, Debug)]
pub struct ScriptError {
    span: Box<Span>,
    message: String,
}

impl Span {
    /// An error at this place.
    pub fn error(&self, message: impl Into<String>) -> ScriptError {
        ScriptError { span: Box::new(self.clone()), message: message.into() }
    }
}

impl Source {
    /// Like [`new`](Source::new), from bytes.
    ///
    /// # Errors
    ///
    /// The bytes are not UTF-8. The error is at the first byte that is not.
    pub fn from_bytes(name: impl Into<String>, bytes: Vec<u8>) -> Result<Arc<Source>, ScriptError> {
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Source::new(name, text)),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let source = Source::new(name, String::from_utf8_lossy(error.as_bytes()));
                let replacement = at..at + char::REPLACEMENT_CHARACTER.len_utf8();
                Err(Span::new(&source, replacement)
                    .error("a script is UTF-8 text, and this is not"))
            }
        }
    }
}

impl ScriptError {
    /// Where the mistake is.
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// What is wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The line with the mistake, and a caret under each of its characters. Of a long line, only
    /// the surroundings are shown.
    fn caret(&self) -> String {
        const AROUND: usize = 60;
        let before = self.span.before();
        let start =
            before.char_indices().rev().take(AROUND).last().map_or(before.len(), |(at, _)| at);
        let left = if start > 0 { "…" } else { "" };
        let before = left.to_owned() + &shown(&before[start..]);

        let (place, cut) = first(self.span.text(), AROUND);
        let (after, cut_after) = first(if cut { "" } else { self.span.after() }, AROUND);
        let right = if cut || cut_after { "…" } else { "" };
        let place = shown(place);

        let indent = " ".repeat(before.chars().count());
        let carets = "^".repeat(place.chars().count().max(1));
        let line = format!("{before}{place}{}{right}", shown(after));
        format!("  {}\n  {indent}{carets}", line.trim_end())
    }
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { span, message } = self;
        let (file, line, column) = (visible(span.source().name()), span.line(), span.column());
        write!(f, "{file}:{line}:{column}: {message}\n{}", self.caret())
    }
}

impl std::error::Error for ScriptError {}

/// The first `most` characters, and whether there are more.
fn first(text: &str, most: usize) -> (&str, bool) {
    match text.char_indices().nth(most) {
        Some((at, _)) => (&text[..at], true),
        None => (text, false),
    }
}

/// A tab or an escape sequence would move the carets away from their place.
fn shown(text: &str) -> String {
    visible(&text.replace('\t', " ")).to_string()
}
