//! The client library for those who are no tasks: the same, and it blocks.
//!
//! The work is done on one thread of this library, so these types may be used anywhere, within a
//! tokio runtime too, where they hold their thread up. What a method does, gives and refuses is said
//! at its twin: [`Client`](crate::Client), [`ClientSet`](crate::ClientSet),
//! [`RemoteArmed`](crate::RemoteArmed).
//!
//! ```no_run
//! use failpoint_http::blocking::Client;
//! use std::time::Duration;
//!
//! # fn test() -> Result<(), failpoint_http::ClientError> {
//! let server = Client::new("127.0.0.1:22381")?;
//! let save = server.arm("raftAfterSave", "pause")?;
//! // … a write …
//! save.wait_paused(1, Duration::from_secs(10))?;
//! save.resume(1)?;
//! # Ok(()) }
//! ```

/// Has the work done on the thread of the library. What it uses is cloned first.
macro_rules! blocking {
    ($($used:ident = $value:expr),+ => $work:expr) => {{
        $(let $used = $value;)+
        $crate::client::background::run(async move { $work.await })
    }};
}

mod client;
mod events;
mod gofail;
mod guard;
mod set;

pub use client::Client;
pub use events::EventStream;
pub use gofail::Gofail;
pub use guard::RemoteArmed;
pub use set::ClientSet;
