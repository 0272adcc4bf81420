//! An open file of a simulated disk.

use super::SimDisk;
use super::mount::Inside;
use super::state::{Caller, How, Stat};
use crate::errno::errno;
use std::io::{self, SeekFrom};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An open file description: clones share their position and their lock, as `dup` does.
#[derive(Clone)]
pub(crate) struct SimFile {
    description: Arc<Description>,
}

struct Description {
    disk: SimDisk,
    ino: super::image::Ino,
    path: Arc<Path>,
    position: Mutex<u64>,
    access: Access,
    number: u64,
}

#[derive(Clone, Copy)]
pub(crate) struct Access {
    pub(crate) read: bool,
    pub(crate) write: bool,
    pub(crate) append: bool,
}

impl Drop for Description {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        state.unlock(self.ino, self.number);
        state.close(self.ino);
    }
}

impl SimFile {
    pub(crate) fn open(
        disk: SimDisk,
        path: Arc<Path>,
        inside: Inside<'_>,
        how: How,
        access: Access,
        caller: Caller,
    ) -> io::Result<Self> {
        // Relaxed: it only has to be distinct.
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let ino = disk.state().open(&path, inside, how, caller)?;
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let position = Mutex::new(0);
        Ok(Self {
            description: Arc::new(Description { disk, ino, path, position, access, number }),
        })
    }

    pub(crate) fn disk(&self) -> &SimDisk {
        &self.description.disk
    }

    pub(crate) fn stat(&self) -> io::Result<Stat> {
        self.disk().state().stat_file(self.description.ino)
    }

    pub(crate) fn is_dir(&self) -> bool {
        self.disk().state().stat(self.description.ino).is_dir()
    }

    pub(crate) fn position(&self) -> u64 {
        *self.lock_position()
    }

    pub(crate) fn appends(&self) -> bool {
        self.description.access.append
    }

    pub(crate) fn len(&self) -> u64 {
        self.disk().state().stat(self.description.ino).len
    }

    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut position = self.lock_position();
        let read = self.read_at(buffer, *position)?;
        *position += read as u64;
        Ok(read)
    }

    pub(crate) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        // The sum too: a file cannot be so long.
        if i64::try_from(offset.saturating_add(buffer.len() as u64)).is_err() {
            return Err(errno("EINVAL"));
        }
        if !self.description.access.read {
            return Err(errno("EBADF"));
        }
        self.disk().state().read(self.description.ino, offset, buffer)
    }

    pub(crate) fn write(&self, data: &[u8], torn: bool, caller: Caller) -> io::Result<usize> {
        let mut position = self.lock_position();
        let offset = if self.description.access.append { self.len() } else { *position };
        let written = self.write_at(data, offset, torn, caller)?;
        // A write of nothing does not move to the end either.
        if written > 0 {
            *position = offset + written as u64;
        }
        Ok(written)
    }

    pub(crate) fn write_at(
        &self,
        data: &[u8],
        offset: u64,
        torn: bool,
        caller: Caller,
    ) -> io::Result<usize> {
        let Description { ino, path, access, .. } = &*self.description;
        if i64::try_from(offset.saturating_add(data.len() as u64)).is_err() {
            return Err(errno("EINVAL"));
        }
        if !access.write {
            return Err(errno("EBADF"));
        }
        let mut state = self.disk().state();
        // As on Linux, a file that appends does so at any offset.
        let offset = if access.append { state.stat(*ino).len } else { offset };
        state.write(*ino, path, offset, data, torn, caller)
    }

    pub(crate) fn seek(&self, to: SeekFrom) -> io::Result<u64> {
        let mut position = self.lock_position();
        let (base, by) = match to {
            SeekFrom::Start(offset) => (0, i128::from(offset)),
            SeekFrom::End(by) => (self.len(), i128::from(by)),
            SeekFrom::Current(by) => (*position, i128::from(by)),
        };
        let target = i128::from(base) + by;
        let furthest = i128::from(i64::MAX);
        let target = u64::try_from(target).ok().filter(|&to| i128::from(to) <= furthest);
        *position = target.ok_or_else(|| errno("EINVAL"))?;
        Ok(*position)
    }

    pub(crate) fn set_len(&self, len: u64, caller: Caller) -> io::Result<()> {
        let Description { ino, path, access, .. } = &*self.description;
        check_len(len)?;
        if !access.write {
            return Err(errno("EINVAL"));
        }
        self.disk().state().set_len(*ino, path, len, caller)
    }

    pub(crate) fn sync(&self, caller: Caller) -> io::Result<()> {
        self.disk().state().sync(self.description.ino, &self.description.path, caller)
    }

    pub(crate) fn lie(&self, caller: Caller) -> io::Result<()> {
        self.disk().state().lie(&self.description.path, caller)
    }

    pub(crate) fn forget(&self, caller: Caller) {
        self.disk().state().forget(self.description.ino, &self.description.path, caller);
    }

    pub(crate) fn mark_bad(&self, offset: u64, len: u64) {
        self.disk().state().mark_bad(self.description.ino, offset, len);
    }

    pub(crate) fn change_attributes(
        &self,
        change: impl FnOnce(&mut super::state::Attributes),
    ) -> io::Result<()> {
        change(self.disk().state().attributes_mut(self.description.ino)?);
        Ok(())
    }

    pub(crate) fn try_lock(&self, exclusive: bool) -> io::Result<bool> {
        let Description { ino, number, .. } = &*self.description;
        self.disk().state().try_lock(*ino, *number, exclusive)
    }

    pub(crate) fn unlock(&self) {
        self.disk().state().unlock(self.description.ino, self.description.number);
    }

    fn lock_position(&self) -> MutexGuard<'_, u64> {
        self.description.position.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Refuses what std refuses before it asks the system.
pub(crate) fn check_len(len: u64) -> io::Result<()> {
    i64::try_from(len).map(drop).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}
