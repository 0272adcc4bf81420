//! With failpoints compiled out, the file system is that of the standard library: the same types, not only
//! similar ones. The conversions have the same shape in both worlds.
#![allow(clippy::unwrap_used)]

use failpoint_disk::{from_std, fs, into_std};
use std::io::{Read, Write};

failpoint_disk::prefixed_fs!(mod own_fs, "both_worlds");

#[cfg(not(feature = "failpoints"))]
#[test]
fn off_it_is_the_standard_library() {
    fn is_std(file: fs::File, options: fs::OpenOptions) -> (std::fs::File, std::fs::OpenOptions) {
        (file, options)
    }
    let file = own_fs::File::open("Cargo.toml").unwrap();
    let (file, options) = is_std(file, own_fs::OpenOptions::new());
    let _: (fs::File, fs::OpenOptions) = (file, options);
    let id = std::any::TypeId::of::<std::fs::File>();
    assert_eq!(std::any::TypeId::of::<fs::File>(), id);
    assert_eq!(std::any::TypeId::of::<own_fs::File>(), id);
    let (read, same) = (std::fs::read::<&'static str>, fs::read::<&'static str>);
    assert_eq!(read("Cargo.toml").unwrap(), same("Cargo.toml").unwrap());
}

#[test]
fn a_file_is_converted_and_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let mut file = from_std(std::fs::File::create(&path).unwrap());
    file.write_all(b"data").unwrap();
    let file: std::fs::File = into_std(file).unwrap();
    file.sync_all().unwrap();
    let file = own_fs::File::open(&path).unwrap();
    let mut data = String::new();
    into_std(file).unwrap().read_to_string(&mut data).unwrap();
    assert_eq!(data, "data");
}

#[cfg(feature = "failpoints")]
#[test]
fn a_simulated_file_comes_back_as_the_error() {
    use failpoint_disk::HoldDisk;
    let scope = failpoint::Scope::new();
    scope.hold(failpoint_disk::SimDisk::new().at("/convert"));
    let _in = scope.enter();
    let mut file = into_std(fs::File::create("/convert/file").unwrap()).unwrap_err();
    file.write_all(b"data").unwrap();
    assert_eq!(fs::read("/convert/file").unwrap(), b"data");
}

#[cfg(unix)]
#[test]
fn descriptors_links_and_devices_are_as_in_the_standard_library() {
    use std::os::fd::OwnedFd;
    use std::os::unix::fs::FileTypeExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let descriptor = OwnedFd::from(std::fs::File::create(&path).unwrap());
    fs::File::from(descriptor).write_all(b"data").unwrap();
    let link = directory.path().join("link");
    #[allow(deprecated)]
    own_fs::soft_link("file", &link).unwrap();
    assert_eq!(fs::read(&link).unwrap(), b"data");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    let null = fs::metadata("/dev/null").unwrap().file_type();
    assert!(null.is_char_device() && !null.is_file() && !null.is_fifo());
    assert!(!fs::metadata(&path).unwrap().file_type().is_char_device());
}
