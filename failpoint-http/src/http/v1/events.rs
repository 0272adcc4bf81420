//! The route `/v1/events`: a stream of server-sent events.
//!
//! Its only buffer is the bounded queue of a subscriber. A reader that is too slow loses the oldest
//! events and is told how many.

use super::call::Call;
use crate::conn::permits::Permit;
use crate::http::problem::Kind;
use crate::http::response;
use crate::wire::{Event, EventKind, Lost, Problem};
use axum::body::{Bytes, HttpBody};
use failpoint::__bridge::control::Glob;
use failpoint::__bridge::watch::{self, Feed};
use http_body_util::BodyExt;
use hyper::body::Frame;
use serde::Serialize;
use std::convert::Infallible;
use std::fmt::Write;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// How often a heartbeat is sent, so that both sides notice a broken connection.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(15);
/// How many events are handled before the task yields.
const AT_ONCE: usize = 64;
/// How many bytes of text are written before the task yields.
const ENOUGH: usize = 16 << 10;
const GREETING: &str = ": connected\n\nretry: 1000\n\n";

/// Which events a reader asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    names: Option<Glob>,
    kinds: Option<Vec<EventKind>>,
}

impl Filter {
    pub(super) fn of(call: &Call<'_>) -> Result<Self, Box<Problem>> {
        let kinds = call.query.text("kinds").map(|kinds| kinds.split(',').map(kind).collect());
        Ok(Self { names: call.query.text("match").map(Glob::new), kinds: kinds.transpose()? })
    }

    fn admits(&self, event: &Event) -> bool {
        self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&event.kind))
            && self.names.as_ref().is_none_or(|glob| glob.is_match(&event.name))
    }
}

fn kind(word: &str) -> Result<EventKind, Box<Problem>> {
    EventKind::ALL.into_iter().find(|kind| kind.as_str() == word).ok_or_else(|| {
        Kind::BadRequest.because(format!(
            "kinds takes armed, disarmed, fired, paused and resumed, separated by commas, not `{}`",
            word.escape_debug()
        ))
    })
}

/// The body: all events from its creation on.
pub(crate) struct Events {
    feed: Feed,
    filter: Filter,
    heartbeat: Duration,
    next_beat: Pin<Box<dyn Future<Output = ()> + Send>>,
    greeted: bool,
    /// Yield before the next frame.
    yields: bool,
    /// The number of events sent and lost so far.
    number: u64,
    _permit: Option<Permit>,
}

impl Events {
    /// The body keeps `permit` until it is dropped. It is `None` if the connection keeps the permit.
    pub(crate) fn begin(filter: Filter, heartbeat: Duration, permit: Option<Permit>) -> Self {
        Self {
            feed: Feed::begin(),
            filter,
            heartbeat,
            next_beat: Box::pin(watch::sleep(heartbeat)),
            greeted: false,
            yields: false,
            number: 0,
            _permit: permit,
        }
    }

    /// The available events as text; empty if the filter admits none of them.
    fn poll_events(&mut self, cx: &mut Context<'_>) -> Poll<String> {
        let mut text = String::new();
        for looked_at in 0..AT_ONCE {
            let Poll::Ready((event, lost)) = self.feed.poll(cx) else {
                return if looked_at == 0 { Poll::Pending } else { Poll::Ready(text) };
            };
            if lost > 0 {
                self.number += lost;
                write(&mut text, "lost", None, &Lost { lost });
            }
            let event = shape(event);
            if self.filter.admits(&event) {
                self.number += 1;
                write(&mut text, event.kind.as_str(), Some(self.number), &event);
            }
            if text.len() >= ENOUGH {
                break;
            }
        }
        Poll::Ready(text)
    }
}

impl HttpBody for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = |text: String| Poll::Ready(Some(Ok(Frame::data(Bytes::from(text)))));
        if !std::mem::replace(&mut self.greeted, true) {
            return frame(GREETING.to_owned());
        }
        // The listener has one thread for all connections, so a busy stream must yield.
        if std::mem::take(&mut self.yields) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        match self.poll_events(cx) {
            Poll::Ready(text) if text.is_empty() => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(text) => {
                self.yields = true;
                return frame(text);
            }
            Poll::Pending => {}
        }
        if self.next_beat.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.next_beat = Box::pin(watch::sleep(self.heartbeat));
        self.yields = true;
        frame(": alive\n\n".to_owned())
    }
}

impl Events {
    pub(crate) fn into_body(self) -> axum::body::Body {
        axum::body::Body::new(self.boxed_unsync())
    }
}

/// Writes one event with its JSON on one line: a line end would end the field.
fn write(text: &mut String, kind: &str, id: Option<u64>, data: &impl Serialize) {
    // Writing to text cannot fail.
    if let Some(id) = id {
        let _ = writeln!(text, "id: {id}");
    }
    let _ = write!(text, "event: {kind}\ndata: {}\n\n", response::json(data));
}

fn shape(event: failpoint::Event) -> Event {
    Event {
        kind: match event.kind {
            failpoint::EventKind::Armed => EventKind::Armed,
            failpoint::EventKind::Disarmed => EventKind::Disarmed,
            failpoint::EventKind::Paused => EventKind::Paused,
            failpoint::EventKind::Resumed => EventKind::Resumed,
            _ => EventKind::Fired,
        },
        name: event.point,
        terms: event.terms,
        generation: event.generation,
        thread: event.thread,
        context: event.context.into_iter().collect(),
        time: humantime::format_rfc3339_micros(event.at).to_string(),
    }
}
