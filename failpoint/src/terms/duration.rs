//! How is a duration written? As in Go and in Rust, and a bare integer is milliseconds.
//!
//! All arithmetic is on integers: what is written is what is meant, to the nanosecond.

use std::fmt;
use std::time::Duration;

use super::{Cursor, Expected, ParseError};

/// Prints a [`Duration`] as terms write it: an integer count of the largest unit that divides it
/// exactly, `0ms` for zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Canonical(pub Duration);

/// From the largest on, because that is how printing looks for its unit.
const UNITS: [(&str, u128); 6] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", MILLISECOND),
    ("us", 1_000),
    ("ns", 1),
];
const MILLISECOND: u128 = 1_000_000;

/// Parses a duration, all of `text`: `10ms`, `1.5s`, `1m0s`, `10`. What is finer than a
/// nanosecond is cut off, as Go does.
///
/// # Errors
/// The first place at which `text` is not a duration, or one too long for [`Duration`].
pub fn parse(text: &str) -> Result<Duration, ParseError> {
    read(text).map_err(|expected| expected.within(&text.into()))
}

/// The same, with offsets for the caller to place.
pub(super) fn read(text: &str) -> Result<Duration, Expected> {
    let mut cursor = Cursor::new(text);
    let mut nanos = 0_u128;
    loop {
        let part = part(&mut cursor)?;
        nanos = nanos.checked_add(part).ok_or_else(too_long)?;
        if cursor.is_at_end() {
            return from_nanos(nanos).ok_or_else(too_long);
        }
    }
}

impl fmt::Display for Canonical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        if nanos == 0 {
            return f.write_str("0ms");
        }
        // The last unit divides everything.
        let (unit, size) =
            UNITS.into_iter().find(|(_, size)| nanos % size == 0).unwrap_or(("ns", 1));
        write!(f, "{}{unit}", nanos / size)
    }
}

/// Reads one number and its unit, in nanoseconds. Only the first may do without a unit.
fn part(cursor: &mut Cursor<'_>) -> Result<u128, Expected> {
    let at = cursor.at();
    let is_digit = |c: char| c.is_ascii_digit();
    let whole = cursor.eat_while(is_digit);
    let has_point = cursor.eat(".");
    let fraction = if has_point { cursor.eat_while(is_digit) } else { "" };
    if whole.is_empty() && fraction.is_empty() {
        return Err(Expected::at(at, "a duration such as 10ms"));
    }
    let unit_at = cursor.at();
    let unit = cursor.eat_while(char::is_alphabetic);
    let size = match unit {
        "" if at == 0 && !has_point && cursor.is_at_end() => MILLISECOND,
        "µs" | "μs" => 1_000,
        _ => UNITS
            .into_iter()
            .find(|(name, _)| *name == unit)
            .map(|(_, size)| size)
            .ok_or_else(|| Expected::at(unit_at, "a unit: ns, us, ms, s, m or h"))?,
    };
    let count = whole
        .bytes()
        .try_fold(0_u128, |sum, digit| sum.checked_mul(10)?.checked_add(u128::from(digit - b'0')))
        .and_then(|count| count.checked_mul(size))
        .ok_or_else(too_long)?;
    // From the last digit on, so that cutting off at every step cuts off no more than doing so
    // once at the end, and no product can grow.
    let rest = fraction
        .bytes()
        .rev()
        .fold(0_u128, |sum, digit| (sum + u128::from(digit - b'0') * size) / 10);
    count.checked_add(rest).ok_or_else(too_long)
}

fn from_nanos(nanos: u128) -> Option<Duration> {
    const SECOND: u128 = 1_000_000_000;
    let seconds = u64::try_from(nanos / SECOND).ok()?;
    let below = u32::try_from(nanos % SECOND).ok()?;
    Some(Duration::new(seconds, below))
}

fn too_long() -> Expected {
    Expected::at(0, "a duration of fewer than 2^64 seconds")
}

#[cfg(test)]
mod tests {
    use super::{Canonical, parse};
    use std::time::Duration;

    #[test]
    fn durations() {
        let third = format!("0.{}4h", "3".repeat(40));
        for (text, nanos, printed) in [
            ("0", 0, "0ms"),
            ("0h", 0, "0ms"),
            ("10", 10_000_000, "10ms"),
            ("10ms", 10_000_000, "10ms"),
            ("1500ms", 1_500_000_000, "1500ms"),
            ("1.5s", 1_500_000_000, "1500ms"),
            ("1.s", 1_000_000_000, "1s"),
            (".5s", 500_000_000, "500ms"),
            ("1m0s", 60_000_000_000, "1m"),
            ("60s", 60_000_000_000, "1m"),
            ("90s", 90_000_000_000, "90s"),
            ("1h30m", 5_400_000_000_000, "90m"),
            ("2h", 7_200_000_000_000, "2h"),
            ("250us", 250_000, "250us"),
            ("250µs", 250_000, "250us"),
            ("250μs", 250_000, "250us"),
            ("1s1s", 2_000_000_000, "2s"),
            ("0s1s", 1_000_000_000, "1s"),
            ("7ns", 7, "7ns"),
            ("1.9ns", 1, "1ns"),
            ("0.000000001s", 1, "1ns"),
            (third.as_str(), 1_200_000_000_000, "20m"),
            (
                "18446744073709551615.999999999s",
                Duration::MAX.as_nanos(),
                "18446744073709551615999999999ns",
            ),
        ] {
            let duration = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(duration.as_nanos(), nanos, "{text}");
            assert_eq!(Canonical(duration).to_string(), printed, "{text}");
            assert_eq!(parse(printed), Ok(duration), "{printed}");
        }
    }

    #[test]
    fn not_durations() {
        for (text, offset, expected) in [
            ("", 0, "a duration"),
            (".", 0, "a duration"),
            ("-1", 0, "a duration"),
            ("+1s", 0, "a duration"),
            ("true", 0, "a duration"),
            ("ms", 0, "a duration"),
            ("1.5", 3, "a unit"),
            ("10 ms", 2, "a unit"),
            ("10d", 2, "a unit"),
            ("10MS", 2, "a unit"),
            ("1e3s", 1, "a unit"),
            ("1m30", 4, "a unit"),
            ("0m0", 3, "a unit"),
            ("1m-1s", 2, "a duration"),
            ("1m ", 2, "a duration"),
            ("18446744073709551616s", 0, "a duration of fewer"),
            ("18446744073709551615s1s", 0, "a duration of fewer"),
            ("9999999999999999999999999999999999999999", 0, "a duration of fewer"),
            ("340282366920938463463374607431768211455h", 0, "a duration of fewer"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.offset, offset, "{text}: {error}");
            assert!(error.expected.starts_with(expected), "{text}: {error}");
        }
    }
}
