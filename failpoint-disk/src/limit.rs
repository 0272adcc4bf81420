//! `FAILPOINT_DISK_LIMIT`: how many bytes of changes may wait for a sync, in volatile mode and in a mount.

use std::env;

/// Unless the variable says otherwise: 256 MiB.
const DEFAULT: usize = 256 << 20;

/// # Errors
/// What is wrong with the value.
pub(crate) fn from_env() -> Result<usize, String> {
    let value = env::var_os("FAILPOINT_DISK_LIMIT");
    read(value.map(|value| value.to_string_lossy().into_owned()).as_deref())
}

fn read(value: Option<&str>) -> Result<usize, String> {
    let Some(text) = value.filter(|text| !text.is_empty()) else { return Ok(DEFAULT) };
    bytes(text).ok_or_else(|| {
        format!(
            "FAILPOINT_DISK_LIMIT: expected a number of bytes, as in 1000000, 512KiB, 256MiB or 1GiB, got `{}`",
            text.escape_debug()
        )
    })
}

/// `bytes = digits [unit]`, with a unit of 1000 or of 1024.
fn bytes(text: &str) -> Option<usize> {
    const UNITS: [(&str, usize); 8] = [
        ("", 1),
        ("B", 1),
        ("kB", 1_000),
        ("KiB", 1 << 10),
        ("MB", 1_000_000),
        ("MiB", 1 << 20),
        ("GB", 1_000_000_000),
        ("GiB", 1 << 30),
    ];
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<usize>().ok()?.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_have_units() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1000", Some(1000)),
            ("12B", Some(12)),
            ("2kB", Some(2000)),
            ("2KiB", Some(2048)),
            ("256MiB", Some(256 << 20)),
            ("256 MiB", Some(256 << 20)),
            ("1GiB", Some(1 << 30)),
            ("MiB", None),
            ("1.5GiB", None),
            ("-1", None),
            ("1TiB", None),
            ("99999999999999999999", None),
            ("99999999999999GiB", None),
        ] {
            assert_eq!(bytes(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        assert_eq!(read(None), Ok(DEFAULT));
        assert_eq!(read(Some("")), Ok(DEFAULT));
        assert_eq!(read(Some("1KiB")), Ok(1024));
        assert!(read(Some("much")).is_err_and(|why| why.ends_with("or 1GiB, got `much`")));
    }
}
