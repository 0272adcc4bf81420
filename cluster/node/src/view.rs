//! What an owner sees of a raft node.

use raft::eraftpb::{ConfState, Entry};
use raft::{ProgressState, StateRole};
use std::fmt;

/// The role of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Follows a leader, or waits for one.
    Follower,
    /// Asks whether an election would succeed.
    PreCandidate,
    /// Asks for votes.
    Candidate,
    /// Leads its term.
    Leader,
}

impl From<StateRole> for Role {
    fn from(role: StateRole) -> Self {
        match role {
            StateRole::Follower => Role::Follower,
            StateRole::PreCandidate => Role::PreCandidate,
            StateRole::Candidate => Role::Candidate,
            StateRole::Leader => Role::Leader,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A node as it is between two steps.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// The number of the node.
    pub id: u64,
    /// Its role.
    pub role: Role,
    /// Its term.
    pub term: u64,
    /// The node that it voted for in this term; 0 if it did not vote.
    pub vote: u64,
    /// The leader that it knows; 0 if it knows none.
    pub leader: u64,
    /// The index up to which it knows that entries are committed.
    pub commit: u64,
    /// The index up to which it has applied them.
    pub applied: u64,
    /// The index up to which entries were compacted, and the term of that entry.
    pub compacted: (u64, u64),
    /// The entries of its log, from the one after `compacted`, also those not saved yet.
    pub entries: Vec<Entry>,
    /// The configuration that is in force.
    pub configuration: ConfState,
    /// What a leader knows of each member, in order; empty on others.
    pub followers: Vec<Follower>,
}

impl View {
    /// The index of the last entry.
    pub fn last_index(&self) -> u64 {
        self.compacted.0 + self.entries.len() as u64
    }

    /// The term of the entry at `index`, if the log reaches there.
    pub fn term_at(&self, index: u64) -> Option<u64> {
        if index == self.compacted.0 {
            return Some(self.compacted.1);
        }
        self.entry(index).map(|entry| entry.term)
    }

    /// The entry at `index`, if the log holds it.
    pub fn entry(&self, index: u64) -> Option<&Entry> {
        let offset = index.checked_sub(self.compacted.0 + 1)?;
        self.entries.get(offset as usize)
    }
}

/// What a leader knows of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Follower {
    /// The number of the member.
    pub id: u64,
    /// How the leader sends to it.
    pub state: ProgressState,
    /// The member's log is the leader's up to here.
    pub matched: u64,
    /// The index of the next entry to be sent.
    pub next: u64,
    /// Whether the leader waits before it sends more.
    pub is_paused: bool,
    /// The index of the snapshot that is being sent; 0 if none is.
    pub snapshot: u64,
    /// Whether it answered lately.
    pub is_active: bool,
    /// How many append messages have no answer yet.
    pub inflight: usize,
    /// Whether it has no vote.
    pub is_learner: bool,
}
