//! Checks that a group keeps the promises of raft.

use crate::describe::{self, DataText};
use crate::{Role, View};
use raft::eraftpb::{Entry, Message, MessageType};
use std::collections::BTreeMap;
use std::fmt;

/// What raft promises, from figure 3 of its paper, and what a node promises by its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Promise {
    /// There is at most one leader in a term.
    OneLeader,
    /// If two logs hold an entry of the same index and term, they are the same up to there.
    LogsMatch,
    /// A leader's log holds every entry that was committed in an earlier term.
    LeaderIsComplete,
    /// A committed entry never changes.
    CommittedStays,
    /// What was acknowledged to a client is committed, and stays in the log.
    AcknowledgedStays,
    /// After a restart a node has the term that it told others.
    TermIsKept,
    /// After a restart a node has the vote that it gave.
    VoteIsKept,
    /// After a restart a node has the entries that it said it saved.
    EntriesAreKept,
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Promise::OneLeader => "at most one leader a term",
            Promise::LogsMatch => "logs match",
            Promise::LeaderIsComplete => "a leader has all committed entries",
            Promise::CommittedStays => "committed entries never change",
            Promise::AcknowledgedStays => "no acknowledged entry is lost",
            Promise::TermIsKept => "a restart keeps the term",
            Promise::VoteIsKept => "a restart keeps the vote",
            Promise::EntriesAreKept => "a restart keeps saved entries",
        })
    }
}

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The promise.
    pub promise: Promise,
    /// What was seen.
    pub seen: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "broken: {}: {}", self.promise, self.seen)
    }
}

impl std::error::Error for Broken {}

fn broken<T>(promise: Promise, seen: String) -> Result<T, Broken> {
    Err(Broken { promise, seen })
}

/// Remembers what a group has promised, and checks it.
///
/// The owner of the group calls [`sent`](Promises::sent) for every message that leaves a node,
/// [`acknowledged`](Promises::acknowledged) for every reply to a client,
/// [`observe`](Promises::observe) after every step, and [`restarted`](Promises::restarted) after every
/// restart.
#[derive(Clone, Debug)]
pub struct Promises {
    /// What entries hold, for those who read what was broken.
    data: DataText,
    /// The leader of each term.
    leaders: BTreeMap<u64, u64>,
    /// The committed entries by their index, with the term of the node that was first seen to know.
    committed: BTreeMap<u64, (Entry, u64)>,
    /// The terms of acknowledged entries by their index.
    acknowledged: BTreeMap<u64, u64>,
    told: BTreeMap<u64, Told>,
}

/// What a node told others.
#[derive(Clone, Debug, Default)]
struct Told {
    term: u64,
    /// The term of the last vote, and for whom it was.
    vote: (u64, u64),
    /// The term in which the node last said that it saved entries, and up to which index.
    saved: (u64, u64),
}

impl Promises {
    /// Nothing was promised yet. `data` turns what entries hold into text.
    pub fn new(data: DataText) -> Self {
        Self {
            data,
            leaders: BTreeMap::new(),
            committed: BTreeMap::new(),
            acknowledged: BTreeMap::new(),
            told: BTreeMap::new(),
        }
    }

    /// A message left a node.
    pub fn sent(&mut self, message: &Message) {
        let kind = message.get_msg_type();
        // Those ask about the next term, or belong to none, or are passed on for another node.
        if matches!(
            kind,
            MessageType::MsgRequestPreVote
                | MessageType::MsgRequestPreVoteResponse
                | MessageType::MsgPropose
                | MessageType::MsgReadIndex
                | MessageType::MsgTransferLeader
        ) {
            return;
        }
        let told = self.told.entry(message.from).or_default();
        told.term = told.term.max(message.term);
        match kind {
            MessageType::MsgRequestVote => told.vote = (message.term, message.from),
            MessageType::MsgRequestVoteResponse if !message.reject => {
                told.vote = (message.term, message.to);
            }
            MessageType::MsgAppendResponse if !message.reject => {
                let (term, index) = &mut told.saved;
                if message.term > *term {
                    (*term, *index) = (message.term, message.index);
                } else if message.term == *term {
                    *index = (*index).max(message.index);
                }
            }
            _ => {}
        }
    }

    /// A node told a client that the entry at `index`, of `term`, is there to stay.
    pub fn acknowledged(&mut self, id: u64, index: u64, term: u64) {
        let told = self.told.entry(id).or_default();
        told.term = told.term.max(term);
        self.acknowledged.insert(index, term);
    }

    /// How many entries were acknowledged.
    pub fn acknowledgements(&self) -> usize {
        self.acknowledged.len()
    }

    /// Checks a node that has just restarted against what the one before it told others.
    ///
    /// # Errors
    /// The promise that it broke.
    pub fn restarted(&mut self, view: &View) -> Result<(), Broken> {
        let id = view.id;
        let told = self.told.entry(id).or_default();
        // A term that the node led, and neither saved nor told others, did not happen. Only the only voter of
        // a group leads without asking.
        let last = view.term.max(told.term);
        self.leaders.retain(|term, leader| *leader != id || *term <= last);
        if view.term < told.term {
            let seen = format!(
                "node {id} told others of term {} and restarted in term {}",
                told.term, view.term
            );
            return broken(Promise::TermIsKept, seen);
        }
        let (term, candidate) = told.vote;
        if view.term == term && candidate != 0 && view.vote != candidate {
            let now = match view.vote {
                0 => "without a vote".to_string(),
                other => format!("with a vote for {other}"),
            };
            let seen =
                format!("node {id} voted for {candidate} in term {term} and restarted {now}");
            return broken(Promise::VoteIsKept, seen);
        }
        // A leader of a later term may have cut the log.
        let (term, index) = told.saved;
        if view.term == term && view.last_index() < index {
            let last = view.last_index();
            let seen = format!(
                "node {id} said in term {term} that it saved entries up to {index}, and its log ends at \
                 {last} after the restart"
            );
            return broken(Promise::EntriesAreKept, seen);
        }
        Ok(())
    }

    /// Checks the nodes that run, and remembers what they know.
    ///
    /// # Errors
    /// The promise that was broken. Check again only after a step.
    pub fn observe(&mut self, views: &[View]) -> Result<(), Broken> {
        for view in views {
            self.check_leader(view)?;
            self.check_committed(view)?;
        }
        for (n, one) in views.iter().enumerate() {
            for other in &views[n + 1..] {
                check_logs(one, other)?;
            }
        }
        views.iter().try_for_each(|view| self.check_complete(view))
    }

    fn check_leader(&mut self, view: &View) -> Result<(), Broken> {
        if view.role != Role::Leader {
            return Ok(());
        }
        let leader = *self.leaders.entry(view.term).or_insert(view.id);
        if leader == view.id {
            return Ok(());
        }
        let seen = format!("{leader} and {} lead term {}", view.id, view.term);
        broken(Promise::OneLeader, seen)
    }

    fn check_committed(&mut self, view: &View) -> Result<(), Broken> {
        for entry in &view.entries {
            if entry.index > view.commit {
                break;
            }
            let (known, _) =
                self.committed.entry(entry.index).or_insert_with(|| (entry.clone(), view.term));
            if known != entry {
                let seen = format!(
                    "node {} has {} as committed, and {} was committed before",
                    view.id,
                    describe::entry(entry, self.data),
                    describe::entry(known, self.data)
                );
                return broken(Promise::CommittedStays, seen);
            }
        }
        Ok(())
    }

    fn check_complete(&self, view: &View) -> Result<(), Broken> {
        if view.role != Role::Leader {
            return Ok(());
        }
        let after = view.compacted.0 + 1;
        for (index, (entry, known_in)) in self.committed.range(after..) {
            if *known_in >= view.term || view.entry(*index) == Some(entry) {
                continue;
            }
            let is_acknowledged = self.acknowledged.get(index) == Some(&entry.term);
            let promise = if is_acknowledged {
                Promise::AcknowledgedStays
            } else {
                Promise::LeaderIsComplete
            };
            let seen = format!(
                "node {} leads term {} without {}",
                view.id,
                view.term,
                describe::entry(entry, self.data)
            );
            return broken(promise, seen);
        }
        for (index, term) in self.acknowledged.range(after..) {
            if self.committed.get(index).is_none_or(|(entry, _)| entry.term != *term) {
                let seen = format!("{term}/{index} was acknowledged and is not committed");
                return broken(Promise::AcknowledgedStays, seen);
            }
        }
        Ok(())
    }
}

fn check_logs(one: &View, other: &View) -> Result<(), Broken> {
    let first = one.compacted.0.max(other.compacted.0) + 1;
    let last = one.last_index().min(other.last_index());
    let mut is_same = true;
    for index in first..=last {
        let (Some(mine), Some(theirs)) = (one.entry(index), other.entry(index)) else { break };
        if mine.term == theirs.term && !(is_same && mine == theirs) {
            let seen = format!(
                "nodes {} and {} both have {}/{index}, and their logs differ up to there",
                one.id, other.id, mine.term
            );
            return broken(Promise::LogsMatch, seen);
        }
        is_same &= mine == theirs;
    }
    Ok(())
}
