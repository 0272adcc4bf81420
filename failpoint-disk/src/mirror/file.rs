//! An open file.

use super::metadata::{FileTimes, Metadata, mode_of};
use super::{OpenOptions, Permissions, fail};
use crate::bad_sectors::{self, Sectors};
use crate::fault::{Fault, FaultAt};
use crate::points::Points;
use crate::sim::SimFile;
use crate::sim::state::Caller;
use crate::volatile::HeldFile;
use std::fmt;
use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::marker::PhantomData;
use std::panic::Location;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

/// An open file, as [`std::fs::File`].
///
/// Descriptors are not mirrored, because a simulated file has none: [`into_std`](crate::into_std) gives
/// the file of the standard library.
pub struct File<K> {
    inner: Inner,
    path: Arc<Path>,
    points: PhantomData<fn() -> K>,
}

pub(crate) enum Inner {
    Real(fs::File),
    Sim(SimFile),
    /// On the real disk, whose changes are held back.
    Held(HeldFile),
}

impl<K: Points> File<K> {
    pub(crate) fn real(file: fs::File, path: &Path) -> Self {
        Self { inner: Inner::Real(file), path: path.into(), points: PhantomData }
    }

    pub(crate) fn sim(file: SimFile, path: &Path) -> Self {
        Self { inner: Inner::Sim(file), path: path.into(), points: PhantomData }
    }

    pub(crate) fn held(file: HeldFile, path: &Path) -> Self {
        Self { inner: Inner::Held(file), path: path.into(), points: PhantomData }
    }

    /// The file of the standard library, if it is on a real disk.
    pub(crate) fn into_real(self) -> Result<fs::File, Self> {
        match self.inner {
            Inner::Real(file) => Ok(file),
            inner @ Inner::Sim(_) => Err(Self { inner, ..self }),
            Inner::Held(file) => {
                file.into_real().map_err(|file| Self { inner: Inner::Held(file), ..self })
            }
        }
    }

    #[cfg(feature = "tokio")]
    pub(crate) fn into_parts(self) -> (Inner, Arc<Path>) {
        (self.inner, self.path)
    }

    pub(crate) fn try_lock(&self, exclusive: bool) -> io::Result<bool> {
        match &self.inner {
            Inner::Real(file) => crate::lock::try_lock_real(file, exclusive),
            Inner::Sim(file) => file.try_lock(exclusive),
            Inner::Held(file) => file.try_lock(exclusive),
        }
    }

    pub(crate) fn unlock(&self) -> io::Result<()> {
        match &self.inner {
            Inner::Real(file) => crate::lock::unlock_real(file),
            Inner::Sim(file) => {
                file.unlock();
                Ok(())
            }
            Inner::Held(file) => file.unlock(),
        }
    }

    /// Opens a file to read, as [`std::fs::File::open`].
    ///
    /// # Errors
    /// Those of the disk.
    #[track_caller]
    pub fn open<P: AsRef<Path>>(path: P) -> io::Result<Self> {
        OpenOptions::new().read(true).open(path)
    }

    /// Creates or truncates a file, as [`std::fs::File::create`].
    ///
    /// # Errors
    /// Those of the disk.
    #[track_caller]
    pub fn create<P: AsRef<Path>>(path: P) -> io::Result<Self> {
        OpenOptions::new().write(true).create(true).truncate(true).open(path)
    }

    /// Creates a file that does not exist, as [`std::fs::File::create_new`].
    ///
    /// # Errors
    /// Those of the disk.
    #[track_caller]
    pub fn create_new<P: AsRef<Path>>(path: P) -> io::Result<Self> {
        OpenOptions::new().read(true).write(true).create_new(true).open(path)
    }

    /// As [`std::fs::File::options`].
    pub fn options() -> OpenOptions<K> {
        OpenOptions::new()
    }

    /// Makes the contents durable, as [`std::fs::File::sync_all`]; on a directory, its names.
    ///
    /// # Errors
    /// Those of the disk.
    #[track_caller]
    pub fn sync_all(&self) -> io::Result<()> {
        self.sync(fs::File::sync_all)
    }

    /// Makes the contents durable, as [`std::fs::File::sync_data`]; on a directory, its names.
    ///
    /// # Errors
    /// Those of the disk.
    #[track_caller]
    pub fn sync_data(&self) -> io::Result<()> {
        self.sync(fs::File::sync_data)
    }

    #[track_caller]
    fn sync(&self, real: fn(&fs::File) -> io::Result<()>) -> io::Result<()> {
        let caller = Location::caller();
        let fault = if self.is_dir() {
            K::sync_dir(&self.path).map(FaultAt::into_fault)
        } else {
            K::sync(&self.path).map(FaultAt::into_fault)
        };
        match (fault, &self.inner) {
            (Some(Fault::Error(error)), _) => Err(error),
            (Some(Fault::Lie), Inner::Real(_) | Inner::Held(_)) => Ok(()),
            (Some(Fault::Lie), Inner::Sim(file)) => file.lie(caller),
            (Some(Fault::Drop), inner) => {
                match inner {
                    Inner::Real(_) => {}
                    Inner::Sim(file) => file.forget(caller),
                    Inner::Held(file) => file.forget(),
                }
                Err(crate::errno::errno("EIO"))
            }
            (_, Inner::Real(file)) => real(file),
            (_, Inner::Sim(file)) => file.sync(caller),
            (_, Inner::Held(file)) => file.sync(),
        }
    }

    /// Asked only where a sync has a point of its own for directories.
    fn is_dir(&self) -> bool {
        match &self.inner {
            Inner::Real(file) => file.metadata().is_ok_and(|metadata| metadata.is_dir()),
            Inner::Sim(file) => file.is_dir(),
            Inner::Held(file) => file.is_dir(),
        }
    }

    /// As [`std::fs::File::set_len`].
    ///
    /// # Errors
    /// Those of the disk.
    #[track_caller]
    pub fn set_len(&self, size: u64) -> io::Result<()> {
        fail(K::set_len(&self.path, size))?;
        match &self.inner {
            Inner::Real(file) => file.set_len(size),
            Inner::Sim(file) => file.set_len(size, Location::caller()),
            Inner::Held(file) => file.set_len(size),
        }
    }

    /// As [`std::fs::File::metadata`].
    ///
    /// # Errors
    /// Those of the disk.
    pub fn metadata(&self) -> io::Result<Metadata> {
        fail(K::metadata(&self.path))?;
        match &self.inner {
            Inner::Real(file) => file.metadata().map(Metadata::real),
            Inner::Sim(file) => file.stat().map(Metadata::sim),
            Inner::Held(file) => file.metadata(),
        }
    }

    /// A second handle with the same position, as [`std::fs::File::try_clone`].
    ///
    /// # Errors
    /// Those of the system.
    pub fn try_clone(&self) -> io::Result<Self> {
        let inner = match &self.inner {
            Inner::Real(file) => Inner::Real(file.try_clone()?),
            Inner::Sim(file) => Inner::Sim(file.clone()),
            Inner::Held(file) => Inner::Held(file.clone()),
        };
        Ok(Self { inner, path: self.path.clone(), points: PhantomData })
    }

    /// As [`std::fs::File::set_permissions`].
    ///
    /// # Errors
    /// Those of the disk.
    pub fn set_permissions(&self, perm: Permissions) -> io::Result<()> {
        fail(K::set_attr(&self.path))?;
        match &self.inner {
            Inner::Real(file) => file.set_permissions(perm),
            Inner::Sim(file) => {
                file.change_attributes(|attributes| attributes.mode = mode_of(&perm))
            }
            Inner::Held(file) => {
                let mode = mode_of(&perm);
                file.set_permissions(perm, mode)
            }
        }
    }

    /// As [`std::fs::File::set_times`].
    ///
    /// # Errors
    /// Those of the disk.
    pub fn set_times(&self, times: FileTimes) -> io::Result<()> {
        fail(K::set_attr(&self.path))?;
        match &self.inner {
            Inner::Real(file) => file.set_times(times.to_real()),
            Inner::Sim(file) => file.change_attributes(|attributes| times.apply(attributes)),
            Inner::Held(file) => file.change_attributes(
                |attributes| times.apply(attributes),
                |file| file.set_times(times.to_real()),
            ),
        }
    }

    /// As [`std::fs::File::set_modified`].
    ///
    /// # Errors
    /// Those of the disk.
    pub fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        self.set_times(FileTimes::new().set_modified(time))
    }

    fn read_bytes(&self, buffer: &mut [u8], at: Option<u64>) -> io::Result<usize> {
        let offset = Offset { inner: &self.inner, at, writes: false };
        let mut flip = None;
        let mut len = buffer.len();
        match K::read(&self.path, &offset, buffer.len()).map(FaultAt::into_fault) {
            Some(Fault::Error(error)) => return Err(error),
            Some(Fault::Short(bytes)) => len = len.min(clamp(bytes)),
            Some(Fault::Flip(bit)) => flip = Some(bit),
            Some(Fault::BadSector) => {
                match &self.inner {
                    Inner::Real(file) => {
                        bad_sectors::mark(file, offset.get()?, buffer.len() as u64)?
                    }
                    Inner::Sim(file) => file.mark_bad(offset.get()?, buffer.len() as u64),
                    Inner::Held(file) => file.mark_bad(offset.get()?, buffer.len() as u64),
                }
                return Err(crate::errno::errno("EIO"));
            }
            _ => {}
        }
        let buffer = &mut buffer[..len];
        let read = match (&self.inner, at) {
            (Inner::Real(file), _) if bad_sectors::exist() => {
                Sectors::of(file)?.check(offset.get()?, len as u64)?;
                read_real(file, buffer, at)?
            }
            (Inner::Real(file), at) => read_real(file, buffer, at)?,
            (Inner::Sim(file), None) => file.read(buffer)?,
            (Inner::Sim(file), Some(at)) => file.read_at(buffer, at)?,
            (Inner::Held(file), None) => file.read(buffer)?,
            (Inner::Held(file), Some(at)) => file.read_at(buffer, at)?,
        };
        if let Some(bit) = flip {
            flip_bit(&mut buffer[..read], bit);
        }
        Ok(read)
    }

    fn write_bytes(&self, data: &[u8], at: Option<u64>, caller: Caller) -> io::Result<usize> {
        let offset = Offset { inner: &self.inner, at, writes: true };
        match K::write(&self.path, &offset, data.len()).map(FaultAt::into_fault) {
            Some(Fault::Error(error)) => Err(error),
            Some(Fault::Short(bytes)) => {
                self.write_plain(&data[..data.len().min(clamp(bytes))], at, false, caller)
            }
            Some(Fault::Torn(bytes)) => {
                self.write_plain(&data[..data.len().min(clamp(bytes))], at, true, caller)?;
                let disk_crashed = matches!(self.inner, Inner::Sim(_));
                Err(crate::power::cut(K::WRITE, &self.path, disk_crashed))
            }
            Some(Fault::Flip(bit)) => {
                let mut data = data.to_vec();
                flip_bit(&mut data, bit);
                self.write_plain(&data, at, false, caller)
            }
            _ => self.write_plain(data, at, false, caller),
        }
    }

    /// As `Write::write_all`, which does not know its caller.
    fn write_whole(&self, mut data: &[u8], caller: Caller) -> io::Result<()> {
        while !data.is_empty() {
            match self.write_bytes(data, None, caller) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => data = &data[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn write_plain(
        &self,
        data: &[u8],
        at: Option<u64>,
        torn: bool,
        caller: Caller,
    ) -> io::Result<usize> {
        match &self.inner {
            Inner::Real(file) => {
                let start = if bad_sectors::exist() {
                    Some(Offset { inner: &self.inner, at, writes: true }.get()?)
                } else {
                    None
                };
                let written = write_real(file, data, at)?;
                if let Some(start) = start {
                    Sectors::of(file)?.heal(start, written as u64);
                }
                if torn {
                    file.sync_all()?;
                }
                Ok(written)
            }
            Inner::Sim(file) => match at {
                None => file.write(data, torn, caller),
                Some(at) => file.write_at(data, at, torn, caller),
            },
            Inner::Held(file) => match at {
                None => file.write(data, torn),
                Some(at) => file.write_at(data, at, torn),
            },
        }
    }
}

/// How many bytes; more than memory has is as good as all.
pub(crate) fn clamp(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// Bits are counted from the first byte, the lowest one first; beyond the end, from the start again.
pub(crate) fn flip_bit(bytes: &mut [u8], bit: u64) {
    if !bytes.is_empty() {
        let bit = bit % (bytes.len() as u64 * 8);
        bytes[(bit / 8) as usize] ^= 1 << (bit % 8);
    }
}

#[cfg(unix)]
fn read_real(mut file: &fs::File, buffer: &mut [u8], at: Option<u64>) -> io::Result<usize> {
    use std::os::unix::fs::FileExt;
    match at {
        None => file.read(buffer),
        Some(at) => file.read_at(buffer, at),
    }
}

#[cfg(unix)]
fn write_real(mut file: &fs::File, data: &[u8], at: Option<u64>) -> io::Result<usize> {
    use std::os::unix::fs::FileExt;
    match at {
        None => file.write(data),
        Some(at) => file.write_at(data, at),
    }
}

#[cfg(not(unix))]
fn read_real(mut file: &fs::File, buffer: &mut [u8], _: Option<u64>) -> io::Result<usize> {
    file.read(buffer)
}

#[cfg(not(unix))]
fn write_real(mut file: &fs::File, data: &[u8], _: Option<u64>) -> io::Result<usize> {
    file.write(data)
}

/// Where an operation starts.
struct Offset<'a> {
    inner: &'a Inner,
    at: Option<u64>,
    writes: bool,
}

impl Offset<'_> {
    fn get(&self) -> io::Result<u64> {
        match (self.at, self.inner) {
            // As on Linux, a file that appends does so at any offset.
            (_, Inner::Real(file)) if self.writes && appends(file) => Ok(file.metadata()?.len()),
            (_, Inner::Sim(file)) if self.writes && file.appends() => Ok(file.len()),
            (_, Inner::Held(file)) if self.writes && file.appends() => file.len(),
            (Some(at), _) => Ok(at),
            (None, Inner::Real(file)) => {
                let mut file = file;
                file.stream_position()
            }
            (None, Inner::Sim(file)) => Ok(file.position()),
            (None, Inner::Held(file)) => Ok(file.position()),
        }
    }
}

#[cfg(unix)]
pub(crate) fn appends(file: impl std::os::fd::AsFd) -> bool {
    rustix::fs::fcntl_getfl(file).is_ok_and(|flags| flags.contains(rustix::fs::OFlags::APPEND))
}

/// There is no way to ask.
#[cfg(not(unix))]
pub(crate) fn appends<T>(_: T) -> bool {
    false
}

/// Empty where the file has no position, as a pipe has none.
impl fmt::Display for Offset<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().map_or(Ok(()), |offset| offset.fmt(f))
    }
}

impl<K> fmt::Debug for File<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.inner {
            Inner::Real(file) => file.fmt(f),
            Inner::Sim(_) | Inner::Held(_) => {
                f.debug_struct("File").field("path", &self.path).finish_non_exhaustive()
            }
        }
    }
}

impl<K: Points> Read for &File<K> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_bytes(buffer, None)
    }
}

impl<K: Points> Write for &File<K> {
    #[track_caller]
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.write_bytes(data, None, Location::caller())
    }

    #[track_caller]
    fn write_all(&mut self, data: &[u8]) -> io::Result<()> {
        self.write_whole(data, Location::caller())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<K: Points> Seek for &File<K> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match &self.inner {
            Inner::Real(file) => {
                let mut file = file;
                file.seek(to)
            }
            Inner::Sim(file) => file.seek(to),
            Inner::Held(file) => file.seek(to),
        }
    }
}

impl<K: Points> Read for File<K> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_bytes(buffer, None)
    }
}

impl<K: Points> Write for File<K> {
    #[track_caller]
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.write_bytes(data, None, Location::caller())
    }

    #[track_caller]
    fn write_all(&mut self, data: &[u8]) -> io::Result<()> {
        self.write_whole(data, Location::caller())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<K: Points> Seek for File<K> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        (&*self).seek(to)
    }
}

/// Its points have an empty `path`.
#[cfg(unix)]
impl<K: Points> From<std::os::fd::OwnedFd> for File<K> {
    fn from(file: std::os::fd::OwnedFd) -> Self {
        Self::real(file.into(), Path::new(""))
    }
}

#[cfg(unix)]
impl<K: Points> std::os::unix::fs::FileExt for File<K> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.read_bytes(buffer, Some(offset))
    }

    #[track_caller]
    fn write_at(&self, data: &[u8], offset: u64) -> io::Result<usize> {
        self.write_bytes(data, Some(offset), Location::caller())
    }
}
