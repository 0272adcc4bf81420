//! An append-only log of records in segments, with checksums, that survives crashes.
//!
//! ```
//! use cluster_log::{Log, Options};
//!
//! # let directory = tempfile::tempdir()?;
//! # let directory = &directory.path().join("log");
//! const ENTRY: u8 = 1;
//! const SNAPSHOT: u8 = 2;
//!
//! let (mut log, recovered) = Log::open(directory, Options::default())?;
//! assert!(recovered.records.is_empty());
//! log.append_all([(ENTRY, &b"a = 1"[..]), (ENTRY, b"a = 2")])?;
//! log.sync()?; // from here on, they survive every crash
//!
//! // Older records are not needed any more: replace them by a summary.
//! log.restate([(SNAPSHOT, &b"a is 2"[..])])?;
//! log.append(ENTRY, b"b = 1")?;
//! log.sync()?;
//! drop(log);
//!
//! let (_log, recovered) = Log::open(directory, Options::default())?;
//! let found: Vec<(u8, &[u8])> =
//!     recovered.records.iter().map(|record| (record.kind, &record.payload[..])).collect();
//! assert_eq!(found, [(SNAPSHOT, &b"a is 2"[..]), (ENTRY, b"b = 1")]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The log knows nothing of raft. A record is a `kind` and a payload, which can be any bytes; a storage of
//! raft encodes its entries, hard state and snapshot markers into records. The log grew out of the one of
//! `wal_server`, in the examples of failpoint.
//!
//! # What it promises
//!
//! - A record that was [synced](Log::sync) survives every crash, in its order, and so does every record
//!   before it.
//! - A record that was not synced may be lost. Then every record after it is lost too.
//! - [`Log::open`] returns no record that was not appended, and none that a later crash can lose.
//! - After [`Log::restate`] a crash finds the log as it was, or what was restated: never a part of it, never
//!   both.
//! - Damage that no crash explains is an [`OpenError`], which names the file and the byte. Nothing is cut off
//!   then.
//! - An error of the disk loses no record that was synced. A write that fails is cut off; a sync that fails
//!   closes the log. See [`LogError`].
//!
//! It relies on what POSIX promises of a sync, of a file and of a directory. A crash may lose every write
//! since the last sync, or keep it, or keep a part of it, in any order. A sector of 512 bytes is written as a
//! whole, or from its start up to some byte. What was not written reads as zeros.
//!
//! # On the disk
//!
//! The directory holds segments: `00000000000000000001.log` and so on. Each starts with a header, and the
//! records follow. A new segment is written and synced as `unfinished`, renamed, and the directory is synced;
//! so a segment is there as a whole or not at all. The segment before it was synced until then, and is never
//! written again. The log begins at the newest segment whose header says so, which is the first one, or the
//! one that the last [`restate`](Log::restate) made; older ones are removed.
//!
//! Headers and payloads of records are written so that they hold no zero byte. A zero is therefore a byte that
//! was never written, whatever the payload is. Each record also says how far its segment was synced when it
//! was written. Both tell what a crash left from damage:
//!
//! | what is found | is |
//! |---|---|
//! | a defect in a segment that has a successor, or in what was restated | damage |
//! | a defect in the last segment, and after it a record that was written after a sync beyond the defect | damage |
//! | else, a last record that the end of the file cuts, or with zeros up to the end of a sector or of the record | torn, and cut off |
//! | else, any other defect | damage |
//!
//! Three kinds of damage look like a crash, and cannot be told from one without a second copy: a file that
//! lost its end after the last sync before; zeros over the end of a sector, or of a record, that is among the
//! last ones that were synced; and a directory that lost its newest segments, or all.
//!
//! A record takes 23 bytes, its payload, and one byte more for each 254 of it at most. A payload has at most
//! [`MAX_PAYLOAD`] bytes. Opening a log needs memory for its records and for one segment.
//!
//! # Failpoints
//!
//! | point | what a crash there simulates |
//! |---|---|
//! | `walBeforeSync` | a crash after records were written, and before they are durable |
//! | `walAfterSync` | a crash after records are durable, and before the caller knows it |
//! | `raftAfterWALRelease` | a crash after older segments were removed, and before the caller knows it |
//!
//! All I/O goes through [`failpoint_disk::fs`], so the points `disk.write`, `disk.sync` and so on fail it, and
//! in a scope that holds a [`SimDisk`](failpoint_disk::SimDisk) the log is on that disk.
//!
//! # Limits
//!
//! One process at a time has a log open: the directory is locked. Unix only, since other systems neither lock
//! files in this way nor open directories. A [`Log`] is used by one thread at a time.

mod error;
mod format;
mod log;
mod recover;
mod segment;
mod stuffing;

pub use error::{LogError, OpenError};
pub use format::{MAX_PAYLOAD, Record};
pub use log::{Log, Options, Released};
pub use recover::Recovered;
