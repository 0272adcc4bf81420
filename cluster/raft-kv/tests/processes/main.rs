//! Clusters of real processes, as their clients and operators see them.

mod command;
mod faults;
mod members;
mod requests;
mod support;
