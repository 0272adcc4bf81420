//! The functions of `std::fs` that take paths.

use super::metadata::{Metadata, mode_of};
use super::{File, OpenOptions, Permissions, ReadDir, fail};
use crate::errno::errno;
use crate::points::Points;
use crate::sim::image::Name;
use crate::sim::mount::{self, Place};
use crate::volatile::Disk;
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::panic::Location;
use std::path::{Component, Path, PathBuf};

pub fn canonicalize<K: Points>(path: &Path) -> io::Result<PathBuf> {
    fail(K::metadata(path))?;
    match mount::find(path)? {
        Place::Real => fs::canonicalize(path),
        Place::Held(disk) => disk.canonicalize(path),
        Place::Sim(disk, inside) => {
            disk.state().resolve(inside)?;
            let inside = inside.path;
            let depth = path.components().count() - inside.components().count();
            let mut plain: PathBuf = path.components().take(depth).collect();
            let mut below = 0;
            for component in inside.components() {
                match component {
                    Component::Normal(name) => {
                        plain.push(name);
                        below += 1;
                    }
                    Component::ParentDir if below > 0 => {
                        plain.pop();
                        below -= 1;
                    }
                    _ => {}
                }
            }
            Ok(plain)
        }
    }
}

#[track_caller]
pub fn copy<K: Points>(from: &Path, to: &Path) -> io::Result<u64> {
    let mut reader = File::<K>::open(from)?;
    let metadata = reader.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(
            ErrorKind::InvalidInput,
            "the source path is neither a regular file nor a symlink to a regular file",
        ));
    }
    let mut options = OpenOptions::<K>::new();
    options.write(true).create(true).truncate(true);
    let mut writer = options.open(to)?;
    let copied = io::copy(&mut reader, &mut writer)?;
    writer.set_permissions(metadata.permissions())?;
    Ok(copied)
}

#[track_caller]
pub fn create_dir<K: Points>(path: &Path) -> io::Result<()> {
    create_one::<K>(path, 0o777)
}

#[track_caller]
pub fn create_dir_all<K: Points>(path: &Path) -> io::Result<()> {
    create_dirs::<K>(path, 0o777)
}

#[track_caller]
pub(crate) fn create_one<K: Points>(path: &Path, mode: u32) -> io::Result<()> {
    fail(K::create_dir(path))?;
    match mount::find(path)? {
        Place::Real => {
            let mut builder = fs::DirBuilder::new();
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, mode);
            builder.create(path)
        }
        Place::Held(disk) => disk.create_dir(path, mode),
        Place::Sim(disk, inside) => {
            disk.state().create_dir(&path.into(), inside, mode, Location::caller())
        }
    }
}

/// Creates each directory that is missing, from the top.
#[track_caller]
pub(super) fn create_dirs<K: Points>(path: &Path, mode: u32) -> io::Result<()> {
    if path == Path::new("") {
        return Ok(());
    }
    match create_one::<K>(path, mode) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(_) if is_dir(path) => return Ok(()),
        done => return done,
    }
    let Some(parent) = path.parent() else {
        return Err(io::Error::other("failed to create whole tree"));
    };
    create_dirs::<K>(parent, mode)?;
    match create_one::<K>(path, mode) {
        Err(_) if is_dir(path) => Ok(()),
        done => done,
    }
}

/// Without a point: no program asked.
fn is_dir(path: &Path) -> bool {
    match mount::find(path) {
        Ok(Place::Real) => path.is_dir(),
        Ok(Place::Held(disk)) => disk.metadata(path).is_ok_and(|metadata| metadata.is_dir()),
        Ok(Place::Sim(disk, inside)) => {
            let state = disk.state();
            state.resolve(inside).is_ok_and(|ino| state.stat(ino).is_dir())
        }
        Err(_) => false,
    }
}

pub fn exists<K: Points>(path: &Path) -> io::Result<bool> {
    match metadata::<K>(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[track_caller]
pub fn hard_link<K: Points>(original: &Path, link: &Path) -> io::Result<()> {
    fail(K::rename(original, link))?;
    match (mount::find(original)?, mount::find(link)?) {
        (Place::Real, Place::Real) => fs::hard_link(original, link),
        (Place::Held(disk), Place::Held(_)) => disk.hard_link(original, link),
        (Place::Sim(disk, from), Place::Sim(other, to)) if disk.is_same(&other) => {
            disk.state().hard_link(from, &link.into(), to, Location::caller())
        }
        _ => Err(between_disks(original, link)),
    }
}

pub fn metadata<K: Points>(path: &Path) -> io::Result<Metadata> {
    fail(K::metadata(path))?;
    stat(path, |path| fs::metadata(path), Disk::metadata)
}

pub fn symlink_metadata<K: Points>(path: &Path) -> io::Result<Metadata> {
    fail(K::metadata(path))?;
    stat(path, |path| fs::symlink_metadata(path), Disk::symlink_metadata)
}

fn stat(
    path: &Path,
    real: impl Fn(&Path) -> io::Result<fs::Metadata>,
    held: fn(&Disk, &Path) -> io::Result<Metadata>,
) -> io::Result<Metadata> {
    match mount::find(path)? {
        Place::Real => real(path).map(Metadata::real),
        Place::Held(disk) => held(disk, path),
        Place::Sim(disk, inside) => {
            let state = disk.state();
            let ino = state.resolve(inside)?;
            Ok(Metadata::sim(state.stat(ino)))
        }
    }
}

pub fn read<K: Points>(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::<K>::open(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

pub fn read_to_string<K: Points>(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::<K>::open(path)?.read_to_string(&mut text)?;
    Ok(text)
}

pub fn read_dir<K: Points>(path: &Path) -> io::Result<ReadDir<K>> {
    fail(K::read_dir(path))?;
    match mount::find(path)? {
        Place::Real => fs::read_dir(path).map(ReadDir::real),
        Place::Held(disk) => Ok(ReadDir::listed(path, disk.read_dir(path)?)),
        Place::Sim(disk, inside) => Ok(ReadDir::sim(path, disk.state().read_dir(inside)?)),
    }
}

pub fn read_link<K: Points>(path: &Path) -> io::Result<PathBuf> {
    fail(K::metadata(path))?;
    match mount::find(path)? {
        Place::Real => fs::read_link(path),
        Place::Held(disk) => disk.read_link(path),
        Place::Sim(disk, inside) => {
            disk.state().resolve(inside)?;
            Err(errno("EINVAL"))
        }
    }
}

#[track_caller]
pub fn remove_dir<K: Points>(path: &Path) -> io::Result<()> {
    fail(K::remove(path))?;
    match mount::find(path)? {
        Place::Real => fs::remove_dir(path),
        Place::Held(disk) => disk.remove_dir(path),
        Place::Sim(disk, inside) => {
            disk.state().remove_dir(&path.into(), inside, Location::caller())
        }
    }
}

#[track_caller]
pub fn remove_dir_all<K: Points>(path: &Path) -> io::Result<()> {
    match mount::find(path)? {
        // One operation, because std guards it against those who replace a directory by a link.
        Place::Real => {
            fail(K::remove(path))?;
            fs::remove_dir_all(path)
        }
        Place::Held(disk) => {
            if disk.symlink_metadata(path)?.file_type().is_symlink() {
                return remove_file::<K>(path);
            }
            let entries = disk.read_dir(path)?.into_iter();
            let entries = entries.map(|(name, metadata)| (name, metadata.is_dir()));
            remove_with::<K>(path, entries.collect())
        }
        Place::Sim(disk, inside) => {
            let entries = disk.state().read_dir(inside)?;
            let entries = entries.into_iter().map(|(name, stat)| (name, stat.is_dir()));
            remove_with::<K>(path, entries.collect())
        }
    }
}

/// Removes a directory that has these entries, which are directories or not.
#[track_caller]
fn remove_with<K: Points>(path: &Path, entries: Vec<(Name, bool)>) -> io::Result<()> {
    for (name, is_dir) in entries {
        let path = path.join(&*name);
        is_gone(if is_dir { remove_dir_all::<K>(&path) } else { remove_file::<K>(&path) })?;
    }
    is_gone(remove_dir::<K>(path))
}

/// As std: once the directory was found, what is gone already is as good as removed.
pub(crate) fn is_gone(removed: io::Result<()>) -> io::Result<()> {
    removed.or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

#[track_caller]
pub fn remove_file<K: Points>(path: &Path) -> io::Result<()> {
    fail(K::remove(path))?;
    match mount::find(path)? {
        Place::Real => fs::remove_file(path),
        Place::Held(disk) => disk.remove_file(path),
        Place::Sim(disk, inside) => {
            disk.state().remove_file(&path.into(), inside, Location::caller())
        }
    }
}

#[track_caller]
pub fn rename<K: Points>(from: &Path, to: &Path) -> io::Result<()> {
    fail(K::rename(from, to))?;
    match (mount::find(from)?, mount::find(to)?) {
        (Place::Real, Place::Real) => fs::rename(from, to),
        (Place::Held(disk), Place::Held(_)) => disk.rename(from, to),
        (Place::Sim(disk, old), Place::Sim(other, new)) if disk.is_same(&other) => {
            disk.state().rename(old, &to.into(), new, Location::caller())
        }
        _ => Err(between_disks(from, to)),
    }
}

pub fn set_permissions<K: Points>(path: &Path, permissions: Permissions) -> io::Result<()> {
    fail(K::set_attr(path))?;
    match mount::find(path)? {
        Place::Real => fs::set_permissions(path, permissions),
        Place::Held(disk) => {
            let mode = mode_of(&permissions);
            disk.set_permissions(path, permissions, mode)
        }
        Place::Sim(disk, inside) => {
            let mut state = disk.state();
            let ino = state.resolve(inside)?;
            state.attributes_mut(ino)?.mode = mode_of(&permissions);
            Ok(())
        }
    }
}

/// Why nothing leads from one disk to another.
fn between_disks(one: &Path, other: &Path) -> io::Error {
    let paths = mount::check_path(one).and_then(|()| mount::check_path(other));
    paths.err().unwrap_or_else(|| errno("EXDEV"))
}

/// A simulated disk has no symbolic links, and says so as file systems without them do.
pub fn soft_link<K: Points>(original: &Path, link: &Path) -> io::Result<()> {
    fail(K::rename(original, link))?;
    match mount::find(link)? {
        #[allow(deprecated)] // `std::os::unix::fs::symlink` exists on Unix only
        Place::Real => fs::soft_link(original, link),
        Place::Held(disk) => disk.symlink(original, link),
        Place::Sim(disk, inside) => Err(disk.state().refuse_symlink(inside)),
    }
}

#[track_caller]
pub fn write<K: Points>(path: &Path, contents: &[u8]) -> io::Result<()> {
    File::<K>::create(path)?.write_all(contents)
}
