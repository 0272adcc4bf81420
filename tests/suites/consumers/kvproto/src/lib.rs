//! The one message of `kvproto` that raft-engine's tests use.

#[allow(warnings, clippy::all)]
pub mod raft_serverpb {
    include!(concat!(env!("OUT_DIR"), "/raft_serverpb.rs"));
}
