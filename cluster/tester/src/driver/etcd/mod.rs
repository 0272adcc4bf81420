//! How is etcd run and asked? Over its JSON gateway; no gRPC is needed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Method;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;

use self::client::EtcdClient;
use self::gateway::{Gateway, GatewayError, Header, number};
use super::http::{Http, Reply};
use super::{
    Abilities, Client, Driver, DriverError, Hash, Health, KeepsEntries, Member, Point, Start,
    absolute,
};
use crate::agent::{MemberFiles, Program};
use crate::history::Revision;

mod client;
mod gateway;
mod leases;
mod members;
mod points;
mod start;
mod watch;

/// How long a member may take to say how it is.
const STATUS: Duration = Duration::from_secs(1);

/// How long a change of the members, a compaction or a hash may take.
const CHANGE: Duration = Duration::from_secs(10);

/// What tells this cluster from others: `--initial-cluster-token`.
const TOKEN: &str = "failpoint-tester";

/// How etcd is run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program `etcd`: a name to look up in `PATH`, or a path. One with gofail works.
    pub binary: PathBuf,
    /// The program `etcdctl`, for the restore case.
    pub etcdctl: PathBuf,
    /// Flags that are added.
    pub flags: Vec<String>,
    /// Variables that are added to the environment.
    pub env: BTreeMap<String, String>,
}

impl Settings {
    /// What an etcd of these members can do.
    #[must_use]
    pub fn abilities(&self, members: &[Member]) -> Abilities {
        Abilities::of_cluster(members)
    }
}

/// etcd.
#[derive(Debug)]
pub struct Etcd {
    settings: Settings,
    members: Vec<Member>,
    /// Absolute, because members are started in directories of their own.
    directory: PathBuf,
    gateways: Vec<Gateway>,
    /// The peer addresses, for the hashes.
    peers: Vec<Http>,
    /// The ids that etcd gave to the members, with their indices.
    ids: Mutex<BTreeMap<u64, usize>>,
}

impl Etcd {
    /// An etcd of these members, whose files are below `directory`. Nothing is started or asked.
    ///
    /// # Errors
    /// The directory is empty, or no HTTP client can be made.
    pub fn new(
        settings: Settings,
        members: Vec<Member>,
        directory: &Path,
    ) -> Result<Self, DriverError> {
        let directory = absolute(directory)?;
        let gateways = each(&members, |member| Gateway::new(&member.client))?;
        let peers = each(&members, |member| Http::new(&member.peer))?;
        Ok(Self { settings, members, directory, gateways, peers, ids: Mutex::default() })
    }

    fn error(&self, member: usize, message: impl Into<String>) -> DriverError {
        DriverError { whom: self.members[member].name.clone(), message: message.into() }
    }

    fn fail(&self, member: usize, error: GatewayError) -> DriverError {
        self.error(member, error.message)
    }
}

fn each<T>(
    members: &[Member],
    make: impl Fn(&Member) -> Result<T, super::http::Failure>,
) -> Result<Vec<T>, DriverError> {
    let made = members.iter().map(|member| {
        make(member)
            .map_err(|failure| DriverError { whom: member.name.clone(), message: failure.message })
    });
    made.collect()
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    header: Header,
    #[serde(deserialize_with = "number")]
    leader: u64,
    errors: Vec<String>,
}

/// The answer at the peer address. Its numbers are numbers.
#[derive(Debug, Deserialize)]
struct HashKv {
    header: Header,
    hash: u32,
    #[serde(default)]
    compact_revision: i64,
}

#[async_trait]
impl Driver for Etcd {
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
        self.save_program(member)
    }

    fn restore_snapshot(&self, member: usize) -> Option<Program> {
        self.restore_program(member)
    }

    fn forgot_entries(&self) -> Option<&'static str> {
        Some("compacted Raft logs")
    }

    fn keeps_entries(&self) -> Option<KeepsEntries> {
        // `releaseDelayAfterSnapshot` in etcd's `etcdserver/server.go`. It counts from the end of the
        // snapshot on; a member of a test is small, and its snapshot is sent in a moment.
        Some(KeepsEntries { since: "sending merged snapshot", time: Duration::from_secs(31) })
    }

    fn election_timeout(&self) -> Option<Duration> {
        start::election_timeout(&self.settings.flags)
    }

    fn received_snapshot(&self) -> Option<&'static str> {
        Some("applied snapshot")
    }

    fn failpoints(&self, member: usize) -> Option<String> {
        self.members[member].failpoints.clone()
    }

    fn point(&self, name: &str) -> Point {
        points::point(name)
    }

    async fn health(&self, member: usize) -> Result<Health, DriverError> {
        let gateway = &self.gateways[member];
        // A status is what the member thinks. A linearizable read needs its leader and a quorum.
        let (nothing, read) =
            (json!({}), json!({ "key": gateway::encode("\0"), "count_only": true }));
        let (status, read) = tokio::join!(
            gateway.call::<Status>("/v3/maintenance/status", &nothing, STATUS),
            gateway.call::<IgnoredAny>("/v3/kv/range", &read, STATUS),
        );
        let status = status.map_err(|error| self.fail(member, error))?;
        let leader = match status.leader {
            0 => None,
            id => self.index(member, id).await,
        };
        Ok(Health {
            healthy: leader.is_some() && status.errors.is_empty() && read.is_ok(),
            leader,
            revision: Some(status.header.revision),
        })
    }

    async fn hash(&self, member: usize, at: Option<Revision>) -> Result<Hash, DriverError> {
        // The gateway has the path of this call, too, but answers there with a hash of everything,
        // at no particular revision. Members ask each other at the peer address.
        let request = json!({ "revision": at.unwrap_or(0) }).to_string().into_bytes();
        let asked = self.peers[member].call(Method::GET, "/members/hashkv", request, CHANGE).await;
        let Reply { status, body } = asked.map_err(|error| self.error(member, error.message))?;
        let text = || String::from_utf8_lossy(&body[..body.len().min(200)]).trim().to_owned();
        if status != 200 {
            let at = at.map_or(String::new(), |at| format!(" at revision {at}"));
            return Err(self.error(member, format!("no hash{at}: status {status}: {}", text())));
        }
        let answer: HashKv = serde_json::from_slice(&body)
            .map_err(|error| self.error(member, format!("no hash: {error}: {}", text())))?;
        Ok(Hash {
            // The header has the revision of the state, also if another one was asked for.
            revision: Some(at.unwrap_or(answer.header.revision)),
            hash: answer.hash.into(),
            compacted: answer.compact_revision.try_into().ok(),
        })
    }

    async fn compact(&self, member: usize, revision: Revision) -> Result<(), DriverError> {
        let request = json!({ "revision": revision.to_string() });
        let compacted: Result<IgnoredAny, _> =
            self.gateways[member].call("/v3/kv/compaction", &request, CHANGE).await;
        match compacted {
            // It was compacted before.
            Err(error) if error.message == gateway::COMPACTED => Ok(()),
            Err(error) => Err(self.fail(member, error)),
            Ok(_) => Ok(()),
        }
    }

    async fn defragment(&self, member: usize) -> Result<(), DriverError> {
        let done: Result<IgnoredAny, _> =
            self.gateways[member].call("/v3/maintenance/defragment", &json!({}), CHANGE).await;
        done.map(drop).map_err(|error| self.fail(member, error))
    }

    async fn remove_member(&self, via: usize, member: usize) -> Result<(), DriverError> {
        self.remove(via, member).await
    }

    async fn add_member(&self, via: usize, member: usize) -> Result<(), DriverError> {
        self.add(via, member).await
    }

    fn client(&self, member: usize) -> Box<dyn Client> {
        let name = self.members[member].name.clone();
        Box::new(EtcdClient { name, gateway: self.gateways[member].clone() })
    }
}
