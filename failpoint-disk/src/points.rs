//! Which points an operation passes. Each module that [`prefixed_fs!`](crate::prefixed_fs) makes has points
//! of its own.

use crate::fault::{
    CreateDir, FaultAt, Metadata, Open, Read, ReadDir, Remove, Rename, SetAttr, SetLen, Sync,
    SyncDir, Write,
};
use std::fmt::Display;
use std::path::Path;

/// The points of one module. [`prefixed_fs!`](crate::prefixed_fs) implements it.
///
/// Offsets are shown only if the point is armed: to find one may need a call of the system.
#[doc(hidden)]
pub trait Points: Sized + 'static {
    /// The name of the point that a write passes.
    const WRITE: &'static str;

    fn open(path: &Path) -> Option<FaultAt<Open>>;
    fn read(path: &Path, offset: &dyn Display, len: usize) -> Option<FaultAt<Read>>;
    fn write(path: &Path, offset: &dyn Display, len: usize) -> Option<FaultAt<Write>>;
    fn sync(path: &Path) -> Option<FaultAt<Sync>>;
    fn sync_dir(path: &Path) -> Option<FaultAt<SyncDir>>;
    fn set_len(path: &Path, len: u64) -> Option<FaultAt<SetLen>>;
    fn rename(path: &Path, to: &Path) -> Option<FaultAt<Rename>>;
    fn remove(path: &Path) -> Option<FaultAt<Remove>>;
    fn create_dir(path: &Path) -> Option<FaultAt<CreateDir>>;
    fn read_dir(path: &Path) -> Option<FaultAt<ReadDir>>;
    fn metadata(path: &Path) -> Option<FaultAt<Metadata>>;
    fn set_attr(path: &Path) -> Option<FaultAt<SetAttr>>;
}
