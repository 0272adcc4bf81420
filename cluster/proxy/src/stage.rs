//! When does a piece leave an effect? Arithmetic alone: no clock and no I/O.

use crate::effect::{Effect, RETRANSMISSION_TIMEOUT, RETRANSMISSIONS, Toxic};
use crate::seed::Seed;
use bytes::Bytes;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::time::Duration;
use tokio::time::Instant;

/// How far behind a limited bandwidth may be, before the sender waits.
const BACKLOG: Duration = Duration::from_millis(100);
/// A limited bandwidth passes what belongs to so much time at once.
const TICK: Duration = Duration::from_millis(10);
/// Stands for never: tokio's timers reach no further than about two years.
const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// A part of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Data(Bytes),
    /// The end of the stream.
    Fin,
    /// The connection is closed.
    Close,
    /// The connection is reset.
    Reset,
}

/// A piece, and when it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Timed {
    pub(crate) at: Instant,
    pub(crate) piece: Piece,
}

/// When a stage takes more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// From then on, so many bytes.
    At(Instant, usize),
    /// Not before its toxic changes.
    Never,
}

/// What becomes of pieces besides those that leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Bytes that will not leave.
    pub(crate) dropped: u64,
    /// Chunks and retransmissions that were lost.
    pub(crate) lost: u64,
    /// The end of the stream will not leave.
    pub(crate) swallowed_fin: bool,
}

/// A toxic at work on one direction of one connection.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) id: u64,
    pub(crate) revision: u64,
    effect: Effect,
    toxicity: f64,
    acts: bool,
    random: ChaCha8Rng,
    /// Nothing leaves before: pieces keep their order.
    free: Instant,
    /// Bytes that left.
    passed: u64,
    /// It ends the connection then.
    deadline: Option<Instant>,
    /// Nothing leaves any more.
    over: bool,
}

impl Stage {
    pub(crate) fn new(id: u64, revision: u64, toxic: &Toxic, seed: Seed, now: Instant) -> Self {
        let mut random = seed.of_toxic(&toxic.name);
        let acts = random.random_bool(toxic.toxicity);
        let mut stage = Self {
            id,
            revision,
            effect: toxic.effect.clone(),
            toxicity: toxic.toxicity,
            acts,
            random,
            free: now,
            passed: 0,
            deadline: None,
            over: false,
        };
        stage.begin(now);
        stage
    }

    /// Goes on with other values.
    pub(crate) fn update(&mut self, revision: u64, toxic: &Toxic, now: Instant) {
        self.revision = revision;
        if self.toxicity != toxic.toxicity {
            self.toxicity = toxic.toxicity;
            self.acts = self.random.random_bool(toxic.toxicity);
        }
        self.effect = toxic.effect.clone();
        self.begin(now);
    }

    fn begin(&mut self, now: Instant) {
        self.deadline = match self.effect {
            Effect::Timeout { after: Some(after) } if self.acts => Some(now + after.min(FAR)),
            // The first byte may have come.
            Effect::ResetPeer { after } => self.deadline.map(|_| now + after.min(FAR)),
            _ => None,
        };
    }

    /// What waited has left.
    pub(crate) fn release(&mut self, now: Instant) {
        self.free = now;
    }

    /// What it is removed with, if that ends the connection.
    pub(crate) fn removed(&self) -> Option<Piece> {
        match self.effect {
            Effect::Blackhole if self.acts => Some(Piece::Reset),
            Effect::Timeout { .. } if self.acts => Some(Piece::Close),
            // It has dropped something.
            Effect::ResetPeer { .. } if self.deadline.is_some() => Some(Piece::Reset),
            _ => None,
        }
    }

    /// What waited was dropped on its behalf.
    pub(crate) fn dropped_waiting(&mut self, now: Instant) {
        if let (Effect::ResetPeer { after }, true) = (&self.effect, self.acts) {
            self.deadline.get_or_insert(now + (*after).min(FAR));
        }
    }

    /// Whether no byte leaves.
    pub(crate) fn drops(&self) -> bool {
        self.acts && self.effect.drops()
    }

    /// When it ends the connection, and how.
    pub(crate) fn deadline(&self) -> Option<Timed> {
        let piece =
            if matches!(self.effect, Effect::Timeout { .. }) { Piece::Close } else { Piece::Reset };
        self.deadline.map(|at| Timed { at, piece })
    }

    /// Whether and when it takes more, if it limits that.
    pub(crate) fn room(&self) -> Option<Room> {
        match self.effect {
            _ if !self.acts => None,
            Effect::Bandwidth { rate: 0 } => Some(Room::Never),
            Effect::Bandwidth { rate } => {
                let at = self.free.checked_sub(BACKLOG).unwrap_or(self.free);
                Some(Room::At(at, per(rate, BACKLOG)))
            }
            Effect::Slicer { .. } => Some(Room::At(self.free, usize::MAX)),
            _ => None,
        }
    }

    /// Adds to `out` what leaves of a piece. Pieces come in the order of their times.
    pub(crate) fn pass(&mut self, timed: Timed, out: &mut Vec<Timed>, tally: &mut Tally) {
        if !self.acts {
            out.push(timed);
            return;
        }
        if self.over {
            tally.dropped += length(&timed.piece);
            return;
        }
        let Timed { at, piece } = timed;
        let moving = matches!(piece, Piece::Data(_) | Piece::Fin);
        match self.effect {
            Effect::Blackhole => {
                tally.dropped += length(&piece);
                tally.swallowed_fin |= piece == Piece::Fin;
            }
            Effect::Timeout { .. } => match piece {
                Piece::Data(data) => tally.dropped += data.len() as u64,
                _ => out.push(Timed { at, piece: Piece::Close }),
            },
            Effect::ResetPeer { after } => {
                tally.dropped += length(&piece);
                self.deadline.get_or_insert(at + after.min(FAR));
            }
            Effect::Delay { latency, jitter } if moving => {
                let delay = self.delay(latency, jitter);
                self.leave(at + delay, piece, out);
            }
            Effect::Loss { probability } if moving => self.lose(probability, at, piece, out, tally),
            Effect::SlowClose { delay } if piece == Piece::Fin => {
                self.leave(at + delay.min(FAR), piece, out);
            }
            Effect::Bandwidth { rate } => self.limit_rate(rate, at, piece, out),
            Effect::Slicer { average_size, size_variation, delay } => {
                self.slice(average_size, size_variation, delay, at, piece, out);
            }
            Effect::LimitData { bytes } => self.limit_data(bytes, at, piece, out, tally),
            _ => self.leave(at, piece, out),
        }
    }

    /// Lets a piece leave at `at`, and not before an earlier one.
    fn leave(&mut self, at: Instant, piece: Piece, out: &mut Vec<Timed>) {
        self.free = self.free.max(at);
        out.push(Timed { at: self.free, piece });
    }

    fn delay(&mut self, latency: Duration, jitter: Duration) -> Duration {
        let latency = latency.min(FAR);
        if jitter.is_zero() {
            return latency;
        }
        let least = latency.saturating_sub(jitter);
        self.random.random_range(least..=latency.saturating_add(jitter).min(FAR))
    }

    fn lose(
        &mut self,
        probability: f64,
        at: Instant,
        piece: Piece,
        out: &mut Vec<Timed>,
        tally: &mut Tally,
    ) {
        let (mut at, mut timeout) = (at, RETRANSMISSION_TIMEOUT);
        for _ in 0..=RETRANSMISSIONS {
            if !self.random.random_bool(probability) {
                self.leave(at, piece, out);
                return;
            }
            tally.lost += 1;
            at += timeout;
            timeout *= 2;
        }
        tally.dropped += length(&piece);
        self.over = true;
        self.leave(at, Piece::Reset, out);
    }

    fn limit_rate(&mut self, rate: u64, at: Instant, piece: Piece, out: &mut Vec<Timed>) {
        let Piece::Data(mut data) = piece else {
            return self.leave(at, piece, out);
        };
        self.free = self.free.max(at);
        while !data.is_empty() {
            let next = data.split_to(per(rate, TICK).min(data.len()));
            let time = match rate {
                0 => FAR,
                rate => Duration::from_secs_f64(next.len() as f64 / rate as f64),
            };
            self.leave(self.free + time, Piece::Data(next), out);
        }
    }

    fn slice(
        &mut self,
        average: usize,
        variation: usize,
        delay: Duration,
        at: Instant,
        piece: Piece,
        out: &mut Vec<Timed>,
    ) {
        let Piece::Data(mut data) = piece else {
            return self.leave(at, piece, out);
        };
        while !data.is_empty() {
            let sizes =
                average.saturating_sub(variation).max(1)..=average.saturating_add(variation);
            let size = self.random.random_range(sizes).min(data.len());
            self.leave(at, Piece::Data(data.split_to(size)), out);
            self.free += delay.min(FAR);
        }
    }

    fn limit_data(
        &mut self,
        bytes: u64,
        at: Instant,
        piece: Piece,
        out: &mut Vec<Timed>,
        tally: &mut Tally,
    ) {
        let Piece::Data(mut data) = piece else {
            return self.leave(at, piece, out);
        };
        let left = usize::try_from(bytes.saturating_sub(self.passed)).unwrap_or(usize::MAX);
        if data.len() > left {
            tally.dropped += (data.len() - left) as u64;
            data.truncate(left);
        }
        self.passed += data.len() as u64;
        if !data.is_empty() {
            self.leave(at, Piece::Data(data), out);
        }
        if self.passed >= bytes {
            self.over = true;
            self.leave(at, Piece::Close, out);
        }
    }
}

/// How many bytes belong to so much time; at least one.
fn per(rate: u64, time: Duration) -> usize {
    let bytes = u128::from(rate) * time.as_micros() / 1_000_000;
    usize::try_from(bytes).unwrap_or(usize::MAX).max(1)
}

pub(crate) fn length(piece: &Piece) -> u64 {
    match piece {
        Piece::Data(data) => data.len() as u64,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
