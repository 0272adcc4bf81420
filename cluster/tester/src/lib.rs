//! Injects faults into a running store under load, and checks that it keeps its promises.
//!
//! A run starts a subject, puts a load on it, injects a fault, heals it, and checks what came out;
//! then the next fault. Its parts, from the bottom up:
//!
//! | module | question |
//! |---|---|
//! | [`clock`] | what time is it in this run? |
//! | [`history`] | what did the clients ask, and what were they told? |
//! | [`checks`] | did the store keep its promises? |
//! | [`process`] | how does a process of a member live and end? |
//! | [`agent`] | how is a member started, stopped and damaged? |
//! | [`driver`] | what is the subject, and how is it asked? |
//! | [`load`] | what do clients do in the meantime? |
//! | [`cases`] | which faults are there? |
//! | [`config`] | what does a run do? |
//! | [`report`] | what did a run find out? |
//! | [`run`] | in which order does all of this happen? |
//! | [`sim`] | does raft-kv keep its promises in a simulation? |
//! | [`simulate`] | what does the history of a correct store look like? |
//!
//! The checkers stand on their own. A verdict is exact: [violated](checks::Verdict::Violated) names
//! the operations that disagree, and a checker that cannot tell says
//! [not decided](checks::Verdict::NotDecided) and why.
//!
//! ```
//! use failpoint_tester::history::History;
//! use failpoint_tester::checks::linearizable::{self, Budget};
//! use failpoint_tester::checks::{order, watch};
//!
//! // The second client reads after the write has ended, and sees the state before it.
//! let lines = r#"
//! {"operation":{"client":1,"start":10,"end":20,"request":{"put":{"key":"a","value":"1"}},"outcome":{"done":{"response":"put","revision":2}}}}
//! {"operation":{"client":2,"start":30,"end":40,"request":{"get":{"key":"a"}},"outcome":{"done":{"response":{"value":null},"revision":1}}}}
//! {"change":{"revision":2,"events":[{"put":{"key":"a","value":"1"}}]}}
//! "#;
//! let history = History::read(lines.as_bytes())?;
//!
//! let found = order::check(&history).verdict;
//! assert_eq!(
//!     found.to_string(),
//!     "violated: an operation does not see the past: \
//!      operation 2 (client 2, from 30 to 40: get \"a\", answer: no such key at revision 1) started after \
//!      operation 1 (client 1, from 10 to 20: put \"a\" = \"1\", answer: written at revision 2) had ended, \
//!      but its revision orders it before"
//! );
//! assert!(linearizable::check(&history, Budget::default()).violation().is_some());
//! assert!(watch::check(&history).holds());
//! # Ok::<(), failpoint_tester::history::ReadError>(())
//! ```
//!
//! [`simulate`] makes histories of a correct store, for tests of checkers and for measurements. The
//! command `failpoint-tester` runs a configuration (`run`), checks an old history again (`check`),
//! simulates raft-kv (`sim`), and measures the checkers (`bench`).

#![forbid(unsafe_code)]

pub mod agent;
pub mod cases;
mod cause;
pub mod checks;
pub mod clock;
pub mod config;
pub mod driver;
pub mod history;
pub mod load;
pub mod process;
pub mod report;
pub mod run;
pub mod sim;
pub mod simulate;
