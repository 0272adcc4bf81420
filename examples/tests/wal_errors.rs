//! Tests how the log handles errors of the disk.
//!
//! The tests arm points that all logs share, so they have their own process and run one at a time.
#![cfg(feature = "failpoints")]
#![allow(missing_docs)]

use failpoint_examples::wal_server::store::Store;
use failpoint_examples::wal_server::wal::{AppendError, FILE, Wal};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tempfile::tempdir;

/// Points are global, so these tests run one at a time.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn payloads(directory: &Path) -> Vec<String> {
    let (_, recovered) = Wal::open(directory).unwrap();
    recovered.payloads.into_iter().map(|payload| String::from_utf8(payload).unwrap()).collect()
}

fn length(directory: &Path) -> u64 {
    fs::metadata(directory.join(FILE)).unwrap().len()
}

#[test]
fn a_write_that_fails_leaves_nothing_and_the_log_goes_on() {
    let _turn = turn();
    let directory = tempdir().unwrap();
    let (mut wal, _) = Wal::open(directory.path()).unwrap();
    wal.append(b"SET a 1").unwrap();
    let armed = failpoint::arm("disk.write", "1*return(ENOSPC)").unwrap();
    let error = wal.append(b"SET b 2").unwrap_err();
    let AppendError::Write(error) = error else { panic!("{error}") };
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    assert_eq!(armed.fires(), 1);
    wal.append(b"SET c 3").unwrap();
    drop(wal);
    assert_eq!(payloads(directory.path()), ["SET a 1", "SET c 3"]);
}

#[test]
fn a_write_can_be_failed_by_the_length_of_its_record() {
    let _turn = turn();
    let directory = tempdir().unwrap();
    let (mut wal, _) = Wal::open(directory.path()).unwrap();
    // 12 bytes of header and 7 of payload.
    let _armed = failpoint::arm("disk.write", "when(len=19):return(EIO)").unwrap();
    wal.append(b"SET a 1").unwrap_err();
    wal.append(b"SET a 10").unwrap();
}

#[test]
fn half_a_record_is_cut_off_at_once() {
    let _turn = turn();
    let directory = tempdir().unwrap();
    let (mut wal, _) = Wal::open(directory.path()).unwrap();
    wal.append(b"SET a 1").unwrap();
    let before = length(directory.path());
    for arriving in [0, 1, 5, 12, 15] {
        let terms = format!("1*return(short({arriving}))->return(ENOSPC)");
        let armed = failpoint::arm("disk.write", &terms).unwrap();
        let cut = failpoint::arm("walBeforeTruncate", "off").unwrap();
        let error = wal.append(b"SET b 2").unwrap_err();
        assert!(matches!(error, AppendError::Write(_)), "{error}");
        assert!(armed.fires() > 0);
        assert_eq!(cut.fires(), 1);
        assert_eq!(length(directory.path()), before, "{arriving} bytes arrived");
    }
    wal.append(b"SET c 3").unwrap();
    drop(wal);
    assert_eq!(payloads(directory.path()), ["SET a 1", "SET c 3"]);
}

#[test]
fn a_sync_that_fails_closes_the_log_until_it_is_opened_again() {
    let _turn = turn();
    let directory = tempdir().unwrap();
    let (mut wal, _) = Wal::open(directory.path()).unwrap();
    wal.append(b"SET a 1").unwrap();
    let armed = failpoint::arm("walSync", "1*return(EIO)").unwrap();
    let error = wal.append(b"SET b 2").unwrap_err();
    assert!(matches!(error, AppendError::Closed { .. }), "{error}");
    assert_eq!(armed.fires(), 1);
    // The disk works again, but the log cannot know that.
    let error = wal.append(b"SET c 3").unwrap_err().to_string();
    assert!(error.contains("a sync failed") && error.contains("restart"), "{error}");
    assert_eq!(armed.hits(), 1, "the log does not sync again");
    drop((wal, armed));
    let (mut wal, recovered) = Wal::open(directory.path()).unwrap();
    assert_eq!(recovered.payloads, [b"SET a 1"]);
    wal.append(b"SET d 4").unwrap();
    drop(wal);
    assert_eq!(payloads(directory.path()), ["SET a 1", "SET d 4"]);
}

#[test]
fn half_a_record_that_stays_closes_the_log() {
    let _turn = turn();
    let directory = tempdir().unwrap();
    let (mut wal, _) = Wal::open(directory.path()).unwrap();
    wal.append(b"SET a 1").unwrap();
    {
        let _armed = failpoint::arm_all(
            "disk.write=1*return(short(5))->return(ENOSPC); walSync=return(EIO)",
        )
        .unwrap();
        let error = wal.append(b"SET b 2").unwrap_err().to_string();
        assert!(error.contains("could not be cut off"), "{error}");
    }
    wal.append(b"SET c 3").unwrap_err();
    drop(wal);
    assert_eq!(payloads(directory.path()), ["SET a 1"]);
}

#[test]
fn a_last_record_is_synced_again_before_it_is_promised() {
    let _turn = turn();
    let directory = tempdir().unwrap();
    let (mut wal, _) = Wal::open(directory.path()).unwrap();
    wal.append(b"SET a 1").unwrap();
    drop(wal);
    let _armed = failpoint::arm("walSync", "return(EIO)").unwrap();
    let error = Wal::open(directory.path()).unwrap_err().to_string();
    assert!(error.contains("cannot sync"), "{error}");
}

#[test]
fn a_panic_at_any_point_leaves_a_log_that_goes_on() {
    let _turn = turn();
    let points = [
        ("raftBeforeSave", false),
        ("disk.write", false),
        ("walBeforeSync", false),
        ("walSync", false),
        ("walAfterSync", false),
        // The change is saved; only the answer is missing.
        ("raftAfterSave", true),
    ];
    for (point, saved) in points {
        let directory = tempdir().unwrap();
        let (store, _) = Store::open(directory.path()).unwrap();
        store.set("before", "1").unwrap();
        {
            let armed = failpoint::arm(point, "1*panic").unwrap();
            catch_unwind(AssertUnwindSafe(|| store.set("during", "2"))).unwrap_err();
            assert_eq!(armed.fires(), 1, "{point}");
        }
        assert_eq!(store.get("during").is_some(), saved, "{point}");
        store.set("after", "3").unwrap();
        drop(store);
        let (store, summary) = Store::open(directory.path()).unwrap();
        assert_eq!((summary.keys, summary.torn), (2 + usize::from(saved), 0), "{point}");
        assert_eq!(store.get("during").is_some(), saved, "{point}");
        assert!(store.get("before").is_some() && store.get("after").is_some(), "{point}");
    }
}

#[test]
fn a_save_can_be_failed_by_its_key() {
    let _turn = turn();
    let directory = tempdir().unwrap();
    let (store, _) = Store::open(directory.path()).unwrap();
    let armed = failpoint::arm("raftBeforeSave", "when(key=bad):panic").unwrap();
    store.set("good", "1").unwrap();
    assert_eq!(armed.hits(), 0);
    catch_unwind(AssertUnwindSafe(|| store.set("bad", "1"))).unwrap_err();
}
