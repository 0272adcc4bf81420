//! A whole group of nodes in one thread, with faults that are drawn from a seed.
//!
//! [`run`] takes a seed and nothing else. The seed draws the [`Plan`] of a run: how many members there are,
//! which faults it has, which failpoints, how bad the network and the clocks are. Then it draws each fault.
//! There is no clock, no thread and no sleep: time is a number, and goes on to the next thing that
//! happens. So a seed gives the same run each time, and what it finds can be looked at as often as it takes.
//!
//! A run has two parts. In the first one, members crash, messages are lost, late or doubled, links are cut,
//! clocks jump, and clients ask. In the second one there are no faults: within a bounded time, the members
//! must agree, and serve a last write. All the time, the [`Subject`] checks its promises.
//!
//! [`RaftKv`] is the store of this workspace as a subject: its node, which the server runs too.
//!
//! ```
//! use cluster_sim::{RaftKv, run};
//!
//! let first = run::<RaftKv>(7, false);
//! assert_eq!(first.violation, None, "{}", first.plan);
//! assert!(first.injections.total() > 0);
//! assert_eq!(first.trace, run::<RaftKv>(7, false).trace);
//! ```

mod draws;
mod faults;
mod links;
mod member;
mod plan;
pub mod raft_kv;
mod report;
mod run;
mod subject;
mod trace;
mod world;

pub use draws::Draws;
pub use plan::{Fault, Plan, Point};
pub use raft_kv::RaftKv;
pub use report::{Injections, Rule, Run, Violation};
pub use run::run;
pub use subject::{Checked, Command, Error, Message, Reply, Subject};
