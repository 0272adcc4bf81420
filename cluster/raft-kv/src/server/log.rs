//! How does the server tell what happens?
//!
//! One line each on stderr: the time, the level, the message and its values, such as
//! `2026-01-31T12:00:00.000Z INFO saved snapshot index=120`. The texts are stable, because tests and
//! operators wait for them.

use cluster_node::Level;
use std::fmt;
use std::io::{self, Write as _};
use std::time::{SystemTime, UNIX_EPOCH};

/// Writes a line. A closed stderr is no error: the server goes on.
pub(super) fn line(level: Level, text: fmt::Arguments<'_>) {
    let line = format!("{} {level} {text}\n", timestamp(SystemTime::now()));
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

/// The time in UTC, with milliseconds.
fn timestamp(now: SystemTime) -> String {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = date(days);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
        second / 3_600,
        second / 60 % 60,
        second % 60,
        since.subsec_millis()
    )
}

/// The date so many days after 1970-01-01. Years are counted from March on, so that the leap day is
/// the last of a year.
fn date(days: u64) -> (u64, u64, u64) {
    const DAYS_IN_400_YEARS: u64 = 146_097;
    // From 0000-03-01 on.
    let days = days + 719_468;
    let (era, day) = (days / DAYS_IN_400_YEARS, days % DAYS_IN_400_YEARS);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + next, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn times_are_written_in_utc() {
        // The expected texts are those of `date -u -d @SECONDS`.
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199, "2024-02-29T23:59:59.000Z"),
            (1_767_225_600, "2026-01-01T00:00:00.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(timestamp(UNIX_EPOCH + Duration::from_secs(seconds)), expected);
        }
    }
}
