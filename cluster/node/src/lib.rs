//! Nodes that their owner steps, and the crate `raft` as such a node.
//!
//! A [`Node`] is a state machine. Its owner gives it inputs (time, messages, commands) and gets
//! outputs (messages, replies). A node has no clock, no thread, no runtime and no random source, so
//! the same inputs give the same outputs. A script, a simulator and a server are owners: they differ
//! in time, network and clients, and run the same code.
//!
//! ```
//! use cluster_node::{
//!     Command, Durable, Input, LogLines, Machine, Memory, Node, Outputs, RaftNode, Reply, Settings,
//!     StepClock,
//! };
//!
//! let mut settings = Settings::new(1);
//! (settings.voters, settings.index) = (vec![1], 2);
//! let log = LogLines::default();
//! let machine = Machine::open(Durable::default())?;
//! let mut node = RaftNode::start(&settings, Memory::new(), machine, &log)?;
//!
//! let mut replies = Vec::new();
//! for command in [Command::Campaign, Command::Propose(b"a = 1".to_vec())] {
//!     let mut outputs = Outputs::new(&StepClock::default());
//!     node.step(Input::Command(command), &mut outputs)?;
//!     while node.is_ready() {
//!         node.step(Input::Proceed, &mut outputs)?; // saves, applies, sends
//!     }
//!     assert!(outputs.messages.is_empty(), "it is the only member");
//!     replies.extend(outputs.replies);
//! }
//! // Entry 3 is the empty one that a new leader writes.
//! assert_eq!(replies, [Reply::Acknowledged { index: 4, term: 1, data: b"a = 1".to_vec() }]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`RaftNode`] is the crate `raft` with its explicit Ready loop, between any [`StateMachine`] and any
//! [`Storage`]:
//!
//! | storage | where | survives a crash |
//! |---|---|---|
//! | [`Memory`] | in memory | all that was saved |
//! | [`Logged`] | on a disk, through `failpoint_disk::fs` | what was synced, if the disk says so |
//!
//! The loop passes a failpoint before and after everything that it saves, applies and sends; see
//! [`POINTS`]. [`Promises`] checks, after every step of a group, that it keeps the promises of raft.

mod conf_change;
mod config;
pub mod describe;
mod log_lines;
mod logged;
mod machine;
mod memory;
mod node;
mod points;
mod promises;
mod raft_node;
pub mod snapshot_file;
mod storage;
mod view;

pub use config::Settings;
pub use log_lines::{Level, Line, LogLines};
pub use logged::Logged;
pub use machine::{Durable, Machine, StateMachine};
pub use memory::Memory;
pub use node::{Input, Node, Outputs, Reply, Sender, Sent, StepClock};
pub use points::{POINTS, Point};
pub use promises::{Broken, Promise, Promises};
pub use raft_node::{Command, RaftNode, StepError};
pub use storage::Storage;
pub use view::{Follower, Role, View};
