//! From a file of the standard library and back, in both worlds.

use crate::fs;

/// An open file of the standard library as one of [`fs`].
///
/// Its points have an empty `path`, as the name of an open file is not known. With failpoints compiled out
/// it is the same file and type.
///
/// ```
/// let file = failpoint_disk::from_std(std::fs::File::open("Cargo.toml")?);
/// assert!(file.metadata()?.is_file());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn from_std(file: std::fs::File) -> fs::File {
    #[cfg(feature = "failpoints")]
    let file = fs::File::real(file, std::path::Path::new(""));
    file
}

/// An open file as one of the standard library, for what needs its descriptor. It passes no points any more.
///
/// With failpoints compiled out it is the same file and type.
///
/// # Errors
/// The file itself, if it is on a [`SimDisk`](crate::SimDisk): it has no descriptor.
///
/// ```
/// let file = failpoint_disk::fs::File::open("Cargo.toml")?;
/// let file: std::fs::File = failpoint_disk::into_std(file).expect("a file on a real disk");
/// # drop(file);
/// # Ok::<(), std::io::Error>(())
/// ```
#[cfg(not(feature = "failpoints"))]
pub fn into_std(file: fs::File) -> Result<std::fs::File, fs::File> {
    Ok(file)
}

/// An open file as one of the standard library, for what needs its descriptor. It passes no points any more.
///
/// With failpoints compiled out it is the same file and type.
///
/// # Errors
/// The file itself, if it is on a [`SimDisk`](crate::SimDisk): it has no descriptor.
///
/// ```
/// let file = failpoint_disk::fs::File::open("Cargo.toml")?;
/// let file: std::fs::File = failpoint_disk::into_std(file).expect("a file on a real disk");
/// # drop(file);
/// # Ok::<(), std::io::Error>(())
/// ```
#[cfg(feature = "failpoints")]
pub fn into_std<K: crate::points::Points>(
    file: crate::mirror::File<K>,
) -> Result<std::fs::File, crate::mirror::File<K>> {
    file.into_real()
}
