//! The text of a script, and places in it.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// The text of a script and the name of its file.
pub struct Source {
    name: String,
    text: String,
    /// Where each line starts, in bytes.
    starts: Vec<usize>,
}

impl Source {
    /// A text that stands in the file `name`.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Source> {
        let text = text.into();
        let starts =
            [0].into_iter().chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Arc::new(Source { name: name.into(), text, starts })
    }

    /// The name of the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The number of the line that holds byte `at`, from 0.
    fn line(&self, at: usize) -> usize {
        self.starts.partition_point(|&start| start <= at) - 1
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A place in a file: some bytes of one line.
#[derive(Clone)]
pub struct Span {
    source: Arc<Source>,
    bytes: Range<usize>,
}

impl Span {
    pub(crate) fn new(source: &Arc<Source>, bytes: Range<usize>) -> Span {
        Span { source: source.clone(), bytes }
    }

    /// A part of it, in bytes from its start; cut to what there is.
    pub(crate) fn part(&self, part: Range<usize>) -> Span {
        let text = self.text();
        let boundary = |at: usize| (0..=at.min(text.len())).rfind(|at| text.is_char_boundary(*at));
        let end = boundary(part.end).unwrap_or_default();
        let start = boundary(part.start.min(end)).unwrap_or_default();
        let bytes = self.bytes.start + start..self.bytes.start + end;
        Span { source: self.source.clone(), bytes }
    }

    /// The file.
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// The number of the line, from 1.
    pub fn line(&self) -> usize {
        self.source.line(self.bytes.start) + 1
    }

    /// The number of the first character in its line, from 1.
    pub fn column(&self) -> usize {
        self.before().chars().count() + 1
    }

    /// How many characters there are.
    pub fn length(&self) -> usize {
        self.text().chars().count()
    }

    /// The characters.
    pub fn text(&self) -> &str {
        &self.source.text[self.bytes.clone()]
    }

    pub(super) fn bytes(&self) -> Range<usize> {
        self.bytes.clone()
    }

    /// What stands before it in its line.
    pub(super) fn before(&self) -> &str {
        let start = self.source.starts[self.source.line(self.bytes.start)];
        &self.source.text[start..self.bytes.start]
    }

    /// What stands after it in its line.
    pub(super) fn after(&self) -> &str {
        self.source.text[self.bytes.end..].lines().next().unwrap_or_default()
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.source.name, self.line(), self.column())
    }
}
