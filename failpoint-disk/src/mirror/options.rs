//! How a file is opened.

use super::{File, fail};
use crate::errno::errno;
use crate::points::Points;
use crate::sim::mount::{self, Place};
use crate::sim::state::How;
use crate::sim::{Access, SimFile};
use crate::volatile::{HeldFile, Opened};
use std::fmt;
use std::fs;
use std::io;
use std::marker::PhantomData;
use std::panic::Location;
use std::path::Path;

/// How a file is opened, as [`std::fs::OpenOptions`].
pub struct OpenOptions<K> {
    read: bool,
    write: bool,
    append: bool,
    truncate: bool,
    create: bool,
    create_new: bool,
    mode: u32,
    custom_flags: i32,
    points: PhantomData<fn() -> K>,
}

impl<K> OpenOptions<K> {
    /// The same options, for files with other points.
    pub(crate) fn of_points<J>(&self) -> OpenOptions<J> {
        let Self { read, write, append, truncate, create, create_new, mode, custom_flags, .. } =
            *self;
        let points = PhantomData;
        OpenOptions {
            read,
            write,
            append,
            truncate,
            create,
            create_new,
            mode,
            custom_flags,
            points,
        }
    }
}

impl<K> Clone for OpenOptions<K> {
    fn clone(&self) -> Self {
        self.of_points()
    }
}

impl<K> fmt::Debug for OpenOptions<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenOptions")
            .field("read", &self.read)
            .field("write", &self.write)
            .field("append", &self.append)
            .field("truncate", &self.truncate)
            .field("create", &self.create)
            .field("create_new", &self.create_new)
            .finish_non_exhaustive()
    }
}

impl<K: Points> OpenOptions<K> {
    /// Everything is off.
    #[allow(clippy::new_without_default)] // as std
    pub fn new() -> Self {
        Self {
            read: false,
            write: false,
            append: false,
            truncate: false,
            create: false,
            create_new: false,
            mode: 0o666,
            custom_flags: 0,
            points: PhantomData,
        }
    }

    /// As [`std::fs::OpenOptions::read`].
    pub fn read(&mut self, read: bool) -> &mut Self {
        self.read = read;
        self
    }

    /// As [`std::fs::OpenOptions::write`].
    pub fn write(&mut self, write: bool) -> &mut Self {
        self.write = write;
        self
    }

    /// As [`std::fs::OpenOptions::append`].
    pub fn append(&mut self, append: bool) -> &mut Self {
        self.append = append;
        self
    }

    /// As [`std::fs::OpenOptions::truncate`].
    pub fn truncate(&mut self, truncate: bool) -> &mut Self {
        self.truncate = truncate;
        self
    }

    /// As [`std::fs::OpenOptions::create`].
    pub fn create(&mut self, create: bool) -> &mut Self {
        self.create = create;
        self
    }

    /// As [`std::fs::OpenOptions::create_new`].
    pub fn create_new(&mut self, create_new: bool) -> &mut Self {
        self.create_new = create_new;
        self
    }

    /// Opens the file, as [`std::fs::OpenOptions::open`].
    ///
    /// # Errors
    /// Those of the disk.
    #[track_caller]
    pub fn open<P: AsRef<Path>>(&self, path: P) -> io::Result<File<K>> {
        self.open_path(path.as_ref())
    }

    #[track_caller]
    fn open_path(&self, path: &Path) -> io::Result<File<K>> {
        fail(K::open(path))?;
        match mount::find(path)? {
            Place::Real => Ok(File::real(self.real().open(path)?, path)),
            Place::Held(disk) => {
                let (how, access) = (self.how()?, self.access());
                match HeldFile::open(disk, path, how, access, &self.real(), self.follows())? {
                    Opened::Held(file) => Ok(File::held(file, path)),
                    Opened::Direct(file) => Ok(File::real(file, path)),
                }
            }
            Place::Sim(disk, inside) => {
                let how = self.how()?;
                let access = self.access();
                let caller = Location::caller();
                let file = SimFile::open(disk, path.into(), inside, how, access, caller)?;
                Ok(File::sim(file, path))
            }
        }
    }

    pub(crate) fn real(&self) -> fs::OpenOptions {
        let mut options = fs::OpenOptions::new();
        options
            .read(self.read)
            .write(self.write)
            .append(self.append)
            .truncate(self.truncate)
            .create(self.create)
            .create_new(self.create_new);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(self.mode).custom_flags(self.custom_flags);
        }
        options
    }

    /// With the combinations that `std` refuses.
    fn how(&self) -> io::Result<How> {
        let changes = self.truncate || self.create || self.create_new;
        let is_refused = match (self.read, self.write, self.append) {
            (false, false, false) => true,
            (_, _, true) => self.truncate && !self.create_new,
            (_, false, false) => changes,
            (_, true, false) => false,
        };
        if is_refused {
            // In the words of this version of std, which looks at the options before the path.
            let refused = self.real().open("").err();
            let refused = refused.filter(|error| error.kind() == io::ErrorKind::InvalidInput);
            return Err(refused.unwrap_or_else(|| errno("EINVAL")));
        }
        Ok(How {
            write: self.write || self.append,
            truncate: self.truncate,
            create: self.create,
            create_new: self.create_new,
            mode: self.mode,
        })
    }

    /// Whether a symbolic link at the end of a path is followed.
    fn follows(&self) -> bool {
        #[cfg(unix)]
        let no_follow = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
        #[cfg(not(unix))]
        let no_follow = 0;
        self.custom_flags & no_follow == 0
    }

    fn access(&self) -> Access {
        Access { read: self.read, write: self.write || self.append, append: self.append }
    }
}

#[cfg(unix)]
impl<K: Points> std::os::unix::fs::OpenOptionsExt for OpenOptions<K> {
    fn mode(&mut self, mode: u32) -> &mut Self {
        self.mode = mode;
        self
    }

    /// A simulated disk does not look at them.
    fn custom_flags(&mut self, flags: i32) -> &mut Self {
        self.custom_flags = flags;
        self
    }
}
