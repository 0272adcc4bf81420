//! A file or directory that is open, or that has changes which the real disk does not have.

use super::held::Held;
use super::real::{Identity, identity, links, mode};
use crate::sim::image::{Ino, Name};
use crate::sim::state::Attributes;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Node {
    pub(super) content: Content,
    /// How many names the program sees.
    pub(super) links: u64,
    pub(super) handles: usize,
    /// The path that the program saw last.
    pub(super) seen_as: PathBuf,
    /// Its names on the real disk, as far as they are known. A directory there has exactly one.
    pub(super) at: Vec<PathBuf>,
    pub(super) device: u64,
    /// `None`, if it is not on the real disk.
    pub(super) identity: Option<Identity>,
    pub(super) attributes: Attributes,
    /// Whether `attributes` has the permissions and times that it must get on the real disk.
    pub(super) has_own_attributes: bool,
    /// Whether the time of its last change is that of a change which is held back.
    pub(super) is_touched: bool,
}

#[derive(Debug)]
pub(super) enum Content {
    File(File),
    Directory(Directory),
    /// Its target.
    Symlink(PathBuf),
    /// A device, a pipe and the like: only its names are held back.
    Special,
}

#[derive(Debug)]
pub(super) struct File {
    pub(super) base: Base,
    /// `None`, if the program sees what is durable.
    pub(super) held: Option<Held>,
    /// Whether changes are held that will never be durable, since a sync dropped them.
    pub(super) has_dropped: bool,
}

/// What is durable of a file.
#[derive(Debug)]
pub(super) enum Base {
    /// On the real disk, open so that it can be read and, if someone writes to it, written. `None`: not
    /// opened yet.
    Real(Option<Arc<fs::File>>),
    /// Its name is not durable, so that a crash loses it with its contents.
    Memory(Vec<u8>),
}

#[derive(Debug)]
pub(super) struct Directory {
    /// The durable names, if that of the directory itself is not durable. `None`: it is on the real disk.
    pub(super) memory: Option<BTreeMap<Name, Ino>>,
    /// Names that differ from the durable ones; `None` for those that were removed.
    pub(super) changed: BTreeMap<Name, Option<Ino>>,
}

impl Node {
    /// One that is on the real disk, there.
    pub(super) fn real(path: &Path, metadata: &fs::Metadata) -> io::Result<Self> {
        let file_type = metadata.file_type();
        let content = if file_type.is_dir() {
            Content::Directory(Directory { memory: None, changed: BTreeMap::new() })
        } else if file_type.is_file() {
            Content::File(File { base: Base::Real(None), held: None, has_dropped: false })
        } else if file_type.is_symlink() {
            Content::Symlink(fs::read_link(path)?)
        } else {
            Content::Special
        };
        let modified = metadata.modified()?;
        Ok(Self {
            content,
            // A directory has one name. What the system counts is the names of its parent in those below it.
            links: if metadata.is_dir() { 1 } else { links(metadata) },
            handles: 0,
            seen_as: path.to_owned(),
            at: vec![path.to_owned()],
            device: identity(metadata).0,
            identity: Some(identity(metadata)),
            attributes: Attributes::new(mode(metadata), modified),
            has_own_attributes: false,
            is_touched: false,
        })
    }

    /// A new one, in a directory on that device.
    pub(super) fn memory(content: Content, device: u64, attributes: Attributes) -> Self {
        Self {
            content,
            links: 0,
            handles: 0,
            seen_as: PathBuf::new(),
            at: Vec::new(),
            device,
            identity: None,
            attributes,
            has_own_attributes: false,
            is_touched: false,
        }
    }

    pub(super) fn directory(&self) -> Option<&Directory> {
        match &self.content {
            Content::Directory(directory) => Some(directory),
            _ => None,
        }
    }

    pub(super) fn directory_mut(&mut self) -> Option<&mut Directory> {
        match &mut self.content {
            Content::Directory(directory) => Some(directory),
            _ => None,
        }
    }

    pub(super) fn file(&self) -> Option<&File> {
        match &self.content {
            Content::File(file) => Some(file),
            _ => None,
        }
    }

    pub(super) fn file_mut(&mut self) -> Option<&mut File> {
        match &mut self.content {
            Content::File(file) => Some(file),
            _ => None,
        }
    }

    /// What the real disk tells of it, if it is there.
    pub(super) fn real_metadata(&self) -> io::Result<Option<fs::Metadata>> {
        if let Content::File(File { base: Base::Real(Some(file)), .. }) = &self.content {
            return file.metadata().map(Some);
        }
        match (self.identity, self.at.first()) {
            (Some(_), Some(path)) => fs::symlink_metadata(path).map(Some),
            _ => Ok(None),
        }
    }

    /// How many bytes the program sees.
    pub(super) fn len(&self) -> io::Result<u64> {
        match &self.content {
            Content::File(File { held: Some(held), .. }) => Ok(held.len()),
            _ => self.durable_len(),
        }
    }

    pub(super) fn durable_len(&self) -> io::Result<u64> {
        match &self.content {
            Content::File(File { base: Base::Memory(data), .. }) => Ok(data.len() as u64),
            Content::Symlink(target) => Ok(target.as_os_str().len() as u64),
            _ => Ok(self.real_metadata()?.map_or(0, |metadata| metadata.len())),
        }
    }

    /// Keeps the contents of a file within reach when its last name goes, if it can be opened.
    pub(super) fn keep_open(&mut self) {
        let Some(path) = self.at.first() else { return };
        if let Content::File(File { base: base @ Base::Real(None), .. }) = &mut self.content {
            *base = Base::Real(super::real::open_best(path).ok().map(Arc::new));
        }
    }

    /// How many bytes it takes in memory, beside the changes that are held.
    pub(super) fn size(&self) -> usize {
        match &self.content {
            Content::File(File { base: Base::Memory(data), .. }) => data.len(),
            _ => 0,
        }
    }
}
