//! The watches.
//!
//! A watch is *synced* when it was sent everything up to the revision of the store: it gets events as they
//! are applied. The others are *behind*: they are caught up from the store, a batch at a time.

use crate::request::{Event, KeyRange, Reply, RequestError, Revision, WatchMessage};
use crate::store::Store;
use failpoint::fail_point;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// The watches, by the ids of their requests.
#[derive(Debug, Default)]
pub(super) struct Watches {
    watches: BTreeMap<u64, Watch>,
    /// Those that are not synced.
    behind: BTreeSet<u64>,
}

#[derive(Debug)]
struct Watch {
    keys: KeyRange,
    /// The first revision that was asked for.
    first: Revision,
    /// The next revision to be sent. It may lie in the future.
    next: Revision,
    /// When it was last sent something.
    last_sent: u64,
}

impl Watches {
    pub(super) fn open(&mut self, id: u64, keys: KeyRange, first: Revision, now: (u64, Revision)) {
        let (now, revision) = now;
        let first = if first == 0 { revision + 1 } else { first };
        self.watches.insert(id, Watch { keys, first, next: first, last_sent: now });
        if first <= revision {
            self.behind.insert(id);
        }
    }

    pub(super) fn cancel(&mut self, id: u64) {
        self.watches.remove(&id);
        self.behind.remove(&id);
    }

    pub(super) fn is_open(&self, id: u64) -> bool {
        self.watches.contains_key(&id)
    }

    pub(super) fn is_behind(&self) -> bool {
        !self.behind.is_empty()
    }

    /// Sends new events to the watches that are synced.
    pub(super) fn deliver(
        &mut self,
        events: &[Event],
        revision: Revision,
        now: u64,
        replies: &mut Vec<Reply>,
    ) {
        for (&id, watch) in &mut self.watches {
            if !self.behind.contains(&id) {
                watch.send(id, events, revision, now, replies);
            }
        }
    }

    /// The state was replaced by one at `revision`: what lies between is caught up from it. A watch that
    /// waits for a later revision stays there.
    pub(super) fn restored(&mut self, revision: Revision) {
        for (&id, watch) in &mut self.watches {
            if cfg!(feature = "bug_watch_replay") {
                watch.next = watch.first;
            }
            if cfg!(feature = "bug_watch_lost_on_restore") {
                watch.next = watch.next.max(revision + 1);
            }
            if watch.next <= revision {
                self.behind.insert(id);
            }
        }
    }

    /// Catches up each watch that is behind, by one batch.
    pub(super) fn catch_up(
        &mut self,
        store: &Store,
        batch: usize,
        now: u64,
        replies: &mut Vec<Reply>,
    ) -> io::Result<()> {
        // A crash with watches that were not sent what the state has.
        fail_point!("beforeSyncWatchers");
        let (revision, compacted) = (store.head().revision, store.head().compacted);
        for id in self.behind.clone() {
            let Some(watch) = self.watches.get_mut(&id) else { continue };
            if watch.next < compacted {
                replies.push(Reply::WatchEnded { id, error: RequestError::Compacted(compacted) });
                self.cancel(id);
                continue;
            }
            let (last, events) = store.events(watch.next, batch)?;
            watch.send(id, &events, last, now, replies);
            if watch.next > revision {
                self.behind.remove(&id);
            }
        }
        Ok(())
    }

    /// Tells their revision to watches that were sent nothing for `period` ticks.
    pub(super) fn tell_progress(
        &mut self,
        revision: Revision,
        now: u64,
        period: u64,
        replies: &mut Vec<Reply>,
    ) {
        for (&id, watch) in &mut self.watches {
            if now - watch.last_sent >= period && !self.behind.contains(&id) {
                watch.last_sent = now;
                let message = WatchMessage { revision, events: Vec::new() };
                replies.push(Reply::Watch { id, message });
            }
        }
    }
}

impl Watch {
    /// Sends what of `events`, which lead to `revision`, belongs to the watch.
    fn send(
        &mut self,
        id: u64,
        events: &[Event],
        revision: Revision,
        now: u64,
        replies: &mut Vec<Reply>,
    ) {
        let is_mine = |event: &&Event| {
            event.kv.mod_revision >= self.next && self.keys.contains(&event.kv.key)
        };
        let events: Vec<_> = events.iter().filter(is_mine).cloned().collect();
        self.next = self.next.max(revision + 1);
        if events.is_empty() {
            return;
        }
        self.last_sent = now;
        // A crash with events that a watch was not sent.
        fail_point!("beforeSendWatchResponse");
        replies.push(Reply::Watch { id, message: WatchMessage { revision, events } });
    }
}
