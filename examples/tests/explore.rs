//! Tests that the log of `wal_server` survives every crash, and that logs with a mistake do not.
#![cfg(feature = "failpoints")]
#![allow(missing_docs)]

use failpoint::Scope;
use failpoint_disk::{Explore, HoldDisk, Keep, SimDisk, Verdict, fs};
use failpoint_examples::explore::{Mistake, wal, wal_syncs, wrong_log};
use failpoint_examples::wal_server::wal::Wal;
use std::path::Path;

/// A sample of the command `explore wal`: one step each, of all lengths of records and all faults.
#[test]
fn the_log_loses_nothing_and_invents_nothing() {
    let report = wal(&Explore::new().progress(false), 1).expect_held();
    assert!(report.exhaustive, "{report}");
}

#[test]
fn each_sync_of_the_log_is_needed() {
    let report = wal_syncs(&Explore::new().progress(false));
    assert_eq!(report.baseline.verdict, Verdict::Held, "{report}");
    assert_eq!(report.unnoticed().count(), 0, "{report}");
    // The names of the directory and of the log; a record; a torn tail; the last record at a start.
    assert_eq!(report.syncs.len(), 5, "{report}");
}

#[test]
fn a_log_with_a_mistake_is_caught() {
    let explore = Explore::new().progress(false);
    for mistake in [Mistake::NoSync, Mistake::TornTail, Mistake::NoDirSync] {
        let report = wrong_log(&explore, mistake);
        assert_eq!(report.verdict, Verdict::Lost, "{mistake:?}: {report}");
        let failure = report.failure.expect("it is told");
        assert!(failure.schedule_length <= 10, "{mistake:?}: {failure}");
    }
    let report = wrong_log(&explore, Mistake::None).expect_held();
    assert!(report.exhaustive, "{report}");
}

/// A process that died after it had created directories may have left them without a sync.
#[test]
fn directories_that_are_there_may_not_be_durable() {
    let data = Path::new("/sim/several/new/directories");
    let disk = SimDisk::new();
    let scope = Scope::new();
    scope.hold(disk.at("/sim"));
    let _in = scope.enter();
    fs::create_dir_all(data).unwrap();

    let (mut log, _) = Wal::open(data).unwrap();
    log.append(b"acknowledged").unwrap();
    drop(log);
    scope.hold(disk.crash(Keep::Synced).at("/sim"));
    let (_, recovered) = Wal::open(data).unwrap();
    assert_eq!(recovered.payloads, [b"acknowledged"]);
}
