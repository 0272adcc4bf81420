//! The state: keys with their revisions, leases, members, and how far the log was applied to it.
//!
//! Each entry is one [`Change`]. The entries of a batch share a transaction of redb, which also holds the
//! index that they lead to: a restart finds both or neither. Batches are not synced, since the log has
//! them; a [`checkpoint`](StateMachine::checkpoint) syncs all before the log forgets what led to it.

mod change;
mod compaction;
mod contents;
mod database;
mod hash;
mod proposal;
mod read;
mod versions;

pub(crate) use change::Answered;
use change::Change;
pub(crate) use contents::Contents;
pub(crate) use database::Lease;
use database::{META, Tables, decode, encode, failed};
pub use proposal::describe_entry;
pub(crate) use proposal::{Membership, Origin, Proposal};

use crate::request::{Event, LeaseId, Member, RequestError, Response, Revision};
use cluster_node::StateMachine;
use failpoint::fail_point;
use protobuf::Message as _;
use raft::eraftpb::{ConfChangeType, ConfChangeV2, ConfState, Entry, Snapshot};
use redb::{Database, Durability, ReadableTable as _, WriteTransaction};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;
use std::mem;
use std::path::Path;

/// What there is one of in a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    /// The last entry that was applied.
    pub(crate) index: u64,
    pub(crate) term: u64,
    /// The configuration of raft there, encoded.
    configuration: Vec<u8>,
    /// In the order of their ids.
    pub(crate) members: Vec<Member>,
    pub(crate) revision: Revision,
    /// The revisions before this one are forgotten.
    pub(crate) compacted: Revision,
}

impl Default for Head {
    fn default() -> Self {
        Self {
            index: 0,
            term: 0,
            configuration: Vec::new(),
            members: Vec::new(),
            revision: 1,
            compacted: 0,
        }
    }
}

/// The state of a node.
pub(crate) struct Store {
    database: Database,
    head: Head,
    /// The entries that were applied since the last commit.
    batch: Option<WriteTransaction>,
    effects: Effects,
    /// Whether rows are left that a compaction removes.
    is_compacting: bool,
}

/// What applied entries did, for those who wait for it.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) outcomes: Vec<Outcome>,
    /// The events of each new revision, in order.
    pub(crate) events: Vec<Vec<Event>>,
    /// The leases that were granted, renewed, or ended (`None`), in order.
    pub(crate) leases: Vec<(LeaseId, Option<Lease>)>,
    /// The whole state was replaced.
    pub(crate) is_restored: bool,
}

/// What came of a request.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) origin: Origin,
    /// The index and the term of its entry.
    pub(crate) entry: (u64, u64),
    pub(crate) result: Result<Response, RequestError>,
}

/// The rows of the table `meta`.
const HEAD: &str = "head";
const INCARNATION: &str = "incarnation";
/// The id of the member whose state it is.
const MEMBER: &str = "member";

/// A number in the table `meta`.
fn number(tables: &Tables<'_>, row: &str) -> io::Result<Option<u64>> {
    let found = tables.meta.get(row).map_err(failed)?;
    found.map(|row| decode(row.value())).transpose()
}

impl Store {
    /// Opens the state in the file at `path`, or an empty one.
    ///
    /// # Errors
    /// The disk refused, or the file is damaged.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let database = database::open(path)?;
        // Readers rely on the tables.
        let transaction = database.begin_write().map_err(failed)?;
        let tables = Tables::open(&transaction)?;
        let row = tables.meta.get(HEAD).map_err(failed)?;
        let head: Head = row.map_or(Ok(Head::default()), |row| decode(row.value()))?;
        let is_compacting = compaction::is_pending(&tables.revisions, head.compacted)?;
        drop(tables);
        transaction.commit().map_err(failed)?;
        Ok(Self { database, head, batch: None, effects: Effects::default(), is_compacting })
    }

    pub(crate) fn head(&self) -> &Head {
        &self.head
    }

    /// What was done since the last call.
    pub(crate) fn take_effects(&mut self) -> Effects {
        mem::take(&mut self.effects)
    }

    /// Counts the starts of the member with this id, and returns the number of this one.
    ///
    /// # Errors
    /// The disk refused, or the state is that of another member.
    pub(crate) fn begin_incarnation(&mut self, member: u64) -> io::Result<u64> {
        let transaction = self.database.begin_write().map_err(failed)?;
        let mut tables = Tables::open(&transaction)?;
        let owner = number(&tables, MEMBER)?;
        // With the log of another member, this one would vote again in terms in which that one has voted.
        if let Some(owner) = owner.filter(|owner| *owner != member) {
            let why = format!(
                "these are the data of member {owner}, not of member {member}; choose another directory"
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let last = number(&tables, INCARNATION)?.unwrap_or(0);
        for (row, value) in [(MEMBER, member), (INCARNATION, last + 1)] {
            tables.meta.insert(row, &*encode(&value)?).map_err(failed)?;
        }
        drop(tables);
        // Synced: no entry of another start may have this number.
        transaction.commit().map_err(failed)?;
        Ok(last + 1)
    }

    /// Whether [`compact_batch`](Self::compact_batch) would do something.
    pub(crate) fn is_compacting(&self) -> bool {
        self.is_compacting
    }

    /// Removes rows that were compacted, of at most `limit` revisions.
    ///
    /// # Errors
    /// The disk refused.
    pub(crate) fn compact_batch(&mut self, limit: usize) -> io::Result<()> {
        let mut transaction = self.database.begin_write().map_err(failed)?;
        transaction.set_durability(Durability::None).map_err(failed)?;
        let mut tables = Tables::open(&transaction)?;
        let is_pending = compaction::remove_batch(&mut tables, self.head.compacted, limit)?;
        drop(tables);
        // A compaction that a crash interrupts: some batches are removed, and this one is not.
        fail_point!("compactBeforeCommitBatch");
        transaction.commit().map_err(failed)?;
        self.is_compacting = is_pending;
        fail_point!("compactAfterCommitBatch");
        Ok(())
    }

    /// Whether an entry was applied before a restart, and is given again.
    fn is_applied(&self, entry: &Entry) -> bool {
        entry.index <= self.head.index && !cfg!(feature = "bug_apply_twice_on_restart")
    }

    /// Takes the batch, or begins one.
    fn take_batch(&mut self) -> io::Result<WriteTransaction> {
        if let Some(batch) = self.batch.take() {
            return Ok(batch);
        }
        let mut batch = self.database.begin_write().map_err(failed)?;
        batch.set_durability(Durability::None).map_err(failed)?;
        Ok(batch)
    }

    fn apply_proposal(&mut self, entry: &Entry, proposal: &Proposal) -> io::Result<()> {
        let batch = self.take_batch()?;
        let mut tables = Tables::open(&batch)?;
        let mut change = Change {
            tables: &mut tables,
            revision: self.head.revision + 1,
            compacted: self.head.compacted,
            index: entry.index,
            events: Vec::new(),
            effects: &mut self.effects,
        };
        let result = change.apply(&proposal.write)?;
        let (events, compacted) = (change.events, change.compacted);
        if !events.is_empty() {
            self.head.revision += 1;
            let keys: Vec<_> = events.iter().map(|event| &event.kv.key).collect();
            tables.revisions.insert(self.head.revision, &*encode(&keys)?).map_err(failed)?;
            self.effects.events.push(events);
        }
        drop(tables);
        self.batch = Some(batch);
        if compacted > self.head.compacted {
            self.head.compacted = compacted;
            self.is_compacting = true;
        }
        let outcome = Outcome { origin: proposal.origin, entry: (entry.index, entry.term), result };
        self.effects.outcomes.push(outcome);
        Ok(())
    }

    fn write_head(&mut self, durability: Durability) -> io::Result<()> {
        let row = encode(&self.head)?;
        let mut batch = self.take_batch()?;
        batch.set_durability(durability).map_err(failed)?;
        batch.open_table(META).map_err(failed)?.insert(HEAD, &*row).map_err(failed)?;
        batch.commit().map_err(failed)
    }

    /// A snapshot of this index, without data.
    fn marker(&self) -> io::Result<Snapshot> {
        let mut snapshot = Snapshot::default();
        let meta = snapshot.mut_metadata();
        (meta.index, meta.term) = (self.head.index, self.head.term);
        let configuration = ConfState::parse_from_bytes(&self.head.configuration);
        meta.set_conf_state(configuration.map_err(io::Error::other)?);
        Ok(snapshot)
    }

    fn set_configuration(&mut self, configuration: &ConfState) -> io::Result<()> {
        self.head.configuration = configuration.write_to_bytes().map_err(io::Error::other)?;
        Ok(())
    }
}

impl StateMachine for Store {
    fn describe(data: &[u8]) -> String {
        describe_entry(data)
    }

    fn applied(&self) -> u64 {
        self.head.index
    }

    fn apply(&mut self, entry: &Entry) -> io::Result<()> {
        if self.is_applied(entry) {
            return Ok(());
        }
        if let Some(proposal) = Proposal::decode(&entry.data) {
            self.apply_proposal(entry, &proposal)?;
        }
        (self.head.index, self.head.term) = (entry.index, entry.term);
        Ok(())
    }

    fn apply_conf_change(
        &mut self,
        entry: &Entry,
        change: &ConfChangeV2,
        configuration: Option<ConfState>,
    ) -> io::Result<()> {
        if self.is_applied(entry) {
            return Ok(());
        }
        (self.head.index, self.head.term) = (entry.index, entry.term);
        let membership = Membership::decode(&change.context);
        if let Some(configuration) = &configuration {
            self.set_configuration(configuration)?;
            let added = membership.as_ref().and_then(|membership| membership.member.clone());
            for single in &change.changes {
                let members = &mut self.head.members;
                members.retain(|member| member.id != single.node_id);
                if single.get_change_type() != ConfChangeType::RemoveNode {
                    let unknown = Member { id: single.node_id, ..Member::default() };
                    let added = added.clone().filter(|added| added.id == single.node_id);
                    members.push(added.unwrap_or(unknown));
                    members.sort();
                }
            }
        }
        if let Some(Membership { origin, .. }) = membership {
            let result = match configuration {
                Some(_) => Ok(Response::Members(self.head.members.clone())),
                None => Err(RequestError::Failed("the members cannot be changed so".into())),
            };
            let outcome = Outcome { origin, entry: (entry.index, entry.term), result };
            self.effects.outcomes.push(outcome);
        }
        Ok(())
    }

    fn commit(&mut self) -> io::Result<()> {
        self.write_head(Durability::None)
    }

    fn checkpoint(&mut self) -> io::Result<Snapshot> {
        self.write_head(Durability::Immediate)?;
        self.marker()
    }

    fn complete(&self, _: Snapshot) -> io::Result<Snapshot> {
        let mut snapshot = self.marker()?;
        snapshot.set_data(self.contents()?.encode()?.into());
        Ok(snapshot)
    }

    fn restore(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        let meta = snapshot.get_metadata();
        if meta.index <= self.head.index {
            return Ok(());
        }
        // A crash with a snapshot on the disk of which the state has nothing.
        fail_point!("applyBeforeOpenSnapshot");
        let contents = Contents::decode(&snapshot.data)?;
        fail_point!("applyAfterOpenSnapshot");
        self.batch = None;
        self.head = contents.head.clone();
        (self.head.index, self.head.term) = (meta.index, meta.term);
        self.set_configuration(meta.get_conf_state())?;
        let batch = self.take_batch()?;
        let mut tables = Tables::open(&batch)?;
        contents.write(&mut tables)?;
        self.is_compacting = compaction::is_pending(&tables.revisions, self.head.compacted)?;
        drop(tables);
        self.batch = Some(batch);
        self.effects = Effects { is_restored: true, ..Effects::default() };
        // Synced: the log may forget the snapshot's data now.
        self.write_head(Durability::Immediate)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("head", &self.head).finish_non_exhaustive()
    }
}
