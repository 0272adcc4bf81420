//! When may the next request be sent?

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// A token bucket that all clients share. It holds the tokens of a twentieth of a second, so that a
/// client that was late catches up, but a pause does not end in a flood.
#[derive(Debug)]
pub(super) struct Bucket {
    interval: Duration,
    /// When the next token is there.
    next: Mutex<Instant>,
}

impl Bucket {
    const HELD: Duration = Duration::from_millis(50);

    /// `rate` tokens a second, at least one.
    pub(super) fn new(rate: u32) -> Self {
        let interval = Duration::from_secs(1) / rate.max(1);
        Self { interval, next: Mutex::new(Instant::now()) }
    }

    /// Takes so many tokens, and waits until the first of them is there.
    pub(super) async fn take(&self, tokens: u32) {
        let now = Instant::now();
        let at = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let earliest = now.checked_sub(Self::HELD).unwrap_or(now);
            let at = (*next).max(earliest);
            *next = at + self.interval * tokens;
            at
        };
        if at > now {
            sleep_until(at).await;
        }
    }
}
