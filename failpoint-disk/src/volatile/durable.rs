//! What makes a change durable: the same on the real disk, or in memory where a directory itself is not on
//! the real disk yet.

use super::node::{Base, Content, Directory, File, Node};
use super::overlay::Overlay;
use super::real::{self, identity};
use crate::sim::image::{Change, Ino, Name};
use crate::sim::state::Attributes;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

impl Overlay {
    /// Makes one change durable. `named` says how often changes that are not durable name each file, this one
    /// included.
    pub(super) fn make_durable(
        &mut self,
        change: &Change,
        named: &HashMap<Ino, usize>,
    ) -> io::Result<()> {
        match change {
            Change::Write { ino, .. } | Change::SetLen { ino, .. } => {
                self.change_contents(*ino, change)
            }
            Change::Link { dir, name, ino } => self.link(*dir, name, *ino),
            Change::Unlink { dir, name, ino } => self.take_away(*dir, name, *ino, named),
            Change::Rename { from, to, ino, .. } => {
                let paths = (self.real_directory(from.0), self.real_directory(to.0));
                if let (Some(old), Some(new)) = paths {
                    let (old, new) = (old.join(&*from.1), new.join(&*to.1));
                    if self.is_at(*ino, &old) {
                        self.replace(&new, named)?;
                        fs::rename(&old, &new)?;
                        self.moved(&old, &new);
                        return Ok(());
                    }
                }
                // In two steps, as a crash sees neither: at least one directory is in memory.
                self.take_away(from.0, &from.1, *ino, named)?;
                if let Some(directory) = self.real_directory(to.0) {
                    self.make_room(&directory.join(&*to.1), named)?;
                }
                self.link(to.0, &to.1, *ino)
            }
        }
    }

    fn change_contents(&mut self, ino: Ino, change: &Change) -> io::Result<()> {
        let node = self.node_mut(ino);
        let Some(file) = node.file_mut() else { return Ok(()) };
        match (&mut file.base, change) {
            (Base::Real(Some(real)), Change::Write { offset, data, .. }) => {
                real::write_all_at(real, data, *offset)?;
            }
            (Base::Real(Some(real)), Change::SetLen { len, .. }) => real.set_len(*len)?,
            (Base::Memory(contents), Change::Write { offset, data, .. }) => {
                let start = usize::try_from(*offset).map_err(|_| ErrorKind::OutOfMemory)?;
                let end = start + data.len();
                if contents.len() < end {
                    resize(contents, end)?;
                }
                contents[start..end].copy_from_slice(data);
            }
            (Base::Memory(contents), Change::SetLen { len, .. }) => {
                resize(contents, usize::try_from(*len).map_err(|_| ErrorKind::OutOfMemory)?)?;
            }
            _ => {}
        }
        let durable_len = node.durable_len()?;
        if let Some(File { held: Some(held), has_dropped: false, .. }) = node.file_mut() {
            held.settled(change, durable_len);
        }
        Ok(())
    }

    /// Gives a file or directory a durable name.
    fn link(&mut self, dir: Ino, name: &Name, ino: Ino) -> io::Result<()> {
        let Some(directory) = self.real_directory(dir) else {
            if let Some(Directory { memory: Some(names), .. }) = self.node_mut(dir).directory_mut()
            {
                names.insert(name.clone(), ino);
            }
            return Ok(());
        };
        let path = directory.join(&**name);
        let node = self.node_mut(ino);
        let known = node.at.iter().find(|at| fs::symlink_metadata(at).is_ok()).cloned();
        let mode = node.attributes.mode;
        let mut names = BTreeMap::new();
        // A directory that is not empty gets its name when it is complete: a crash finds all of it or nothing.
        let mut made_at = path.clone();
        match (&mut node.content, known) {
            (Content::File(_) | Content::Special | Content::Symlink(_), Some(known)) => {
                fs::hard_link(known, &path)?;
            }
            // It has another name, which was never looked up.
            (Content::File(File { base: Base::Real(Some(file)), .. }), None)
                if real::link_open(file, &path) => {}
            (Content::File(file), None) => {
                let new = real::create_file(&path, mode, |new| match &file.base {
                    Base::Memory(contents) => real::write_all_at(new, contents, 0),
                    // Its last durable name is gone, and only the open file is left.
                    Base::Real(Some(old)) => copy(old, new),
                    Base::Real(None) => Ok(()),
                })?;
                file.base = Base::Real(Some(Arc::new(new)));
            }
            (Content::Directory(directory), _) => {
                names = directory.memory.take().unwrap_or_default();
                if !names.is_empty() {
                    made_at = real::temporary(&path);
                    // What a kill left.
                    let _ = fs::remove_dir_all(&made_at);
                }
                real::create_dir(&made_at, mode)?;
            }
            (Content::Symlink(target), None) => real::create_symlink(target, &path)?,
            (Content::Special, None) => {}
        }
        self.is_now_at(ino, &made_at)?;
        for (name, child) in names {
            self.link(ino, &name, child)?;
        }
        if made_at != path {
            fs::rename(&made_at, &path)?;
            self.moved(&made_at, &path);
        }
        Ok(())
    }

    /// A file or directory got a name on the real disk.
    fn is_now_at(&mut self, ino: Ino, path: &Path) -> io::Result<()> {
        let metadata = fs::symlink_metadata(path)?;
        let node = self.node_mut(ino);
        node.at.push(path.to_owned());
        if std::mem::take(&mut node.has_own_attributes) {
            set_attributes(path, node)?;
        }
        let before = node.identity.replace(identity(&metadata));
        node.device = identity(&metadata).0;
        if let Some(before) = before {
            self.identities.remove(&before);
        }
        self.identities.insert(identity(&metadata), ino);
        Ok(())
    }

    /// Takes a durable name from a file or directory, if it still has it.
    fn take_away(
        &mut self,
        dir: Ino,
        name: &Name,
        ino: Ino,
        named: &HashMap<Ino, usize>,
    ) -> io::Result<()> {
        let Some(directory) = self.real_directory(dir) else {
            if let Some(Directory { memory: Some(names), .. }) = self.node_mut(dir).directory_mut()
            {
                if names.get(name) == Some(&ino) {
                    names.remove(name);
                }
            }
            return Ok(());
        };
        let path = directory.join(&**name);
        if self.is_at(ino, &path) { self.make_room(&path, named) } else { Ok(()) }
    }

    fn is_at(&self, ino: Ino, path: &Path) -> bool {
        let there = fs::symlink_metadata(path).ok().map(|metadata| identity(&metadata));
        there.is_some() && there == self.node(ino).identity
    }

    /// Removes what the real disk has at a path. What is still open or named elsewhere is kept in memory.
    fn make_room(&mut self, path: &Path, named: &HashMap<Ino, usize>) -> io::Result<()> {
        let metadata = match fs::symlink_metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        self.keep(path, &metadata, named, false)?;
        if metadata.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
    }

    /// As [`make_room`](Self::make_room), but leaves a file there for a rename, which replaces it at once.
    fn replace(&mut self, path: &Path, named: &HashMap<Ino, usize>) -> io::Result<()> {
        match fs::symlink_metadata(path) {
            Ok(metadata) if !metadata.is_dir() => self.keep(path, &metadata, named, false),
            _ => self.make_room(path, named),
        }
    }

    /// Makes a file or directory independent of a path on the real disk. It is wanted, if the directory that
    /// has it is kept.
    fn keep(
        &mut self,
        path: &Path,
        metadata: &fs::Metadata,
        named: &HashMap<Ino, usize>,
        is_wanted: bool,
    ) -> io::Result<()> {
        let known = self.identities.get(&identity(metadata)).copied();
        let is_directory = metadata.is_dir();
        let Some(ino) = known else {
            // No change names it. What is below it may be named.
            if is_directory {
                for (path, metadata) in entries(path)? {
                    self.keep(&path, &metadata, named, is_wanted)?;
                }
            }
            return Ok(());
        };
        if is_directory {
            return self.keep_directory(ino, path, named, is_wanted);
        }
        let node = self.node_mut(ino);
        node.keep_open();
        node.at.retain(|at| at != path);
        if let Content::File(File { base: Base::Real(None), .. }) = node.content {
            // It cannot be read, so nothing of it can be kept.
            node.identity = None;
            self.identities.remove(&identity(metadata));
        }
        Ok(())
    }

    /// Moves a directory into memory, with all that is below it.
    fn keep_directory(
        &mut self,
        ino: Ino,
        path: &Path,
        named: &HashMap<Ino, usize>,
        is_wanted: bool,
    ) -> io::Result<()> {
        let is_named = named.get(&ino).is_some_and(|&by| by > 0);
        let is_wanted = is_wanted || is_named || self.node(ino).handles > 0;
        let mut names = BTreeMap::new();
        for (path, metadata) in entries(path)? {
            if is_wanted {
                let child = self.node_at(&path, &metadata)?;
                names.insert(Name::from(path.file_name().unwrap_or_default()), child);
            }
            self.keep(&path, &metadata, named, is_wanted)?;
        }
        let node = self.node_mut(ino);
        node.at.clear();
        let identity = node.identity.take();
        if let Some(directory) = node.directory_mut() {
            directory.memory = Some(names);
        }
        identity.into_iter().for_each(|identity| {
            self.identities.remove(&identity);
        });
        Ok(())
    }
}

fn entries(directory: &Path) -> io::Result<Vec<(PathBuf, fs::Metadata)>> {
    let entry = |entry: io::Result<fs::DirEntry>| {
        let path = entry?.path();
        let metadata = fs::symlink_metadata(&path)?;
        Ok((path, metadata))
    };
    fs::read_dir(directory)?.map(entry).collect()
}

fn resize(contents: &mut Vec<u8>, len: usize) -> io::Result<()> {
    let more = len.saturating_sub(contents.len());
    contents.try_reserve_exact(more).map_err(|_| ErrorKind::OutOfMemory)?;
    contents.resize(len, 0);
    Ok(())
}

fn copy(from: &fs::File, to: &fs::File) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    let mut offset = 0;
    loop {
        let read = real::read_at(from, &mut buffer, offset)?;
        if read == 0 {
            return Ok(());
        }
        real::write_all_at(to, &buffer[..read], offset)?;
        offset += read as u64;
    }
}

fn set_attributes(path: &Path, node: &Node) -> io::Result<()> {
    let Attributes { mode, modified, accessed, .. } = node.attributes;
    if node.file().is_some() {
        let times = fs::FileTimes::new().set_modified(modified).set_accessed(accessed);
        fs::File::open(path)?.set_times(times)?;
    }
    real::set_mode(path, mode)
}
