//! Every single flipped bit is reported or repaired, and never read as what was saved.

use crate::seen::Seen;
use crate::writer::{DIRECTORY, Legal, Step, Writer};
use cluster_log::Options;
use failpoint::Scope;
use failpoint_disk::{HoldDisk as _, SimDisk, fs};
use raft_kv::Log;
use std::cell::RefCell;
use std::path::{Path, PathBuf};

/// The first segment restates a log; those after it hold what was saved since.
const STEPS: &[Step] = &[
    Step::Save,
    Step::Save,
    Step::Receive,
    Step::Save,
    Step::Make,
    Step::Compact,
    Step::Save,
    Step::Commit,
    Step::Conflict,
    Step::Make,
    Step::Save,
    Step::Receive,
    Step::Save,
    Step::Conflict,
];

/// A log on a disk of its own.
struct Kept {
    scope: Scope,
    _disk: SimDisk,
    /// What raft saw at any time.
    past: Legal,
    now: Seen,
}

impl Kept {
    fn after(steps: &[Step]) -> Self {
        let (scope, disk) = (Scope::new(), SimDisk::new());
        scope.hold(disk.at("/sim"));
        let past = RefCell::new(Legal::new());
        {
            let _in = scope.enter();
            let mut writer = Writer::start(&scope, 100);
            for step in steps {
                writer.step(step, &|legal| past.borrow_mut().extend(legal));
            }
        }
        let past = past.into_inner();
        let now = past.last().expect("there were steps").clone();
        Self { scope, _disk: disk, past, now }
    }

    fn open(&self) -> Result<Seen, String> {
        let log = Log::open_with(Path::new(DIRECTORY), Options { segment_bytes: 1 });
        log.map(|log| Seen::of(&log)).map_err(|error| error.to_string())
    }

    /// The files below the directory whose names end so, in order.
    fn files(&self, directory: &str, end: &str) -> Vec<PathBuf> {
        let all = fs::read_dir(Path::new(DIRECTORY).join(directory)).unwrap();
        let mut files: Vec<_> = all.map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.to_str().unwrap().ends_with(end));
        files.sort();
        files
    }

    /// Opens the log once for each bit of the file, with that bit flipped. Returns how many bits there are.
    fn flip_each(&self, path: &Path, judge: &mut dyn FnMut(usize, Result<Seen, String>)) -> usize {
        let whole = fs::read(path).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            fs::write(path, &flipped).unwrap();
            judge(bit, self.open());
        }
        fs::write(path, &whole).unwrap();
        assert_eq!(self.open().as_ref(), Ok(&self.now), "the file is whole again");
        whole.len() * 8
    }
}

/// The byte that an error about this file names.
fn named(error: &str, path: &Path) -> usize {
    let start = format!("{} is damaged at byte ", path.display());
    let rest = error.strip_prefix(&start).unwrap_or_else(|| panic!("no {start:?}: {error}"));
    rest.split(':').next().unwrap().parse().unwrap()
}

#[test]
fn every_flipped_bit_of_a_closed_segment_is_told_with_its_file_and_record() {
    let kept = Kept::after(STEPS);
    let _in = kept.scope.enter();
    let segments = kept.files("log", ".log");
    let (_, closed) = segments.split_last().unwrap();
    assert!(closed.len() >= 4, "{segments:?}");
    let mut bits = 0;
    for path in closed {
        // Where the record starts, or the header, that the bit is in.
        let mut start = 0;
        bits += kept.flip_each(path, &mut |bit, found| {
            let error = found.expect_err("it is damaged");
            let at = named(&error, path);
            assert!(at == start || at == bit / 8, "bit {bit}: {error}");
            start = at;
        });
    }
    println!("{bits} bits of {} closed segments: all told", closed.len());
}

/// A byte that becomes zero at the end of the last segment looks as if a crash had torn the record. The
/// record is cut off then, and what is left is what raft saw once.
#[test]
fn no_flipped_bit_of_the_last_segment_is_taken_for_what_was_saved() {
    let kept = Kept::after(STEPS);
    let _in = kept.scope.enter();
    let segments = kept.files("log", ".log");
    let last = segments.last().unwrap();
    let whole = fs::read(last).unwrap();
    let (mut told, mut cut) = (0, 0);
    let bits = kept.flip_each(last, &mut |bit, found| match found {
        Err(error) => {
            assert!(named(&error, last) <= bit / 8, "bit {bit} is before the byte: {error}");
            told += 1;
        }
        Ok(found) => {
            assert_eq!(whole[bit / 8], 1 << (bit % 8), "bit {bit} leaves no zero: {found:?}");
            assert!(found != kept.now && kept.past.contains(&found), "bit {bit}: {found:?}");
            cut += 1;
        }
    });
    println!("{bits} bits of the last segment: {told} told, {cut} cut off as torn");
    assert_eq!(told + cut, bits);
    assert!(cut < bits / 100, "the last bytes of a record, and no more");
}

#[test]
fn every_flipped_bit_of_a_snapshot_is_told_with_its_file() {
    let kept = Kept::after(&[Step::Save, Step::Receive, Step::Save]);
    let _in = kept.scope.enter();
    let snapshots = kept.files("", ".snapshot");
    let [path] = &snapshots[..] else { panic!("{snapshots:?}") };
    let bits = kept.flip_each(path, &mut |_, found| {
        let error = found.expect_err("it is damaged");
        assert!(error.starts_with(&format!("{} is damaged", path.display())), "{error}");
    });
    println!("{bits} bits of a snapshot: all told");
}
