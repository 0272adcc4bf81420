//! Clusters of real processes, as their clients and operators see them.

mod command;
#[cfg(feature = "failpoints")]
mod faults;
mod http;
mod members;
mod network;
mod peers;
#[cfg(feature = "failpoints")]
mod power;
mod requests;
mod support;
