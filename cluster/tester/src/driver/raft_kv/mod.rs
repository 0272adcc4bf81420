//! How is raft-kv run and asked? By its own client library.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use raft_kv::client::{self, ClientError};

use self::members::Ids;
use self::requests::KvClient;
use super::{Abilities, Client, Driver, DriverError, Hash, Health, Member, Point, Start, absolute};
use crate::agent::{MemberFiles, Program};
use crate::history::Revision;

mod leases;
mod members;
mod points;
mod requests;
mod start;
mod watch;

/// How long a member may take to say how it is.
const STATUS: Duration = Duration::from_secs(1);

/// How long a change of the members, a compaction or a hash may take.
const CHANGE: Duration = Duration::from_secs(10);

/// So many writes make a member need a snapshot: raft-kv makes one after 100 entries, and keeps 50.
pub(crate) const SNAPSHOT_ENTRIES: u64 = 300;

/// How raft-kv is run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program `raft-kv`: a name to look up in `PATH`, or a path.
    pub binary: PathBuf,
    /// Flags of `raft-kv serve` that are added.
    pub flags: Vec<String>,
    /// Variables that are added to the environment.
    pub env: BTreeMap<String, String>,
}

impl Settings {
    /// What a raft-kv of these members can do.
    #[must_use]
    pub fn abilities(&self, members: &[Member]) -> Abilities {
        Abilities::of_cluster(members)
    }
}

/// raft-kv.
#[derive(Debug)]
pub struct RaftKv {
    settings: Settings,
    members: Vec<Member>,
    /// Absolute, because members are started in directories of their own.
    directory: PathBuf,
    /// A client of each member. Their clones share its connections.
    clients: Vec<client::Client>,
    ids: Mutex<Ids>,
}

impl RaftKv {
    /// A raft-kv of these members, whose files are below `directory`. Nothing is started or asked.
    ///
    /// # Errors
    /// The directory is empty, or the address of a member cannot be used.
    pub fn new(
        settings: Settings,
        members: Vec<Member>,
        directory: &Path,
    ) -> Result<Self, DriverError> {
        let directory = absolute(directory)?;
        let clients = members.iter().map(|member| {
            // The load chooses members itself, and counts what each refuses.
            let client = client::Client::new([member.client.as_str()]);
            client.map(client::Client::without_retries).map_err(|error| fail(&member.name, &error))
        });
        let clients = clients.collect::<Result<_, _>>()?;
        let ids = Mutex::new(Ids::new(members.len()));
        Ok(Self { settings, members, directory, clients, ids })
    }

    fn error(&self, member: usize, error: &ClientError) -> DriverError {
        fail(&self.members[member].name, error)
    }

    fn ids(&self) -> MutexGuard<'_, Ids> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn client_within(&self, member: usize, limit: Duration) -> client::Client {
        self.clients[member].clone().limit(limit)
    }
}

/// What a member's error is to the tester. The text of the library names the address.
fn fail(name: &str, error: &ClientError) -> DriverError {
    DriverError { whom: name.to_owned(), message: error.to_string() }
}

#[async_trait]
impl Driver for RaftKv {
    fn abilities(&self) -> Abilities {
        self.settings.abilities(&self.members)
    }

    fn files(&self, member: usize) -> MemberFiles {
        self.member_files(member)
    }

    fn start(&self, member: usize, start: &Start) -> Option<Program> {
        Some(self.start_program(member, start))
    }

    fn save_snapshot(&self, member: usize) -> Option<Program> {
        Some(self.save_program(member))
    }

    fn restore_snapshot(&self, member: usize) -> Option<Program> {
        Some(self.restore_program(member))
    }

    fn forgot_entries(&self) -> Option<&'static str> {
        Some("compacted raft log")
    }

    fn election_timeout(&self) -> Option<Duration> {
        start::election_timeout(&self.settings.flags)
    }

    fn received_snapshot(&self) -> Option<&'static str> {
        Some("received snapshot")
    }

    fn failpoints(&self, member: usize) -> Option<String> {
        self.members[member].failpoints.clone()
    }

    fn point(&self, name: &str) -> Point {
        points::point(name)
    }

    async fn health(&self, member: usize) -> Result<Health, DriverError> {
        let client = self.client_within(member, STATUS);
        // A status is what the member thinks. A linearizable read needs its leader and a quorum.
        let (status, read) = tokio::join!(client.status(), client.get("health"));
        let status = status.map_err(|error| self.error(member, &error))?;
        let leader = self.ids().member(status.leader);
        Ok(Health {
            healthy: leader.is_some() && read.is_ok(),
            leader,
            revision: Some(status.revision),
        })
    }

    async fn hash(&self, member: usize, at: Option<Revision>) -> Result<Hash, DriverError> {
        let hash = self.client_within(member, CHANGE).hash(at).await;
        let hash = hash.map_err(|error| self.error(member, &error))?;
        Ok(Hash { revision: Some(hash.revision), hash: hash.hash, compacted: Some(hash.compacted) })
    }

    async fn compact(&self, member: usize, revision: Revision) -> Result<(), DriverError> {
        match self.client_within(member, CHANGE).compact(revision).await {
            // It was compacted before.
            Err(error) if error.code() == Some("compacted") => Ok(()),
            Err(error) => Err(self.error(member, &error)),
            Ok(_) => Ok(()),
        }
    }

    async fn remove_member(&self, via: usize, member: usize) -> Result<(), DriverError> {
        self.remove(via, member).await
    }

    async fn add_member(&self, via: usize, member: usize) -> Result<(), DriverError> {
        self.add(via, member).await
    }

    fn client(&self, member: usize) -> Box<dyn Client> {
        let name = self.members[member].name.clone();
        Box::new(KvClient { name, client: self.clients[member].clone() })
    }
}
