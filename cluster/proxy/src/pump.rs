//! How do bytes get from a sender to a receiver? One direction of one connection, over any transport.

use crate::counters::Counts;
use crate::effect::Direction;
use crate::event::{End, Reason};
use crate::pipeline::{CHUNK, Pipeline};
use crate::seed::Seed;
use crate::stage::Piece;
use crate::toxics::Toxics;
use bytes::Bytes;
use std::future::{pending, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// What the two directions of a connection share with it.
#[derive(Clone, Copy)]
pub(crate) struct Lane<'a> {
    pub(crate) direction: Direction,
    pub(crate) toxics: &'a Toxics,
    pub(crate) counts: &'a Counts,
    pub(crate) seed: Seed,
    /// Told when the end of the stream was dropped: then it may be that neither side will speak again.
    pub(crate) swallowed: &'a Notify,
}

/// What the receiver did.
enum Wrote {
    Bytes(usize),
    Shutdown,
    /// Nothing: the toxics have changed.
    Stale,
}

/// Passes a stream on until it ends, or its connection must end. Memory is bounded: a receiver that does
/// not read slows its sender down.
pub(crate) async fn pump(
    mut source: impl AsyncRead + Unpin,
    mut sink: impl AsyncWrite + Unpin,
    lane: Lane<'_>,
) -> End {
    let mut changed = lane.toxics.subscribe();
    let mut pipeline = Pipeline::new(lane.seed, lane.counts);
    let mut buffer = vec![0; CHUNK];
    let mut ended = false;
    loop {
        let now = Instant::now();
        if let Some(end) = follow(&mut pipeline, lane, now) {
            return end;
        }
        if pipeline.swallowed_fin {
            lane.swallowed.notify_one();
        }
        if let Some(end) = due_end(&pipeline, now) {
            return end;
        }
        let due = pipeline.front().map(|timed| timed.at);
        let room = if ended { None } else { pipeline.room(now) };
        let may_read = room.filter(|(at, _)| *at <= now).map_or(0, |(_, bytes)| bytes);
        let wakes = [
            due.filter(|at| *at > now),
            room.map(|(at, _)| at).filter(|at| *at > now),
            pipeline.deadline().map(|timed| timed.at),
        ];
        tokio::select! {
            biased;
            _ = changed.changed() => {}
            wrote = poll_fn(|cx| poll_write(&mut sink, &pipeline, lane, cx)),
                if due.is_some_and(|at| at <= now) => match wrote {
                Ok(Wrote::Bytes(bytes)) => pipeline.advance(bytes),
                Ok(Wrote::Shutdown) => return End::Finished,
                Ok(Wrote::Stale) => {}
                Err(error) => return End::Reset(Reason::Write(error)),
            },
            read = source.read(&mut buffer[..may_read]), if may_read > 0 => match read {
                Ok(0) => {
                    ended = true;
                    pipeline.push(Piece::Fin, Instant::now());
                }
                Ok(bytes) => {
                    lane.counts.received.fetch_add(bytes as u64, Relaxed);
                    // The toxics of now decide, not those of the time when it began to wait.
                    let now = Instant::now();
                    if let Some(end) = follow(&mut pipeline, lane, now) {
                        lane.counts.dropped.fetch_add(bytes as u64, Relaxed);
                        return end;
                    }
                    pipeline.push(Piece::Data(Bytes::copy_from_slice(&buffer[..bytes])), now);
                }
                Err(error) => return End::Reset(Reason::Read(error)),
            },
            () = wait_until(wakes.into_iter().flatten().min()) => {}
        }
    }
}

/// Follows the toxics, if they have changed.
fn follow(pipeline: &mut Pipeline<'_>, lane: Lane<'_>, now: Instant) -> Option<End> {
    let list = lane.toxics.lock(lane.direction);
    if pipeline.follows(&list) {
        return None;
    }
    match pipeline.follow(&list, now)? {
        Piece::Reset => Some(End::Reset(Reason::Healed)),
        _ => Some(End::Closed),
    }
}

/// How a toxic ends the connection now, if one does.
fn due_end(pipeline: &Pipeline<'_>, now: Instant) -> Option<End> {
    let deadline = pipeline.deadline();
    let due = [pipeline.front(), deadline.as_ref()].into_iter().flatten();
    due.filter(|timed| timed.at <= now).find_map(|timed| match timed.piece {
        Piece::Close => Some(End::Closed),
        Piece::Reset => Some(End::Reset(Reason::Toxic)),
        Piece::Data(_) | Piece::Fin => None,
    })
}

/// Writes the front of the pipeline, if it still follows the toxics. The lock is held meanwhile; the
/// transport never blocks.
fn poll_write(
    sink: &mut (impl AsyncWrite + Unpin),
    pipeline: &Pipeline<'_>,
    lane: Lane<'_>,
    cx: &mut Context<'_>,
) -> Poll<io::Result<Wrote>> {
    let list = lane.toxics.lock(lane.direction);
    if !pipeline.follows(&list) {
        return Poll::Ready(Ok(Wrote::Stale));
    }
    match pipeline.front().map(|timed| &timed.piece) {
        Some(Piece::Data(data)) => match ready!(Pin::new(sink).poll_write(cx, data))? {
            0 => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            bytes => {
                // Counted under the lock, too: what passed before a change is counted when it returns.
                lane.counts.passed.fetch_add(bytes as u64, Relaxed);
                Poll::Ready(Ok(Wrote::Bytes(bytes)))
            }
        },
        Some(Piece::Fin) => {
            ready!(Pin::new(sink).poll_shutdown(cx))?;
            Poll::Ready(Ok(Wrote::Shutdown))
        }
        _ => Poll::Pending,
    }
}

async fn wait_until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests;
