//! The blocking version of the client library, for code that is not async.
//!
//! Requests run on a background thread of this library, so you can use these types anywhere. In a
//! tokio runtime they block the current thread. The async versions document what each method does,
//! returns and refuses: [`Client`](crate::Client), [`ClientSet`](crate::ClientSet),
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

/// Runs the work on the library's background thread. The values that it uses are cloned first.
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
