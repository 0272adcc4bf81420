//! The disks of nodes: where a node keeps what it saves, and what a crash leaves of it.

use super::node::{GroupNode, NodeSettings, Plain};
use cluster_node::{Durable, LogLines, Logged, Machine, Memory, StepError, Storage};
use failpoint::Scope;
use failpoint_disk::{HoldDisk, Keep, SimDisk, fs};
use std::io;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The disk of one node.
pub trait Disk {
    /// Starts a node from what the disk holds, or as `settings` say if it is empty. The scope of the node
    /// is in force.
    ///
    /// # Errors
    /// The node cannot start.
    fn start(
        &self,
        settings: &NodeSettings,
        log: &LogLines,
    ) -> Result<Box<dyn GroupNode>, StepError>;

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

    /// The directory that it is in, if its name is another one in each run: the output shows `/simulated-disk`.
    fn directory(&self) -> Option<&Path> {
        None
    }

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
    fn start(
        &self,
        settings: &NodeSettings,
        log: &LogLines,
    ) -> Result<Box<dyn GroupNode>, StepError> {
        let machine = machine(self.machine.clone())?;
        Ok(Box::new(Plain::start(settings, self.log.clone(), machine, log)?))
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

/// Files of a simulated disk, in which `start` starts a node.
pub(crate) struct Simulated<F> {
    disk: SimDisk,
    start: F,
}

/// Where a simulated disk is in the scope of its node.
pub(super) const SIMULATED: &str = "/simulated-disk";

impl<F> Simulated<F>
where
    F: Fn(&Path, &NodeSettings, &LogLines) -> Result<Box<dyn GroupNode>, StepError>,
{
    pub(crate) fn new(start: F) -> Self {
        Self { disk: SimDisk::new(), start }
    }
}

impl<F> Disk for Simulated<F>
where
    F: Fn(&Path, &NodeSettings, &LogLines) -> Result<Box<dyn GroupNode>, StepError>,
{
    fn mount(&self, scope: &Scope) {
        scope.hold(self.disk.at(SIMULATED));
    }

    fn start(
        &self,
        settings: &NodeSettings,
        log: &LogLines,
    ) -> Result<Box<dyn GroupNode>, StepError> {
        (self.start)(Path::new(SIMULATED), settings, log)
    }

    fn crash(&mut self, scope: &Scope, keep: Option<&Keep>) -> Result<(), String> {
        let restarted = self.disk.crash(keep.cloned().unwrap_or(Keep::Synced));
        // What the node still writes while it is dropped is lost.
        self.disk.power_off();
        self.disk = restarted;
        self.mount(scope);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), String> {
        // In the scope of the node, an armed point could fail the sync, or lie.
        let scope = Scope::isolated("sync");
        self.mount(&scope);
        let _in = scope.enter();
        sync_all(Path::new(SIMULATED)).map_err(|error| format!("cannot sync the disk: {error}"))
    }

    fn can_lie(&self) -> bool {
        true
    }
}

/// A log and a state in files of a temporary directory.
pub(crate) struct Real {
    directory: TempDir,
}

impl Real {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { directory: tempfile::tempdir()? })
    }
}

impl Disk for Real {
    fn start(
        &self,
        settings: &NodeSettings,
        log: &LogLines,
    ) -> Result<Box<dyn GroupNode>, StepError> {
        start_raft(self.directory.path(), &Logged::open, settings, log)
    }

    fn crash(&mut self, _: &Scope, keep: Option<&Keep>) -> Result<(), String> {
        match keep {
            None | Some(Keep::All) => Ok(()),
            Some(_) => {
                Err("the machine goes on, so the real disk keeps all that was written; `node \
                            raft-simdisk` has a disk that loses what was not synced"
                    .into())
            }
        }
    }

    fn sync(&mut self) -> Result<(), String> {
        sync_all(self.directory.path()).map_err(|error| format!("cannot sync the disk: {error}"))
    }

    fn directory(&self) -> Option<&Path> {
        Some(self.directory.path())
    }
}

/// Starts the crate `raft` with its log in `directory/log`, and its state in `directory`.
pub(crate) fn start_raft<S: Storage>(
    directory: &Path,
    open: &impl Fn(&Path) -> io::Result<S>,
    settings: &NodeSettings,
    log: &LogLines,
) -> Result<Box<dyn GroupNode>, StepError> {
    let storage = open(&directory.join("log"))
        .map_err(|error| StepError::Disk { doing: "open the log", error })?;
    let machine = machine(Durable::Directory(directory.to_owned()))?;
    Ok(Box::new(Plain::start(settings, storage, machine, log)?))
}

/// Starts a store with all its files in `directory`.
pub(crate) fn start_store(
    directory: &Path,
    settings: &NodeSettings,
    log: &LogLines,
) -> Result<Box<dyn GroupNode>, StepError> {
    let node = raft_kv::Node::start(&settings.store(), directory, log)?;
    Ok(Box::new(node))
}

fn machine(durable: Durable) -> Result<Machine, StepError> {
    Machine::open(durable).map_err(|error| StepError::Disk { doing: "read the state", error })
}

/// Syncs all files and directories below `directory`.
fn sync_all(directory: &Path) -> io::Result<()> {
    let mut paths: Vec<PathBuf> = vec![directory.to_owned()];
    while let Some(path) = paths.pop() {
        if fs::metadata(&path)?.is_dir() {
            for entry in fs::read_dir(&path)? {
                paths.push(entry?.path());
            }
        }
        fs::File::open(&path)?.sync_all()?;
    }
    Ok(())
}
