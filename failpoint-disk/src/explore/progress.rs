//! Progress of a long exploration, on a terminal.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_millis(200);

pub(super) struct Progress {
    /// `None` where nothing is shown.
    next: Option<Instant>,
    begun: Instant,
    shown: bool,
}

impl Progress {
    pub(super) fn new(wanted: bool) -> Self {
        let begun = Instant::now();
        let next = (wanted && stderr().is_terminal()).then_some(begun + EVERY);
        Self { next, begun, shown: false }
    }

    /// `covered` is for each depth.
    pub(super) fn show(&mut self, states: u64, covered: &[usize], operations: usize) {
        let Some(next) = self.next else { return };
        let now = Instant::now();
        if now < next {
            return;
        }
        self.next = Some(now + EVERY);
        self.shown = true;
        let rate = states as f64 / (now - self.begun).as_secs_f64();
        let covered: Vec<String> = covered.iter().map(usize::to_string).collect();
        let covered = covered.join(", ");
        let line = format!(
            "\r\x1b[Kcrashed {covered} of {operations} operations: {states} states, {rate:.0} a second"
        );
        let _ = stderr().write_all(line.as_bytes());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            let _ = stderr().write_all(b"\r\x1b[K");
        }
    }
}
