//! What do the bytes of the log mean?
//!
//! ```text
//! record = length, checksum of the payload, checksum of these eight bytes, payload
//! ```
//!
//! The three numbers are little-endian `u32`s. The header has a checksum of its own because a
//! damaged length would otherwise look like a record that was never finished, and everything that
//! follows would be thrown away as the rest of it.
//!
//! Pure: bytes in, records out.

use std::fmt;

/// The bytes before the payload.
pub const HEADER: usize = 12;

/// The longest payload, in bytes; a line that the server takes is shorter by far.
pub const MAX_PAYLOAD: usize = 1 << 20;

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

/// What a log holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Scan<'a> {
    /// The payloads of the whole records, oldest first.
    pub payloads: Vec<&'a [u8]>,
    /// Where the whole records end; what follows is a torn tail.
    pub end: usize,
}

/// A log that is damaged where no crash can have damaged it.
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

/// The record that bears `payload`, which is at most [`MAX_PAYLOAD`] long.
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
/// [`Corrupt`], where a record is wrong that was once whole. A last record that a crash tore is no
/// error: [`Scan::end`] stands before it.
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
/// A crash leaves a record short, or leaves zeros where sectors did not arrive. Everything else is
/// damage to what was once whole, and may hide changes that were acknowledged.
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
        return First::Corrupt("it is longer than any that this server writes");
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

/// Whether some sector of `bytes`, which start at byte `offset` of the log, never arrived. The
/// server saves no zero byte, so that sectors of zeros are nothing but that.
fn misses_a_sector(bytes: &[u8], offset: usize) -> bool {
    let to_boundary = (SECTOR - offset % SECTOR).min(bytes.len());
    let (first, others) = bytes.split_at(to_boundary);
    is_zero(first) || others.chunks(SECTOR).any(is_zero)
}

/// Whether a whole record starts somewhere in `bytes`: only the last one of a log can be torn.
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
