//! The log on a disk that crashes and flips bits: what was saved is there, or its loss is reported.
#![cfg(feature = "failpoints")]

#[path = "../numbers/mod.rs"]
mod numbers;

mod crashes;
mod damage;
mod lives;
mod seen;
mod writer;
