//! Raft as a script: a group of nodes in one thread, driven by text files.

pub mod script;
