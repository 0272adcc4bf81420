//! Tests that the log keeps exactly the acknowledged records.
#![allow(missing_docs)]

use failpoint_examples::wal_server::record::{self, Corrupt, HEADER, MAX_PAYLOAD};
use failpoint_examples::wal_server::store::{Store, StoreError};
use failpoint_examples::wal_server::wal::{AppendError, FILE, OpenError, Wal};
use std::fs;
use std::path::Path;
use tempfile::{TempDir, tempdir};

const PAYLOADS: [&[u8]; 3] = [b"SET first 1", b"SET second a longer value", b"SET third 3"];

fn log_of(payloads: &[&[u8]]) -> Vec<u8> {
    payloads.iter().flat_map(|payload| record::encode(payload)).collect()
}

fn directory_with(log: &[u8]) -> TempDir {
    let directory = tempdir().unwrap();
    fs::write(directory.path().join(FILE), log).unwrap();
    directory
}

/// The records of the log in `directory`, and how many torn bytes it had.
fn reopened(directory: &Path) -> (Vec<Vec<u8>>, u64) {
    let (_, recovered) = Wal::open(directory).unwrap();
    (recovered.payloads, recovered.torn)
}

#[test]
fn a_log_is_created_with_its_directory_and_read_again() {
    let directory = tempdir().unwrap();
    let data = directory.path().join("a/b");
    let (mut wal, recovered) = Wal::open(&data).unwrap();
    assert_eq!(recovered.payloads, [[0_u8; 0]; 0]);
    for payload in PAYLOADS {
        wal.append(payload).unwrap();
    }
    drop(wal);
    assert_eq!(reopened(&data), (PAYLOADS.map(<[u8]>::to_vec).to_vec(), 0));
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_off_and_the_log_goes_on() {
    let log = log_of(&PAYLOADS);
    let two = log_of(&PAYLOADS[..2]).len();
    for cut in two..log.len() {
        let directory = directory_with(&log[..cut]);
        let (mut wal, recovered) = Wal::open(directory.path()).unwrap();
        assert_eq!(recovered.payloads, PAYLOADS[..2], "cut at byte {cut}");
        assert_eq!(recovered.torn, (cut - two) as u64, "cut at byte {cut}");
        wal.append(b"SET after x").unwrap();
        drop(wal);
        let after = [PAYLOADS[0], PAYLOADS[1], b"SET after x"].map(<[u8]>::to_vec);
        assert_eq!(reopened(directory.path()), (after.to_vec(), 0), "cut at byte {cut}");
    }
}

#[test]
fn sectors_that_did_not_arrive_are_a_torn_tail() {
    let long = vec![b'x'; 2000];
    let log = log_of(&[PAYLOADS[0], &long]);
    let start = log.len() - HEADER - long.len();
    for missing in [0..512, 512..1024, 1024..1536, 1536..log.len(), 512..log.len()] {
        let mut torn = log.clone();
        torn[missing.start.max(start)..missing.end].fill(0);
        let scan = record::scan(&torn).unwrap();
        assert_eq!((scan.payloads.len(), scan.end), (1, start), "without bytes {missing:?}");
    }
    // A complete record follows, so this sector was once written.
    let mut damaged = log_of(&[PAYLOADS[0], &long, PAYLOADS[1]]);
    damaged[..512].fill(0);
    assert_eq!(record::scan(&damaged).unwrap_err().offset, 0);
    // A file that was extended without its data, or with a part of a header.
    for arrived in 0..HEADER {
        let mut torn = log[..start + arrived].to_vec();
        torn.resize(start + 4096, 0);
        assert_eq!(record::scan(&torn).unwrap().end, start, "{arrived} bytes of the header");
    }
}

#[test]
fn a_flipped_bit_anywhere_is_refused_with_its_place() {
    let log = log_of(&PAYLOADS);
    let starts = [0, log_of(&PAYLOADS[..1]).len(), log_of(&PAYLOADS[..2]).len()];
    for (byte, bit) in (0..log.len()).flat_map(|byte| (0..8).map(move |bit| (byte, bit))) {
        let mut damaged = log.clone();
        damaged[byte] ^= 1 << bit;
        let start = *starts.iter().rfind(|&&start| start <= byte).unwrap();
        let why = if byte < start + HEADER { "header" } else { "payload" };
        let Corrupt { offset, why: told, .. } = record::scan(&damaged).unwrap_err();
        assert_eq!(offset, start, "bit {bit} of byte {byte}");
        assert!(told.contains(why), "bit {bit} of byte {byte}: {told}");
    }
}

#[test]
fn a_damaged_log_is_not_touched() {
    let mut log = log_of(&PAYLOADS);
    log[HEADER + 4] ^= 0x20;
    let directory = directory_with(&log);
    let error = Wal::open(directory.path()).unwrap_err();
    assert!(matches!(error, OpenError::Corrupt { .. }));
    let text = error.to_string();
    assert!(text.contains("the record at byte 0: its payload is damaged"), "{text}");
    assert!(text.contains(FILE) && text.contains("nothing was cut off"), "{text}");
    assert_eq!(fs::read(directory.path().join(FILE)).unwrap(), log);
}

#[test]
fn a_record_that_no_server_wrote_is_refused() {
    let directory = directory_with(&log_of(&[b"SET a 1", b"who wrote this"]));
    let error = Store::open(directory.path()).unwrap_err();
    assert!(matches!(error, StoreError::NotAChange { number: 1 }), "{error}");
}

#[test]
fn a_payload_has_a_longest_length() {
    let directory = tempdir().unwrap();
    let (mut wal, _) = Wal::open(directory.path()).unwrap();
    wal.append(&vec![b'x'; MAX_PAYLOAD]).unwrap();
    let error = wal.append(&vec![b'x'; MAX_PAYLOAD + 1]).unwrap_err();
    assert!(matches!(error, AppendError::TooLong { .. }), "{error}");
    drop(wal);
    assert_eq!(reopened(directory.path()).0.len(), 1);
}

#[cfg(unix)]
#[test]
fn a_log_belongs_to_one_at_a_time() {
    let directory = tempdir().unwrap();
    let first = Wal::open(directory.path()).unwrap();
    let error = Wal::open(directory.path()).unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    drop(first);
    Wal::open(directory.path()).unwrap();
}

#[test]
fn a_store_finds_its_changes_again() {
    let directory = tempdir().unwrap();
    let (store, _) = Store::open(directory.path()).unwrap();
    store.set("a", "1").unwrap();
    store.set("b", "with  blanks ").unwrap();
    store.set("a", "").unwrap();
    assert!(store.delete("b").unwrap());
    assert!(!store.delete("b").unwrap());
    store.set("c", "3").unwrap();
    drop(store);
    let (store, summary) = Store::open(directory.path()).unwrap();
    assert_eq!((summary.records, summary.keys, summary.torn), (5, 2, 0));
    let values = ["a", "b", "c"].map(|key| store.get(key));
    assert_eq!(values, [Some(String::new()), None, Some("3".into())]);
}
