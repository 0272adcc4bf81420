//! Histories of what the clients of a store saw, and checkers that judge them.
//!
//! A tester injects faults into a running store, lets clients work with it, and records what they
//! asked and what they were told: a [`history`]. The checkers say afterwards whether the store kept
//! its promises. A verdict is exact: [violated](Verdict::Violated) names the operations that
//! disagree, and a checker that cannot tell says [not decided](Verdict::NotDecided) and why.
//!
//! | checker | question | needs |
//! |---|---|---|
//! | ORDER, [`order::check`] | do all answers agree with the order that the revisions claim? | a store with revisions (etcd), a watch of all keys |
//! | LINEARIZABLE, [`linearizable::check`] | is there an order that explains all answers? | answers only; a time and a memory limit |
//! | WATCH, [`watch::check`] | does each watch get every event, once and in order? | a watch of all keys |
//! | SOME_SUCCEEDED, [`run::some_succeeded`] | was a request of each kind answered? | answers only |
//! | REACHED, [`run::reached`] | did each armed point fire? | the counts of the points |
//! | LOGS, [`logs::check`] | does a log show trouble that the tester did not cause? | the logs, and what the tester did |
//!
//! ```
//! use failpoint_tester::history::History;
//! use failpoint_tester::linearizable::{self, Budget};
//! use failpoint_tester::{order, watch};
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
//! command `failpoint-tester` checks a file of JSON lines (`check`), and measures the checkers
//! (`bench`).

pub mod history;
pub mod linearizable;
pub mod logs;
pub mod order;
mod replay;
pub mod run;
pub mod simulate;
mod verdict;
pub mod watch;

pub use verdict::Verdict;
