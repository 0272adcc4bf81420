//! The disks of nodes: where a node keeps what it saves, and what a crash leaves of it.

use cluster_node::{
    Durable, DynRaft, LogLines, Logged, Machine, Memory, RaftNode, Settings, StepError, Storage,
};
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
    fn start(&self, settings: &Settings, log: &LogLines) -> Result<Box<dyn DynRaft>, StepError>;

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
    fn start(&self, settings: &Settings, log: &LogLines) -> Result<Box<dyn DynRaft>, StepError> {
        let machine = machine(self.machine.clone())?;
        let node = RaftNode::start(settings, self.log.clone(), machine, log)?;
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

/// A log that `open` opens, and a state, in files of a simulated disk.
pub(crate) struct Simulated<F> {
    disk: SimDisk,
    open: F,
}

/// Where a simulated disk is in the scope of its node.
pub(super) const SIMULATED: &str = "/simulated-disk";

impl<F> Simulated<F> {
    pub(crate) fn new(open: F) -> Self {
        Self { disk: SimDisk::new(), open }
    }
}

impl<F, S> Disk for Simulated<F>
where
    F: Fn(&Path) -> io::Result<S>,
    S: Storage,
{
    fn mount(&self, scope: &Scope) {
        scope.hold(self.disk.at(SIMULATED));
    }

    fn start(&self, settings: &Settings, log: &LogLines) -> Result<Box<dyn DynRaft>, StepError> {
        start_in(Path::new(SIMULATED), &self.open, settings, log)
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
    fn start(&self, settings: &Settings, log: &LogLines) -> Result<Box<dyn DynRaft>, StepError> {
        start_in(self.directory.path(), &Logged::open, settings, log)
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

/// Starts a node whose log is in `directory/log`, and its state in `directory`.
fn start_in<S: Storage>(
    directory: &Path,
    open: &impl Fn(&Path) -> io::Result<S>,
    settings: &Settings,
    log: &LogLines,
) -> Result<Box<dyn DynRaft>, StepError> {
    let storage = open(&directory.join("log"))
        .map_err(|error| StepError::Disk { doing: "open the log", error })?;
    let machine = machine(Durable::Directory(directory.to_owned()))?;
    Ok(Box::new(RaftNode::start(settings, storage, machine, log)?))
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
