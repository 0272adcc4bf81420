//! The client library, with which a program controls the failpoints of another one.
//!
//! ```text
//! error path sse ─▶ target arming filter background ─▶ settings wait ─▶ transport ─▶ caller
//!    ─▶ point events gofail ─▶ guard ─▶ client ─▶ set ─▶ blocking
//! ```

mod arming;
mod background;
pub mod blocking;
mod caller;
#[expect(clippy::module_inception, reason = "the client of the client library")]
mod client;
mod error;
mod events;
mod filter;
mod gofail;
mod guard;
mod path;
mod point;
mod set;
mod settings;
mod sse;
mod target;
mod transport;
mod wait;

pub use arming::{Arming, Armings};
pub use client::{Client, ClientBuilder};
pub use error::ClientError;
pub use events::{EventStream, Events, Received};
pub use filter::Filter;
pub use gofail::Gofail;
pub use guard::RemoteArmed;
pub use set::{ByAddress, ClientSet};
pub use wait::Wait;
