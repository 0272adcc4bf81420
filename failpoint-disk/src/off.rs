//! Simulated disks, with failpoints compiled out: they can be named, and hold nothing.

use crate::keep::Keep;
use crate::stray::Stray;
use failpoint::Scope;
use std::path::Path;

/// A disk in memory that can crash. With failpoints compiled out, it holds nothing and is mounted nowhere.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SimDisk;

impl SimDisk {
    /// A disk that holds nothing.
    #[allow(clippy::new_without_default)] // as in the other world
    pub fn new() -> Self {
        Self
    }

    /// A disk that holds nothing.
    pub fn with_capacity(_: u64) -> Self {
        Self
    }

    /// A disk that holds nothing.
    pub fn crash(&self, _: Keep) -> Self {
        Self
    }

    /// Nothing.
    pub fn unsynced(&self) -> Vec<String> {
        Vec::new()
    }

    /// No.
    pub fn has_crashed(&self) -> bool {
        false
    }

    /// Does nothing.
    pub fn power_off(&self) {}

    /// A mount that leads nowhere.
    pub fn at(&self, _: impl AsRef<Path>) -> Mount {
        Mount
    }
}

/// A [`SimDisk`] at a path. With failpoints compiled out, it leads nowhere.
#[derive(Clone, Debug)]
#[must_use = "a scope must hold the mount: scope.hold(disk.at(\"/sim\"))"]
#[non_exhaustive]
pub struct Mount;

impl Mount {
    /// None.
    pub fn strays(&self) -> Vec<Stray> {
        Vec::new()
    }
}

/// Lets a [`Scope`] hold a disk.
pub trait HoldDisk {
    /// Does nothing: failpoints were compiled out.
    fn hold(&self, mount: Mount);
}

impl HoldDisk for Scope {
    fn hold(&self, _: Mount) {}
}
