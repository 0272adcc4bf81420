//! How is text walked, and how does a walker say what it missed?

use std::borrow::Cow;
use std::sync::Arc;

use super::ParseError;

/// What the grammar missed, and where; the caller that knows the whole text adds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) offset: usize,
    pub(crate) what: Cow<'static, str>,
}

/// A place in the whole text. It only ever moves forward.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl Expected {
    pub(crate) fn at(offset: usize, what: impl Into<Cow<'static, str>>) -> Expected {
        Expected { offset, what: what.into() }
    }

    pub(crate) fn within(self, text: &Arc<str>) -> ParseError {
        ParseError::new(self.offset, self.what.into_owned(), Arc::clone(text))
    }
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Cursor<'a> {
        Cursor { text, at: 0 }
    }

    /// The place, in bytes.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// What was walked over since `from`.
    pub(crate) fn since(&self, from: usize) -> &'a str {
        &self.text[from..self.at]
    }

    pub(crate) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(crate) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.at == self.text.len()
    }

    pub(crate) fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    /// Walks over `token` if it comes next.
    pub(crate) fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    pub(crate) fn eat_while(&mut self, mut wanted: impl FnMut(char) -> bool) -> &'a str {
        let rest = self.rest();
        let len = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    pub(crate) fn blanks(&mut self) {
        self.eat_while(char::is_whitespace);
    }

    /// Goes to a place further on.
    pub(crate) fn skip_to(&mut self, at: usize) {
        debug_assert!(at >= self.at, "a cursor only moves forward");
        self.at = at;
    }

    /// `what` is missing here.
    ///
    /// At the end of the text "here" is where the last token ends, so that a caret does not
    /// be alone below an empty last line.
    pub(crate) fn expected(&self, what: impl Into<Cow<'static, str>>) -> Expected {
        let offset = if self.is_at_end() { self.text.trim_end().len() } else { self.at };
        Expected::at(offset, what)
    }
}
