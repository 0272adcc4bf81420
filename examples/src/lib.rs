//! The code of the example programs.
//!
//! It is a library so that tests can use it; the programs in `src/bin` are thin.

#![forbid(unsafe_code)]

pub mod curl;
#[cfg(feature = "failpoints")]
pub mod explore;
pub mod wal_server;
