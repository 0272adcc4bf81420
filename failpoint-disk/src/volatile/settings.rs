//! The variables of the environment, which are read once.

use std::env;
use std::io;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// 256 MiB.
const LIMIT: usize = 256 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) is_volatile: bool,
    /// How many bytes may be held back.
    pub(super) limit: usize,
}

/// # Errors
/// `InvalidInput`, if a variable has a value that is not understood.
pub(super) fn settings() -> io::Result<Settings> {
    static SETTINGS: LazyLock<Result<Settings, String>> = LazyLock::new(|| {
        let variable = |name| env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        read(variable("FAILPOINT_DISK"), variable("FAILPOINT_DISK_LIMIT"))
    });
    static SAID: AtomicBool = AtomicBool::new(false);
    if let Err(why) = &*SETTINGS {
        // Relaxed: it is only about who says it.
        if !SAID.swap(true, Ordering::Relaxed) {
            failpoint::__bridge::control::warn(format_args!("{why}; every file operation fails"));
        }
    }
    SETTINGS.clone().map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))
}

fn read(disk: Option<String>, limit: Option<String>) -> Result<Settings, String> {
    let is_volatile = match disk.as_deref() {
        None | Some("" | "durable") => false,
        Some("volatile") if cfg!(unix) => true,
        Some("volatile") => return Err("FAILPOINT_DISK: volatile mode needs Unix".into()),
        Some(other) => {
            let other = other.escape_debug();
            return Err(format!("FAILPOINT_DISK: expected volatile or durable, got `{other}`"));
        }
    };
    let limit = match limit.as_deref() {
        None | Some("") => LIMIT,
        Some(text) => bytes(text).ok_or_else(|| {
            let text = text.escape_debug();
            format!(
                "FAILPOINT_DISK_LIMIT: expected a number of bytes, as in 1000000, 512KiB, 256MiB or 1GiB, \
                 got `{text}`"
            )
        })?,
    };
    Ok(Settings { is_volatile, limit })
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
        let set = |text: &str| Some(text.to_owned());
        let settings = |is_volatile, limit| Ok(Settings { is_volatile, limit });
        assert_eq!(read(None, None), settings(false, LIMIT));
        assert_eq!(read(set(""), set("")), settings(false, LIMIT));
        assert_eq!(read(set("durable"), set("1KiB")), settings(false, 1024));
        assert_eq!(
            read(set("Volatile"), None),
            Err("FAILPOINT_DISK: expected volatile or durable, got `Volatile`".into())
        );
        assert!(
            read(None, set("much")).is_err_and(|why| why.starts_with("FAILPOINT_DISK_LIMIT: "))
        );
    }
}
