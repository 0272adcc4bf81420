//! What the kernel asks: each request passes its point, then goes to the disk, on a thread of the pool.
//!
//! The kernel is told to keep nothing: names and metadata are asked for each time, and files are read and
//! written directly, so that a fault arrives where it is armed.

use super::disk::{Crashed, Disk, Found, Keep, Owner, tell};
use super::pool::Pool;
use super::undo::{Ino, Place};
use crate::bad_sectors::{self, Sectors};
use crate::fault::{Fault, FaultAt};
use crate::fs::Here;
use crate::mirror::fail;
use crate::mirror::file::{clamp, flip_bit};
use crate::points::Points;
use fuser::{
    AccessFlags, BsdFileFlags, Errno, FileAttr, FileHandle, Filesystem, FopenFlags, Generation,
    INodeNo, InitFlags, KernelConfig, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate,
    ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request,
    TimeOrNow, WriteFlags,
};
use rustix::fs::{AtFlags, FallocateFlags, OFlags, Stat, Timespec, Timestamps};
use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

/// How long the kernel may keep a name or metadata.
const KEEP: Duration = Duration::ZERO;

/// What the kernel must forget after a crash, and whom to tell when it has.
pub(super) struct Stale {
    pub(super) crashed: Crashed,
    pub(super) done: Option<Sender<()>>,
}

/// The disk, and what serves it.
pub(super) struct Served {
    disk: Mutex<Disk>,
    pub(super) pool: Pool,
    /// Whether reads and writes pass by the kernel's page cache.
    is_direct: bool,
    stale: OnceLock<Sender<Stale>>,
}

impl Served {
    pub(super) fn new(disk: Disk, is_direct: bool) -> Self {
        Self { disk: Mutex::new(disk), pool: Pool::default(), is_direct, stale: OnceLock::new() }
    }

    pub(super) fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on, `stale` gets what the kernel must forget.
    pub(super) fn send_stale_to(&self, stale: Sender<Stale>) {
        let _ = self.stale.set(stale);
    }

    pub(super) fn crash(&self, keep: Keep, done: Sender<()>) -> (usize, usize) {
        let crashed = self.disk().crash(keep);
        let counts = (crashed.kept, crashed.lost);
        self.forget(crashed, Some(done));
        counts
    }

    fn forget(&self, crashed: Crashed, done: Option<Sender<()>>) {
        if let Some(stale) = self.stale.get() {
            let _ = stale.send(Stale { crashed, done });
        }
    }

    fn path(&self, ino: Ino) -> PathBuf {
        self.disk().nodes.path(ino)
    }

    fn path_at(&self, place: &Place) -> PathBuf {
        self.disk().nodes.path_at(place)
    }

    fn opened(&self) -> FopenFlags {
        if self.is_direct { FopenFlags::FOPEN_DIRECT_IO } else { FopenFlags::empty() }
    }

    // One function for each request that has a point.

    fn get_attr(&self, ino: Ino) -> io::Result<FileAttr> {
        fail(Here::metadata(&self.path(ino)))?;
        let stat = self.disk().nodes.stat(ino)?;
        Ok(attr(ino, &stat))
    }

    fn set_attr(&self, ino: Ino, change: SetAttr) -> io::Result<FileAttr> {
        let path = self.path(ino);
        if let Some(len) = change.len {
            fail(Here::set_len(&path, len))?;
        }
        if change.len.is_none() || change.is_more_than_len() {
            fail(Here::set_attr(&path))?;
        }
        let mut disk = self.disk();
        if let Some(handle) = change.handle {
            disk.handle(handle)?;
        }
        if let Some(len) = change.len {
            disk.set_len(ino, len)?;
        }
        let proc_path = disk.nodes.proc_path(ino)?;
        if let Some(mode) = change.mode {
            rustix::fs::chmod(&proc_path, rustix::fs::Mode::from_raw_mode(mode & 0o7777))?;
        }
        if change.uid.is_some() || change.gid.is_some() {
            let uid = change.uid.map(rustix::fs::Uid::from_raw);
            let gid = change.gid.map(rustix::fs::Gid::from_raw);
            rustix::fs::chownat(disk.nodes.fd(ino)?, "", uid, gid, AtFlags::EMPTY_PATH)?;
        }
        if change.accessed.is_some() || change.modified.is_some() {
            let times = Timestamps {
                last_access: timespec(change.accessed),
                last_modification: timespec(change.modified),
            };
            let flags = AtFlags::empty();
            rustix::fs::utimensat(rustix::fs::CWD, &proc_path, &times, flags)?;
        }
        let stat = disk.nodes.stat(ino)?;
        Ok(attr(ino, &stat))
    }

    fn create(
        &self,
        place: &Place,
        owner: Owner,
        mode: u32,
        flags: OFlags,
    ) -> io::Result<(Found, u64)> {
        fail(Here::open(&self.path_at(place)))?;
        let mut disk = self.disk();
        let found = disk.create(place, owner, mode, flags)?;
        let handle = disk.open(found.ino, flags).inspect_err(|_| disk.forget(found.ino, 1))?;
        Ok((found, handle))
    }

    fn read(&self, handle: u64, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let open = self.disk().handle(handle)?;
        let file = open.file.as_ref().ok_or(rustix::io::Errno::BADF)?;
        let mut flip = None;
        let mut wanted = len;
        match Here::read(&open.path, &offset, len).map(FaultAt::into_fault) {
            Some(Fault::Error(error)) => return Err(error),
            Some(Fault::Short(bytes)) => wanted = len.min(clamp(bytes)),
            Some(Fault::Flip(bit)) => flip = Some(bit),
            Some(Fault::BadSector) => {
                bad_sectors::mark(file, offset, len as u64)?;
                return Err(rustix::io::Errno::IO.into());
            }
            _ => {}
        }
        if bad_sectors::exist() {
            Sectors::of(file)?.check(offset, wanted as u64)?;
        }
        let mut data = vec![0; wanted];
        let mut filled = 0;
        while filled < wanted {
            match file.read_at(&mut data[filled..], offset + filled as u64)? {
                0 => break,
                read => filled += read,
            }
        }
        data.truncate(filled);
        // If the disk crashed in between, this may be a mixture.
        self.disk().handle(handle)?;
        if let Some(bit) = flip {
            flip_bit(&mut data, bit);
        }
        Ok(data)
    }

    fn write(&self, handle: u64, offset: u64, mut data: Vec<u8>) -> io::Result<usize> {
        let open = self.disk().handle(handle)?;
        let mut is_torn = false;
        match Here::write(&open.path, &offset, data.len()).map(FaultAt::into_fault) {
            Some(Fault::Error(error)) => return Err(error),
            Some(Fault::Short(bytes)) => data.truncate(clamp(bytes)),
            Some(Fault::Torn(bytes)) => {
                data.truncate(clamp(bytes));
                is_torn = true;
            }
            Some(Fault::Flip(bit)) => flip_bit(&mut data, bit),
            _ => {}
        }
        if is_torn {
            let crashed = self.disk().tear(handle, offset, &data)?;
            tell(format_args!(
                "crashed in a torn write: {} bytes at {offset} of {} reached the disk",
                data.len(),
                open.path.display()
            ));
            self.forget(crashed, None);
            return Err(rustix::io::Errno::IO.into());
        }
        let written = self.disk().write(handle, offset, &data)?;
        if bad_sectors::exist() {
            if let Some(file) = &open.file {
                Sectors::of(file)?.heal(offset, written as u64);
            }
        }
        Ok(written)
    }

    fn allocate(&self, handle: u64, offset: u64, len: u64, mode: i32) -> io::Result<()> {
        let open = self.disk().handle(handle)?;
        fail(Here::set_len(&open.path, offset.saturating_add(len)))?;
        self.disk().allocate(handle, offset, len, FallocateFlags::from_bits_retain(mode as u32))
    }

    fn sync(&self, handle: u64) -> io::Result<()> {
        let open = self.disk().handle(handle)?;
        let file = open.file.as_ref().ok_or(rustix::io::Errno::BADF)?;
        match Here::sync(&open.path).map(FaultAt::into_fault) {
            Some(Fault::Error(error)) => return Err(error),
            Some(Fault::Lie) => return Ok(()),
            Some(Fault::Drop) => {
                let mut disk = self.disk();
                disk.handle(handle)?;
                disk.drop_unsynced(open.ino)?;
                drop(disk);
                let files = [open.ino].into();
                self.forget(Crashed { files, ..Crashed::default() }, None);
                return Err(rustix::io::Errno::IO.into());
            }
            _ => {}
        }
        let mark = self.disk().mark();
        // It takes as long as the disk below takes, so nothing is locked.
        file.sync_all()?;
        let mut disk = self.disk();
        disk.handle(handle)?;
        disk.made_durable(open.ino, mark);
        Ok(())
    }

    fn sync_dir(&self, handle: u64) -> io::Result<()> {
        let open = self.disk().handle(handle)?;
        match Here::sync_dir(&open.path).map(FaultAt::into_fault) {
            Some(Fault::Error(error)) => return Err(error),
            Some(Fault::Lie) => return Ok(()),
            _ => {}
        }
        let mut disk = self.disk();
        disk.handle(handle)?;
        std::fs::File::open(disk.nodes.proc_path(open.ino)?)?.sync_all()?;
        let mark = disk.mark();
        disk.made_durable(open.ino, mark);
        Ok(())
    }

    /// What a listing holds. A listing that begins again is made again.
    fn list(&self, handle: u64, offset: u64) -> io::Result<Arc<Vec<super::disk::Listed>>> {
        let mut disk = self.disk();
        match disk.handle(handle)?.listing {
            Some(listing) if offset > 0 => Ok(listing),
            _ => disk.list(handle),
        }
    }
}

/// What `setattr` changes.
struct SetAttr {
    mode: Option<u32>,
    uid: Option<u32>,
    gid: Option<u32>,
    len: Option<u64>,
    accessed: Option<TimeOrNow>,
    modified: Option<TimeOrNow>,
    handle: Option<u64>,
}

impl SetAttr {
    fn is_more_than_len(&self) -> bool {
        // A change of the length sets times, too.
        self.mode.is_some() || self.uid.is_some() || self.gid.is_some()
    }
}

/// Sends the answer of a request, or its error.
macro_rules! answer {
    ($reply:ident, $answer:expr, $send:expr) => {
        match $answer {
            Ok(answer) => $send($reply, answer),
            Err(error) => $reply.error(errno(&error)),
        }
    };
}

/// The file system that `fuser` calls, on one thread.
pub(super) struct Requests(pub(super) Arc<Served>);

impl Requests {
    fn run(&self, request: impl FnOnce(&Served) + Send + 'static) {
        let served = self.0.clone();
        self.0.pool.run(move || request(&served));
    }
}

impl Filesystem for Requests {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        let _ = config.add_capabilities(InitFlags::FUSE_ATOMIC_O_TRUNC);
        if self.0.is_direct
            && config.add_capabilities(InitFlags::FUSE_DIRECT_IO_ALLOW_MMAP).is_err()
        {
            tell(format_args!(
                "this kernel is older than Linux 6.6: programs cannot map shared files on this \
                 mount, unless it is made with --cached"
            ));
        }
        Ok(())
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let place = place(parent, name);
        self.run(move |served| {
            let found = served.disk().lookup(&place);
            answer!(reply, found, entry);
        });
    }

    // Not on another thread: it must not overtake a lookup, and it does not block.
    fn forget(&self, _: &Request, ino: INodeNo, lookups: u64) {
        self.0.disk().forget(ino.0, lookups);
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        self.run(move |served| {
            answer!(reply, served.get_attr(ino.0), |reply: ReplyAttr, attr| reply
                .attr(&KEEP, &attr));
        });
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        atime: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        _: Option<SystemTime>,
        handle: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let handle = handle.map(|handle| handle.0);
        let change =
            SetAttr { mode, uid, gid, len: size, accessed: atime, modified: mtime, handle };
        self.run(move |served| {
            let changed = served.set_attr(ino.0, change);
            answer!(reply, changed, |reply: ReplyAttr, attr| reply.attr(&KEEP, &attr));
        });
    }

    fn readlink(&self, _: &Request, ino: INodeNo, reply: ReplyData) {
        self.run(move |served| {
            let mut disk = served.disk();
            let target =
                disk.nodes.fd(ino.0).and_then(|fd| Ok(rustix::fs::readlinkat(fd, "", Vec::new())?));
            drop(disk);
            answer!(reply, target, |reply: ReplyData, target: std::ffi::CString| reply
                .data(target.as_bytes()));
        });
    }

    fn mknod(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        _: u32,
        reply: ReplyEntry,
    ) {
        use rustix::fs::FileType as Type;
        let kind = Type::from_raw_mode(mode);
        if !matches!(kind, Type::RegularFile | Type::Fifo | Type::Socket) {
            return reply.error(Errno::EPERM);
        }
        let (place, owner) = (place(parent, name), owner(request));
        self.run(move |served| {
            let made = fail(Here::open(&served.path_at(&place))).and_then(|()| {
                let mut disk = served.disk();
                match kind {
                    Type::RegularFile => disk.create(&place, owner, mode, OFlags::EXCL),
                    _ => disk.create_node(&place, owner, kind, mode),
                }
            });
            answer!(reply, made, entry);
        });
    }

    fn mkdir(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        reply: ReplyEntry,
    ) {
        let (place, owner) = (place(parent, name), owner(request));
        self.run(move |served| {
            let made = fail(Here::create_dir(&served.path_at(&place)))
                .and_then(|()| served.disk().create_dir(&place, owner, mode));
            answer!(reply, made, entry);
        });
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let place = place(parent, name);
        self.run(move |served| {
            let removed = fail(Here::remove(&served.path_at(&place)))
                .and_then(|()| served.disk().remove(&place, false));
            answer!(reply, removed, done);
        });
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let place = place(parent, name);
        self.run(move |served| {
            let removed = fail(Here::remove(&served.path_at(&place)))
                .and_then(|()| served.disk().remove(&place, true));
            answer!(reply, removed, done);
        });
    }

    fn symlink(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        target: &Path,
        reply: ReplyEntry,
    ) {
        let (place, owner, target) = (place(parent, name), owner(request), target.to_owned());
        self.run(move |served| {
            let made = fail(Here::open(&served.path_at(&place)))
                .and_then(|()| served.disk().symlink(&place, owner, &target));
            answer!(reply, made, entry);
        });
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        if !(flags & !RenameFlags::RENAME_NOREPLACE).is_empty() {
            return reply.error(Errno::EINVAL);
        }
        let may_replace = flags.is_empty();
        let (from, to) = (place(parent, name), place(new_parent, new_name));
        self.run(move |served| {
            let renamed = fail(Here::rename(&served.path_at(&from), &served.path_at(&to)))
                .and_then(|()| served.disk().rename(&from, &to, may_replace));
            answer!(reply, renamed, done);
        });
    }

    fn link(
        &self,
        _: &Request,
        ino: INodeNo,
        new_parent: INodeNo,
        new_name: &OsStr,
        reply: ReplyEntry,
    ) {
        let to = place(new_parent, new_name);
        self.run(move |served| {
            let linked = fail(Here::rename(&served.path(ino.0), &served.path_at(&to)))
                .and_then(|()| served.disk().link(ino.0, &to));
            answer!(reply, linked, entry);
        });
    }

    fn open(&self, _: &Request, ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        let flags = oflags(flags.0);
        self.run(move |served| {
            let opened = fail(Here::open(&served.path(ino.0)))
                .and_then(|()| served.disk().open(ino.0, flags));
            answer!(reply, opened, |reply: ReplyOpen, handle| reply
                .opened(FileHandle(handle), served.opened()));
        });
    }

    fn create(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        flags: i32,
        reply: ReplyCreate,
    ) {
        let (place, owner, flags) = (place(parent, name), owner(request), oflags(flags));
        self.run(move |served| {
            let created = served.create(&place, owner, mode, flags);
            answer!(reply, created, |reply: ReplyCreate, (found, handle): (Found, u64)| reply
                .created(
                    &KEEP,
                    &attr(found.ino, &found.stat),
                    Generation(found.generation),
                    FileHandle(handle),
                    served.opened()
                ));
        });
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        self.run(move |served| {
            let data = served.read(handle.0, offset, size as usize);
            answer!(reply, data, |reply: ReplyData, data: Vec<u8>| reply.data(&data));
        });
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let data = data.to_vec();
        self.run(move |served| {
            let written = served.write(handle.0, offset, data);
            answer!(reply, written, |reply: ReplyWrite, written| reply.written(written as u32));
        });
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn release(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        self.0.disk().release(handle.0);
        reply.ok();
    }

    fn fsync(&self, _: &Request, _: INodeNo, handle: FileHandle, _: bool, reply: ReplyEmpty) {
        self.run(move |served| answer!(reply, served.sync(handle.0), done));
    }

    fn opendir(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        self.run(move |served| {
            let opened = fail(Here::read_dir(&served.path(ino.0)))
                .and_then(|()| served.disk().open_dir(ino.0));
            answer!(reply, opened, |reply: ReplyOpen, handle| reply
                .opened(FileHandle(handle), FopenFlags::empty()));
        });
    }

    fn readdir(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        self.run(move |served| {
            let listing = match served.list(handle.0, offset) {
                Ok(listing) => listing,
                Err(error) => return reply.error(errno(&error)),
            };
            let start = clamp(offset).min(listing.len());
            for (number, entry) in listing.iter().enumerate().skip(start) {
                let kind = entry.kind.unwrap_or(fuser::FileType::RegularFile);
                if reply.add(INodeNo(entry.ino), number as u64 + 1, kind, &entry.name) {
                    break;
                }
            }
            reply.ok();
        });
    }

    fn releasedir(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        reply: ReplyEmpty,
    ) {
        self.0.disk().release(handle.0);
        reply.ok();
    }

    fn fsyncdir(&self, _: &Request, _: INodeNo, handle: FileHandle, _: bool, reply: ReplyEmpty) {
        self.run(move |served| answer!(reply, served.sync_dir(handle.0), done));
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        self.run(move |served| {
            let disk = served.disk();
            let room =
                disk.nodes.dir(super::nodes::ROOT).and_then(|fd| Ok(rustix::fs::fstatvfs(fd)?));
            drop(disk);
            answer!(reply, room, |reply: ReplyStatfs, room: rustix::fs::StatVfs| reply.statfs(
                room.f_blocks,
                room.f_bfree,
                room.f_bavail,
                room.f_files,
                room.f_ffree,
                room.f_bsize as u32,
                room.f_namemax as u32,
                room.f_frsize as u32
            ));
        });
    }

    fn access(&self, _: &Request, _: INodeNo, _: AccessFlags, reply: ReplyEmpty) {
        // The kernel checks permissions itself.
        reply.error(Errno::ENOSYS);
    }

    fn fallocate(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        self.run(move |served| {
            let allocated = served.allocate(handle.0, offset, length, mode);
            answer!(reply, allocated, done);
        });
    }

    // Not there: the kernel then reads and writes instead, through the points.

    fn lseek(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        _: i64,
        _: i32,
        reply: fuser::ReplyLseek,
    ) {
        reply.error(Errno::ENOSYS);
    }

    fn copy_file_range(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        _: u64,
        _: INodeNo,
        _: FileHandle,
        _: u64,
        _: u64,
        _: fuser::CopyFileRangeFlags,
        reply: ReplyWrite,
    ) {
        reply.error(Errno::ENOSYS);
    }

    fn setxattr(
        &self,
        _: &Request,
        _: INodeNo,
        _: &OsStr,
        _: &[u8],
        _: i32,
        _: u32,
        reply: ReplyEmpty,
    ) {
        reply.error(Errno::ENOSYS);
    }

    fn getxattr(&self, _: &Request, _: INodeNo, _: &OsStr, _: u32, reply: fuser::ReplyXattr) {
        reply.error(Errno::ENOSYS);
    }

    fn listxattr(&self, _: &Request, _: INodeNo, _: u32, reply: fuser::ReplyXattr) {
        reply.error(Errno::ENOSYS);
    }

    fn removexattr(&self, _: &Request, _: INodeNo, _: &OsStr, reply: ReplyEmpty) {
        reply.error(Errno::ENOSYS);
    }
}

fn place(parent: INodeNo, name: &OsStr) -> Place {
    (parent.0, OsString::from(name))
}

fn owner(request: &Request) -> Owner {
    Owner::Caller { uid: request.uid(), gid: request.gid() }
}

fn oflags(flags: i32) -> OFlags {
    OFlags::from_bits_retain(flags as u32)
}

fn entry(reply: ReplyEntry, found: Found) {
    reply.entry(&KEEP, &attr(found.ino, &found.stat), Generation(found.generation));
}

fn done(reply: ReplyEmpty, (): ()) {
    reply.ok();
}

fn attr(ino: Ino, stat: &Stat) -> FileAttr {
    use rustix::fs::FileType as Type;
    let kind = match Type::from_raw_mode(stat.st_mode) {
        Type::Directory => fuser::FileType::Directory,
        Type::Symlink => fuser::FileType::Symlink,
        Type::Fifo => fuser::FileType::NamedPipe,
        Type::Socket => fuser::FileType::Socket,
        Type::CharacterDevice => fuser::FileType::CharDevice,
        Type::BlockDevice => fuser::FileType::BlockDevice,
        _ => fuser::FileType::RegularFile,
    };
    FileAttr {
        ino: INodeNo(ino),
        size: stat.st_size as u64,
        blocks: stat.st_blocks as u64,
        atime: time(stat.st_atime, stat.st_atime_nsec),
        mtime: time(stat.st_mtime, stat.st_mtime_nsec),
        ctime: time(stat.st_ctime, stat.st_ctime_nsec),
        crtime: SystemTime::UNIX_EPOCH,
        kind,
        perm: (stat.st_mode & 0o7777) as u16,
        nlink: stat.st_nlink as u32,
        uid: stat.st_uid,
        gid: stat.st_gid,
        rdev: stat.st_rdev as u32,
        blksize: stat.st_blksize as u32,
        flags: 0,
    }
}

fn time(seconds: i64, nanoseconds: impl TryInto<u32>) -> SystemTime {
    let nanoseconds = Duration::from_nanos(nanoseconds.try_into().unwrap_or(0).into());
    let seconds_since = Duration::from_secs(seconds.unsigned_abs());
    let whole = if seconds < 0 {
        SystemTime::UNIX_EPOCH - seconds_since
    } else {
        SystemTime::UNIX_EPOCH + seconds_since
    };
    whole + nanoseconds
}

fn timespec(time: Option<TimeOrNow>) -> Timespec {
    let nanoseconds = |nanoseconds| Timespec { tv_sec: 0, tv_nsec: nanoseconds };
    match time {
        None => nanoseconds(rustix::fs::UTIME_OMIT),
        Some(TimeOrNow::Now) => nanoseconds(rustix::fs::UTIME_NOW),
        Some(TimeOrNow::SpecificTime(time)) => match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => {
                Timespec { tv_sec: since.as_secs() as i64, tv_nsec: since.subsec_nanos().into() }
            }
            Err(before) => Timespec { tv_sec: -(before.duration().as_secs() as i64), tv_nsec: 0 },
        },
    }
}

/// What a program sees. An armed `ErrorKind` has no number, so it gets the usual one.
fn errno(error: &io::Error) -> Errno {
    if let Some(number) = error.raw_os_error() {
        return Errno::from_i32(number);
    }
    match error.kind() {
        ErrorKind::NotFound => Errno::ENOENT,
        ErrorKind::PermissionDenied => Errno::EACCES,
        ErrorKind::AlreadyExists => Errno::EEXIST,
        ErrorKind::WouldBlock => Errno::EAGAIN,
        ErrorKind::InvalidInput => Errno::EINVAL,
        ErrorKind::TimedOut => Errno::ETIMEDOUT,
        ErrorKind::Interrupted => Errno::EINTR,
        ErrorKind::OutOfMemory => Errno::ENOMEM,
        ErrorKind::StorageFull => Errno::ENOSPC,
        ErrorKind::QuotaExceeded => Errno::EDQUOT,
        ErrorKind::FileTooLarge => Errno::EFBIG,
        ErrorKind::ReadOnlyFilesystem => Errno::EROFS,
        ErrorKind::IsADirectory => Errno::EISDIR,
        ErrorKind::NotADirectory => Errno::ENOTDIR,
        ErrorKind::DirectoryNotEmpty => Errno::ENOTEMPTY,
        ErrorKind::ResourceBusy => Errno::EBUSY,
        ErrorKind::Unsupported => Errno::EOPNOTSUPP,
        _ => Errno::EIO,
    }
}
