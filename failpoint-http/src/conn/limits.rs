//! How many open files the control plane may use.
//!
//! Every connection is an open file, and a server without free files cannot serve. If the process may
//! open few files, the control plane uses only a fraction of them.

use std::cmp::min;

/// How many of each kind may be held at once, in the whole process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// Connections that are not held open, of one listener.
    pub(crate) connections: usize,
    /// Requests that wait.
    pub(crate) waits: usize,
    /// Readers of events.
    pub(crate) readers: usize,
}

impl Room {
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
    use super::Room;

    #[test]
    fn it_leaves_files_to_the_server() {
        let room = |connections, waits, readers| Room { connections, waits, readers };
        assert_eq!(Room::of(None), room(1024, 2048, 64));
        assert_eq!(Room::of(Some(1 << 20)), room(1024, 2048, 64));
        assert_eq!(Room::of(Some(1024)), room(256, 256, 64));
        assert_eq!(Room::of(Some(64)), room(16, 16, 4));
        assert_eq!(Room::of(Some(0)), room(8, 8, 4));
    }
}
