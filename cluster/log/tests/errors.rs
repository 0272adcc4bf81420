//! What the log does when the disk fails, and when a point panics. Each test has a scope and a disk of its
//! own, so they run in parallel.
#![allow(missing_docs)]

use cluster_log::{Log, LogError, MAX_PAYLOAD, OpenError, Options, Recovered};
use failpoint::Scope;
use failpoint_disk::{HoldDisk, Keep, SimDisk, fs};
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

const DIRECTORY: &str = "/sim/log";
const FIRST: &str = "/sim/log/00000000000000000001.log";
const SECOND: &str = "/sim/log/00000000000000000002.log";

/// A scope that holds the disk.
fn on(disk: &SimDisk) -> Scope {
    let scope = Scope::new();
    scope.hold(disk.at("/sim"));
    scope
}

fn open() -> (Log, Recovered) {
    let opened = Log::open(Path::new(DIRECTORY), Options::default());
    opened.unwrap_or_else(|error| panic!("{error}"))
}

/// Each append begins a new segment after the first.
fn open_tiny() -> Log {
    Log::open(Path::new(DIRECTORY), Options { segment_bytes: 1 }).unwrap().0
}

fn texts(recovered: &Recovered) -> Vec<&str> {
    let text = |payload| std::str::from_utf8(payload).unwrap();
    recovered.records.iter().map(|record| text(&record.payload)).collect()
}

/// What a restart finds if the power fails now.
fn after_crash(disk: &SimDisk, keep: Keep) -> Vec<String> {
    let scope = on(&disk.crash(keep));
    let _in = scope.enter();
    texts(&open().1).into_iter().map(str::to_owned).collect()
}

#[track_caller]
fn expect_closed(result: Result<(), LogError>, part: &str) {
    match result {
        Err(LogError::Closed { why }) => assert!(why.contains(part), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_write_that_fails_leaves_nothing_and_the_log_goes_on() {
    let disk = SimDisk::new();
    let scope = on(&disk);
    let _in = scope.enter();
    let (mut log, _) = open();
    log.append(1, b"a").unwrap();
    let length = fs::metadata(FIRST).unwrap().len();
    let partial =
        [0, 1, 5, 22, 23, 30].map(|bytes| format!("1*return(short({bytes}))->return(ENOSPC)"));
    for terms in partial.iter().map(String::as_str).chain(["1*return(ENOSPC)", "1*return(EIO)"]) {
        scope.arm("disk.write", terms).unwrap();
        let error = log.append_all([(1, &b"refused"[..]), (1, b"too")]).unwrap_err();
        assert!(matches!(error, LogError::Write { .. }), "{terms}: {error}");
        assert!(error.to_string().contains("could not append"), "{error}");
        scope.disarm("disk.write").unwrap();
        assert_eq!(fs::metadata(FIRST).unwrap().len(), length, "{terms}");
        // It was synced with the cut.
        assert!(log.is_synced());
        assert_eq!(after_crash(&disk, Keep::Synced), ["a"]);
    }
    log.append(1, b"b").unwrap();
    log.sync().unwrap();
    assert_eq!(after_crash(&disk, Keep::Synced), ["a", "b"]);
}

#[test]
fn a_short_write_that_is_continued_is_no_error() {
    let disk = SimDisk::new();
    let scope = on(&disk);
    let _in = scope.enter();
    let (mut log, _) = open();
    scope.arm("disk.write", "3*return(short(4))").unwrap();
    log.append(1, b"in four parts").unwrap();
    log.sync().unwrap();
    assert_eq!(after_crash(&disk, Keep::Synced), ["in four parts"]);
}

#[test]
fn a_full_disk_keeps_what_was_synced() {
    let disk = SimDisk::with_capacity(400);
    let scope = on(&disk);
    let _in = scope.enter();
    let mut log = open_tiny();
    let mut written = 0;
    let error = loop {
        match log.append(1, b"x").and_then(|()| log.sync()) {
            Ok(()) => written += 1,
            Err(error) => break error,
        }
    };
    let LogError::Write { error, .. } = error else { panic!("{error}") };
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert!(written > 2, "{written}");
    log.append(1, b"x").unwrap_err();
    assert_eq!(after_crash(&disk, Keep::Synced).len(), written);
}

#[test]
fn a_sync_that_fails_closes_the_log_and_is_not_tried_again() {
    let disk = SimDisk::new();
    let scope = on(&disk);
    let _in = scope.enter();
    let (mut log, _) = open();
    log.append(1, b"a").unwrap();
    log.sync().unwrap();
    log.append(1, b"b").unwrap();
    // The kernel drops what it could not write, and holds it in memory as clean.
    scope.arm("disk.sync", "1*return(drop)").unwrap();
    expect_closed(log.sync(), "a sync failed");
    let hits = scope.hits("disk.sync");
    expect_closed(log.sync(), "a sync failed");
    expect_closed(log.append(1, b"c"), "a sync failed");
    expect_closed(log.restate([]).map(drop), "a sync failed");
    assert_eq!(scope.hits("disk.sync"), hits);
    drop(log);
    assert_eq!(after_crash(&disk, Keep::Synced), ["a"]);
    // The process restarts, the machine does not. What it finds is durable then.
    let (_log, recovered) = open();
    assert_eq!(texts(&recovered), ["a", "b"]);
    assert_eq!(after_crash(&disk, Keep::Synced), ["a", "b"]);
}

#[test]
fn records_that_cannot_be_cut_off_close_the_log() {
    let disk = SimDisk::new();
    let scope = on(&disk);
    let _in = scope.enter();
    for point in ["disk.set_len", "disk.sync"] {
        let (mut log, _) = open();
        log.append(1, b"a").unwrap();
        log.sync().unwrap();
        scope.arm("disk.write", "1*return(short(5))->return(ENOSPC)").unwrap();
        scope.arm(point, "return(EIO)").unwrap();
        expect_closed(log.append(1, b"refused"), "could not be cut off");
        scope.reset();
        log.append(1, b"refused").unwrap_err();
    }
    assert_eq!(after_crash(&disk, Keep::All), ["a", "a"]);
}

#[test]
fn a_panic_at_any_point_leaves_a_log_that_goes_on_or_closes() {
    // The point, and whether the record of the call is there after it.
    let points = [
        ("disk.write", false),
        ("walBeforeSync", true),
        ("disk.sync", true),
        ("walAfterSync", true),
    ];
    for (point, there) in points {
        let disk = SimDisk::new();
        let scope = on(&disk);
        let _in = scope.enter();
        let (mut log, _) = open();
        log.append(1, b"before").unwrap();
        log.sync().unwrap();
        scope.arm(point, "panic").unwrap();
        let save = || log.append(1, b"during").and_then(|()| log.sync());
        catch_unwind(AssertUnwindSafe(save)).unwrap_err();
        scope.expect_fired(point);
        scope.disarm(point).unwrap();
        log.append(1, b"after").unwrap();
        log.sync().unwrap();
        let expected: &[&str] =
            if there { &["before", "during", "after"] } else { &["before", "after"] };
        assert_eq!(after_crash(&disk, Keep::Synced), expected, "{point}");
    }
}

#[test]
fn a_panic_in_the_middle_of_a_write_is_cut_off_by_the_next_call() {
    let disk = SimDisk::new();
    let scope = on(&disk);
    let _in = scope.enter();
    let (mut log, _) = open();
    log.append(1, b"before").unwrap();
    // What arrives is longer than the record after it.
    scope.arm("disk.write", "1*return(short(60))->1*panic").unwrap();
    catch_unwind(AssertUnwindSafe(|| log.append(1, &[b'x'; 80]))).unwrap_err();
    log.sync().unwrap();
    log.append(1, b"after").unwrap();
    log.sync().unwrap();
    assert_eq!(after_crash(&disk, Keep::Synced), ["before", "after"]);
}

#[test]
fn a_panic_while_a_segment_is_begun_closes_the_log() {
    for point in ["disk.open", "disk.rename", "disk.sync_dir"] {
        let disk = SimDisk::new();
        let scope = on(&disk);
        let _in = scope.enter();
        let mut log = open_tiny();
        log.append(1, b"a").unwrap();
        scope.arm(point, "1*panic").unwrap();
        catch_unwind(AssertUnwindSafe(|| log.append(1, b"b"))).unwrap_err();
        expect_closed(log.append(1, b"b"), "a panic interrupted");
        drop(log);
        assert_eq!(texts(&open().1), ["a"], "{point}");
        assert_eq!(after_crash(&disk, Keep::Synced), ["a"], "{point}");
    }
}

#[test]
fn a_segment_that_cannot_be_begun_refuses_the_append_and_the_log_goes_on() {
    let disk = SimDisk::new();
    let scope = on(&disk);
    let _in = scope.enter();
    let mut log = open_tiny();
    log.append(1, b"a").unwrap();
    for (point, terms) in [
        ("disk.open", "1*return(ENOSPC)"),
        ("disk.write", "1*return(ENOSPC)"),
        ("disk.write", "1*return(short(10))->1*return(EIO)"),
    ] {
        scope.arm(point, terms).unwrap();
        let error = log.append(1, b"b").unwrap_err();
        assert!(matches!(error, LogError::Write { doing: "begin a segment", .. }), "{error}");
        scope.disarm(point).unwrap();
        assert_eq!(fs::read_dir(DIRECTORY).unwrap().count(), 1, "nothing is left over");
    }
    log.append(1, b"c").unwrap();
    assert_eq!(log.segments(), 2);
    log.sync().unwrap();
    assert_eq!(after_crash(&disk, Keep::Synced), ["a", "c"]);
}

#[test]
fn a_segment_whose_name_is_not_sure_closes_the_log() {
    for (point, terms, part) in [
        ("disk.sync", "1*off->1*return(EIO)", "could not sync /sim/log/unfinished"),
        ("disk.rename", "1*return(EIO)", "could not rename /sim/log/unfinished"),
        ("disk.sync_dir", "1*return(EIO)", "could not sync /sim/log:"),
        ("disk.open", "1*off->1*return(EIO)", SECOND),
    ] {
        let disk = SimDisk::new();
        let scope = on(&disk);
        let _in = scope.enter();
        let mut log = open_tiny();
        log.append(1, b"a").unwrap();
        scope.arm(point, terms).unwrap();
        expect_closed(log.append(1, b"b"), part);
        expect_closed(log.append(1, b"b"), part);
        drop(log);
        let (mut log, recovered) = open();
        assert_eq!(texts(&recovered), ["a"], "{point}");
        log.append(1, b"c").unwrap();
        log.sync().unwrap();
        assert_eq!(after_crash(&disk, Keep::Synced), ["a", "c"], "{point}");
    }
}

#[test]
fn a_restatement_that_fails_leaves_the_log_as_it_was() {
    for (point, terms, goes_on) in [
        ("disk.open", "1*return(ENOSPC)", true),
        ("disk.write", "1*off->1*return(short(3))->1*return(ENOSPC)", true),
        ("disk.sync", "1*return(EIO)", false),
        ("disk.rename", "1*return(EIO)", false),
    ] {
        let disk = SimDisk::new();
        let scope = on(&disk);
        let _in = scope.enter();
        let (mut log, _) = open();
        log.append(1, b"a").unwrap();
        scope.arm(point, terms).unwrap();
        let error = log.restate([(2, &b"restated"[..])]).unwrap_err();
        assert_eq!(matches!(error, LogError::Write { .. }), goes_on, "{point}: {error}");
        assert_eq!(log.append(1, b"b").is_ok(), goes_on, "{point}");
        drop(log);
        let expected: &[&str] = if goes_on { &["a", "b"] } else { &["a"] };
        assert_eq!(texts(&open().1), expected, "{point}");
    }
}

#[test]
fn segments_that_cannot_be_removed_do_no_harm() {
    let disk = SimDisk::new();
    let scope = on(&disk);
    let _in = scope.enter();
    let mut log = open_tiny();
    log.append(1, b"a").unwrap();
    log.append(1, b"b").unwrap();
    scope.arm("disk.remove", "1*off->1*return(EIO)").unwrap();
    let released = log.restate([(2, &b"restated"[..])]).unwrap();
    assert_eq!(released.segments, 1);
    assert_eq!(released.error.map(|error| error.raw_os_error()), Some(Some(5)));
    assert_eq!(log.segments(), 2);
    assert_eq!(after_crash(&disk, Keep::Synced), ["restated"]);
    assert_eq!(after_crash(&disk, Keep::All), ["restated"]);
    let released = log.restate([(2, &b"once more"[..])]).unwrap();
    assert_eq!((released.segments, log.segments()), (2, 1));
    assert!(log.is_synced());
    assert_eq!(after_crash(&disk, Keep::All), ["once more"]);
}

#[test]
fn a_crash_after_the_release_finds_what_was_restated() {
    let disk = SimDisk::new();
    let scope = on(&disk);
    let _in = scope.enter();
    let (mut log, _) = open();
    log.append(1, b"a").unwrap();
    scope.arm("raftAfterWALRelease", "panic").unwrap();
    catch_unwind(AssertUnwindSafe(|| log.restate([(2, &b"restated"[..])]))).unwrap_err();
    assert!(!fs::exists(FIRST).unwrap());
    for keep in [Keep::Synced, Keep::All, Keep::Random(1)] {
        assert_eq!(after_crash(&disk, keep), ["restated"]);
    }
    scope.reset();
    log.append(1, b"b").unwrap();
    log.sync().unwrap();
    assert_eq!(after_crash(&disk, Keep::Synced), ["restated", "b"]);
}

#[test]
fn an_error_while_opening_changes_nothing() {
    let disk = SimDisk::new();
    let scope = on(&disk);
    let _in = scope.enter();
    let mut log = open_tiny();
    log.append(1, b"a").unwrap();
    log.append(1, b"b").unwrap();
    drop(log);
    for point in [
        "disk.create_dir",
        "disk.open",
        "disk.read",
        "disk.read_dir",
        "disk.sync",
        "disk.sync_dir",
        "disk.write",
    ] {
        for passes in 0..2 {
            scope.arm(point, &format!("{passes}*off->1*return(EIO)")).unwrap();
            if let Err(error) = Log::open(Path::new(DIRECTORY), Options::default()) {
                assert!(matches!(error, OpenError::Io { .. }), "{error}");
                assert!(error.to_string().contains("/sim/log"), "{error}");
                scope.expect_fired(point);
            }
            scope.disarm(point).unwrap();
        }
        assert_eq!(texts(&open().1), ["a", "b"], "{point}");
    }
}

#[test]
fn a_payload_that_is_too_long_is_refused_before_anything_is_written() {
    let disk = SimDisk::new();
    let scope = on(&disk);
    let _in = scope.enter();
    let (mut log, _) = open();
    let long = vec![0; MAX_PAYLOAD + 1];
    let error = log.append_all([(1, &b"a"[..]), (1, &long)]).unwrap_err();
    assert!(matches!(error, LogError::TooLong { length } if length == MAX_PAYLOAD + 1), "{error}");
    assert!(log.is_synced());
    log.append(1, b"b").unwrap();
    assert!(!log.is_synced());
    assert_eq!(after_crash(&disk, Keep::All), ["b"]);
}
