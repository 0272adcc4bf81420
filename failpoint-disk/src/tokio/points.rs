//! The points of `disk`, awaited.

use crate::fault::{self, Fault, FaultAt};
use crate::points::Points;
use failpoint::fail_value_async;
use std::fmt::Display;
use std::path::Path;

pub(super) const WRITE: &str = "disk.write";

macro_rules! awaited {
    ($($name:ident($($argument:ident: $type:ty),*), $text:expr, $operation:ident, $($key:ident = $value:expr),*;)*) => {$(
        pub(super) async fn $name($($argument: $type),*) -> Option<Fault> {
            fail_value_async!($text, FaultAt<fault::$operation>, $($key = $value),*)
                .map(FaultAt::into_fault)
        }
    )*};
}

awaited! {
    open(path: &Path), "disk.open", Open, path = path.display();
    read(path: &Path, offset: u64, len: usize), "disk.read", Read,
        path = path.display(), offset = offset, len = len;
    write(path: &Path, offset: u64, len: usize), WRITE, Write,
        path = path.display(), offset = offset, len = len;
    sync(path: &Path), "disk.sync", Sync, path = path.display();
    sync_dir(path: &Path), "disk.sync_dir", SyncDir, path = path.display();
    set_len(path: &Path, len: u64), "disk.set_len", SetLen, path = path.display(), len = len;
    rename(path: &Path, to: &Path), "disk.rename", Rename, path = path.display(), to = to.display();
    remove(path: &Path), "disk.remove", Remove, path = path.display();
    create_dir(path: &Path), "disk.create_dir", CreateDir, path = path.display();
    read_dir(path: &Path), "disk.read_dir", ReadDir, path = path.display();
    metadata(path: &Path), "disk.metadata", Metadata, path = path.display();
    set_attr(path: &Path), "disk.set_attr", SetAttr, path = path.display();
}

/// No points: for operations whose points were awaited already.
#[derive(Debug)]
pub(super) enum Quiet {}

macro_rules! quiet {
    ($($name:ident($($type:ty),*) $operation:ident;)*) => {
        impl Points for Quiet {
            const WRITE: &'static str = WRITE;

            $(fn $name(_: &Path $(, _: $type)*) -> Option<FaultAt<fault::$operation>> {
                None
            })*
        }
    };
}

quiet! {
    open() Open;
    read(&dyn Display, usize) Read;
    write(&dyn Display, usize) Write;
    sync() Sync;
    sync_dir() SyncDir;
    set_len(u64) SetLen;
    rename(&Path) Rename;
    remove() Remove;
    create_dir() CreateDir;
    read_dir() ReadDir;
    metadata() Metadata;
    set_attr() SetAttr;
}
