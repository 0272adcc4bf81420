//! What a command prints.

use cluster_node::{Level, Line};
use failpoint::__private::text::visible;

/// The output of one command, as it grows.
#[derive(Debug)]
pub(crate) struct Output {
    text: String,
    indent: usize,
    /// The least important log lines that are printed. `None` prints nothing but what must be seen.
    level: Option<Level>,
}

impl Output {
    pub(crate) fn new(level: Option<Level>) -> Self {
        Self { text: String::new(), indent: 0, level }
    }

    pub(crate) fn level(&self) -> Option<Level> {
        self.level
    }

    pub(crate) fn set_level(&mut self, level: Option<Level>) {
        self.level = level;
    }

    /// Prints a line, unless the level is `none`.
    pub(crate) fn line(&mut self, text: &str) {
        if self.level.is_some() {
            self.always(text);
        }
    }

    /// Prints what must be seen at each level: something went wrong.
    pub(crate) fn always(&mut self, text: &str) {
        // Without a title above it, a line is not indented.
        let indent = if self.level.is_some() { self.indent } else { 0 };
        for line in text.lines() {
            self.text.extend(std::iter::repeat_n(' ', indent));
            self.text.push_str(&visible(line).to_string());
            self.text.push('\n');
        }
    }

    /// Prints a line that a node has logged, if the level asks for it.
    pub(crate) fn log(&mut self, line: &Line) {
        // The crate `raft` draws a time-out at random and logs it. The node then sets another one.
        let is_random = line.text.starts_with("reset election timeout");
        if self.level.is_some_and(|level| line.level >= level) && !is_random {
            self.always(&format!("{} {}", line.level, line.text));
        }
    }

    /// What follows is part of the last line.
    pub(crate) fn indent(&mut self) {
        self.indent += 2;
    }

    pub(crate) fn outdent(&mut self) {
        self.indent = self.indent.saturating_sub(2);
    }

    /// Takes the text. A command that printed nothing says `ok`.
    pub(crate) fn take(&mut self) -> String {
        self.indent = 0;
        if self.text.is_empty() {
            return "ok\n".into();
        }
        std::mem::take(&mut self.text)
    }
}
