//! The linearizable reads that wait.
//!
//! Reads that came since the last step are one group. The leader says up to which index the group has to
//! see (raft's ReadIndex, one round of heartbeats); when that index is applied, the group is served.

use crate::request::Read;
use std::mem;

/// The linearizable reads that wait, in groups.
#[derive(Debug, Default)]
pub(super) struct Reads {
    /// Not asked for yet.
    new: Vec<(u64, Read)>,
    groups: Vec<Group>,
}

#[derive(Debug)]
struct Group {
    number: u64,
    asked: u64,
    /// What was asked for is known.
    index: Option<u64>,
    reads: Vec<(u64, Read)>,
}

impl Reads {
    pub(super) fn len(&self) -> usize {
        self.new.len() + self.groups.iter().map(|group| group.reads.len()).sum::<usize>()
    }

    pub(super) fn add(&mut self, id: u64, read: Read) {
        self.new.push((id, read));
    }

    pub(super) fn is_new(&self) -> bool {
        !self.new.is_empty()
    }

    /// The new reads become a group, which is asked for now.
    pub(super) fn begin_group(&mut self, number: u64, now: u64) {
        let reads = mem::take(&mut self.new);
        self.groups.push(Group { number, asked: now, index: None, reads });
    }

    /// The groups that have had no answer for a multiple of `period` ticks. raft drops a question that
    /// comes before there is a leader, and the network may lose one.
    pub(super) fn unanswered(&self, now: u64, period: u64) -> Vec<u64> {
        let is_due = |group: &&Group| {
            group.index.is_none() && now > group.asked && (now - group.asked).is_multiple_of(period)
        };
        self.groups.iter().filter(is_due).map(|group| group.number).collect()
    }

    /// The answer for a group, if it still waits. Of two answers, the first is good.
    pub(super) fn answered(&mut self, number: u64, index: u64) {
        if let Some(group) = self.groups.iter_mut().find(|group| group.number == number) {
            group.index.get_or_insert(index);
        }
    }

    /// The reads that can be served.
    pub(super) fn take_ready(&mut self, applied: u64) -> Vec<(u64, Read)> {
        self.take(|group| group.index.is_some_and(|index| index <= applied))
    }

    /// The reads that have waited for too long.
    pub(super) fn expire(&mut self, now: u64, patience: u64) -> Vec<(u64, Read)> {
        self.take(|group| now - group.asked >= patience)
    }

    fn take(&mut self, is_taken: impl Fn(&Group) -> bool) -> Vec<(u64, Read)> {
        let taken = self.groups.extract_if(.., |group| is_taken(group));
        taken.flat_map(|group| group.reads).collect()
    }
}
