//! The operations on paths, as the program sees them.

use super::node::{Base, Content, Directory, File, Node};
use super::overlay::Overlay;
use super::real;
use super::walk::Spot;
use crate::errno::errno;
use crate::mirror::Metadata;
use crate::sim::image::{Change, Ino, Name};
use crate::sim::mount::{End, check_path};
use crate::sim::state::Attributes;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

impl Overlay {
    pub(super) fn stat(&self, path: &Path, follows: bool) -> io::Result<Metadata> {
        let spot = self.walk(path, follows)?.existing(self)?;
        self.metadata(&spot)
    }

    pub(super) fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        let found = self.walk(path, true)?;
        let canonical = found.path.clone();
        found.existing(self)?;
        Ok(canonical)
    }

    pub(super) fn read_link(&self, path: &Path) -> io::Result<PathBuf> {
        let spot = self.walk(path, false)?.existing(self)?;
        self.target(&spot)?.ok_or_else(|| errno("EINVAL"))
    }

    pub(super) fn read_dir(&self, path: &Path) -> io::Result<Vec<(Name, Metadata)>> {
        let spot = self.walk(path, true)?.existing(self)?;
        if !self.is_dir(&spot) {
            return Err(errno("ENOTDIR"));
        }
        let names = self.list(&spot)?;
        names.into_iter().map(|(name, spot)| Ok((name, self.metadata(&spot)?))).collect()
    }

    pub(super) fn set_permissions(
        &mut self,
        path: &Path,
        permissions: fs::Permissions,
        mode: u32,
    ) -> io::Result<()> {
        match self.walk(path, true)?.existing(self)? {
            Spot::Real(path, _) => fs::set_permissions(path, permissions),
            Spot::Node(ino) => {
                let node = self.node_mut(ino);
                node.attributes.mode = mode;
                match (node.identity, node.at.first()) {
                    (Some(_), Some(path)) => fs::set_permissions(path, permissions),
                    _ => {
                        node.has_own_attributes = true;
                        Ok(())
                    }
                }
            }
        }
    }

    /// A new file with that name, which has a handle.
    pub(super) fn create(&mut self, dir: &Spot, name: Name, mode: u32) -> io::Result<Ino> {
        let file = File { base: Base::Memory(Vec::new()), held: None, has_dropped: false };
        self.make(dir, name, Content::File(file), mode, 1)
    }

    pub(super) fn create_dir(&mut self, path: &Path, mode: u32) -> io::Result<()> {
        let found = self.walk(path, false)?;
        let name = found.name("EEXIST")?;
        if found.spot.is_some() {
            return Err(errno("EEXIST"));
        }
        let directory = Directory { memory: Some(BTreeMap::new()), changed: BTreeMap::new() };
        self.make(&found.dir, name, Content::Directory(directory), mode, 0)?;
        Ok(())
    }

    pub(super) fn symlink(&mut self, target: &Path, link: &Path) -> io::Result<()> {
        check_path(target)?;
        let found = self.walk(link, false)?;
        let name = found.name("EEXIST")?;
        if found.spot.is_some() {
            return Err(errno("EEXIST"));
        }
        if found.end == End::Slash {
            return Err(errno("ENOENT"));
        }
        self.make(&found.dir, name, Content::Symlink(target.to_owned()), 0o777, 0)?;
        Ok(())
    }

    fn make(
        &mut self,
        dir: &Spot,
        name: Name,
        content: Content,
        mode: u32,
        handles: usize,
    ) -> io::Result<Ino> {
        self.check_writable(dir)?;
        let dir = self.node_of(dir)?;
        let taken = if let Content::Symlink(_) = content { 0 } else { real::umask() };
        let mode = mode & 0o7777 & !taken;
        let attributes = Attributes::new(mode, SystemTime::now());
        let mut node = Node::memory(content, self.node(dir).device, attributes);
        node.handles = handles;
        let ino = self.add(node);
        self.change(Change::Link { dir, name, ino })?;
        Ok(ino)
    }

    pub(super) fn hard_link(&mut self, original: &Path, link: &Path) -> io::Result<()> {
        let spot = self.walk(original, false)?.existing(self)?;
        let found = self.walk(link, false)?;
        let name = found.name("EEXIST")?;
        if found.spot.is_some() {
            return Err(errno("EEXIST"));
        }
        if found.end == End::Slash {
            return Err(errno("ENOENT"));
        }
        if self.is_dir(&spot) {
            return Err(errno("EPERM"));
        }
        if self.device(&spot) != self.device(&found.dir) {
            return Err(errno("EXDEV"));
        }
        self.check_writable(&found.dir)?;
        let (ino, dir) = (self.node_of(&spot)?, self.node_of(&found.dir)?);
        self.change(Change::Link { dir, name, ino })
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        // Both directories are looked for before either name.
        let (old, new) = (self.walk(from, false)?, self.walk(to, false)?);
        let (old_name, new_name) = (old.name("EBUSY")?, new.name("EBUSY")?);
        let spot = old.spot.clone().ok_or_else(|| errno("ENOENT"))?;
        if self.device(&old.dir) != self.device(&new.dir) {
            return Err(errno("EXDEV"));
        }
        let is_dir = self.is_dir(&spot);
        if !is_dir && (old.end == End::Slash || new.end == End::Slash) {
            return Err(errno("ENOTDIR"));
        }
        if is_dir && self.has(&new.above, &spot) {
            return Err(errno("EINVAL"));
        }
        let mut replaced = None;
        if let Some(there) = &new.spot {
            if self.has(&old.above, there) {
                return Err(errno("ENOTEMPTY"));
            }
            if self.is_same(there, &spot) {
                return Ok(());
            }
            match (is_dir, self.is_dir(there)) {
                (true, false) => return Err(errno("ENOTDIR")),
                (false, true) => return Err(errno("EISDIR")),
                (true, true) if !self.list(there)?.is_empty() => return Err(errno("ENOTEMPTY")),
                _ => {}
            }
            replaced = Some(self.node_of(there)?);
        }
        self.check_writable(&old.dir)?;
        self.check_writable(&new.dir)?;
        let ino = self.node_of(&spot)?;
        let (old_dir, new_dir) = (self.node_of(&old.dir)?, self.node_of(&new.dir)?);
        let (from, to) = ((old_dir, old_name), (new_dir, new_name));
        self.change(Change::Rename { from, to, ino, replaced })?;
        replaced.into_iter().for_each(|replaced| self.forget_unreachable(replaced));
        Ok(())
    }

    pub(super) fn remove_file(&mut self, path: &Path) -> io::Result<()> {
        let found = self.walk(path, false)?;
        let name = found.name("EISDIR")?;
        let spot = found.spot.ok_or_else(|| errno("ENOENT"))?;
        if self.is_dir(&spot) {
            return Err(errno("EISDIR"));
        }
        if found.end == End::Slash {
            return Err(errno("ENOTDIR"));
        }
        self.unlink(&found.dir, name, &spot)
    }

    pub(super) fn remove_dir(&mut self, path: &Path) -> io::Result<()> {
        let found = self.walk(path, false)?;
        let no_name = match found.end {
            End::Dot => "EINVAL",
            End::DotDot => "ENOTEMPTY",
            _ => "EBUSY",
        };
        let name = found.name(no_name)?;
        let spot = found.spot.ok_or_else(|| errno("ENOENT"))?;
        if !self.is_dir(&spot) {
            return Err(errno("ENOTDIR"));
        }
        if !self.list(&spot)?.is_empty() {
            return Err(errno("ENOTEMPTY"));
        }
        self.unlink(&found.dir, name, &spot)
    }

    fn unlink(&mut self, dir: &Spot, name: Name, spot: &Spot) -> io::Result<()> {
        self.check_writable(dir)?;
        let (ino, dir) = (self.node_of(spot)?, self.node_of(dir)?);
        self.change(Change::Unlink { dir, name, ino })?;
        self.forget_unreachable(ino);
        Ok(())
    }

    /// A directory in memory has the permissions of its owner.
    fn check_writable(&self, dir: &Spot) -> io::Result<()> {
        match dir {
            Spot::Real(path, _) => real::check_writable(path),
            Spot::Node(ino) => match self.real_directory(*ino) {
                Some(path) => real::check_writable(&path),
                None => Ok(()),
            },
        }
    }

    fn has(&self, above: &[Spot], directory: &Spot) -> bool {
        above.iter().any(|spot| self.is_same(spot, directory))
    }

    fn is_same(&self, one: &Spot, other: &Spot) -> bool {
        match (one, other) {
            (Spot::Node(one), Spot::Node(other)) => one == other,
            (Spot::Real(_, one), Spot::Real(_, other)) => {
                real::identity(one) == real::identity(other)
            }
            _ => false,
        }
    }
}
