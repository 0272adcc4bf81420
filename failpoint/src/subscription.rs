//! Reading what happens, as it happens: the public face of events.

use crate::event::Event;
use crate::imp;
use std::fmt;
use std::time::Duration;

/// What happens at points, from the moment it was made: given by [`subscribe`](crate::subscribe)
/// and [`Scope::subscribe`](crate::Scope::subscribe).
///
/// It holds at most 1024 events, and 4 MiB of their text. A reader who is slower loses the oldest, and
/// [`lost`](Subscription::lost) says how many. In a build without failpoints nothing ever comes.
pub struct Subscription {
    inner: imp::Subscription,
}

impl Subscription {
    pub(crate) fn new(inner: imp::Subscription) -> Self {
        Self { inner }
    }

    /// The next event, if one is there.
    pub fn try_recv(&mut self) -> Option<Event> {
        self.inner.recv(Duration::ZERO)
    }

    /// The next event; blocks for at most `timeout`.
    pub fn recv(&mut self, timeout: Duration) -> Option<Event> {
        self.inner.recv(timeout)
    }

    /// The next event, awaiting it. Dropping the future loses nothing.
    pub async fn recv_async(&mut self) -> Event {
        self.inner.recv_async().await
    }

    /// How many events were lost until now because they were not read in time.
    pub fn lost(&self) -> u64 {
        self.inner.lost()
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("lost", &self.lost()).finish_non_exhaustive()
    }
}
