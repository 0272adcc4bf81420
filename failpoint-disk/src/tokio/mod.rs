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

#[cfg(feature = "failpoints")]
pub mod fs;
#[cfg(feature = "failpoints")]
mod points;

#[cfg(not(feature = "failpoints"))]
pub use ::tokio::fs;
