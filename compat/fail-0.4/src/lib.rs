//! The API of the crate `fail` 0.4, on top of [`failpoint`].
//!
//! The sources are those of the package for 0.5, without `FailGuard`, which 0.4 does not have. They are
//! included by path, since the macros name the crate that they are in.

#![forbid(unsafe_code)]

#[path = "../../failpoint-compat/src/arming.rs"]
mod arming;
#[path = "../../failpoint-compat/src/grammar.rs"]
mod grammar;
#[path = "../../failpoint-compat/src/macros.rs"]
mod macros;
#[path = "../../failpoint-compat/src/scenario.rs"]
mod scenario;

#[doc(hidden)]
pub use macros::{__private, eval};

pub use arming::{cfg, cfg_callback, list, remove};
pub use macros::has_failpoints;
pub use scenario::FailScenario;
