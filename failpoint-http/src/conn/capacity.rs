//! How many open files the control plane may use.
//!
//! Every connection is an open file, and a server without free files cannot serve. If the process may
//! open few files, the control plane uses only a fraction of them.

use std::cmp::min;

/// How many of each kind may be held at once, in the whole process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capacity {
    /// Connections that are not held open, of one listener.
    pub(crate) connections: usize,
    /// Requests that wait.
    pub(crate) waits: usize,
    /// Readers of events.
    pub(crate) readers: usize,
}

impl Capacity {
    /// In this process. Looked up every time: its limit may be raised while it runs.
    pub(crate) fn now() -> Self {
        Self::of(open_files())
    }

    /// Where so many files may be open. The least of each is what a person and a test need.
    fn of(files: Option<usize>) -> Self {
        let part = |most: usize, share: usize, least: usize| {
            files.map_or(most, |files| min(most, (files / share).max(least)))
        };
        Self { connections: part(1024, 4, 8), waits: part(2048, 4, 8), readers: part(64, 16, 4) }
    }
}

#[cfg(unix)]
fn open_files() -> Option<usize> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current.and_then(|files| usize::try_from(files).ok())
}

#[cfg(not(unix))]
fn open_files() -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    use super::Capacity;

    #[test]
    fn it_leaves_files_to_the_server() {
        let capacity = |connections, waits, readers| Capacity { connections, waits, readers };
        assert_eq!(Capacity::of(None), capacity(1024, 2048, 64));
        assert_eq!(Capacity::of(Some(1 << 20)), capacity(1024, 2048, 64));
        assert_eq!(Capacity::of(Some(1024)), capacity(256, 256, 64));
        assert_eq!(Capacity::of(Some(64)), capacity(16, 16, 4));
        assert_eq!(Capacity::of(Some(0)), capacity(8, 8, 4));
    }
}
