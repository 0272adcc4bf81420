//! Agents run members that are small shell programs, and no process is left behind.

mod ends;
mod logs;
mod operations;
mod remote;
mod support;
