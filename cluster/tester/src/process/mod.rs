//! How does a process of a member live and end? It never outlives the tester.

pub mod logs;
