//! A script as data: its node, steps and arguments, each with its place in the file.
//!
//! ```text
//! script   = { blank | comment } "node" KIND { blank | comment | step }
//! comment  = "#" text
//! step     = command { input } "----" expected
//! command  = NAME { BLANK argument }
//! argument = [ KEY "=" ] value
//! value    = WORD | STRING | "(" [ item { "," item } ] ")"
//! item     = WORD | STRING
//! input    = a line that is not blank
//! expected = { a line that is not blank }
//!          | "----" { line } "----" "----"
//! ```
//!
//! - A `WORD` ends at a blank. In parentheses it may hold blanks and strings:
//!   `point=return("a b")` is one argument.
//! - A `STRING` is in double quotes and knows the escapes `\"`, `\\`, `\n`, `\r` and `\t`.
//! - Keys may be repeated. All arguments keep their order.
//! - Output that holds a blank line is enclosed in two lines `----` on each side.
//! - A blank line, or the end of the file, ends a step.
//! - Lines end with LF or CRLF.

mod arguments;
mod error;
mod read;
mod source;
#[cfg(test)]
mod tests;

pub use arguments::{Arguments, FromWord, nearest};
pub use error::ScriptError;
pub(crate) use read::write_expected;
pub use read::{read, read_arguments};
pub use source::{Source, Span};

use std::ops::{Deref, Range};

/// A script that was read.
#[derive(Clone, Debug)]
pub struct Script {
    /// The kind of node that the first line names, such as `raft-memory`.
    pub node: Spanned<String>,
    /// The commands, in order.
    pub steps: Vec<Step>,
}

/// One command with the output that is expected of it.
#[derive(Clone, Debug)]
pub struct Step {
    /// The name of the command.
    pub command: Spanned<String>,
    /// What follows the name, in order.
    pub arguments: Vec<Argument>,
    /// The lines between the command and `----`.
    pub input: Vec<Spanned<String>>,
    /// The expected output: lines that each end with `\n`.
    pub expected: String,
    /// The whole line of the command.
    pub line: Spanned<String>,
    /// The bytes of the file that hold the expected output, with the lines that enclose it.
    pub(crate) block: Range<usize>,
}

impl Step {
    /// A reader of the arguments. It refuses those that the command does not know.
    pub fn arguments(&self) -> Arguments<'_> {
        Arguments::new(self)
    }

    /// An error at the name of the command.
    pub fn error(&self, message: impl Into<String>) -> ScriptError {
        self.command.error(message)
    }

    /// The command as it is written, with its input.
    pub fn text(&self) -> String {
        let mut text = self.line.to_string();
        for line in &self.input {
            text.push('\n');
            text.push_str(line);
        }
        text
    }
}

/// One argument of a command: `value` or `key=value`.
#[derive(Clone, Debug)]
pub struct Argument {
    /// What stands before `=`, if there is a key.
    pub key: Option<Spanned<String>>,
    /// The value.
    pub value: Value,
    /// The whole argument.
    pub span: Span,
}

impl Argument {
    /// An error at the argument.
    pub fn error(&self, message: impl Into<String>) -> ScriptError {
        self.span.error(message)
    }
}

/// The value of an argument.
#[derive(Clone, Debug)]
pub enum Value {
    /// A word or a string in quotes.
    Word(Spanned<String>),
    /// A list in parentheses.
    List(Vec<Spanned<String>>),
}

/// A value and its place in the file.
#[derive(Clone, Debug)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// An error at this place.
    pub fn error(&self, message: impl Into<String>) -> ScriptError {
        self.span.error(message)
    }
}

impl<T> Deref for Spanned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}
