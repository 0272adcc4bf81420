//! What `tokio` has and this crate mirrors.
//!
//! ```
//! use failpoint_disk::tokio::fs; // instead of tokio::fs
//! use tokio::io::AsyncWriteExt;
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! # let directory = tempfile::tempdir()?;
//! let mut file = fs::File::create(directory.path().join("log")).await?;
//! file.write_all(b"saved").await?;
//! file.sync_all().await?;
//! # std::io::Result::Ok(())
//! # })?;
//! # std::io::Result::Ok(())
//! ```
//!
//! A task that is spawned is outside of the scope whose disk it should use. Wrap it:
//!
//! ```
//! use failpoint_disk::{explore_crashes, tokio::fs};
//!
//! async fn save(text: &str) -> std::io::Result<()> {
//!     fs::write("/sim/new", text).await?;
//!     fs::File::open("/sim/new").await?.sync_all().await?;
//!     fs::rename("/sim/new", "/sim/saved").await?;
//!     fs::File::open("/sim").await?.sync_all().await
//! }
//!
//! let runtime = tokio::runtime::Builder::new_current_thread().build()?;
//! let report = explore_crashes(
//!     |run| {
//!         let task = run.scope().wrap(save("one"));
//!         runtime.block_on(async { tokio::spawn(task).await }).unwrap().unwrap();
//!         run.ack("one");
//!     },
//!     || runtime.block_on(fs::read_to_string("/sim/saved")).unwrap_or_default(),
//!     |found, acked| match acked.last() {
//!         Some(last) if found != last => Err(format!("{last} is lost, {found:?} is there")),
//!         _ => Ok(()),
//!     },
//! );
//! # #[cfg(feature = "failpoints")]
//! report.expect_held();
//! # std::io::Result::Ok(())
//! ```

#[cfg(feature = "failpoints")]
pub mod fs;
#[cfg(feature = "failpoints")]
mod points;

#[cfg(not(feature = "failpoints"))]
pub use ::tokio::fs;
