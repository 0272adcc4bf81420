//! What a raft node saves to.

use raft::eraftpb::{Entry, HardState, Snapshot};
use std::io;

/// A store for the log of a raft node.
///
/// The trait of the crate `raft` reads; this one writes. Each method returns when its effect is
/// durable, unless it says otherwise: a node sends messages that rely on it right after.
///
/// An error stops the node. The store is then dropped and opened again.
pub trait Storage: raft::Storage + Send + 'static {
    /// Saves entries and the hard state of one step.
    ///
    /// The entries replace those of the same and higher indexes. Unless `must_sync`, only the commit
    /// index changed: a crash may lose it.
    ///
    /// # Errors
    /// The disk refused. What was saved may be there after a restart or not.
    fn save(
        &mut self,
        hard_state: Option<&HardState>,
        entries: &[Entry],
        must_sync: bool,
    ) -> io::Result<()>;

    /// Saves a snapshot, which takes the place of the entries up to its index.
    ///
    /// If the log holds the entry that the snapshot ends with, the snapshot was made here, and the
    /// entries stay until they are [compacted](Storage::compact). Otherwise it came from a leader, and
    /// the whole log goes. The first snapshot of an empty store starts its log.
    ///
    /// # Errors
    /// The disk refused. After a restart there is the state before the call, or the state after it.
    fn save_snapshot(&mut self, snapshot: &Snapshot) -> io::Result<()>;

    /// Forgets the entries up to `index`, which is not above the index of the snapshot.
    ///
    /// # Errors
    /// The disk refused. After a restart there is the state before the call, or the state after it.
    fn compact(&mut self, index: u64) -> io::Result<()>;
}
