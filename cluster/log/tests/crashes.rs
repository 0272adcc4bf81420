//! Every crash of small workloads is tried, and every sync is taken away in turn.
#![allow(missing_docs)]

use cluster_log::{Log, LogError, Options, Record};
use failpoint::Scope;
use failpoint_disk::{Explore, HoldDisk, Keep, Run, SimDisk, Torn, Verdict};
use std::path::Path;

/// The names of the log's directory and of the one above need a sync too.
const DIRECTORY: &str = "/sim/node/log";

const ENTRY: u8 = 0;
const RESTATED: u8 = 1;

/// What a workload is made of.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Append a record with so many zeros.
    Append(usize),
    /// Append three records in one write.
    Batch,
    Sync,
    /// Replace all by one record.
    Restate,
    /// The disk is full in the middle of a record, which is longer than those that follow.
    FullDisk,
    /// It is full in the middle of a restatement.
    FullRestate,
    /// A sync fails, and the kernel drops what it could not write. Then the process restarts.
    FailedSync,
    Restart,
}

/// Which records there are. The first one may restate those up to its number; the others are numbered on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Contents {
    restated: u8,
    last: u8,
}

fn record(number: u8, zeros: usize) -> Vec<u8> {
    let mut payload = vec![0; zeros];
    payload.push(number);
    payload
}

fn contents(records: &[Record]) -> Result<Contents, String> {
    let mut contents = Contents::default();
    for (place, record) in records.iter().enumerate() {
        let Some((&number, zeros)) = record.payload.split_last() else {
            return Err("an empty record was never written".to_owned());
        };
        let is_next = match record.kind {
            RESTATED if place == 0 => true,
            ENTRY => number == contents.last + 1,
            _ => false,
        };
        if !is_next || zeros.iter().any(|&zero| zero != 0) {
            return Err(format!("{record:?} was not written after {contents:?}"));
        }
        if record.kind == RESTATED {
            contents.restated = number;
        }
        contents.last = number;
    }
    Ok(contents)
}

fn open(segment_bytes: u64) -> Result<(Log, Vec<Record>), String> {
    let opened = Log::open(Path::new(DIRECTORY), Options { segment_bytes });
    opened.map(|(log, found)| (log, found.records)).map_err(|error| error.to_string())
}

struct Writer {
    /// `None` while it restarts: one process at a time has a log.
    log: Option<Log>,
    segment_bytes: u64,
    written: Contents,
}

impl Writer {
    fn start(segment_bytes: u64) -> Self {
        let (log, _) = open(segment_bytes).expect("the disk works");
        Self { log: Some(log), segment_bytes, written: Contents::default() }
    }

    fn log(&mut self) -> &mut Log {
        self.log.as_mut().expect("it is open")
    }

    /// All syncs of a workload are one call in the source.
    fn sync(&mut self) -> Result<(), LogError> {
        self.log().sync()
    }

    fn step(&mut self, run: &Run<Contents>, step: &Step) {
        let arm = |name, terms| run.scope().arm(name, terms).expect("a point of the disk");
        let disarm = |name| assert!(run.scope().disarm(name).expect("a point of the disk"));
        let next = self.written.last + 1;
        match step {
            Step::Append(zeros) => {
                self.log().append(ENTRY, &record(next, *zeros)).expect("the disk works");
                self.written.last = next;
            }
            Step::Batch => {
                let records = [next, next + 1, next + 2].map(|number| record(number, 2));
                let records = records.iter().map(|record| (ENTRY, &record[..]));
                self.log().append_all(records).expect("the disk works");
                self.written.last = next + 2;
            }
            Step::Sync => {
                self.sync().expect("the disk works");
                run.ack(self.written);
            }
            Step::Restate => {
                let restated = Contents { restated: self.written.last, last: self.written.last };
                let payload = record(restated.last, 3);
                let released =
                    self.log().restate([(RESTATED, &payload[..])]).expect("the disk works");
                assert!(released.segments > 0 && released.error.is_none());
                self.written = restated;
                run.ack(restated);
            }
            Step::FullDisk => {
                arm("disk.write", "1*return(short(60))->return(ENOSPC)");
                let error = self.log().append(ENTRY, &record(next, 80)).expect_err("it is full");
                assert!(matches!(error, LogError::Write { .. }), "{error}");
                disarm("disk.write");
            }
            Step::FullRestate => {
                arm("disk.write", "1*off->1*return(short(15))->return(ENOSPC)");
                let payload = record(next - 1, 30);
                let error = self.log().restate([(RESTATED, &payload[..])]).expect_err("it is full");
                assert!(matches!(error, LogError::Write { .. }), "{error}");
                disarm("disk.write");
            }
            Step::FailedSync => {
                // Nothing to sync is nothing to fail.
                self.step(run, &Step::Append(1));
                arm("disk.sync", "return(drop)");
                let error = self.sync().expect_err("the sync fails");
                assert!(matches!(error, LogError::Closed { .. }), "{error}");
                disarm("disk.sync");
                self.step(run, &Step::Restart);
            }
            Step::Restart => {
                self.log = None;
                let (log, records) = open(self.segment_bytes).expect("the disk works");
                self.log = Some(log);
                assert_eq!(contents(&records), Ok(self.written), "without a crash, all is there");
                run.ack(self.written);
            }
        }
    }
}

type Found = Result<Vec<Record>, String>;

fn recover() -> Found {
    open(1).map(|(_, records)| records)
}

/// All that was promised is there, in its order, and nothing else but what was written.
fn check(found: &Found, acked: &[Contents]) -> Result<(), String> {
    let found = contents(found.as_ref().map_err(String::clone)?)?;
    match acked.last() {
        Some(acked) if found.last < acked.last || found.restated < acked.restated => {
            Err(format!("{acked:?} was promised, and {found:?} is there"))
        }
        _ => Ok(()),
    }
}

/// The strictest: writes are torn at every byte, and the process may die alone.
fn strictest() -> Explore {
    Explore::new().torn(Torn::Byte).process_deaths(true).progress(false)
}

fn workload(segment_bytes: u64, steps: &[Step]) -> impl Fn(&Run<Contents>) {
    move |run| {
        let mut writer = Writer::start(segment_bytes);
        for step in steps {
            writer.step(run, step);
        }
    }
}

/// With this, each append begins a new segment after the first.
const TINY: u64 = 1;
/// With this, a segment holds a few records.
const SMALL: u64 = 100;

#[test]
fn every_crash_of_appends_syncs_rolls_and_restatements_keeps_what_was_synced() {
    let steps = [
        Step::Append(3),
        Step::Sync,
        Step::Append(0),
        Step::Append(9),
        Step::Sync,
        Step::Append(1),
        Step::Restate,
        Step::Batch,
        Step::Sync,
        Step::Append(2),
    ];
    let report = strictest().crashes(workload(SMALL, &steps), recover, check);
    println!("{report}");
    assert!(report.expect_held().exhaustive);
}

#[test]
fn a_record_of_several_sectors_of_zeros_is_torn_and_not_damaged() {
    let steps = [
        Step::Append(1),
        Step::Sync,
        Step::Append(1100),
        Step::Append(2),
        Step::Sync,
        Step::Append(600),
    ];
    let explore = Explore::new().process_deaths(true).progress(false);
    let report = explore.crashes(workload(1 << 20, &steps), recover, check);
    println!("{report}");
    assert!(report.expect_held().exhaustive);
}

#[test]
fn every_sequence_of_two_steps_keeps_what_was_synced() {
    let steps = [
        Step::Append(5),
        Step::Batch,
        Step::Sync,
        Step::Restate,
        Step::FullDisk,
        Step::FullRestate,
        Step::FailedSync,
        Step::Restart,
    ];
    for segment_bytes in [TINY, SMALL] {
        let report = strictest().workloads(
            &steps,
            2,
            |_| Writer::start(segment_bytes),
            Writer::step,
            recover,
            check,
        );
        println!("{report}");
        assert!(report.expect_held().exhaustive);
    }
}

#[test]
fn every_sync_is_needed() {
    let steps = [
        Step::Append(1),
        Step::Sync,
        Step::FullDisk,
        Step::Append(4),
        Step::Sync,
        Step::Append(20),
        Step::Append(20),
        Step::Append(1),
        Step::Restate,
        Step::FailedSync,
        Step::Append(1),
        Step::Sync,
    ];
    let report = strictest().syncs(workload(SMALL, &steps), recover, check);
    println!("{report}");
    assert_eq!(report.baseline.verdict, Verdict::Held, "{report}");
    assert_eq!((report.syncs.len(), report.unnoticed().count()), (8, 0), "{report}");
}

/// A log that lives on after its crashes: what it does next must not mix with what they left.
#[test]
fn a_log_that_crashes_again_and_again_keeps_what_was_synced() {
    let (mut crashes, mut torn) = (0, 0);
    for seed in 0..150 {
        let mut random = Random(seed);
        let mut disk = SimDisk::new();
        let mut promised = Contents::default();
        for life in 0..8 {
            let scope = Scope::new();
            scope.hold(disk.at("/sim"));
            let _in = scope.enter();
            let options = Options { segment_bytes: [1, 100, 300, 10_000][random.below(4)] };
            let (mut log, found) = Log::open(Path::new(DIRECTORY), options)
                .unwrap_or_else(|error| panic!("seed {seed}, life {life}: {error}"));
            torn += usize::from(found.torn > 0);
            check(&Ok(found.records.clone()), &[promised])
                .unwrap_or_else(|why| panic!("seed {seed}, life {life}: {why}"));
            let mut written = contents(&found.records).expect("it was checked");
            promised = written;
            for _ in 0..random.below(9) {
                match random.below(8) {
                    0 => {
                        written.restated = written.last;
                        let payload = record(written.last, random.below(30));
                        log.restate([(RESTATED, &payload[..])]).expect("the disk works");
                        promised = written;
                    }
                    1 | 2 => {
                        log.sync().expect("the disk works");
                        promised = written;
                    }
                    3 => {
                        scope
                            .arm("disk.write", "1*return(short(60))->return(EIO)")
                            .expect("a point");
                        log.append(ENTRY, &record(written.last + 1, 80)).expect_err("it fails");
                        scope.disarm("disk.write").expect("a point");
                    }
                    _ => {
                        let zeros = [0, 1, 20, 700][random.below(4)];
                        log.append(ENTRY, &record(written.last + 1, zeros))
                            .expect("the disk works");
                        written.last += 1;
                    }
                }
            }
            crashes += 1;
            let keep = match random.below(4) {
                0 => Keep::Synced,
                1 => Keep::All,
                _ => Keep::Random(random.next()),
            };
            disk = disk.crash(keep);
        }
    }
    assert_eq!(crashes, 1200);
    assert!(torn > 50, "{torn} crashes tore the end");
}

/// splitmix64, by Sebastiano Vigna.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}
