//! An open file.

use super::{FileTimes, Metadata, OpenOptions, Permissions, Quiet, fail, points};
use crate::bad_sectors::{self, Sectors};
use crate::errno::errno;
use crate::fault::Fault;
use crate::mirror::{self, Inner as Parts, appends, clamp, flip_bit};
use crate::sim::SimFile;
use crate::volatile::HeldFile;
use ::tokio::fs as real;
use ::tokio::io::{AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};
use std::fmt;
use std::future::Future;
use std::io::{self, SeekFrom};
use std::mem;
use std::panic::Location;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

/// That of tokio: 2 MiB.
const MAX_BUF_SIZE: usize = 2 << 20;

/// An open file, as [`tokio::fs::File`](real::File).
///
/// A read or write that waits at its point is cancelled by dropping the future, as with tokio: a call that
/// follows goes on with the same pass of the point. The `offset` of a point of a real file is counted by
/// this handle, so that it does not know how clones move it.
pub struct File {
    inner: Inner,
    path: Arc<Path>,
    /// Where a real file is.
    position: u64,
    max_buf_size: usize,
    reading: Mutex<Stage>,
    writing: Mutex<Stage>,
}

enum Inner {
    Real(real::File),
    Sim(SimFile),
    /// On the real disk, whose changes are held back. Its operations are not asynchronous, but for syncs.
    Held(HeldFile),
}

/// How far a read or write is.
#[derive(Default)]
enum Stage {
    #[default]
    Idle,
    /// At its point.
    Point(Pin<Box<dyn Future<Output = Option<Fault>> + Send>>),
    /// Past it.
    Acting(Option<Fault>),
    /// The part of a torn write that reaches the disk is on its way there.
    Tearing,
}

fn stage(of: &mut Mutex<Stage>) -> &mut Stage {
    of.get_mut().unwrap_or_else(PoisonError::into_inner)
}

impl File {
    pub(super) fn real(file: real::File, path: Arc<Path>) -> Self {
        Self::new(Inner::Real(file), path)
    }

    pub(super) fn mirrored<K: crate::points::Points>(file: mirror::File<K>) -> Self {
        match file.into_parts() {
            (Parts::Real(file), path) => Self::real(real::File::from_std(file), path),
            (Parts::Sim(file), path) => Self::new(Inner::Sim(file), path),
            (Parts::Held(file), path) => Self::new(Inner::Held(file), path),
        }
    }

    fn new(inner: Inner, path: Arc<Path>) -> Self {
        Self {
            inner,
            path,
            position: 0,
            max_buf_size: MAX_BUF_SIZE,
            reading: Mutex::default(),
            writing: Mutex::default(),
        }
    }

    /// A file to read, as [`tokio::fs::File::open`](real::File::open).
    ///
    /// # Errors
    /// Those of the disk.
    pub async fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        OpenOptions::new().read(true).open(path).await
    }

    /// As [`tokio::fs::File::create`](real::File::create).
    ///
    /// # Errors
    /// Those of the disk.
    pub async fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        OpenOptions::new().write(true).create(true).truncate(true).open(path).await
    }

    /// As [`tokio::fs::File::create_new`](real::File::create_new).
    ///
    /// # Errors
    /// Those of the disk.
    pub async fn create_new<P: AsRef<Path>>(path: P) -> io::Result<Self> {
        OpenOptions::new().read(true).write(true).create_new(true).open(path).await
    }

    /// As [`tokio::fs::File::options`](real::File::options).
    pub fn options() -> OpenOptions {
        OpenOptions::new()
    }

    /// From a file of [`failpoint_disk::fs`](crate::fs), as
    /// [`tokio::fs::File::from_std`](real::File::from_std).
    pub fn from_std(std: crate::fs::File) -> Self {
        Self::mirrored(std)
    }

    /// The file of [`failpoint_disk::fs`](crate::fs), as [`tokio::fs::File::into_std`](real::File::into_std).
    pub async fn into_std(self) -> crate::fs::File {
        match self.inner {
            Inner::Real(file) => crate::fs::File::real(file.into_std().await, &self.path),
            Inner::Sim(file) => crate::fs::File::sim(file, &self.path),
            Inner::Held(file) => crate::fs::File::held(file, &self.path),
        }
    }

    /// As [`tokio::fs::File::try_into_std`](real::File::try_into_std).
    ///
    /// # Errors
    /// The file itself, if an operation is under way.
    #[allow(clippy::result_large_err)] // as tokio
    pub fn try_into_std(self) -> Result<crate::fs::File, Self> {
        match self.inner {
            Inner::Real(file) => match file.try_into_std() {
                Ok(file) => Ok(crate::fs::File::real(file, &self.path)),
                Err(file) => Err(Self { inner: Inner::Real(file), ..self }),
            },
            Inner::Sim(file) => Ok(crate::fs::File::sim(file, &self.path)),
            Inner::Held(file) => Ok(crate::fs::File::held(file, &self.path)),
        }
    }

    /// Makes the contents durable, as [`tokio::fs::File::sync_all`](real::File::sync_all); on a directory,
    /// its names.
    ///
    /// # Errors
    /// Those of the disk.
    #[track_caller]
    pub fn sync_all(&self) -> impl Future<Output = io::Result<()>> + Send + '_ {
        self.sync(true, Location::caller())
    }

    /// Makes the contents durable, as [`tokio::fs::File::sync_data`](real::File::sync_data); on a directory,
    /// its names.
    ///
    /// # Errors
    /// Those of the disk.
    #[track_caller]
    pub fn sync_data(&self) -> impl Future<Output = io::Result<()>> + Send + '_ {
        self.sync(false, Location::caller())
    }

    async fn sync(&self, all: bool, caller: &'static Location<'static>) -> io::Result<()> {
        let is_dir = match &self.inner {
            Inner::Real(file) => file.metadata().await.is_ok_and(|metadata| metadata.is_dir()),
            Inner::Sim(file) => file.is_dir(),
            Inner::Held(file) => file.is_dir(),
        };
        let fault = if is_dir {
            points::sync_dir(&self.path).await
        } else {
            points::sync(&self.path).await
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
                Err(errno("EIO"))
            }
            (_, Inner::Real(file)) if all => file.sync_all().await,
            (_, Inner::Real(file)) => file.sync_data().await,
            (_, Inner::Sim(file)) => file.sync(caller),
            (_, Inner::Held(file)) => {
                let file = file.clone();
                ::tokio::task::spawn_blocking(move || file.sync()).await?
            }
        }
    }

    /// As [`tokio::fs::File::set_len`](real::File::set_len).
    ///
    /// # Errors
    /// Those of the disk.
    pub async fn set_len(&self, size: u64) -> io::Result<()> {
        fail(points::set_len(&self.path, size).await)?;
        match &self.inner {
            Inner::Real(file) => file.set_len(size).await,
            Inner::Sim(file) => file.set_len(size, Location::caller()),
            Inner::Held(file) => file.set_len(size),
        }
    }

    /// As [`tokio::fs::File::metadata`](real::File::metadata).
    ///
    /// # Errors
    /// Those of the disk.
    pub async fn metadata(&self) -> io::Result<Metadata> {
        fail(points::metadata(&self.path).await)?;
        match &self.inner {
            Inner::Real(file) => file.metadata().await.map(Metadata::real),
            Inner::Sim(file) => self.quiet(file).metadata(),
            Inner::Held(file) => file.metadata(),
        }
    }

    /// As [`tokio::fs::File::set_permissions`](real::File::set_permissions).
    ///
    /// # Errors
    /// Those of the disk.
    pub async fn set_permissions(&self, perm: Permissions) -> io::Result<()> {
        fail(points::set_attr(&self.path).await)?;
        match &self.inner {
            Inner::Real(file) => file.set_permissions(perm).await,
            Inner::Sim(file) => self.quiet(file).set_permissions(perm),
            Inner::Held(file) => {
                mirror::File::<Quiet>::held(file.clone(), &self.path).set_permissions(perm)
            }
        }
    }

    /// As [`tokio::fs::File::set_times`](real::File::set_times).
    ///
    /// # Errors
    /// Those of the disk.
    pub async fn set_times(&self, times: FileTimes) -> io::Result<()> {
        fail(points::set_attr(&self.path).await)?;
        let file = match &self.inner {
            // Made of the file of std, as older versions of tokio have no times. The clone waits for what is
            // under way, which would set them too.
            Inner::Real(file) => {
                let file = file.try_clone().await?.into_std().await;
                let times = times.into_mirror().to_real();
                return ::tokio::task::spawn_blocking(move || file.set_times(times)).await?;
            }
            Inner::Sim(file) => self.quiet(file),
            Inner::Held(file) => mirror::File::held(file.clone(), &self.path),
        };
        file.set_times(times.into_mirror())
    }

    /// As [`tokio::fs::File::set_modified`](real::File::set_modified).
    ///
    /// # Errors
    /// Those of the disk.
    pub async fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        self.set_times(FileTimes::new().set_modified(time)).await
    }

    /// A second handle with the same position, as [`tokio::fs::File::try_clone`](real::File::try_clone).
    ///
    /// # Errors
    /// Those of the system.
    pub async fn try_clone(&self) -> io::Result<Self> {
        let inner = match &self.inner {
            Inner::Real(file) => Inner::Real(file.try_clone().await?),
            Inner::Sim(file) => Inner::Sim(file.clone()),
            Inner::Held(file) => Inner::Held(file.clone()),
        };
        let Self { position, max_buf_size, .. } = *self;
        Ok(Self { position, max_buf_size, ..Self::new(inner, self.path.clone()) })
    }

    /// As [`tokio::fs::File::set_max_buf_size`](real::File::set_max_buf_size). A read or write of more bytes
    /// is a short one, also on a simulated disk.
    ///
    /// # Panics
    /// If it is 0.
    #[track_caller]
    pub fn set_max_buf_size(&mut self, max_buf_size: usize) {
        assert!(max_buf_size > 0, "`max_buf_size` must be greater than 0");
        self.max_buf_size = max_buf_size;
        if let Inner::Real(file) = &mut self.inner {
            file.set_max_buf_size(max_buf_size);
        }
    }

    /// As [`tokio::fs::File::max_buf_size`](real::File::max_buf_size).
    pub fn max_buf_size(&self) -> usize {
        self.max_buf_size
    }

    fn quiet(&self, file: &SimFile) -> mirror::File<Quiet> {
        mirror::File::sim(file.clone(), &self.path)
    }

    fn read_offset(&self) -> u64 {
        match &self.inner {
            Inner::Real(_) => self.position,
            Inner::Sim(file) => file.position(),
            Inner::Held(file) => file.position(),
        }
    }

    fn write_offset(&self) -> u64 {
        match &self.inner {
            Inner::Real(file) if appends(file) => len(file).unwrap_or(self.position),
            Inner::Real(_) => self.position,
            Inner::Sim(file) if file.appends() => file.len(),
            Inner::Sim(file) => file.position(),
            Inner::Held(file) if file.appends() => file.len().unwrap_or(self.position),
            Inner::Held(file) => file.position(),
        }
    }

    fn act_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
        fault: Option<&Fault>,
    ) -> Poll<io::Result<()>> {
        let offset = self.read_offset();
        let mut len = buffer.remaining().min(self.max_buf_size);
        match fault {
            Some(Fault::Short(bytes)) => len = len.min(clamp(*bytes)),
            Some(Fault::BadSector) => {
                match &self.inner {
                    Inner::Real(file) => bad_sectors::mark(file, offset, len as u64)?,
                    Inner::Sim(file) => file.mark_bad(offset, len as u64),
                    Inner::Held(file) => file.mark_bad(offset, len as u64),
                }
                return Poll::Ready(Err(errno("EIO")));
            }
            _ => {}
        }
        let space = buffer.initialize_unfilled_to(len);
        let read = match &mut self.inner {
            Inner::Real(file) => {
                if bad_sectors::exist() {
                    Sectors::of(&*file)?.check(offset, len as u64)?;
                }
                let mut part = ReadBuf::new(space);
                // A read of nothing asks the disk for nothing.
                if len > 0 {
                    ready!(Pin::new(file).poll_read(cx, &mut part))?;
                }
                part.filled().len()
            }
            Inner::Sim(file) => file.read(space)?,
            Inner::Held(file) => file.read(space)?,
        };
        if let Some(Fault::Flip(bit)) = fault {
            flip_bit(&mut space[..read], *bit);
        }
        buffer.advance(read);
        self.position = offset + read as u64;
        Poll::Ready(Ok(()))
    }

    fn act_write(
        &mut self,
        cx: &mut Context<'_>,
        data: &[u8],
        fault: Option<&Fault>,
    ) -> Poll<io::Result<usize>> {
        let offset = self.write_offset();
        let data = &data[..data.len().min(self.max_buf_size)];
        let flipped;
        let data = match fault {
            Some(Fault::Short(bytes) | Fault::Torn(bytes)) => {
                &data[..data.len().min(clamp(*bytes))]
            }
            Some(Fault::Flip(bit)) => {
                let mut wrong = data.to_vec();
                flip_bit(&mut wrong, *bit);
                flipped = wrong;
                &flipped[..]
            }
            _ => data,
        };
        let torn = matches!(fault, Some(Fault::Torn(_)));
        let written = match &mut self.inner {
            Inner::Real(file) => {
                let written = ready!(Pin::new(&mut *file).poll_write(cx, data))?;
                if bad_sectors::exist() {
                    Sectors::of(&*file)?.heal(offset, written as u64);
                }
                self.position = offset + written as u64;
                written
            }
            Inner::Sim(file) => file.write(data, torn, Location::caller())?,
            Inner::Held(file) => file.write(data, torn)?,
        };
        Poll::Ready(Ok(written))
    }

    /// The torn part is written: it must reach the disk before the power is cut.
    fn tear(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        if let Inner::Real(file) = &mut self.inner {
            if let Err(error) = ready!(Pin::new(&mut *file).poll_flush(cx)) {
                return Poll::Ready(error);
            }
            // It may block: this is the end of the process.
            #[cfg(unix)]
            if let Err(error) = rustix::fs::fsync(&*file) {
                return Poll::Ready(error.into());
            }
        }
        let disk_crashed = matches!(self.inner, Inner::Sim(_));
        Poll::Ready(crate::power::cut(points::WRITE, &self.path, disk_crashed))
    }
}

#[cfg(unix)]
fn len(file: &real::File) -> Option<u64> {
    u64::try_from(rustix::fs::fstat(file).ok()?.st_size).ok()
}

/// There is no way to ask without waiting.
#[cfg(not(unix))]
fn len(_: &real::File) -> Option<u64> {
    None
}

impl AsyncRead for File {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let file = self.get_mut();
        loop {
            let next = match mem::take(stage(&mut file.reading)) {
                Stage::Idle | Stage::Tearing => {
                    let (path, offset) = (file.path.clone(), file.read_offset());
                    let len = buffer.remaining();
                    Stage::Point(Box::pin(async move { points::read(&path, offset, len).await }))
                }
                Stage::Point(mut point) => match point.as_mut().poll(cx) {
                    Poll::Ready(fault) => Stage::Acting(fault),
                    Poll::Pending => {
                        *stage(&mut file.reading) = Stage::Point(point);
                        return Poll::Pending;
                    }
                },
                Stage::Acting(Some(Fault::Error(error))) => return Poll::Ready(Err(error)),
                Stage::Acting(fault) => {
                    let done = file.act_read(cx, buffer, fault.as_ref());
                    if done.is_pending() {
                        *stage(&mut file.reading) = Stage::Acting(fault);
                    }
                    return done;
                }
            };
            *stage(&mut file.reading) = next;
        }
    }
}

impl AsyncWrite for File {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let file = self.get_mut();
        loop {
            let next = match mem::take(stage(&mut file.writing)) {
                Stage::Idle => {
                    let (path, offset) = (file.path.clone(), file.write_offset());
                    let len = data.len();
                    Stage::Point(Box::pin(async move { points::write(&path, offset, len).await }))
                }
                Stage::Point(mut point) => match point.as_mut().poll(cx) {
                    Poll::Ready(fault) => Stage::Acting(fault),
                    Poll::Pending => {
                        *stage(&mut file.writing) = Stage::Point(point);
                        return Poll::Pending;
                    }
                },
                Stage::Acting(Some(Fault::Error(error))) => return Poll::Ready(Err(error)),
                Stage::Acting(fault) => match file.act_write(cx, data, fault.as_ref()) {
                    Poll::Ready(Ok(_)) if matches!(fault, Some(Fault::Torn(_))) => Stage::Tearing,
                    Poll::Pending => {
                        *stage(&mut file.writing) = Stage::Acting(fault);
                        return Poll::Pending;
                    }
                    done => return done,
                },
                Stage::Tearing => match file.tear(cx) {
                    Poll::Pending => {
                        *stage(&mut file.writing) = Stage::Tearing;
                        return Poll::Pending;
                    }
                    Poll::Ready(error) => return Poll::Ready(Err(error)),
                },
            };
            *stage(&mut file.writing) = next;
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().inner {
            Inner::Real(file) => Pin::new(file).poll_flush(cx),
            Inner::Sim(_) | Inner::Held(_) => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

impl AsyncSeek for File {
    fn start_seek(self: Pin<&mut Self>, to: SeekFrom) -> io::Result<()> {
        match &mut self.get_mut().inner {
            Inner::Real(file) => Pin::new(file).start_seek(to),
            Inner::Sim(file) => file.seek(to).map(drop),
            Inner::Held(file) => file.seek(to).map(drop),
        }
    }

    fn poll_complete(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let this = self.get_mut();
        match &mut this.inner {
            Inner::Real(file) => {
                this.position = ready!(Pin::new(file).poll_complete(cx))?;
                Poll::Ready(Ok(this.position))
            }
            Inner::Sim(file) => Poll::Ready(Ok(file.position())),
            Inner::Held(file) => Poll::Ready(Ok(file.position())),
        }
    }
}

impl From<crate::fs::File> for File {
    fn from(file: crate::fs::File) -> Self {
        Self::from_std(file)
    }
}

#[cfg(unix)]
impl From<std::os::fd::OwnedFd> for File {
    fn from(file: std::os::fd::OwnedFd) -> Self {
        Self::from_std(file.into())
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.inner {
            Inner::Real(file) => file.fmt(f),
            Inner::Sim(_) | Inner::Held(_) => {
                f.debug_struct("File").field("path", &self.path).finish_non_exhaustive()
            }
        }
    }
}
