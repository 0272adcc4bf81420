//! What the log makes of the files that it finds.
#![allow(missing_docs)]

use cluster_log::{Log, OpenError, Options, Recovered};
use failpoint::Scope;
use failpoint_disk::{HoldDisk, Keep, SimDisk, fs};
use std::path::{Path, PathBuf};

const DIRECTORY: &str = "/sim/log";

fn try_open() -> Result<(Log, Recovered), OpenError> {
    Log::open(Path::new(DIRECTORY), Options { segment_bytes: 1 })
}

fn open() -> (Log, Vec<Vec<u8>>) {
    let (log, recovered) = try_open().unwrap_or_else(|error| panic!("{error}"));
    (log, recovered.records.into_iter().map(|record| record.payload).collect())
}

fn segment(number: u64) -> PathBuf {
    Path::new(DIRECTORY).join(format!("{number:020}.log"))
}

/// A scope with a disk that holds a log of four segments with a record each.
fn four_segments() -> (Scope, SimDisk) {
    let disk = SimDisk::new();
    let scope = Scope::new();
    scope.hold(disk.at("/sim"));
    {
        let _in = scope.enter();
        let (mut log, _) = open();
        for payload in [b"one", b"two", b"thr", b"fou"] {
            log.append(1, payload).unwrap();
        }
        log.sync().unwrap();
        assert_eq!(log.segments(), 4);
    }
    (scope, disk)
}

/// Everything in the directory.
fn files() -> Vec<(PathBuf, Vec<u8>)> {
    let path = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().path();
    let mut paths: Vec<PathBuf> = fs::read_dir(DIRECTORY).unwrap().map(path).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// The log cannot be opened, nothing is changed, and the error tells all that is needed.
#[track_caller]
fn expect_refused(path: &Path, parts: &[&str]) {
    let before = files();
    let error = try_open().expect_err("it is refused").to_string();
    for part in parts.iter().copied().chain([path.to_str().unwrap()]) {
        assert!(error.contains(part), "{part:?} is missing in {error:?}");
    }
    assert_eq!(files(), before);
}

#[test]
fn a_missing_segment_is_named() {
    for missing in 1..4 {
        let (scope, _disk) = four_segments();
        let _in = scope.enter();
        fs::remove_file(segment(missing)).unwrap();
        expect_refused(&segment(missing), &["is missing", "restore it from a copy"]);
    }
}

#[test]
fn a_foreign_file_is_named() {
    let (scope, _disk) = four_segments();
    let _in = scope.enter();
    for name in ["notes.txt", "1.log", "00000000000000000000.log"] {
        let path = Path::new(DIRECTORY).join(name);
        fs::write(&path, "x").unwrap();
        expect_refused(&path, &["is not of the log", "move it away"]);
        fs::remove_file(&path).unwrap();
    }
    open();
}

#[test]
fn damage_in_a_finished_segment_is_named_with_its_byte() {
    let (scope, _disk) = four_segments();
    let _in = scope.enter();
    let whole = fs::read(segment(2)).unwrap();
    let refused = |bytes: &[u8], parts: &[&str]| {
        fs::write(segment(2), bytes).unwrap();
        expect_refused(&segment(2), &[parts, &["restore the file from a copy"]].concat());
    };
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        refused(&bytes, &[if at < 44 { "at byte 0:" } else { "at byte 44:" }]);
        // A later segment was begun, so its end cannot be torn.
        refused(&whole[..at], &[]);
    }
    refused(&[&whole[..], b"x"].concat(), &["a part of it is missing, and a later segment"]);
    refused(&fs::read(segment(3)).unwrap(), &["it is another segment"]);
    fs::write(segment(2), &whole).unwrap();
    assert_eq!(open().1.len(), 4);
}

#[test]
fn a_finished_segment_that_lost_its_last_record_is_told() {
    let (scope, _disk) = four_segments();
    let _in = scope.enter();
    let whole = fs::read(segment(2)).unwrap();
    fs::write(segment(2), &whole[..44]).unwrap();
    expect_refused(&segment(2), &["at byte 44: it ends here", "has another length"]);
}

#[test]
fn what_was_restated_cannot_be_torn() {
    let (scope, _disk) = four_segments();
    let _in = scope.enter();
    open().0.restate([(2, &b"restated"[..])]).unwrap();
    let whole = fs::read(segment(5)).unwrap();
    for length in 0..whole.len() {
        fs::write(segment(5), &whole[..length]).unwrap();
        expect_refused(&segment(5), &["is damaged"]);
    }
}

#[test]
fn a_torn_end_is_cut_off_and_counted() {
    let (scope, disk) = four_segments();
    let _in = scope.enter();
    let whole = fs::read(segment(4)).unwrap();
    fs::write(segment(4), [&whole[..], &[0; 40]].concat()).unwrap();
    let (log, recovered) = try_open().unwrap();
    assert_eq!((recovered.records.len(), recovered.torn), (4, 40));
    assert_eq!(fs::read(segment(4)).unwrap(), whole);
    drop(log);
    let scope = Scope::new();
    scope.hold(disk.crash(Keep::Synced).at("/sim"));
    let _in = scope.enter();
    assert_eq!(try_open().unwrap().1.torn, 0);
}

#[test]
fn older_segments_that_come_back_are_removed() {
    let (scope, _disk) = four_segments();
    let _in = scope.enter();
    let old = files();
    open().0.restate([(2, &b"restated"[..])]).unwrap();
    // Any of them may come back: their removal was not synced. What they hold is of no interest.
    for (path, _) in &old[1..3] {
        fs::write(path, "whatever").unwrap();
    }
    fs::write(Path::new(DIRECTORY).join("unfinished"), "half a segment").unwrap();
    let (log, found) = open();
    assert_eq!((found, log.segments()), (vec![b"restated".to_vec()], 1));
    assert_eq!(files().len(), 1);
}

#[test]
fn a_log_belongs_to_one_at_a_time() {
    let (scope, _disk) = four_segments();
    let _in = scope.enter();
    let (log, _) = open();
    let error = try_open().unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    assert!(error.to_string().contains("/sim/log is in use"), "{error}");
    drop(log);
    open();
}

#[test]
fn the_names_of_the_directories_above_are_durable_too() {
    let disk = SimDisk::new();
    let scope = Scope::new();
    scope.hold(disk.at("/sim"));
    let _in = scope.enter();
    // By a process that died before it synced them.
    fs::create_dir_all("/sim/a/b").unwrap();
    let path = Path::new("/sim/a/b/c/log");
    let (mut log, _) = Log::open(path, Options::default()).unwrap();
    log.append(1, b"x").unwrap();
    log.sync().unwrap();
    let scope = Scope::new();
    scope.hold(disk.crash(Keep::Synced).at("/sim"));
    let _in = scope.enter();
    assert_eq!(Log::open(path, Options::default()).unwrap().1.records.len(), 1);
}

#[test]
fn a_log_on_a_real_disk_is_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/log");
    let options = Options { segment_bytes: 200 };
    let (mut log, _) = Log::open(&path, options.clone()).unwrap();
    for number in 0..20_u8 {
        log.append(number, &vec![0; usize::from(number)]).unwrap();
    }
    log.sync().unwrap();
    assert!(log.segments() > 3);
    assert!(matches!(Log::open(&path, options.clone()), Err(OpenError::InUse { .. })));
    drop(log);
    let (mut log, recovered) = Log::open(&path, options.clone()).unwrap();
    let kinds: Vec<u8> = recovered.records.iter().map(|record| record.kind).collect();
    assert_eq!(kinds, (0..20).collect::<Vec<u8>>());
    log.restate([(100, &[][..])]).unwrap();
    drop(log);
    let (_log, recovered) = Log::open(&path, options).unwrap();
    assert_eq!(recovered.records.len(), 1);
}
