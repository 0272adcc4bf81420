//! The clock that measures how long something took.
//!
//! The real one, or tokio's where the feature `tokio` is on and a runtime is current: then paused
//! time, and a simulated network's, holds for `sleep`, `delay`, `for` and `after` as well. Limits
//! and time-outs always run on real time.

#[cfg(feature = "tokio")]
use crate::runtime::park::executor::{in_tokio, tokio_sleep};
use crate::runtime::park::timer::Alarm;
#[cfg(feature = "tokio")]
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// A point in time on the clock that was in force.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    real: Instant,
    #[cfg(feature = "tokio")]
    tokio: Option<tokio::time::Instant>,
}

impl Moment {
    pub(crate) fn now() -> Self {
        Self {
            real: Instant::now(),
            #[cfg(feature = "tokio")]
            tokio: in_tokio().then(tokio::time::Instant::now),
        }
    }

    /// How long ago it was: by tokio's clock if that was in force then and is now.
    pub(crate) fn elapsed(&self) -> Duration {
        #[cfg(feature = "tokio")]
        if let Some(then) = self.tokio.filter(|_| in_tokio()) {
            return then.elapsed();
        }
        self.real.elapsed()
    }
}

/// The sleep of a task.
#[derive(Debug)]
pub(crate) enum Sleep {
    Real {
        until: Option<Instant>,
        alarm: Option<Alarm>,
    },
    #[cfg(feature = "tokio")]
    Tokio(Pin<Box<tokio::time::Sleep>>),
}

impl Sleep {
    pub(crate) fn new(length: Duration) -> Self {
        #[cfg(feature = "tokio")]
        if let Some(sleep) = tokio_sleep(length) {
            return Sleep::Tokio(sleep);
        }
        // A length beyond what the clock can hold never ends by itself.
        Sleep::Real { until: Instant::now().checked_add(length), alarm: None }
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Sleep::Real { until: None, .. } => Poll::Pending,
            Sleep::Real { until: Some(until), alarm } => {
                if Instant::now() >= *until {
                    return Poll::Ready(());
                }
                Alarm::set(alarm, *until, cx.waker());
                Poll::Pending
            }
            #[cfg(feature = "tokio")]
            Sleep::Tokio(sleep) => std::future::Future::poll(sleep.as_mut(), cx),
        }
    }
}
