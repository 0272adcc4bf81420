//! The variables of the environment, which are read once.

use crate::limit;
use std::env;
use std::io;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

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
        let disk = env::var_os("FAILPOINT_DISK");
        let is_volatile = read(disk.map(|value| value.to_string_lossy().into_owned()).as_deref())?;
        Ok(Settings { is_volatile, limit: limit::from_env()? })
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

/// Whether the variable asks for volatile mode.
fn read(disk: Option<&str>) -> Result<bool, String> {
    match disk {
        None | Some("" | "durable") => Ok(false),
        Some("volatile") if cfg!(unix) => Ok(true),
        Some("volatile") => Err("FAILPOINT_DISK: volatile mode needs Unix".into()),
        Some(other) => {
            let other = other.escape_debug();
            Err(format!("FAILPOINT_DISK: expected volatile or durable, got `{other}`"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_understood_is_refused() {
        assert_eq!(read(None), Ok(false));
        assert_eq!(read(Some("")), Ok(false));
        assert_eq!(read(Some("durable")), Ok(false));
        assert_eq!(
            read(Some("Volatile")),
            Err("FAILPOINT_DISK: expected volatile or durable, got `Volatile`".into())
        );
    }
}
