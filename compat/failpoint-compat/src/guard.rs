//! What is armed only while a guard lives?

use crate::{cfg, cfg_callback, remove};

/// Arms a point, and disarms it on drop.
#[derive(Debug)]
#[must_use = "dropping the guard disarms the point"]
pub struct FailGuard(String);

impl FailGuard {
    /// By this the feature `fail` of `failpoint-http` knows that these points are ours already.
    #[doc(hidden)]
    pub const STANDS_ON_FAILPOINT: bool = true;

    /// As [`cfg()`], while the guard lives.
    ///
    /// # Errors
    /// As [`cfg()`].
    pub fn new<S: Into<String>>(name: S, actions: &str) -> Result<FailGuard, String> {
        let name = name.into();
        cfg(&name, actions)?;
        Ok(FailGuard(name))
    }

    /// As [`cfg_callback()`], while the guard lives.
    ///
    /// # Errors
    /// Never.
    pub fn with_callback<S, F>(name: S, f: F) -> Result<FailGuard, String>
    where
        S: Into<String>,
        F: Fn() + Send + Sync + 'static,
    {
        let name = name.into();
        cfg_callback(&name, f)?;
        Ok(FailGuard(name))
    }
}

impl Drop for FailGuard {
    fn drop(&mut self) {
        remove(&self.0);
    }
}
