//! What waits between the sender and the receiver of one direction of a connection, and until when?

use crate::counters::Counts;
use crate::seed::Seed;
use crate::stage::{Piece, Room, Stage, Tally, Timed, length};
use crate::toxics::List;
use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;
use tokio::time::Instant;

/// How many bytes wait at most, plus one chunk.
const BUFFER: usize = 1 << 20;
/// How many pieces wait at most, plus those of one chunk.
const PIECES: usize = 4_096;
/// The largest chunk: what is read, delayed and lost at once.
pub(crate) const CHUNK: usize = 16 << 10;

/// The toxics of a connection at work, one after the other, and what they let through.
#[derive(Debug)]
pub(crate) struct Pipeline<'a> {
    seed: Seed,
    counts: &'a Counts,
    generation: Option<u64>,
    stages: Vec<Stage>,
    queue: VecDeque<Timed>,
    /// Bytes in the queue.
    waiting: usize,
    /// The end of the stream was dropped.
    pub(crate) swallowed_fin: bool,
}

impl<'a> Pipeline<'a> {
    pub(crate) fn new(seed: Seed, counts: &'a Counts) -> Self {
        let (stages, queue) = (Vec::new(), VecDeque::new());
        Self { seed, counts, generation: None, stages, queue, waiting: 0, swallowed_fin: false }
    }

    /// Whether it follows this list.
    pub(crate) fn follows(&self, list: &List) -> bool {
        self.generation == Some(list.generation)
    }

    /// Follows a changed list. What waits leaves at once, or is dropped, as the new list says. Gives how
    /// the connection ends, if a removed toxic ends it.
    pub(crate) fn follow(&mut self, list: &List, now: Instant) -> Option<Piece> {
        self.generation = Some(list.generation);
        let mut old = std::mem::take(&mut self.stages);
        for entry in &list.entries {
            let stage = match old.iter().position(|stage| stage.id == entry.id) {
                Some(at) => {
                    let mut stage = old.swap_remove(at);
                    if stage.revision != entry.revision {
                        stage.update(entry.revision, &entry.toxic, now);
                    }
                    stage.release(now);
                    stage
                }
                None => Stage::new(entry.id, entry.revision, &entry.toxic, self.seed, now),
            };
            self.stages.push(stage);
        }
        let removed = old.iter().filter_map(Stage::removed);
        // A reset is stronger than the end of a stream.
        let end = removed.max_by_key(|piece| *piece == Piece::Reset);
        if self.stages.iter().any(Stage::drops) {
            if !self.queue.is_empty() {
                self.stages.iter_mut().for_each(|stage| stage.dropped_waiting(now));
            }
            self.drop_waiting();
        }
        for timed in &mut self.queue {
            timed.at = now;
        }
        end
    }

    fn drop_waiting(&mut self) {
        self.counts.dropped.fetch_add(self.waiting as u64, Relaxed);
        self.waiting = 0;
        // Toxics that end the connection have decided so already.
        self.queue.retain(|timed| match timed.piece {
            Piece::Data(_) => false,
            Piece::Fin => {
                self.swallowed_fin = true;
                false
            }
            Piece::Close | Piece::Reset => true,
        });
    }

    /// Takes a piece from the sender.
    pub(crate) fn push(&mut self, piece: Piece, now: Instant) {
        let mut tally = Tally::default();
        let mut pieces = vec![Timed { at: now, piece }];
        for stage in &mut self.stages {
            let mut out = Vec::with_capacity(pieces.len());
            for timed in pieces {
                stage.pass(timed, &mut out, &mut tally);
            }
            pieces = out;
        }
        self.waiting += pieces.iter().map(|timed| length(&timed.piece) as usize).sum::<usize>();
        self.queue.extend(pieces);
        self.swallowed_fin |= tally.swallowed_fin;
        self.counts.dropped.fetch_add(tally.dropped, Relaxed);
        self.counts.lost.fetch_add(tally.lost, Relaxed);
    }

    /// When it takes more from the sender, and how many bytes. `None`: not before something leaves, or a
    /// toxic changes.
    pub(crate) fn room(&self, now: Instant) -> Option<(Instant, usize)> {
        if self.waiting >= BUFFER || self.queue.len() >= PIECES {
            return None;
        }
        let mut room = (now, CHUNK);
        for stage in &self.stages {
            match stage.room() {
                None => {}
                Some(Room::At(at, bytes)) => room = (room.0.max(at), room.1.min(bytes)),
                Some(Room::Never) => return None,
            }
        }
        Some(room)
    }

    /// What leaves next.
    pub(crate) fn front(&self) -> Option<&Timed> {
        self.queue.front()
    }

    /// The receiver took so many bytes of the front, and they are counted.
    pub(crate) fn advance(&mut self, bytes: usize) {
        let Some(Timed { piece: Piece::Data(data), .. }) = self.queue.front_mut() else { return };
        drop(data.split_to(bytes));
        let done = data.is_empty();
        self.waiting -= bytes;
        if done {
            self.queue.pop_front();
        }
    }

    /// When a toxic ends the connection, whatever arrives.
    pub(crate) fn deadline(&self) -> Option<Timed> {
        self.stages.iter().filter_map(Stage::deadline).min_by_key(|timed| timed.at)
    }
}

impl Drop for Pipeline<'_> {
    fn drop(&mut self) {
        self.counts.dropped.fetch_add(self.waiting as u64, Relaxed);
    }
}
