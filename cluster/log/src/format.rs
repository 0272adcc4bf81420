//! Records as bytes: tells whether one is whole, torn by a crash, or damaged.
//!
//! ```text
//! record = header, body             both stuffed, so that neither has a zero byte
//! header = kind (u8), length of the stuffed body (u32), how far the segment was synced when
//!          the record was written (u64), checksum of the stuffed body (u32), checksum of this (u32)
//! body   = the payload
//! ```
//!
//! The numbers are little-endian. Both checksums start from the number of the segment and the place of the
//! record, so that a record is whole only where it was written: not in a copy of a log that is a payload
//! itself, nor after a sector moved.
//!
//! The header has a checksum of its own because a damaged length would otherwise look like a record that
//! was never finished, and everything that follows would be thrown away as the rest of it.
//!
//! This module does no I/O: it takes bytes and returns records.

use crate::stuffing::{longest, stuff, unstuff};

/// A record of the log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// What the caller told it is.
    pub kind: u8,
    /// Any bytes.
    pub payload: Vec<u8>,
}

/// The longest payload of a record, in bytes: 64 MiB.
pub const MAX_PAYLOAD: usize = 64 << 20;

/// The version of the format, which the header of each segment has.
pub(crate) const VERSION: u32 = 1;

/// The header before it is stuffed.
const RAW_HEADER: usize = 1 + 4 + 8 + 4 + 4;

/// The header as it is written. Less than a group of bytes becomes one byte longer.
pub(crate) const HEADER: usize = RAW_HEADER + 1;

/// The unit that a disk writes atomically. Larger units are multiples of it.
const SECTOR: usize = 512;

/// Appends a record to `out`, which is written at byte `offset` of segment `segment`. That segment is
/// synced up to `synced`.
pub(crate) fn encode(
    out: &mut Vec<u8>,
    segment: u64,
    offset: u64,
    synced: u64,
    (kind, payload): (u8, &[u8]),
) {
    let place = offset + out.len() as u64;
    let mut body = Vec::with_capacity(longest(payload.len()));
    stuff(payload, &mut body);
    let mut header = Vec::with_capacity(RAW_HEADER);
    header.push(kind);
    header.extend((body.len() as u32).to_le_bytes()); // a payload is not longer than MAX_PAYLOAD
    header.extend(synced.to_le_bytes());
    header.extend(checksum(segment, place, &body).to_le_bytes());
    header.extend(checksum(segment, place, &header).to_le_bytes());
    stuff(&header, out);
    out.append(&mut body);
}

/// The records of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Scan {
    /// The whole ones, oldest first.
    pub(crate) records: Vec<Record>,
    /// Where they end.
    pub(crate) end: usize,
    /// How far they were surely synced: so far, the last one's header says.
    pub(crate) synced: usize,
    /// What follows them, if anything does.
    pub(crate) rest: Rest,
}

/// What follows the whole records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Nothing.
    Nothing,
    /// What a crash left of records that were not synced.
    Torn,
    /// Something that a crash does not leave.
    Damaged(&'static str),
}

/// Reads segment `segment`, whose bytes are `bytes`. It was synced up to `synced` before it got its name;
/// its records start at `start`.
pub(crate) fn scan(segment: u64, bytes: &[u8], start: usize, synced: usize) -> Scan {
    let mut scan = Scan { records: Vec::new(), end: start, synced, rest: Rest::Nothing };
    while scan.end < bytes.len() {
        match read(segment, bytes, scan.end) {
            Read::Whole(record, end, synced) => {
                scan.records.push(record);
                scan.end = end;
                scan.synced = scan.synced.max(synced);
            }
            Read::Torn if synced > scan.end => {
                scan.rest = Rest::Damaged("a part of a record is missing that was synced");
                break;
            }
            Read::Torn if is_proved_synced(segment, bytes, scan.end) => {
                scan.rest = Rest::Damaged("a part of it is missing, and later records were synced");
                break;
            }
            Read::Torn => {
                scan.rest = Rest::Torn;
                break;
            }
            Read::Damaged(why) => {
                scan.rest = Rest::Damaged(why);
                break;
            }
        }
    }
    if scan.end < synced && scan.rest == Rest::Nothing {
        scan.rest = Rest::Damaged("the file ends before the records that were synced");
    }
    scan
}

enum Read {
    /// The record, where it ends, and how far the segment was synced when it was written.
    Whole(Record, usize, usize),
    Torn,
    Damaged(&'static str),
}

/// Reads the record at `start`.
fn read(segment: u64, bytes: &[u8], start: usize) -> Read {
    let Some(stuffed) = bytes[start..].first_chunk::<HEADER>() else {
        return Read::Torn;
    };
    let Some(header) = Header::read(segment, start, stuffed) else {
        return match was_not_written(bytes, start, start + HEADER) {
            true => Read::Torn,
            false => Read::Damaged("its header is damaged"),
        };
    };
    let (body_start, end) = (start + HEADER, start + HEADER + header.length);
    let Some(body) = bytes.get(body_start..end) else {
        return Read::Torn;
    };
    if checksum(segment, start as u64, body) != header.body {
        return match was_not_written(bytes, body_start, end) {
            true => Read::Torn,
            false => Read::Damaged("its payload is damaged"),
        };
    }
    match unstuff(body) {
        Some(payload) => Read::Whole(Record { kind: header.kind, payload }, end, header.synced),
        None => Read::Damaged("its payload is damaged"),
    }
}

/// A header that is whole.
struct Header {
    kind: u8,
    length: usize,
    synced: usize,
    body: u32,
}

impl Header {
    fn read(segment: u64, start: usize, stuffed: &[u8; HEADER]) -> Option<Self> {
        let raw: [u8; RAW_HEADER] = unstuff(stuffed)?.try_into().ok()?;
        let (fields, sum) = raw.split_last_chunk::<4>()?;
        if checksum(segment, start as u64, fields) != u32::from_le_bytes(*sum) {
            return None;
        }
        let (kind, fields) = fields.split_first()?;
        let (length, fields) = fields.split_first_chunk::<4>()?;
        let (synced, fields) = fields.split_first_chunk::<8>()?;
        let (body, _) = fields.split_first_chunk::<4>()?;
        Some(Self {
            kind: *kind,
            length: u32::from_le_bytes(*length) as usize,
            // A record is written after what was synced. Anything else is no header of ours.
            synced: usize::try_from(u64::from_le_bytes(*synced)).ok().filter(|at| *at <= start)?,
            body: u32::from_le_bytes(*body),
        })
    }
}

/// Whether a crash can have left out a part of the bytes from `start` to `end`: a run of zeros that goes to
/// the end of a sector, or to `end`. Zeros elsewhere are damage, since a sector is written from its start.
fn was_not_written(bytes: &[u8], start: usize, end: usize) -> bool {
    (start..end).any(|at| bytes[at] == 0 && ((at + 1) % SECTOR == 0 || at + 1 == end))
}

/// Whether a whole record after `start` says that the bytes at `start` were synced before it was written.
fn is_proved_synced(segment: u64, bytes: &[u8], start: usize) -> bool {
    (start + 1..bytes.len()).any(|at| {
        bytes[at] != 0
            && matches!(read(segment, bytes, at), Read::Whole(_, _, synced) if synced > start)
    })
}

/// Of the bytes of the record at `place` in a segment.
fn checksum(segment: u64, place: u64, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&segment.to_le_bytes());
    hasher.update(&place.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SEGMENT: u64 = 3;
    const START: usize = 44;

    /// A segment: each group of records was synced before the next one was written.
    struct Written {
        bytes: Vec<u8>,
        records: Vec<Record>,
        /// Where each record starts, and where the last one ends.
        places: Vec<usize>,
        /// Where the last group starts.
        synced: usize,
    }

    fn write(groups: &[Vec<(u8, Vec<u8>)>]) -> Written {
        let mut bytes = vec![b'h'; START];
        let (mut records, mut places, mut synced) = (Vec::new(), Vec::new(), START);
        for group in groups {
            synced = bytes.len();
            for (kind, payload) in group {
                places.push(bytes.len());
                encode(&mut bytes, SEGMENT, 0, synced as u64, (*kind, payload));
                records.push(Record { kind: *kind, payload: payload.clone() });
            }
        }
        places.push(bytes.len());
        Written { bytes, records, places, synced }
    }

    /// Zeros over several sectors, nothing, and bytes that are no zeros.
    fn example() -> Written {
        let group = |kind, payloads: &[&[u8]]| -> Vec<(u8, Vec<u8>)> {
            payloads.iter().map(|payload| (kind, payload.to_vec())).collect()
        };
        write(&[
            group(0, &[b"first", b""]),
            group(255, &[&[0; 700], b"\0x\0"]),
            group(7, &[&[0xff; 300], b"", &[0; 600], b"last"]),
        ])
    }

    fn read_all(bytes: &[u8]) -> Scan {
        scan(SEGMENT, bytes, START, START)
    }

    /// The records are the first ones that were written, and end where those end.
    fn is_prefix(scan: &Scan, written: &Written) -> bool {
        written.records.starts_with(&scan.records) && scan.end == written.places[scan.records.len()]
    }

    #[test]
    fn what_is_written_comes_back_and_holds_no_zero() {
        let written = example();
        assert!(!written.bytes.contains(&0));
        let scan = read_all(&written.bytes);
        assert_eq!(scan.records, written.records);
        assert_eq!((scan.rest, scan.end), (Rest::Nothing, written.bytes.len()));
        assert_eq!(scan.synced, written.synced);
    }

    #[test]
    fn a_segment_that_is_cut_anywhere_has_the_records_before_the_cut() {
        let written = example();
        for length in START..written.bytes.len() {
            let scan = read_all(&written.bytes[..length]);
            let whole = written.places.iter().filter(|&&place| place <= length).count() - 1;
            assert_eq!(scan.records, written.records[..whole], "cut at {length}");
            let expected =
                if written.places.contains(&length) { Rest::Nothing } else { Rest::Torn };
            assert_eq!(scan.rest, expected, "cut at {length}");
        }
    }

    #[test]
    fn a_cut_before_what_was_synced_at_first_is_damage() {
        let written = example();
        for length in START..written.synced {
            let scan = scan(SEGMENT, &written.bytes[..length], START, written.synced);
            assert!(matches!(scan.rest, Rest::Damaged(_)), "cut at {length}");
        }
    }

    #[test]
    fn a_bit_that_changed_anywhere_is_found() {
        let written = example();
        let mut looks_torn = 0;
        for bit in START * 8..written.bytes.len() * 8 {
            let mut bytes = written.bytes.clone();
            let at = bit / 8;
            bytes[at] ^= 1 << (bit % 8);
            let scan = read_all(&bytes);
            assert!(is_prefix(&scan, &written), "bit {bit}");
            assert!(scan.end <= at, "bit {bit} is in a record that is whole");
            if scan.rest == Rest::Torn {
                // It looks like what a crash left: documented.
                assert!(at >= written.synced && bytes[at] == 0, "bit {bit}");
                looks_torn += 1;
            }
        }
        assert!(looks_torn < 8, "{looks_torn} bits");
    }

    #[test]
    fn sectors_that_were_not_written_are_torn_and_not_damage() {
        let written = example();
        let sectors = written.synced / SECTOR..=written.bytes.len() / SECTOR;
        assert!(sectors.clone().count() >= 3);
        for subset in 1..1_u32 << sectors.clone().count() {
            let mut bytes = written.bytes.clone();
            for (number, sector) in sectors.clone().enumerate() {
                if subset & 1 << number != 0 {
                    let start = (sector * SECTOR).max(written.synced);
                    let end = ((sector + 1) * SECTOR).min(bytes.len());
                    bytes[start..end].fill(0);
                }
            }
            let scan = read_all(&bytes);
            assert_eq!(scan.rest, Rest::Torn, "subset {subset:b}");
            assert!(is_prefix(&scan, &written) && scan.end >= written.synced, "subset {subset:b}");
        }
    }

    #[test]
    fn a_write_that_was_torn_at_any_byte_is_torn_whatever_follows() {
        let written = example();
        for at in written.synced..written.bytes.len() {
            let mut bytes = written.bytes.clone();
            bytes[at..].fill(0);
            let scan = read_all(&bytes);
            assert!(is_prefix(&scan, &written) && scan.rest == Rest::Torn, "torn at {at}");
            // The next write reached the disk, and was not acknowledged either.
            encode(&mut bytes, SEGMENT, 0, written.synced as u64, (1, b"later"));
            let scan = read_all(&bytes);
            assert!(is_prefix(&scan, &written) && scan.rest == Rest::Torn, "torn at {at}");
            // It was written after a sync.
            let (mut bytes, end) = (bytes[..written.bytes.len()].to_vec(), written.bytes.len());
            encode(&mut bytes, SEGMENT, 0, end as u64, (1, b"later"));
            let scan = read_all(&bytes);
            assert!(is_prefix(&scan, &written), "torn at {at}");
            assert!(matches!(scan.rest, Rest::Damaged(_)), "torn at {at}");
        }
    }

    #[test]
    fn a_record_is_whole_only_in_its_place() {
        let written = example();
        let elsewhere = [&written.bytes[..START], b"x", &written.bytes[START..]].concat();
        for bytes in [&elsewhere, &written.bytes] {
            let number = if bytes == &elsewhere { SEGMENT } else { SEGMENT + 1 };
            let scan = scan(number, bytes, START, START);
            assert!(scan.records.is_empty());
            assert!(matches!(scan.rest, Rest::Damaged(_)));
        }
        // A log as the payload of a record whose end is missing proves nothing.
        let outer = write(&[vec![(1, written.bytes.clone())]]);
        let torn = read_all(&outer.bytes[..outer.bytes.len() - 1]);
        assert_eq!((torn.records.len(), torn.rest), (0, Rest::Torn));
    }

    fn payloads() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![Just(0), any::<u8>()];
        prop_oneof![prop::collection::vec(byte, 0..40), (0..1500_usize).prop_map(|n| vec![0; n])]
    }

    fn groups() -> impl Strategy<Value = Vec<Vec<(u8, Vec<u8>)>>> {
        prop::collection::vec(prop::collection::vec((any::<u8>(), payloads()), 1..4), 1..4)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_records_come_back(groups in groups()) {
            let written = write(&groups);
            let scan = read_all(&written.bytes);
            prop_assert_eq!(scan.records, written.records);
            prop_assert_eq!(scan.rest, Rest::Nothing);
        }

        #[test]
        fn any_damage_leaves_the_records_before_it(
            groups in groups(),
            at in any::<prop::sample::Index>(),
            length in 1..900_usize,
            fill in prop_oneof![Just(None), any::<u8>().prop_map(Some)],
        ) {
            let written = write(&groups);
            let mut bytes = written.bytes.clone();
            let at = START + at.index(bytes.len() - START);
            match fill {
                Some(byte) => {
                    let end = (at + length).min(bytes.len());
                    bytes[at..end].fill(byte);
                }
                None => drop(bytes.drain(at..(at + length).min(written.bytes.len()))),
            }
            let scan = read_all(&bytes);
            prop_assert!(is_prefix(&scan, &written));
            if bytes != written.bytes && at < written.synced && fill != Some(0) && fill.is_some() {
                prop_assert!(matches!(scan.rest, Rest::Damaged(_)));
            }
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(0..4_u8, START..600)) {
            prop_assert!(read_all(&bytes).records.is_empty());
        }
    }
}
