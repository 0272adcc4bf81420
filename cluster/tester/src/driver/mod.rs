//! What is the subject, and how is it asked?
//!
//! A [`Driver`] knows one kind of store: how its members are started, how healthy they are, and how
//! a [`Client`] speaks to one of them. It never runs a process itself; an [agent](crate::agent) does.

use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;

use crate::agent::{MemberFiles, Program, remote};
use crate::history::{Change, Outcome, Request, Revision};

pub mod commands;
pub mod etcd;
mod http;
pub mod points;
pub mod raft_kv;

/// A member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Where its clients connect: `HOST:PORT`.
    pub client: String,
    /// Where its peers connect: `HOST:PORT`. Empty for a subject without peers.
    pub peer: String,
    /// Where its failpoints are armed (`GOFAIL_HTTP`): `HOST:PORT`.
    pub failpoints: Option<String>,
    /// The agent that runs it; `None`: the embedded one.
    pub agent: Option<remote::Settings>,
}

/// What a subject can do. Cases and checks that need more are not applicable to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub struct Abilities {
    /// How many members it has.
    pub members: usize,
    /// Members elect a leader, and a quorum of them suffices.
    pub leader: bool,
    /// Answers have revisions.
    pub revisions: bool,
    pub ranges: bool,
    pub transactions: bool,
    pub deletes: bool,
    pub watches: bool,
    pub leases: bool,
    /// Locks and elections.
    pub locks: bool,
    /// A hash of a member's contents.
    pub hash: bool,
    /// A member that was away for long gets a snapshot.
    pub snapshots: bool,
    /// A snapshot can be saved, and restored into an empty member; members can be added and removed.
    pub restore: bool,
    /// Failpoints can be armed.
    pub failpoints: bool,
    /// Its log can be read.
    pub logs: bool,
    /// Its members can be stopped, and started again.
    pub stop: bool,
    /// Its members can be killed, and started again.
    pub kill: bool,
    /// Its members can be frozen, and go on.
    pub pause: bool,
}

impl Abilities {
    /// What a replicated store of these members can do that lacks nothing, as etcd and raft-kv.
    pub(crate) fn of_cluster(members: &[Member]) -> Self {
        let several = members.len() > 1;
        Self {
            members: members.len(),
            leader: several,
            revisions: true,
            ranges: true,
            transactions: true,
            deletes: true,
            watches: true,
            leases: true,
            locks: true,
            hash: true,
            snapshots: several,
            // Of two members, none can be removed without the quorum.
            restore: members.len() > 2,
            failpoints: members.iter().all(|member| member.failpoints.is_some()),
            logs: true,
            stop: true,
            kill: true,
            pause: true,
        }
    }
}

/// The directory of a subject as a path that means the same in the directories of its members.
fn absolute(directory: &Path) -> Result<PathBuf, DriverError> {
    std::path::absolute(directory).map_err(|error| DriverError {
        whom: directory.display().to_string(),
        message: format!("cannot be made an absolute path: {error}"),
    })
}

/// How a member is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// As a part of a new cluster of all members.
    New,
    /// With the data that it has.
    Again,
    /// As the only member of a new cluster, from a restored snapshot.
    Restored,
    /// As a new member of a cluster that runs; these are its members, by index, itself included.
    Joining(Vec<usize>),
}

/// How a member is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Whether it serves requests.
    pub healthy: bool,
    /// The member that it takes for the leader.
    pub leader: Option<usize>,
    /// The revision of its state.
    pub revision: Option<Revision>,
}

/// The hash of a member's contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hash {
    /// The revision up to which it was computed, where the store has revisions.
    pub revision: Option<Revision>,
    /// The hash.
    pub hash: u64,
    /// The revision up to which the member has forgotten the past, where that goes into the hash.
    /// Two hashes can be compared only if this is equal too.
    pub compacted: Option<Revision>,
}

/// A member keeps all entries of its log for a while, because another one may need them soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepsEntries {
    /// What it says in its log when that begins.
    pub since: &'static str,
    /// How long it lasts.
    pub time: Duration,
}

/// Why a driver or a client could not do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriverError {
    /// Whom it asked: the name of a member, or the address.
    pub whom: String,
    /// What went wrong.
    pub message: String,
}

impl Display for DriverError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.whom, self.message)
    }
}

impl std::error::Error for DriverError {}

/// A kind of store. Members are named by their index, from 0 on.
#[async_trait]
pub trait Driver: Send + Sync {
    /// What it can do.
    fn abilities(&self) -> Abilities;

    /// Where the agent of a member keeps its files.
    fn files(&self, member: usize) -> MemberFiles;

    /// The program that runs a member. `None`: its agent knows how, or others start it.
    fn start(&self, member: usize, start: &Start) -> Option<Program>;

    /// The program that stops a member, where a signal does not.
    fn stop(&self, _member: usize) -> Option<Program> {
        None
    }

    /// The program that saves a snapshot of a member to a file in its directory.
    fn save_snapshot(&self, _member: usize) -> Option<Program> {
        None
    }

    /// The program that restores this snapshot into the member's data directory.
    fn restore_snapshot(&self, _member: usize) -> Option<Program> {
        None
    }

    /// The address of the member's failpoint control plane, if it has one.
    fn failpoints(&self, _member: usize) -> Option<String> {
        None
    }

    /// What is known of a point, by its name without package path.
    fn point(&self, _name: &str) -> Point {
        Point::default()
    }

    /// What a member says in its log when it has forgotten entries that every snapshot has. A member
    /// that lacks them needs a snapshot.
    fn forgot_entries(&self) -> Option<&'static str> {
        None
    }

    /// Why a member forgets no entries for a while. A restart ends that.
    fn keeps_entries(&self) -> Option<KeepsEntries> {
        None
    }

    /// How long members hear nothing from a leader before they elect another one, where that is known.
    fn election_timeout(&self) -> Option<Duration> {
        None
    }

    /// What a member says in its log when it has received a snapshot from another one.
    fn received_snapshot(&self) -> Option<&'static str> {
        None
    }

    /// How a member is. Does not wait. A member that gives no answer is an error.
    async fn health(&self, member: usize) -> Result<Health, DriverError>;

    /// The hash of a member's contents, at a revision where the store has revisions.
    async fn hash(&self, member: usize, at: Option<Revision>) -> Result<Hash, DriverError>;

    /// Forgets the revisions before this one.
    async fn compact(&self, _member: usize, _revision: Revision) -> Result<(), DriverError> {
        Ok(())
    }

    /// Rewrites the file of a member, so that it is no larger than its contents.
    async fn defragment(&self, member: usize) -> Result<(), DriverError> {
        let whom = format!("member {member}");
        Err(DriverError { whom, message: "cannot be defragmented".into() })
    }

    /// Removes a member from the cluster, asked through another one. A member that is removed
    /// already is no error, so that this can be asked again after a time-out.
    async fn remove_member(&self, via: usize, _member: usize) -> Result<(), DriverError> {
        Err(DriverError { whom: format!("member {via}"), message: "cannot remove members".into() })
    }

    /// Adds a member to the cluster, asked through another one. A member that is added already and
    /// not yet started is no error.
    async fn add_member(&self, via: usize, _member: usize) -> Result<(), DriverError> {
        Err(DriverError { whom: format!("member {via}"), message: "cannot add members".into() })
    }

    /// A client of one member.
    fn client(&self, member: usize) -> Box<dyn Client>;
}

/// On which members a point can fire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// On all.
    #[default]
    Any,
    /// On the leader only.
    Leader,
    /// On followers only.
    Follower,
}

/// What has to happen so that a point is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trigger {
    /// The load suffices.
    #[default]
    Load,
    /// A compaction.
    Compaction,
    /// A snapshot that a member gets because it was away for long.
    Snapshot,
    /// A restart of the member.
    Restart,
    /// A change of the members.
    Membership,
    /// [`Driver::defragment`].
    Defragmentation,
    /// A lease that is granted, renewed, looked at, and ends.
    Lease,
    /// A watch that begins in the past.
    Watch,
    /// Nothing that the tester does.
    None,
}

/// What a driver knows of a point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Point {
    /// Where it fires.
    pub role: Role,
    /// What makes it reached.
    pub trigger: Trigger,
}

/// What a client was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What it knows afterwards.
    pub outcome: Outcome,
    /// The message of the error, if there was one.
    pub error: Option<String>,
}

/// The number of a lease.
pub type LeaseId = i64;

/// A client of one member.
#[async_trait]
pub trait Client: Send + Sync {
    /// Sends one request. A request that may have taken effect without an answer is
    /// [`Outcome::Unknown`]; one that certainly did not is [`Outcome::Failed`].
    async fn execute(&self, request: &Request, limit: Duration) -> Answer;

    /// Leases, locks and elections. `None`: the store has none.
    fn leases(&self) -> Option<&dyn Leases> {
        None
    }

    /// Opens a watch of the keys `from <= key < to` (`None`: all from `from` on) from a revision on.
    async fn watch(
        &self,
        _from: &str,
        _to: Option<&str>,
        _first: Revision,
    ) -> Result<Box<dyn WatchStream>, DriverError> {
        Err(DriverError { whom: "client".into(), message: "the store has no watches".into() })
    }
}

/// Leases, and what stands on them.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Grants a lease. The store chooses its number.
    async fn grant(&self, ttl: Duration, limit: Duration) -> Result<LeaseId, DriverError>;
    /// Renews a lease once. Returns the time to live; zero: it has expired.
    async fn keep_alive(&self, lease: LeaseId, limit: Duration) -> Result<Duration, DriverError>;
    /// Ends a lease.
    async fn revoke(&self, lease: LeaseId, limit: Duration) -> Result<(), DriverError>;
    /// The time that a lease still has, and its keys. `None`: there is no such lease.
    async fn time_to_live(
        &self,
        lease: LeaseId,
        limit: Duration,
    ) -> Result<Option<(Duration, Vec<String>)>, DriverError>;
    /// Writes a key that goes with the lease.
    async fn put(&self, key: &str, value: &str, lease: LeaseId, limit: Duration) -> Answer;
    /// Waits for a lock, held under a lease. Returns the key that stands for it.
    async fn lock(
        &self,
        name: &str,
        lease: LeaseId,
        limit: Duration,
    ) -> Result<String, DriverError>;
    /// Gives a lock back.
    async fn unlock(&self, key: &str, limit: Duration) -> Result<(), DriverError>;
    /// Waits to be elected. Returns the leadership.
    async fn campaign(
        &self,
        name: &str,
        value: &str,
        lease: LeaseId,
        limit: Duration,
    ) -> Result<Leadership, DriverError>;
    /// Gives the leadership back.
    async fn resign(&self, leadership: &Leadership, limit: Duration) -> Result<(), DriverError>;
    /// The value of the one who is elected, if one is.
    async fn leader(&self, name: &str, limit: Duration) -> Result<Option<String>, DriverError>;
}

/// What an elected client holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leadership {
    /// The name of the election.
    pub name: String,
    /// The key that stands for it.
    pub key: String,
    /// The revision at which that key was created.
    pub revision: Revision,
    /// The lease.
    pub lease: LeaseId,
}

/// A message of a watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchMessage {
    /// What changed, as it came: two changes of one revision were two groups of events.
    pub changes: Vec<Change>,
    /// The revision of the member when it sent this.
    pub revision: Revision,
}

/// An open watch.
#[async_trait]
pub trait WatchStream: Send {
    /// The next message.
    ///
    /// # Errors
    /// The watch has ended, and why. It can be opened again from the next revision on.
    async fn next(&mut self) -> Result<WatchMessage, DriverError>;
}
