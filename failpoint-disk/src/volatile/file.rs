//! An open file whose changes are held back.

use super::node::{Base, Content};
use super::overlay::Overlay;
use super::walk::Spot;
use super::{Disk, Locked, real};
use crate::errno::errno;
use crate::mirror::Metadata;
use crate::sim::Access;
use crate::sim::file::check_len;
use crate::sim::image::Ino;
use crate::sim::mount::End;
use crate::sim::state::{Attributes, How};
use std::fs;
use std::io::{self, SeekFrom};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An open file description: clones share their position and their lock, as `dup` does.
#[derive(Clone)]
pub(crate) struct HeldFile {
    description: Arc<Description>,
}

struct Description {
    disk: &'static Disk,
    ino: Ino,
    /// The same file on the real disk, if it was there when it was opened. Other processes see its locks.
    real: Option<fs::File>,
    position: Mutex<u64>,
    access: Access,
    number: u64,
}

/// What was opened.
pub(crate) enum Opened {
    Held(HeldFile),
    /// A device, a pipe or a file of the kernel, which has nothing to hold back.
    Direct(fs::File),
}

impl Drop for Description {
    fn drop(&mut self) {
        let mut overlay = self.disk.lock();
        overlay.locks.unlock(self.ino, self.number);
        overlay.close(self.ino);
    }
}

impl HeldFile {
    /// `plain` are the options as they were given, for what is opened directly. `follows` is `false`, if they
    /// do not follow a symbolic link.
    pub(crate) fn open(
        disk: &'static Disk,
        path: &Path,
        how: How,
        access: Access,
        plain: &fs::OpenOptions,
        follows: bool,
    ) -> io::Result<Opened> {
        // Relaxed: it only has to be distinct.
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let mut overlay = disk.lock();
        let (ino, real) = match overlay.open(path, how, access, plain, follows)? {
            Found::Direct(file) => return Ok(Opened::Direct(file)),
            Found::Node(ino, real) => (ino, real),
        };
        let truncated = if how.truncate && overlay.node(ino).len()? > 0 {
            overlay.set_len(ino, 0)
        } else {
            Ok(())
        };
        drop(overlay);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let position = Mutex::new(0);
        let file = Self {
            description: Arc::new(Description { disk, ino, real, position, access, number }),
        };
        truncated?;
        Ok(Opened::Held(file))
    }

    fn overlay(&self) -> Locked<'static> {
        self.description.disk.lock()
    }

    pub(crate) fn metadata(&self) -> io::Result<Metadata> {
        let overlay = self.overlay();
        overlay.check_power()?;
        overlay.metadata_of(self.description.ino)
    }

    pub(crate) fn is_dir(&self) -> bool {
        self.overlay().node(self.description.ino).directory().is_some()
    }

    pub(crate) fn position(&self) -> u64 {
        *self.lock_position()
    }

    pub(crate) fn appends(&self) -> bool {
        self.description.access.append
    }

    pub(crate) fn len(&self) -> io::Result<u64> {
        self.overlay().node(self.description.ino).len()
    }

    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut position = self.lock_position();
        let read = self.read_at(buffer, *position)?;
        *position += read as u64;
        Ok(read)
    }

    pub(crate) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        check_range(offset, buffer.len())?;
        if !self.description.access.read {
            return Err(errno("EBADF"));
        }
        self.overlay().read(self.description.ino, offset, buffer)
    }

    pub(crate) fn write(&self, data: &[u8], torn: bool) -> io::Result<usize> {
        let mut position = self.lock_position();
        let offset = if self.appends() { self.len()? } else { *position };
        let written = self.write_at(data, offset, torn)?;
        // A write of nothing does not move to the end either.
        if written > 0 {
            *position = offset + written as u64;
        }
        Ok(written)
    }

    /// If it is torn, these bytes reach the disk at once, and the caller ends the process, so that nothing
    /// else does.
    pub(crate) fn write_at(&self, data: &[u8], offset: u64, torn: bool) -> io::Result<usize> {
        let Description { ino, access, .. } = *self.description;
        check_range(offset, data.len())?;
        if !access.write {
            return Err(errno("EBADF"));
        }
        let mut overlay = self.overlay();
        // As on Linux, a file that appends does so at any offset.
        let offset = if access.append { overlay.node(ino).len()? } else { offset };
        if !torn {
            return overlay.write(ino, offset, data);
        }
        overlay.tear(ino, offset, data)?;
        Ok(data.len())
    }

    pub(crate) fn seek(&self, to: SeekFrom) -> io::Result<u64> {
        let mut position = self.lock_position();
        let (base, by) = match to {
            SeekFrom::Start(offset) => (0, i128::from(offset)),
            SeekFrom::End(by) => (self.len()?, i128::from(by)),
            SeekFrom::Current(by) => (*position, i128::from(by)),
        };
        let target = i128::from(base) + by;
        let furthest = i128::from(i64::MAX);
        let target = u64::try_from(target).ok().filter(|&to| i128::from(to) <= furthest);
        *position = target.ok_or_else(|| errno("EINVAL"))?;
        Ok(*position)
    }

    pub(crate) fn set_len(&self, len: u64) -> io::Result<()> {
        check_len(len)?;
        if !self.description.access.write {
            return Err(errno("EINVAL"));
        }
        self.overlay().set_len(self.description.ino, len)
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        self.overlay().sync(self.description.ino)
    }

    /// What a sync did not make durable never will be.
    pub(crate) fn forget(&self) {
        self.overlay().drop_changes(self.description.ino);
    }

    pub(crate) fn mark_bad(&self, offset: u64, len: u64) {
        self.overlay().mark_bad(self.description.ino, offset, len);
    }

    pub(crate) fn set_permissions(
        &self,
        permissions: fs::Permissions,
        mode: u32,
    ) -> io::Result<()> {
        self.change_attributes(
            |attributes| attributes.mode = mode,
            |file| file.set_permissions(permissions),
        )
    }

    /// Permissions and times are not held back, if the file is on the real disk.
    pub(crate) fn change_attributes(
        &self,
        change: impl FnOnce(&mut Attributes),
        real: impl FnOnce(&fs::File) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut overlay = self.overlay();
        overlay.check_power()?;
        let node = overlay.node_mut(self.description.ino);
        change(&mut node.attributes);
        match (&node.content, &self.description.real) {
            (Content::File(super::node::File { base: Base::Real(Some(file)), .. }), _) => {
                real(file)
            }
            (Content::Directory(_), Some(file)) if node.identity.is_some() => real(file),
            _ => {
                node.has_own_attributes = true;
                Ok(())
            }
        }
    }

    pub(crate) fn try_lock(&self, exclusive: bool) -> io::Result<bool> {
        let Description { ino, number, real, .. } = &*self.description;
        let mut overlay = self.overlay();
        overlay.check_power()?;
        if !overlay.locks.try_lock(*ino, *number, exclusive) {
            // It is lost on both sides.
            real.as_ref().map_or(Ok(()), crate::lock::unlock_real)?;
            return Ok(false);
        }
        let Some(real) = real else { return Ok(true) };
        let locked = crate::lock::try_lock_real(real, exclusive);
        if !matches!(locked, Ok(true)) {
            overlay.locks.unlock(*ino, *number);
        }
        locked
    }

    pub(crate) fn unlock(&self) -> io::Result<()> {
        let Description { ino, number, real, .. } = &*self.description;
        self.overlay().locks.unlock(*ino, *number);
        real.as_ref().map_or(Ok(()), crate::lock::unlock_real)
    }

    /// The file on the real disk, after all changes were written back.
    ///
    /// # Errors
    /// The file itself, if it is not there.
    pub(crate) fn into_real(self) -> Result<fs::File, Self> {
        self.open_real().ok_or(self)
    }

    fn open_real(&self) -> Option<fs::File> {
        let Description { ino, access, .. } = *self.description;
        let mut overlay = self.overlay();
        overlay.write_back().ok()?;
        let mut options = fs::OpenOptions::new();
        // A file without write access that appends cannot be.
        options.read(access.read).write(access.write).append(access.append);
        let mut file = options.open(overlay.node(ino).at.first()?).ok()?;
        drop(overlay);
        io::Seek::seek(&mut file, SeekFrom::Start(self.position())).ok()?;
        Some(file)
    }

    fn lock_position(&self) -> MutexGuard<'_, u64> {
        self.description.position.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Found {
    Node(Ino, Option<fs::File>),
    Direct(fs::File),
}

impl Overlay {
    /// Opens or creates a file, and counts the handle.
    fn open(
        &mut self,
        path: &Path,
        how: How,
        access: Access,
        plain: &fs::OpenOptions,
        follows: bool,
    ) -> io::Result<Found> {
        let creates = how.create || how.create_new;
        let found = self.walk(path, follows && !how.create_new)?;
        if creates && found.end == End::Slash {
            return Err(errno("EISDIR"));
        }
        let Some(spot) = found.spot.clone() else {
            if !creates {
                return Err(errno("ENOENT"));
            }
            let name = found.name("EISDIR")?;
            return Ok(Found::Node(self.create(&found.dir, name, how.mode)?, None));
        };
        if how.create_new {
            return Err(errno("EEXIST"));
        }
        let spot = found.existing(self).map(|_| spot)?;
        if self.target(&spot)?.is_some() {
            return Err(errno("ELOOP"));
        }
        if self.is_dir(&spot) && (how.write || how.create || how.truncate) {
            return Err(errno("EISDIR"));
        }
        let real_path = self.real_path(&spot);
        if let Some(path) = &real_path {
            let is_special = match &spot {
                Spot::Real(_, metadata) => !metadata.is_file() && !metadata.is_dir(),
                Spot::Node(ino) => matches!(self.node(*ino).content, Content::Special),
            };
            // The kernel makes up the contents of files there when they are read.
            if is_special || path.starts_with("/proc") || path.starts_with("/sys") {
                return plain.open(path).map(Found::Direct);
            }
        }
        let real = match &real_path {
            Some(path) if self.is_dir(&spot) => Some(fs::File::open(path)?),
            Some(path) => {
                Some(fs::OpenOptions::new().read(access.read).write(access.write).open(path)?)
            }
            None => None,
        };
        let ino = self.node_of(&spot)?;
        let node = self.node_mut(ino);
        node.handles += 1;
        if let (Some(file), Some(path)) = (node.file_mut(), real_path) {
            if let Base::Real(base) = &mut file.base {
                if base.is_none() || access.write {
                    *base = Some(Arc::new(real::open_best(&path)?));
                }
            }
        }
        Ok(Found::Node(ino, real))
    }

    /// Writes to the real disk and ends all work on it.
    fn tear(&mut self, ino: Ino, offset: u64, data: &[u8]) -> io::Result<()> {
        self.check_power()?;
        if let Some(super::node::File { base: Base::Real(Some(real)), .. }) = self.node(ino).file()
        {
            real::write_all_at(real, data, offset)?;
            real.sync_all()?;
        }
        self.is_off = true;
        Ok(())
    }
}

/// A file cannot be longer.
fn check_range(offset: u64, len: usize) -> io::Result<()> {
    i64::try_from(offset.saturating_add(len as u64)).map(drop).map_err(|_| errno("EINVAL"))
}
