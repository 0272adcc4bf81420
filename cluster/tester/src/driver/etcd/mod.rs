//! How is etcd run and asked? Over its JSON gateway; no gRPC is needed.

use std::collections::BTreeMap;
use std::path::PathBuf;

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
