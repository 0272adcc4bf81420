//! The format of the log.
//!
//! ```text
//! record = length, checksum of the payload, checksum of these eight bytes, payload
//! ```
//!
//! The three numbers are little-endian `u32`s. The header has a checksum of its own because a
//! damaged length would otherwise look like a record that was never finished, and everything that
//! follows would be thrown away as the rest of it.
//!
//! This module does no I/O: it takes bytes and returns records.

use std::fmt;

/// The bytes before the payload.
pub const HEADER: usize = 12;

/// The longest payload, in bytes. Lines of the protocol are much shorter.
pub const MAX_PAYLOAD: usize = 1 << 20;

/// The unit that a disk writes atomically.
const SECTOR: usize = 512;

/// The contents of a log.
#[derive(Debug, PartialEq, Eq)]
pub struct Scan<'a> {
    /// The payloads of the whole records, oldest first.
    pub payloads: Vec<&'a [u8]>,
    /// Where the whole records end; what follows is a torn tail.
    pub end: usize,
}

/// A log with damage that a crash cannot cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Corrupt {
    /// Where the record starts, in bytes.
    pub offset: usize,
    /// What is wrong with it.
    pub why: &'static str,
}

impl fmt::Display for Corrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the record at byte {}: {}", self.offset, self.why)
    }
}

impl std::error::Error for Corrupt {}

/// The record for `payload`, which is at most [`MAX_PAYLOAD`] long.
pub fn encode(payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let mut record = Vec::with_capacity(HEADER + payload.len());
    record.extend(length.to_le_bytes());
    record.extend(crc32fast::hash(payload).to_le_bytes());
    record.extend(crc32fast::hash(&record).to_le_bytes());
    record.extend(payload);
    record
}

/// Reads a log from its start.
///
/// # Errors
/// [`Corrupt`], if a record is damaged that was once complete. A last record that a crash tore is not
/// an error: [`Scan::end`] is before it.
pub fn scan(log: &[u8]) -> Result<Scan<'_>, Corrupt> {
    let mut payloads = Vec::new();
    let mut end = 0;
    while end < log.len() {
        match first(&log[end..], end) {
            First::Whole(payload) => {
                payloads.push(payload);
                end += HEADER + payload.len();
            }
            First::Torn => break,
            First::Corrupt(why) => return Err(Corrupt { offset: end, why }),
        }
    }
    Ok(Scan { payloads, end })
}

enum First<'a> {
    Whole(&'a [u8]),
    Torn,
    Corrupt(&'static str),
}

/// The first record of `rest`, which starts at byte `offset` of the log.
///
/// A crash leaves a short record, or zeros in place of sectors that were not written. Everything else is
/// damage to a complete record, and may hide acknowledged changes.
fn first(rest: &[u8], offset: usize) -> First<'_> {
    let Some((header, after)) = rest.split_at_checked(HEADER) else {
        return First::Torn;
    };
    if crc32fast::hash(&header[..8]) != number(&header[8..]) {
        return if misses_a_sector(rest, offset) && !holds_a_record(&rest[1..]) {
            First::Torn
        } else {
            First::Corrupt("its header is damaged")
        };
    }
    let length = number(&header[..4]) as usize;
    if length > MAX_PAYLOAD {
        return First::Corrupt("it is longer than the longest record");
    }
    let Some((payload, following)) = after.split_at_checked(length) else {
        return First::Torn;
    };
    if crc32fast::hash(payload) != number(&header[4..8]) {
        return if is_zero(following) && misses_a_sector(payload, offset + HEADER) {
            First::Torn
        } else {
            First::Corrupt("its payload is damaged")
        };
    }
    First::Whole(payload)
}

/// Whether a sector of `bytes`, which start at byte `offset` of the log, was never written. The server
/// saves no zero bytes, so a sector of zeros was not written.
fn misses_a_sector(bytes: &[u8], offset: usize) -> bool {
    let to_boundary = (SECTOR - offset % SECTOR).min(bytes.len());
    let (first, others) = bytes.split_at(to_boundary);
    is_zero(first) || others.chunks(SECTOR).any(is_zero)
}

/// Whether a complete record starts in `bytes`: only the last record of a log can be torn.
fn holds_a_record(bytes: &[u8]) -> bool {
    (0..bytes.len()).any(|start| starts_whole(&bytes[start..]))
}

fn starts_whole(bytes: &[u8]) -> bool {
    let Some((header, after)) = bytes.split_at_checked(HEADER) else { return false };
    crc32fast::hash(&header[..8]) == number(&header[8..])
        && after
            .get(..number(&header[..4]) as usize)
            .is_some_and(|payload| crc32fast::hash(payload) == number(&header[4..8]))
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte == 0)
}

/// The little-endian number of the first four bytes.
fn number(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).rev().fold(0, |number, &byte| number << 8 | u32::from(byte))
}
