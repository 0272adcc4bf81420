//! What the example programs are made of.
//!
//! A library, so that the tests reach the same code; the programs in `src/bin` are thin.

#![forbid(unsafe_code)]

pub mod curl;
pub mod wal_server;
