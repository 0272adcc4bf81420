//! What does a cluster do on a network that fails? TCP proxies, one for each directed link, and toxiproxy's
//! HTTP API.
//!
//! A [`Link`] listens at an address and passes each connection on to another one, through its [`Toxic`]s:
//! delays, losses, a limited bandwidth, resets, cuts. A [`Mesh`] is a link for each ordered pair of
//! members, with the [`Partition`]s of Jepsen. Random choices come from a seed, and each link counts what
//! it passes and what it drops.
//!
//! ```
//! use failpoint_proxy::{Effect, Member, Mesh, MeshSettings};
//! use std::time::Duration;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let member = |name: &str, address: &str| Member { name: name.into(), address: address.into() };
//! let members =
//!     [member("a", "127.0.0.1:2380"), member("b", "127.0.0.1:2480"), member("c", "127.0.0.1:2580")];
//! let mesh = Mesh::start(&members, MeshSettings::new(42)).await?;
//! // Start the members. Tell `a` that `b` is at `mesh.address(0, 1)`, and so on.
//!
//! mesh.isolate(0);
//! // … they elect another leader …
//! mesh.heal();
//!
//! let latency = Duration::from_millis(300);
//! let slow = Effect::Delay { latency, jitter: Duration::from_millis(100) };
//! mesh.add("slow", mesh.pairs_of(2), &slow)?;
//! mesh.heal();
//! mesh.stop().await;
//! # Ok::<_, Box<dyn std::error::Error>>(()) })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # What holds
//! - **A stream is whole, or ends.** No byte arrives after one that was dropped: a connection that lost
//!   bytes is closed or reset. A loss is not a dropped byte; as below TCP, the chunk arrives later.
//! - **A cut is complete when it returns.** [`Link::cut`], [`Mesh::partition`] and their like cut also
//!   the connections that are there, and no byte is written after they returned.
//! - **A heal is at once.** What waits leaves; connections that were cut are reset, so that both sides
//!   connect again.
//! - **Memory is bounded**, and a receiver that does not read slows its sender down. The end of a stream
//!   is passed on in one direction (half-close), and so is a reset.
//!
//! # What a proxy cannot do
//! It ends TCP on both sides. A caller's connection is made although the upstream cannot be reached; then
//! it is reset. Bytes are acknowledged when the proxy has them. Packets are not reordered or damaged,
//! because TCP hides that. While one direction alone is cut, connections are still made, which a network
//! that drops all packets one way would not allow.
//!
//! # From other languages
//! The program `failpoint-proxy` is such proxies behind the HTTP API of toxiproxy, for its clients in ten
//! languages. [`toxiproxy`] says where it differs.
//!
//! # How it works
//! Each direction of a connection has a *pump*. It reads a chunk of up to 16 KiB and pushes it through a
//! *pipeline* of *stages*, one for each toxic, which say by arithmetic alone when which piece of it leaves.
//! It writes pieces when they are due. When the toxics change, what waits leaves at once, or is dropped.
#![forbid(unsafe_code)]

mod connection;
mod counters;
mod effect;
mod event;
mod link;
mod mesh;
mod owner;
mod partition;
mod pipeline;
mod pump;
mod seed;
mod shared_port;
mod stage;
mod toxics;
pub mod toxiproxy;

pub use counters::Counters;
pub use effect::{Direction, Effect, RETRANSMISSION_TIMEOUT, RETRANSMISSIONS, Toxic, ToxicError};
pub use event::{End, Event, Reason, Sink};
pub use link::{Link, Settings};
pub use mesh::{Member, Mesh, MeshSettings};
pub use owner::owner;
pub use partition::Partition;
pub use shared_port::WhoCalls;
pub use toxics::MAX_TOXICS;
