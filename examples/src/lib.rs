//! The code of the example programs.
//!
//! It is a library so that tests can use it; the programs in `src/bin` are thin.

#![forbid(unsafe_code)]

pub mod curl;
pub mod wal_server;
