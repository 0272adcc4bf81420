//! Where does a node keep what it saves, and what does a crash leave of it?

use cluster_node::{Durable, DynRaft, LogLines, Memory, RaftNode, Settings, Stopped};
use failpoint::Scope;
use failpoint_disk::Keep;

/// The disk of one node.
pub trait Disk {
    /// Starts a node from what the disk holds, or as `settings` say if it is empty. The scope of the node
    /// is in force.
    ///
    /// # Errors
    /// The node cannot start.
    fn start(&self, settings: &Settings, log: &LogLines) -> Result<Box<dyn DynRaft>, Stopped>;

    /// The scope of the node finds the disk from now on. Called once, before the first start.
    fn mount(&self, _scope: &Scope) {}

    /// The node crashes. What `keep` says is left for the next start; without it, what this disk makes sure
    /// of.
    ///
    /// # Errors
    /// The disk cannot do that, with what it can do instead. Then nothing has happened.
    fn crash(&mut self, scope: &Scope, keep: Option<&Keep>) -> Result<(), String>;

    /// Makes everything durable that was written.
    ///
    /// # Errors
    /// There is nothing to sync, with what can be done instead.
    fn sync(&mut self) -> Result<(), String>;

    /// Whether a sync can lie: say that it is done, and make nothing durable.
    fn can_lie(&self) -> bool {
        false
    }
}

/// Memory: the disk that loses nothing.
#[derive(Debug, Default)]
pub(crate) struct InMemory {
    log: Memory,
    machine: Durable,
}

impl Disk for InMemory {
    fn start(&self, settings: &Settings, log: &LogLines) -> Result<Box<dyn DynRaft>, Stopped> {
        let node = RaftNode::start(settings, self.log.clone(), self.machine.clone(), log)?;
        Ok(Box::new(node))
    }

    fn crash(&mut self, _: &Scope, keep: Option<&Keep>) -> Result<(), String> {
        match keep {
            None | Some(Keep::Synced | Keep::All) => Ok(()),
            Some(_) => Err(
                "memory keeps all that was saved; `node raft-simdisk` has a disk that can lose a \
                      part"
                    .into(),
            ),
        }
    }

    fn sync(&mut self) -> Result<(), String> {
        Err("memory has no sync; `node raft-simdisk` has a disk that syncs".into())
    }
}
