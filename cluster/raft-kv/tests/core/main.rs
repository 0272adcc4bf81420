//! The core of raft-kv: nodes in one thread, each with a simulated disk, stepped by a small owner.

#[path = "../numbers/mod.rs"]
mod numbers;

mod group;

mod basics;
mod crashes;
mod determinism;
mod leases;
mod members;
mod messages;
mod requests;
mod snapshots;
mod watches;
