//! Crashes the log of `wal_server` everywhere, and logs with a mistake.

use crate::wal_server::wal::Wal;
use failpoint_disk::Run;
use std::path::Path;

/// What is wrong with a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// It does not sync a record before it acknowledges it.
    NoSync,
}

const DATA: &str = "/sim/data";

/// Appends records of growing length, among them one whose write fails half-way, and restarts once.
pub fn workload(run: &Run<Vec<u8>>) {
    let records: Vec<Vec<u8>> =
        (1..=64_u8).map(|length| vec![b'a' + length % 26; length.into()]).collect();
    let mut wal = open();
    for record in &records {
        wal.append(record).expect("the disk works");
        run.ack(record.clone());
    }
}

fn open() -> Wal {
    Wal::open(Path::new(DATA)).expect("the disk works").0
}

/// The records that a restart finds.
pub fn recover() -> Vec<Vec<u8>> {
    match Wal::open(Path::new(DATA)) {
        Ok((_, recovered)) => recovered.payloads,
        Err(error) => panic!("{error}"),
    }
}

/// Nothing that was acknowledged is lost, and nothing is there that was not written.
pub fn check(found: &Vec<Vec<u8>>, acked: &[Vec<u8>]) -> Result<(), String> {
    if !found.starts_with(acked) {
        return Err(format!(
            "{} records were acknowledged, {} are there",
            acked.len(),
            found.len()
        ));
    }
    Ok(())
}
