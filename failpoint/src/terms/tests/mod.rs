//! The parsers against a table of examples, and against random text.

mod golden;
mod property;
