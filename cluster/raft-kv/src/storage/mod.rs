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
use raft::Storage as _;
use raft::eraftpb::Snapshot;
use std::io;
use std::path::Path;

/// The file of the state.
const STATE: &str = "state.redb";

/// Opens the log and the state in `directory`, which is created if it does not exist.
pub(crate) fn open(directory: &Path) -> io::Result<(Log, Store)> {
    let log = Log::open(directory)?;
    let store = Store::open(&directory.join(STATE))?;
    let (last, applied) = (log.last_index().map_err(io::Error::other)?, store.head().index);
    // An entry is applied after it is saved. Without it, the vote and promises to a leader may be gone too.
    if last < applied {
        let why = format!(
            "entries of the log are missing: it ends at {last}, and the state has entry {applied}; \
             remove the member, and add one with another id and an empty directory"
        );
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    Ok((log, store))
}

/// Whether a node was started in `directory`.
pub(crate) fn has_data(directory: &Path) -> io::Result<bool> {
    fs::exists(directory.join(STATE))
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
    let id = member.id;
    let mut first = Snapshot::default();
    let meta = first.mut_metadata();
    // A new log begins here, in its first term.
    (meta.index, meta.term) = (contents.head.index.max(1), 1);
    meta.mut_conf_state().set_voters(vec![id]);
    contents.head.members = vec![member];
    first.set_data(contents.encode()?.into());
    let (mut log, mut store) = open(directory)?;
    log.save_snapshot(&first)?;
    store.restore(&first)?;
    store.begin_incarnation(id).map(|_| ())
}
