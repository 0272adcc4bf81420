//! The scripts over a storage that the user brings: whether it keeps what raft relies on.

use crate::group::{Disk, Simulated, start_raft};
use crate::interpreter::GroupInterpreter;
use crate::runner::Runner;
use cluster_node::Storage;
use failpoint::Scope;
use failpoint_disk::{HoldDisk, SimDisk, fs};
use raft::eraftpb::Snapshot;
use std::io;
use std::path::Path;
use std::rc::Rc;

/// The scripts with `NAME.txt`, and what they hold.
macro_rules! scripts {
    ($($name:literal)*) => {
        &[$((concat!($name, ".txt"), include_str!(concat!("../scripts/", $name, ".txt")))),*]
    };
}

/// Their outputs are the same over every storage that keeps its promises: they arm no points of a disk, and
/// show nothing that depends on a commit index that a crash may lose.
const SCRIPTS: &[(&str, &str)] = scripts!(
    "campaign"
    "replicate"
    "crash_after_vote"
    "crash_before_save"
    "crash_after_save"
    "crash_before_leader_send"
    "crash_after_leader_send"
    "crash_before_follower_send"
    "crash_after_follower_send"
    "crash_before_apply"
    "crash_after_apply"
    "crash_before_commit"
    "crash_after_commit"
    "crash_before_advance"
    "crash_before_apply_conf_change"
    "crash_before_save_snap"
    "crash_after_save_snap"
    "crash_before_apply_snap"
    "crash_after_apply_snap"
    "crash_before_save_snap_of_its_own"
    "crash_after_save_snap_of_its_own"
    "crash_after_compaction"
);

/// Runs scripts over a storage of your own, to call from a test.
///
/// Each node has a simulated disk, and `open` opens the node's storage there: for the first time, and again
/// after each crash. It is given a directory for the storage alone, which does not exist at first. After a
/// crash the disk holds what was synced and nothing else. The scripts elect leaders, crash nodes before and
/// after everything that they save, send and apply, compact logs and send snapshots.
/// The promises of raft are checked after each step.
///
/// The storage must do its I/O through [`failpoint_disk::fs`], which is [`std::fs`] with another path.
///
/// # Panics
///
/// At the first script that fails. The message has its place, what the script expects, and the promise that
/// the storage broke, such as `a restart keeps the vote` (see [`cluster_node::Promise`]). The script is in
/// `cluster/interaction/scripts`. It also panics if `open` fails, and if the storage writes nothing to the
/// simulated disk.
///
/// # Examples
///
/// ```
/// use cluster_node::Logged;
/// use std::path::Path;
///
/// interaction::storage_suite(|directory: &Path| Logged::open(directory));
/// ```
#[track_caller]
pub fn storage_suite<S: Storage>(open: impl Fn(&Path) -> io::Result<S> + 'static) {
    if let Err(message) = writes_to_the_disk(&open) {
        panic!("{message}");
    }
    let open = Rc::new(open);
    let mut runner = Runner::new(|_| {
        let open = Rc::clone(&open);
        Ok(Box::new(GroupInterpreter::new(move |_| {
            let open = Rc::clone(&open);
            let disk = Simulated::new(move |directory: &Path, settings: &_, log: &_| {
                start_raft(directory, &*open, settings, log)
            });
            Ok(Box::new(disk) as Box<dyn Disk>)
        })))
    });
    for (name, text) in SCRIPTS {
        let report = runner.run_text(name, text);
        assert!(report.is_ok(), "the storage fails in the script {name}\n{report}");
    }
}

/// Refuses a storage that writes elsewhere: a crash would take nothing from it.
fn writes_to_the_disk<S: Storage>(open: &impl Fn(&Path) -> io::Result<S>) -> Result<(), String> {
    // What the storage writes past the simulated disk is removed again.
    let directory =
        tempfile::tempdir().map_err(|error| format!("there is no temporary directory: {error}"))?;
    let scope = Scope::isolated("storage suite");
    scope.hold(SimDisk::new().at(directory.path()));
    let _in = scope.enter();
    let mut snapshot = Snapshot::default();
    (snapshot.mut_metadata().index, snapshot.mut_metadata().term) = (2, 1);
    let mut storage = open(&directory.path().join("log"))
        .map_err(|error| format!("the storage cannot be opened on an empty disk: {error}"))?;
    storage
        .save_snapshot(&snapshot)
        .map_err(|error| format!("the storage cannot save the first snapshot: {error}"))?;
    let mut names = fs::read_dir(directory.path())
        .map_err(|error| format!("the simulated disk cannot be read: {error}"))?;
    match names.next() {
        Some(_) => Ok(()),
        None => Err("the storage wrote nothing to the simulated disk; it must do its I/O through \
                     `failpoint_disk::fs`"
            .to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::SCRIPTS;
    use std::path::Path;

    /// They show what a disk does to our log, and another storage does something else.
    const NOT_IN_THE_SUITE: [&str; 5] = [
        "crash_keep.txt",
        "crash_keep_by_chance.txt",
        "crash_lie_sync.txt",
        "crash_sync_error.txt",
        "crash_torn_write.txt",
    ];

    #[test]
    fn the_suite_has_all_crash_scripts_that_do_not_show_the_disk() {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
        let names = std::fs::read_dir(scripts).unwrap().map(|entry| entry.unwrap().file_name());
        let mut crashes: Vec<_> = names
            .map(|name| name.into_string().unwrap())
            .filter(|name| name.starts_with("crash_") && name.ends_with(".txt"))
            .filter(|name| !NOT_IN_THE_SUITE.contains(&name.as_str()))
            .collect();
        crashes.sort();
        let mut suite: Vec<_> = SCRIPTS.iter().map(|(name, _)| *name).collect();
        suite.retain(|name| name.starts_with("crash_"));
        suite.sort_unstable();
        assert_eq!(suite, crashes);
    }
}
