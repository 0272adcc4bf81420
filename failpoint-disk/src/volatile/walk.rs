//! Where a path leads, as the program sees it.

use super::node::{Content, Directory};
use super::overlay::Overlay;
use super::real::identity;
use crate::errno::errno;
use crate::sim::image::{Ino, Name};

use crate::sim::mount::{End, Inside, check_path};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// How many symbolic links a path may lead through, as on Linux.
const MOST_LINKS: usize = 40;

/// A file or directory.
#[derive(Clone, Debug)]
pub(super) enum Spot {
    /// One that is open or has changes.
    Node(Ino),
    /// One that is as on the real disk, where it has this path.
    Real(PathBuf, fs::Metadata),
}

/// What a path names.
#[derive(Debug)]
pub(super) struct Found {
    /// The directory that has the name.
    pub(super) dir: Spot,
    /// `None`, if the path ends in no name.
    pub(super) name: Option<Name>,
    /// `None`, if nothing has the name.
    pub(super) spot: Option<Spot>,
    /// `dir` and the directories above it.
    pub(super) above: Vec<Spot>,
    /// The path without links, `.` and `..`.
    pub(super) path: PathBuf,
    pub(super) end: End,
}

impl Found {
    /// # Errors
    /// If there is nothing, or no directory where the path says so.
    pub(super) fn existing(self, overlay: &Overlay) -> io::Result<Spot> {
        let spot = self.spot.ok_or_else(|| errno("ENOENT"))?;
        if matches!(self.end, End::Slash | End::Dot) && !overlay.is_dir(&spot) {
            return Err(errno("ENOTDIR"));
        }
        Ok(spot)
    }

    /// The name, or the error for a path that ends in none.
    pub(super) fn name(&self, no_name: &'static str) -> io::Result<Name> {
        match self.end {
            End::Name | End::Slash => self.name.clone().ok_or_else(|| errno(no_name)),
            End::Dot | End::DotDot | End::Root => Err(errno(no_name)),
        }
    }
}

impl Overlay {
    /// Walks a path. `follows` says whether a link at its end is followed.
    pub(super) fn walk(&self, path: &Path, follows: bool) -> io::Result<Found> {
        self.check_power()?;
        check_path(path)?;
        let whole =
            if path.is_absolute() { path.to_owned() } else { std::env::current_dir()?.join(path) };
        let end = Inside::new(whole.strip_prefix("/").unwrap_or(&whole), path).end;
        let follows = follows || end == End::Slash || end == End::Dot;
        let root = self.real_spot(PathBuf::from("/"))?.ok_or_else(|| errno("ENOENT"))?;
        let (mut above, mut names) = (vec![root], Vec::<OsString>::new());
        let mut todo = steps(&whole);
        let mut links = 0;
        while let Some(step) = todo.pop() {
            if step == ".." {
                if above.len() > 1 {
                    above.pop();
                    names.pop();
                }
                continue;
            }
            let is_last = todo.is_empty();
            let dir = &above[above.len() - 1];
            let spot = self.child(dir, &step)?;
            let target = spot.as_ref().map_or(Ok(None), |spot| self.target(spot))?;
            if let (Some(target), true) = (target, !is_last || follows) {
                links += 1;
                if links > MOST_LINKS {
                    return Err(errno("ELOOP"));
                }
                if target.is_absolute() {
                    above.truncate(1);
                    names.clear();
                }
                todo.extend(steps(&target));
                continue;
            }
            // What is before a dot is a directory, and no name.
            if is_last && end != End::Dot {
                let dir = dir.clone();
                names.push(step.clone());
                let name = Some(Name::from(step));
                return Ok(Found { dir, name, spot, above, path: path_of(&names), end });
            }
            let spot = spot.ok_or_else(|| errno("ENOENT"))?;
            if !self.is_dir(&spot) {
                return Err(errno("ENOTDIR"));
            }
            above.push(spot);
            names.push(step);
        }
        let dir = above[above.len() - 1].clone();
        let spot = Some(dir.clone());
        Ok(Found { dir, name: None, spot, above, path: path_of(&names), end })
    }

    pub(super) fn is_dir(&self, spot: &Spot) -> bool {
        match spot {
            Spot::Node(ino) => self.node(*ino).directory().is_some(),
            Spot::Real(_, metadata) => metadata.is_dir(),
        }
    }

    /// Where a symbolic link leads.
    pub(super) fn target(&self, spot: &Spot) -> io::Result<Option<PathBuf>> {
        match spot {
            Spot::Node(ino) => match &self.node(*ino).content {
                Content::Symlink(target) => Ok(Some(target.clone())),
                _ => Ok(None),
            },
            Spot::Real(path, metadata) if metadata.is_symlink() => fs::read_link(path).map(Some),
            Spot::Real(..) => Ok(None),
        }
    }

    pub(super) fn child(&self, dir: &Spot, name: &OsStr) -> io::Result<Option<Spot>> {
        match dir {
            Spot::Real(path, _) => self.real_spot(path.join(name)),
            Spot::Node(ino) => {
                let node = self.node(*ino);
                let Some(directory) = node.directory() else { return Err(errno("ENOTDIR")) };
                if let Some(changed) = directory.changed.get(name) {
                    return Ok(changed.map(Spot::Node));
                }
                match (&directory.memory, node.at.first()) {
                    (Some(names), _) => {
                        check_name(name)?;
                        Ok(names.get(name).map(|ino| Spot::Node(*ino)))
                    }
                    (None, Some(path)) => self.real_spot(path.join(name)),
                    (None, None) => Ok(None),
                }
            }
        }
    }

    /// The names in a directory.
    pub(super) fn list(&self, dir: &Spot) -> io::Result<BTreeMap<Name, Spot>> {
        let (path, directory) = match dir {
            Spot::Real(path, _) => (Some(path), None),
            Spot::Node(ino) => {
                let node = self.node(*ino);
                let directory = node.directory().ok_or_else(|| errno("ENOTDIR"))?;
                let path = if directory.memory.is_none() { node.at.first() } else { None };
                (path, Some(directory))
            }
        };
        let mut names = BTreeMap::new();
        if let Some(path) = path {
            for entry in fs::read_dir(path)? {
                let name = entry?.file_name();
                if directory.is_some_and(|directory| directory.changed.contains_key(&*name)) {
                    continue;
                }
                // Another process may have removed it since.
                if let Some(spot) = self.real_spot(path.join(&name))? {
                    names.insert(Name::from(name), spot);
                }
            }
        }
        let Some(Directory { memory, changed }) = directory else { return Ok(names) };
        for (name, ino) in memory.iter().flatten() {
            names.insert(name.clone(), Spot::Node(*ino));
        }
        for (name, ino) in changed {
            match ino {
                Some(ino) => names.insert(name.clone(), Spot::Node(*ino)),
                None => names.remove(name),
            };
        }
        Ok(names)
    }

    /// What the real disk has there.
    pub(super) fn real_spot(&self, path: PathBuf) -> io::Result<Option<Spot>> {
        match fs::symlink_metadata(&path) {
            Ok(metadata) => Ok(Some(match self.identities.get(&identity(&metadata)) {
                Some(ino) => Spot::Node(*ino),
                None => Spot::Real(path, metadata),
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn device(&self, spot: &Spot) -> u64 {
        match spot {
            Spot::Node(ino) => self.node(*ino).device,
            Spot::Real(_, metadata) => identity(metadata).0,
        }
    }

    /// Where it is on the real disk.
    pub(super) fn real_path(&self, spot: &Spot) -> Option<PathBuf> {
        match spot {
            Spot::Real(path, _) => Some(path.clone()),
            Spot::Node(ino) => self.node(*ino).at.first().cloned(),
        }
    }
}

/// The parts of a path, the last one first.
fn steps(path: &Path) -> Vec<OsString> {
    let step = |component: Component<'_>| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    };
    path.components().rev().filter_map(step).collect()
}

fn path_of(names: &[OsString]) -> PathBuf {
    let mut path = PathBuf::from("/");
    path.extend(names);
    path
}

fn check_name(name: &OsStr) -> io::Result<()> {
    if name.len() > 255 { Err(errno("ENAMETOOLONG")) } else { Ok(()) }
}
