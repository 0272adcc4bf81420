//! A replicated key-value store whose node is a state machine that its owner steps.
//!
//! The store has revisions, transactions, watches, leases, snapshots and changes of its members, and
//! failpoints with the names of etcd wherever etcd has one; see [`POINTS`]. It is the example that teaches
//! where failpoints go in a server, and why.
//!
//! A [`Node`] has no clock, no thread, no runtime and no random source. Its owner gives it inputs (ticks,
//! messages, requests) and gets outputs (messages, answers). All that it saves, it saves through
//! `failpoint_disk::fs`. Three owners run the same node: the server, the interpreter of scripts and the
//! simulator.
//!
//! | feature | what it has |
//! |---|---|
//! | none | the node, for an owner of your own: no runtime, no HTTP |
//! | `server` (default) | the server on tokio and axum, the client library, and the command `raft-kv` |
//! | `failpoints` (default) | the failpoints; without it they are compiled out |

#[cfg(feature = "server")]
pub mod client;
mod node;
mod points;
mod request;
#[cfg(feature = "server")]
pub mod server;
mod settings;
mod storage;
mod store;
#[cfg(feature = "server")]
pub mod wire;

pub use node::Node;
pub use points::{POINTS, Point, Role, Trigger};
pub use request::*;
pub use settings::Settings;
pub use storage::{Log, restore};
pub use store::describe_entry;
