//! How is etcd run and asked? Over its JSON gateway; no gRPC is needed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{Abilities, Member};

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
        let several = members.len() > 1;
        Abilities {
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
            signals: true,
        }
    }
}
