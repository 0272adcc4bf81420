//! The functions of `tokio::fs` that take paths.

use super::{File, Metadata, Permissions, Quiet, directory, fail, is_simulated, points};
use crate::mirror::paths;
use ::tokio::fs as real;
use ::tokio::io::{AsyncReadExt, AsyncWriteExt};
use std::future::Future;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::pin::Pin;

macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident($($path:ident),+ $(; $argument:ident: $type:ty)?)
        -> $returned:ty, $point:ident, $into:expr;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// Those of the disk.
        pub async fn $name($($path: impl AsRef<Path>),+ $(, $argument: $type)?) -> io::Result<$returned> {
            $(let $path = $path.as_ref().to_owned();)+
            fail(points::$point($(&$path),+).await)?;
            if $(is_simulated(&$path)?)||+ {
                return paths::$name::<Quiet>($(&$path),+ $(, $argument)?);
            }
            real::$name($($path),+ $(, $argument)?).await.map($into)
        }
    )*};
}

functions! {
    /// As [`tokio::fs::canonicalize`](real::canonicalize).
    canonicalize(path) -> PathBuf, metadata, |path| path;
    /// As [`tokio::fs::create_dir`](real::create_dir).
    create_dir(path) -> (), create_dir, |()| ();
    /// As [`tokio::fs::hard_link`](real::hard_link).
    hard_link(original, link) -> (), rename, |()| ();
    /// As [`tokio::fs::metadata`](real::metadata).
    metadata(path) -> Metadata, metadata, Metadata::real;
    /// As [`tokio::fs::read_link`](real::read_link); a simulated disk has no symbolic links.
    read_link(path) -> PathBuf, metadata, |path| path;
    /// As [`tokio::fs::remove_dir`](real::remove_dir).
    remove_dir(path) -> (), remove, |()| ();
    /// As [`tokio::fs::remove_file`](real::remove_file).
    remove_file(path) -> (), remove, |()| ();
    /// As [`tokio::fs::rename`](real::rename).
    rename(from, to) -> (), rename, |()| ();
    /// As [`tokio::fs::set_permissions`](real::set_permissions).
    set_permissions(path; perm: Permissions) -> (), set_attr, |()| ();
    /// As [`tokio::fs::symlink_metadata`](real::symlink_metadata).
    symlink_metadata(path) -> Metadata, metadata, Metadata::real;
}

/// As [`tokio::fs::copy`](real::copy).
///
/// # Errors
/// Those of the disk.
pub async fn copy(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<u64> {
    let mut reader = File::open(from).await?;
    let metadata = reader.metadata().await?;
    if !metadata.is_file() {
        let message = "the source path is neither a regular file nor a symlink to a regular file";
        return Err(io::Error::new(ErrorKind::InvalidInput, message));
    }
    let mut writer = File::create(to).await?;
    let copied = ::tokio::io::copy(&mut reader, &mut writer).await?;
    writer.flush().await?;
    writer.set_permissions(metadata.permissions()).await?;
    Ok(copied)
}

/// As [`tokio::fs::create_dir_all`](real::create_dir_all).
///
/// # Errors
/// Those of the disk.
pub async fn create_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    directory::DirBuilder::new().recursive(true).create(path).await
}

/// As [`tokio::fs::read`](real::read).
///
/// # Errors
/// Those of the disk.
pub async fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path).await?.read_to_end(&mut bytes).await?;
    Ok(bytes)
}

/// As [`tokio::fs::read_to_string`](real::read_to_string).
///
/// # Errors
/// Those of the disk, and that the file is not UTF-8.
pub async fn read_to_string(path: impl AsRef<Path>) -> io::Result<String> {
    let mut text = String::new();
    File::open(path).await?.read_to_string(&mut text).await?;
    Ok(text)
}

/// As [`tokio::fs::remove_dir_all`](real::remove_dir_all).
///
/// # Errors
/// Those of the disk.
pub async fn remove_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    if is_simulated(&path)? {
        return remove_tree(path).await;
    }
    fail(points::remove(&path).await)?;
    real::remove_dir_all(path).await
}

fn remove_tree(path: PathBuf) -> Pin<Box<dyn Future<Output = io::Result<()>> + Send>> {
    Box::pin(async move {
        for entry in paths::read_dir::<Quiet>(&path)? {
            let entry = entry?;
            let below = entry.path();
            paths::is_gone(if entry.file_type()?.is_dir() {
                remove_tree(below).await
            } else {
                remove_file(below).await
            })?;
        }
        paths::is_gone(remove_dir(path).await)
    })
}

/// As [`tokio::fs::symlink`](real::symlink); a simulated disk has no symbolic links and fails with `EPERM`.
///
/// # Errors
/// Those of the disk.
#[cfg(unix)]
pub async fn symlink(original: impl AsRef<Path>, link: impl AsRef<Path>) -> io::Result<()> {
    let (original, link) = (original.as_ref().to_owned(), link.as_ref().to_owned());
    fail(points::rename(&original, &link).await)?;
    // What it leads to is not looked at.
    if is_simulated(&link)? {
        return paths::soft_link::<Quiet>(&original, &link);
    }
    real::symlink(original, link).await
}

/// As [`tokio::fs::try_exists`](real::try_exists).
///
/// # Errors
/// Those of the disk, other than that nothing is there.
pub async fn try_exists(path: impl AsRef<Path>) -> io::Result<bool> {
    match metadata(path).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// As [`tokio::fs::write`](real::write).
///
/// # Errors
/// Those of the disk.
pub async fn write(path: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> io::Result<()> {
    let mut file = File::create(path).await?;
    file.write_all(contents.as_ref()).await?;
    file.flush().await
}
