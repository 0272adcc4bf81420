//! A small durable server: a key-value store that saves every change before it says `OK`.
//!
//! ```text
//! client ─ line ─▶ server ─▶ store ─▶ wal ─▶ record, on the disk
//! ```
//!
//! A change passes these points, in this order:
//!
//! | point | where | what it can test |
//! |---|---|---|
//! | `raftBeforeSave` | before the change is written to the log | a slow or crashing server with nothing saved |
//! | `disk.write` | the write; `return(EIO)` makes it fail | a disk that is full or broken |
//! | `walBeforeTruncate` | before a partial record is truncated | a crash with a partial record on disk |
//! | `walBeforeSync` | written, not synced | a crash with a record that may be lost |
//! | `walSync` | the sync; `return(EIO)` makes it fail | a disk that loses data |
//! | `walAfterSync` | synced, not yet visible to readers | a crash with a record that was not acknowledged |
//! | `raftAfterSave` | saved, `OK` not sent | a slow save; an acknowledgement that never arrives |
//!
//! `disk.write` is one of the points of `failpoint-disk`, through which the log uses the disk: `disk.open`,
//! `disk.sync` and the others are there too. `1*return(short(5))->return(ENOSPC)` at `disk.write` is a disk
//! that becomes full in the middle of a record.

pub mod client;
pub mod demo;
pub mod load;
pub mod process;
pub mod record;
pub mod server;
pub mod store;
pub mod wal;
