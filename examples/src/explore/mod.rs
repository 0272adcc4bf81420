//! Every crash of a log is tried: of the one of `wal_server`, and of logs with a mistake.

pub mod wrong_log;

use self::wrong_log::Log;
pub use self::wrong_log::Mistake;
use crate::wal_server::wal::{AppendError, Wal};
use failpoint_disk::{Explore, Report, Run, SyncReport, Torn, fs};
use std::path::Path;

/// The longest record that is tried.
pub const LONGEST: usize = 64;

/// What a workload is made of.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Append a record of so many bytes.
    Append(usize),
    /// The disk is full, in the middle of a record.
    FullDisk,
    /// A sync fails, and the kernel drops what it could not write; then the server restarts.
    FailedSync,
    /// The server restarts.
    Restart,
}

/// All steps: a record of each length, and what can go wrong.
pub fn steps() -> Vec<Step> {
    let mut steps: Vec<Step> = (1..=LONGEST).map(Step::Append).collect();
    steps.extend([Step::FullDisk, Step::FailedSync, Step::Restart]);
    steps
}

/// Explores the log of `wal_server`: every sequence of one or two steps, and of as many as `explore` has
/// states for.
pub fn wal(explore: &Explore, length: usize) -> Report {
    settings(explore).workloads(
        &steps(),
        length,
        |_| Writer::start(),
        Writer::step,
        recover,
        |found, acked| check(found, acked),
    )
}

/// Lets each sync of the log of `wal_server` lie in turn.
pub fn wal_syncs(explore: &Explore) -> SyncReport {
    let steps = [
        Step::Append(20),
        Step::FullDisk,
        Step::Append(1),
        Step::FailedSync,
        Step::Append(7),
        Step::Restart,
        Step::Append(3),
    ];
    let workload = |run: &Run<Vec<u8>>| {
        let mut writer = Writer::start();
        for step in &steps {
            writer.step(run, step);
        }
    };
    settings(explore).syncs(workload, recover, |found, acked| check(found, acked))
}

/// Explores a log with a mistake: it appends three records.
pub fn wrong_log(explore: &Explore, mistake: Mistake) -> Report {
    let open = || Log::open(Path::new("/sim"), mistake).expect("the disk works");
    explore.clone().torn(Torn::Byte).crashes(
        |run| {
            let (mut log, _) = open();
            for number in 0..3 {
                let record = record(number, 20);
                log.append(&record).expect("the disk works");
                run.ack(record);
            }
        },
        || open().1,
        |found, acked| {
            let written: Vec<Vec<u8>> = (0..3).map(|number| record(number, 20)).collect();
            check_records(found, acked, &written)
        },
    )
}

/// The strictest: writes are torn at every byte, and the process may die alone.
fn settings(explore: &Explore) -> Explore {
    explore.clone().torn(Torn::Byte).process_deaths(true)
}

const DATA: &str = "/sim/data";

fn open() -> (Wal, Vec<Vec<u8>>) {
    let (wal, recovered) = Wal::open(Path::new(DATA)).unwrap_or_else(|error| panic!("{error}"));
    (wal, recovered.payloads)
}

/// The record with this number in its run. No byte is zero, as in those of `wal_server`.
fn record(number: usize, length: usize) -> Vec<u8> {
    vec![b'a' + (number % 26) as u8; length]
}

/// The server's part of a workload.
struct Writer {
    /// `None` while it restarts: a log belongs to one at a time.
    wal: Option<Wal>,
    /// How many records it has tried to write.
    tried: usize,
}

impl Writer {
    fn start() -> Self {
        Self { wal: Some(open().0), tried: 0 }
    }

    fn step(&mut self, run: &Run<Vec<u8>>, step: &Step) {
        let arm = |name, terms| run.scope().arm(name, terms).expect("a point of the disk");
        match step {
            Step::Append(length) => {
                let record = self.append(*length).expect("the disk works");
                run.ack(record);
            }
            Step::FullDisk => {
                arm("disk.write", "1*return(short(15))->return(ENOSPC)");
                let error = self.append(30).expect_err("the disk is full");
                assert!(matches!(error, AppendError::Write(_)), "{error}");
                run.scope().disarm("disk.write").expect("a point of the disk");
            }
            Step::FailedSync => {
                arm("disk.sync", "return(drop)");
                let error = self.append(25).expect_err("the sync fails");
                assert!(matches!(error, AppendError::Closed { .. }), "{error}");
                run.scope().disarm("disk.sync").expect("a point of the disk");
                self.restart();
            }
            Step::Restart => self.restart(),
        }
    }

    fn append(&mut self, length: usize) -> Result<Vec<u8>, AppendError> {
        let record = record(self.tried, length);
        self.tried += 1;
        let wal = self.wal.as_mut().expect("it is open");
        wal.append(&record).map(|()| record)
    }

    fn restart(&mut self) {
        self.wal = None;
        self.wal = Some(open().0);
    }
}

fn recover() -> Vec<Vec<u8>> {
    open().1
}

/// All that was acknowledged is there, in its order, and nothing else but what was written.
fn check(found: &[Vec<u8>], acked: &[Vec<u8>]) -> Result<(), String> {
    let is_whole = |record: &Vec<u8>| record.iter().all(|byte| *byte == record[0]);
    if let Some(strange) = found.iter().find(|record| !is_whole(record)) {
        return Err(format!("the record {strange:?} was never written"));
    }
    let mut rest = found.iter();
    match acked.iter().position(|record| !rest.any(|there| there == record)) {
        Some(lost) => Err(format!(
            "{} records were acknowledged, and number {} is lost; {} are there",
            acked.len(),
            lost + 1,
            found.len()
        )),
        None => Ok(()),
    }
}

/// All that was acknowledged is there, and what is there was `written`, in that order.
fn check_records(found: &[Vec<u8>], acked: &[Vec<u8>], written: &[Vec<u8>]) -> Result<(), String> {
    if !found.starts_with(acked) {
        return Err(format!(
            "{} records were acknowledged, {} are there",
            acked.len(),
            found.len()
        ));
    }
    if !written.starts_with(found) {
        let strange = found.iter().zip(written).position(|(found, written)| found != written);
        return Err(format!(
            "record {} was never written",
            strange.map_or(found.len(), |at| at + 1)
        ));
    }
    Ok(())
}
