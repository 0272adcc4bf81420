//! How does the server tell what happens?
//!
//! One line each on stderr: the time, the level, the message and its values, such as
//! `2026-01-31T12:00:00.000Z INFO saved snapshot index=120`. The texts are stable, because tests and
//! operators wait for them.

use cluster_node::Level;
use std::fmt;
use std::io::{self, Write as _};
use std::time::SystemTime;

/// Writes a line. A closed stderr is no error: the server goes on.
pub(super) fn line(level: Level, text: fmt::Arguments<'_>) {
    let now = humantime::format_rfc3339_millis(SystemTime::now());
    let line = format!("{now} {level} {text}\n");
    // One write, so that lines of several threads do not mix.
    let _ = io::stderr().write_all(line.as_bytes());
}

macro_rules! info {
    ($($text:tt)*) => { crate::server::log::line(::cluster_node::Level::Info, format_args!($($text)*)) };
}
macro_rules! warn_line {
    ($($text:tt)*) => { crate::server::log::line(::cluster_node::Level::Warn, format_args!($($text)*)) };
}
pub(super) use {info, warn_line};
