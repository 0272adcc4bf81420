//! Where are the files of a member, and how are its data kept for later?

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Component, Path, PathBuf};

use super::{MemberFiles, Program};
use crate::process::rotated;

/// How many backups are kept, and how many archives.
const KEPT: usize = 3;

/// The files of a member, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Files {
    pub(super) name: String,
    pub(super) directory: PathBuf,
    pub(super) data: PathBuf,
    pub(super) log: PathBuf,
}

/// What is kept.
#[derive(Clone, Copy)]
pub(super) enum Kept {
    /// The data.
    Backup,
    /// The data and the log.
    Archive,
}

impl Files {
    /// Checks that the name is one, and that all paths are below the directory of the member, which is
    /// below `root`. Creates nothing.
    pub(super) fn check(files: &MemberFiles, root: Option<&Path>) -> Result<Self, String> {
        let MemberFiles { name, directory, data, log } = files;
        if !is_name(name) {
            return Err(format!(
                "{name:?} is not a name of a member: use 1 to 64 letters, digits, -, _ and ., and not \
                 only dots"
            ));
        }
        for path in [directory, data, log] {
            let plain = path
                .components()
                .all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
            if !path.is_absolute() || !plain {
                return Err(format!("the path {} is not absolute, or contains ..", path.display()));
            }
        }
        for path in [data, log] {
            if path == directory || !path.starts_with(directory) {
                return Err(format!(
                    "{} is not below the directory of the member, {}",
                    path.display(),
                    directory.display()
                ));
            }
        }
        if data.starts_with(log) || log.starts_with(data) {
            return Err("the log is in the data directory".to_owned());
        }
        if let Some(root) = root {
            let real = real(directory).map_err(|error| at(directory, &error))?;
            if real == root || !real.starts_with(root) {
                return Err(format!(
                    "{} is not below the directory of the agent, {}",
                    directory.display(),
                    root.display()
                ));
            }
        }
        Ok(Self {
            name: name.clone(),
            directory: directory.clone(),
            data: data.clone(),
            log: log.clone(),
        })
    }

    /// Creates what a process of the member needs.
    pub(super) fn create(&self) -> Result<(), String> {
        self.create_directory()?;
        create(&self.data)?;
        self.log.parent().map_or(Ok(()), create)
    }

    pub(super) fn create_directory(&self) -> Result<(), String> {
        create(&self.directory)
    }

    /// Renames the data, and the log where asked for, to a free name. Returns where they are; `None` if
    /// there was nothing to keep.
    pub(super) fn take_data_away(&self, kept: Kept) -> Result<Option<PathBuf>, String> {
        let moved = match kept {
            Kept::Backup => {
                // An empty directory is as good as none.
                match fs::remove_dir(&self.data) {
                    Ok(()) => return Ok(None),
                    Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                    Err(_) => {}
                }
                let to = self.next("backup-")?;
                rename(&self.data, &to)?;
                to
            }
            Kept::Archive => {
                let to = self.next("archive-")?;
                create(&to)?;
                for from in [&self.data, &self.log, &rotated(&self.log)] {
                    let Some(name) = from.file_name() else { continue };
                    if from.try_exists().map_err(|error| at(from, &error))? {
                        rename(from, &to.join(name))?;
                    }
                }
                to
            }
        };
        Ok(Some(moved))
    }

    /// The next name with this prefix. Older ones are removed, so that [`KEPT`] are left with it.
    fn next(&self, prefix: &str) -> Result<PathBuf, String> {
        let failed = |error: io::Error| at(&self.directory, &error);
        self.create_directory()?;
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let number =
                name.to_str().and_then(|name| name.strip_prefix(prefix)?.parse::<u64>().ok());
            numbers.extend(number);
        }
        numbers.sort_unstable();
        let next = numbers.last().map_or(1, |last| last + 1);
        let surplus = (numbers.len() + 1).saturating_sub(KEPT);
        for number in &numbers[..surplus] {
            remove(&self.directory.join(format!("{prefix}{number}")))?;
        }
        Ok(self.directory.join(format!("{prefix}{next}")))
    }

    /// Removes the data and its backups for good. Archives and the log stay.
    pub(super) fn remove_data(&self) -> Result<(), String> {
        remove(&self.data)?;
        let Ok(entries) = fs::read_dir(&self.directory) else { return Ok(()) };
        for entry in entries.flatten() {
            let is_backup = |name: &str| name.strip_prefix("backup-")?.parse::<u64>().ok();
            if entry.file_name().to_str().and_then(is_backup).is_some() {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }

    /// The file in the directory of the member that a program wrote: the last argument that is one.
    pub(super) fn named_in(&self, program: &Program) -> Option<PathBuf> {
        let arguments = program.argv.iter().skip(1).rev();
        let mut paths = arguments.map(|argument| self.directory.join(argument));
        paths.find(|path| path.starts_with(&self.directory) && path.is_file())
    }

    /// The regular files of the data and the log, with the paths that they have in an archive, and with
    /// their sizes. Links are not followed. What cannot be read is left out.
    pub(super) fn listed(&self) -> Vec<(String, PathBuf, u64)> {
        let mut listed = Vec::new();
        let mut open = vec![self.data.clone(), self.log.clone(), rotated(&self.log)];
        while let Some(path) = open.pop() {
            let Ok(there) = fs::symlink_metadata(&path) else { continue };
            if there.is_dir() {
                let entries = fs::read_dir(&path).into_iter().flatten().flatten();
                open.extend(entries.map(|entry| entry.path()));
            } else if there.is_file() {
                // The last part of the data directory and of the log begin their paths.
                let base = if path.starts_with(&self.data) { &self.data } else { &path };
                let base = base.parent().unwrap_or(base);
                let below = path.strip_prefix(base).ok().and_then(Path::to_str);
                listed.extend(below.map(|below| (below.to_owned(), path.clone(), there.len())));
            }
        }
        listed.sort_unstable();
        listed
    }

    /// Copies the files of the data and the log into a directory, which is created. The member may run
    /// and remove files, so what is gone is left out.
    pub(super) fn copy_to(&self, directory: &Path) -> Result<(), String> {
        create(directory)?;
        for (below, from, _) in self.listed() {
            let to = directory.join(below);
            to.parent().map_or(Ok(()), create)?;
            match fs::copy(&from, &to) {
                Err(error) if from.exists() => return Err(at(&from, &error)),
                _ => {}
            }
        }
        Ok(())
    }
}

fn is_name(name: &str) -> bool {
    let is_one = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=64).contains(&name.len())
        && name.bytes().all(is_one)
        && name.bytes().any(|byte| byte != b'.')
}

/// A path without links. The part of it that does not exist has none.
fn real(path: &Path) -> io::Result<PathBuf> {
    match path.canonicalize() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            match (path.parent(), path.file_name()) {
                (Some(parent), Some(name)) => Ok(real(parent)?.join(name)),
                _ => Err(error),
            }
        }
        real => real,
    }
}

/// Creates a directory that only this user can read, as etcd wants it.
fn create(directory: &Path) -> Result<(), String> {
    let created = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
    created.map_err(|error| at(directory, &error))
}

fn rename(from: &Path, to: &Path) -> Result<(), String> {
    fs::rename(from, to).map_err(|error| at(from, &error))
}

/// Removes a file or a directory, if it is there.
fn remove(path: &Path) -> Result<(), String> {
    let removed = match fs::symlink_metadata(path) {
        Ok(there) if there.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(at(path, &error)),
        _ => Ok(()),
    }
}

fn at(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}
