//! A small durable server: a key-value store that saves every change before it says `OK`.
//!
//! ```text
//! client ─ line ─▶ server ─▶ store ─▶ wal ─▶ record, on the disk
//! ```
//!
//! A change passes these points, in this order:
//!
//! | point | where | what it is good for |
//! |---|---|---|
//! | `raftBeforeSave` | before the change goes to the log | a slow or dying server with nothing saved |
//! | `walWrite` | the write; `return(EIO)` makes it fail | a disk that is full or broken |
//! | `walTornWrite` | the write; `return(5)` lets 5 bytes arrive and then fails | half a record |
//! | `walBeforeTruncate` | before half a record is cut off again | dying with half a record on disk |
//! | `walBeforeSync` | written, not synced | dying with a record that may be lost |
//! | `walSync` | the sync; `return(EIO)` makes it fail | a disk that loses what it took |
//! | `walAfterSync` | synced, no reader sees it yet | dying with a record that nobody was promised |
//! | `raftAfterSave` | saved, `OK` not sent | a slow save; a promise that never arrives |

pub mod client;
pub mod demo;
pub mod load;
pub mod process;
pub mod record;
pub mod server;
pub mod store;
pub mod wal;
