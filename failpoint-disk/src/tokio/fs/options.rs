//! How a file is opened.

use super::{File, Quiet, fail, is_simulated, points};
use crate::mirror;
use crate::points::Points;
use std::io;
use std::path::Path;

/// How a file is opened, as [`tokio::fs::OpenOptions`](::tokio::fs::OpenOptions).
#[derive(Clone, Debug)]
pub struct OpenOptions {
    options: mirror::OpenOptions<Quiet>,
}

macro_rules! setters {
    ($($name:ident)*) => {$(
        #[doc = concat!("As [`std::fs::OpenOptions::", stringify!($name), "`].")]
        pub fn $name(&mut self, $name: bool) -> &mut Self {
            self.options.$name($name);
            self
        }
    )*};
}

impl OpenOptions {
    /// Everything is off.
    pub fn new() -> Self {
        Self { options: mirror::OpenOptions::new() }
    }

    setters! { read write append truncate create create_new }

    /// As [`std::os::unix::fs::OpenOptionsExt::mode`].
    #[cfg(unix)]
    pub fn mode(&mut self, mode: u32) -> &mut Self {
        std::os::unix::fs::OpenOptionsExt::mode(&mut self.options, mode);
        self
    }

    /// As [`std::os::unix::fs::OpenOptionsExt::custom_flags`]; a simulated disk does not look at them.
    #[cfg(unix)]
    pub fn custom_flags(&mut self, flags: i32) -> &mut Self {
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut self.options, flags);
        self
    }

    /// Opens the file, as [`tokio::fs::OpenOptions::open`](::tokio::fs::OpenOptions::open).
    ///
    /// # Errors
    /// Those of the disk.
    pub async fn open(&self, path: impl AsRef<Path>) -> io::Result<File> {
        let path = path.as_ref().to_owned();
        fail(points::open(&path).await)?;
        if is_simulated(&path)? {
            return Ok(File::mirrored(self.options.open(&path)?));
        }
        let options = ::tokio::fs::OpenOptions::from(self.options.real());
        Ok(File::real(options.open(&path).await?, path.into()))
    }
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Points> From<mirror::OpenOptions<K>> for OpenOptions {
    fn from(options: mirror::OpenOptions<K>) -> Self {
        Self { options: options.of_points() }
    }
}
