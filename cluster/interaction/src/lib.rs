//! Raft as a script: a group of nodes in one thread, driven by text files.
//!
//! A script names its kind of node, and then has commands, each with the output that is expected of
//! it. [`script`] has the grammar. [`check`] runs scripts in a test, and the binary `interaction`
//! runs them from a shell.

pub mod command_line;
mod difference;
mod files;
mod group;
pub mod interpreter;
pub mod picture;
mod runner;
pub mod script;
pub mod trace;

pub use difference::Difference;
pub use group::Disk;
pub use runner::{Interpreter, NodeKind, Output, Report, RunError, Runner};

use std::path::Path;

/// Runs a script, or all scripts in a directory, from a test. With `REWRITE=1` in the environment,
/// it writes the outputs into them.
///
/// # Panics
///
/// A script gives another output, or cannot be run. The message is the difference, as
/// `interaction run` prints it.
#[track_caller]
pub fn check(path: impl AsRef<Path>) {
    Runner::new(interpreter::interpreter).check(path);
}
