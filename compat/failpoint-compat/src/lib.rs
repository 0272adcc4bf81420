//! The API of the crate `fail`, on top of [`failpoint`].
//!
//! ```
//! use fail::{FailScenario, fail_point};
//!
//! fn save() -> Result<(), String> {
//!     fail_point!("before-save", |why| Err(why.unwrap_or_default()));
//!     Ok(())
//! }
//!
//! let scenario = FailScenario::setup();
//! fail::cfg("before-save", "1*return(full)").unwrap();
//! assert_eq!(save(), Err("full".to_owned()));
//! assert_eq!(save(), Ok(()));
//! scenario.teardown();
//! ```
//!
//! Every crate that depends on `fail`, third parties included, becomes a user of `failpoint` by one
//! patch of the final program's manifest, and no change of a source file. Points whose name is a
//! literal are then in the list of [`failpoint::points`] before they are hit, and all of them can be armed over
//! HTTP, in the language of `failpoint`. The verbs of this crate keep the grammar of `fail`.
//!
//! [compat/README.md](https://github.com/failpoint-rs/failpoint/blob/main/compat/README.md) says how
//! to patch, and in which corners the two differ.
//!
//! # Features
//!
//! | feature | default | what it does |
//! |---|---|---|
//! | `failpoints` | no | compiles the points of `fail_point!` in, as the feature of that name in `fail` does |

#![forbid(unsafe_code)]

mod arming;
mod grammar;
mod guard;
mod macros;
mod scenario;

#[doc(hidden)]
pub use macros::{__private, eval};

pub use arming::{cfg, cfg_callback, list, remove};
pub use guard::FailGuard;
pub use macros::has_failpoints;
pub use scenario::FailScenario;

/// The code of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
