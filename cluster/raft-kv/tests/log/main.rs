//! The log on a disk that crashes and decays: what was saved is there, or its loss is told.
#![cfg(feature = "failpoints")]

#[path = "../numbers/mod.rs"]
mod numbers;

mod crashes;
mod damage;
mod lives;
mod seen;
mod writer;
