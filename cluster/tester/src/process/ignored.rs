//! Which signals does a program ignore because the one that started the tester did?
//!
//! An ignored signal stays so in every program that is started, and a shell without job control
//! ignores SIGINT and SIGQUIT for what it runs in the background, as `nohup` does SIGHUP. A member
//! that ignores SIGQUIT could not be stopped by it.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// Gives each ignored signal its default effect in the program that this process becomes.
///
/// A signal with a handler has its default effect after `exec`. Only what is ignored gets one, so
/// that no signal is lost that would have had an effect.
pub(super) fn reset() -> io::Result<()> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let ignored = ignored(&status);
    if ignored == 0 {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _entered = runtime.enter();
    for number in (1..=31).filter(|number| ignored & (1 << (number - 1)) != 0) {
        // Some cannot have a handler, such as SIGSEGV. They stay as they are.
        let _ = signal(SignalKind::from_raw(number));
    }
    Ok(())
}

/// Whether this process ignores a signal.
///
/// # Errors
/// The system does not say it.
pub fn is_ignored(signal: i32) -> io::Result<bool> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    Ok((1..=64).contains(&signal) && ignored(&status) & (1 << (signal - 1)) != 0)
}

/// The mask of ignored signals; bit 0 is signal 1.
fn ignored(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::ignored;

    #[test]
    fn the_mask_of_ignored_signals_is_read() {
        let status = "Name:\tx\nSigBlk:\t0000000000000001\nSigIgn:\t0000000080001007\n";
        assert_eq!(ignored(status), 0x8000_1007);
        assert_eq!(ignored("Name:\tx\n"), 0);
    }
}
