//! What a node keeps on its disk.
//!
//! | in its directory | what it is |
//! |---|---|
//! | `log/` | the log of raft, a [`cluster_log::Log`] |
//! | `INDEX.snapshot` | the last snapshot that came from a leader, until the next one is made here |
//! | `state.redb` | the state that the log was applied to |

mod log;

pub use log::Log;

use crate::request::Member;
use crate::store::{Contents, Store};
use cluster_node::{StateMachine as _, Storage as _};
use failpoint_disk::fs;
use raft::eraftpb::Snapshot;
use std::io;
use std::path::Path;

/// The file of the state.
const STATE: &str = "state.redb";

/// Opens the log and the state in `directory`, which is created if it does not exist.
pub(crate) fn open(directory: &Path) -> io::Result<(Log, Store)> {
    let log = Log::open(directory)?;
    let store = Store::open(&directory.join(STATE))?;
    Ok((log, store))
}

/// Makes a data directory for a new cluster with `member` as its only one, from the bytes of
/// [`Response::Snapshot`](crate::Response::Snapshot).
///
/// # Errors
/// The snapshot is damaged, the directory holds data already, or the disk refused.
///
/// ```no_run
/// # let (directory, snapshot) = (std::path::Path::new(""), &[]);
/// let peer = "127.0.0.1:2380".to_owned();
/// raft_kv::restore(directory, snapshot, raft_kv::Member { id: 1, peer, ..Default::default() })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn restore(directory: &Path, snapshot: &[u8], member: Member) -> io::Result<()> {
    let mut contents = Contents::decode(snapshot)?;
    if fs::exists(directory)? && fs::read_dir(directory)?.next().is_some() {
        let why = format!("{} is not empty; choose another directory", directory.display());
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
    }
    let mut first = Snapshot::default();
    let meta = first.mut_metadata();
    // A new log begins here, in its first term.
    (meta.index, meta.term) = (contents.head.index.max(1), 1);
    meta.mut_conf_state().set_voters(vec![member.id]);
    contents.head.members = vec![member];
    first.set_data(contents.encode()?.into());
    let (mut log, mut store) = open(directory)?;
    log.save_snapshot(&first)?;
    store.restore(&first)
}
