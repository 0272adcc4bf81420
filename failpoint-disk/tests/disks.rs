//! Whose disk is it? Disks in scopes, locks, and disks that are full.
#![cfg(all(feature = "failpoints", unix))]
#![allow(clippy::unwrap_used)]

use failpoint::Scope;
use failpoint_disk::lock::{try_lock_exclusive, try_lock_shared, unlock};
use failpoint_disk::{HoldDisk, Keep, SimDisk, fs};
use std::io::{ErrorKind, Write};
use std::path::Path;

/// Inside a scope that holds this disk.
fn on<R>(disk: &SimDisk, prefix: &str, act: impl FnOnce() -> R) -> R {
    let scope = Scope::new();
    scope.hold(disk.at(prefix));
    let _in = scope.enter();
    act()
}

#[test]
fn a_thousand_tests_do_not_see_each_other() {
    let batch = |numbers: std::ops::Range<u32>| {
        std::thread::scope(|threads| {
            for number in numbers {
                threads.spawn(move || {
                    let disk = SimDisk::new();
                    on(&disk, "/thousand", || {
                        assert_eq!(fs::read_dir("/thousand").unwrap().count(), 0);
                        let mine = format!("/thousand/{number}");
                        fs::write(&mine, number.to_string()).unwrap();
                        fs::write("/thousand/shared", number.to_string()).unwrap();
                        std::thread::yield_now();
                        let shared = fs::read_to_string("/thousand/shared").unwrap();
                        assert_eq!(shared, number.to_string());
                        assert_eq!(fs::read_dir("/thousand").unwrap().count(), 2);
                        fs::File::open(mine).unwrap().sync_all().unwrap();
                    });
                });
            }
        });
    };
    for start in (0..1000).step_by(50) {
        batch(start..start + 50);
    }
}

#[test]
fn a_handle_keeps_its_disk_on_every_thread() {
    let disk = SimDisk::new();
    let mut file = on(&disk, "/kept", || fs::File::create("/kept/file").unwrap());
    std::thread::spawn(move || file.write_all(b"data").unwrap()).join().unwrap();
    assert_eq!(on(&disk, "/other", || fs::read("/other/file").unwrap()), b"data");
}

#[test]
fn a_stray_is_told_and_reaches_no_disk() {
    // Below a real directory, so that a fall through would be seen.
    let directory = tempfile::tempdir().unwrap();
    let prefix = directory.path().join("sim");
    std::fs::create_dir(&prefix).unwrap();
    let mount = SimDisk::new().at(&prefix);
    let scope = Scope::new();
    scope.hold(mount.clone());
    let path = prefix.join("file");
    let act = {
        let path = path.clone();
        move || {
            for error in [
                fs::write(&path, "x").unwrap_err(),
                fs::create_dir_all(&path).unwrap_err(),
                fs::read_dir(path.parent().unwrap()).unwrap_err(),
            ] {
                assert_eq!(error.kind(), ErrorKind::NotFound);
                let message = error.to_string();
                assert!(message.contains("the thread astray"), "{message}");
                assert!(
                    message.contains(&*path.parent().unwrap().display().to_string()),
                    "{message}"
                );
            }
        }
    };
    std::thread::Builder::new().name("astray".into()).spawn(act).unwrap().join().unwrap();
    let strays = mount.strays();
    assert_eq!(strays[0].path, path);
    assert!(strays.iter().all(|stray| stray.thread == "astray"), "{strays:?}");
    assert_eq!(std::fs::read_dir(&prefix).unwrap().count(), 0);
    // Inside the scope, the disk is there and it is empty; the real directory is hidden.
    let _in = scope.enter();
    std::fs::write(&path, "real").unwrap();
    assert_eq!(fs::read(&path).unwrap_err().kind(), ErrorKind::NotFound);
    fs::write(&path, "simulated").unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"real");
    // A rename between disks is refused, as between real ones.
    let error = fs::rename(&path, directory.path().join("out")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CrossesDevices);
}

#[test]
fn a_thread_that_is_wrapped_is_no_stray() {
    let mount = SimDisk::new().at("/wrapped");
    let scope = Scope::new();
    scope.hold(mount.clone());
    let act = scope.wrap_fn(|| fs::write("/wrapped/file", "x").unwrap());
    std::thread::spawn(act).join().unwrap();
    assert_eq!(mount.strays(), []);
}

#[test]
fn a_lock_ends_with_its_last_handle() {
    let directory = tempfile::tempdir().unwrap();
    let check = |root: &Path| {
        let path = root.join("lock");
        let first = fs::File::create(&path).unwrap();
        let second = fs::File::open(&path).unwrap();
        assert!(try_lock_exclusive(&first).unwrap());
        assert!(try_lock_exclusive(&first).unwrap(), "it has it already");
        assert!(!try_lock_exclusive(&second).unwrap());
        assert!(!try_lock_shared(&second).unwrap());
        // It is advisory.
        fs::write(&path, "x").unwrap();
        let clone = first.try_clone().unwrap();
        drop(first);
        assert!(!try_lock_shared(&second).unwrap(), "the clone holds it");
        drop(clone);
        assert!(try_lock_shared(&second).unwrap());
        let third = fs::File::open(&path).unwrap();
        assert!(try_lock_shared(&third).unwrap());
        assert!(!try_lock_exclusive(&third).unwrap());
        unlock(&second).unwrap();
        assert!(try_lock_exclusive(&third).unwrap());
    };
    check(directory.path());
    on(&SimDisk::new(), "/lock", || check(Path::new("/lock")));
}

#[test]
fn a_crash_releases_locks() {
    let disk = SimDisk::new();
    let held = on(&disk, "/locked", || {
        let file = fs::File::create("/locked/lock").unwrap();
        assert!(try_lock_exclusive(&file).unwrap());
        file
    });
    on(&disk.crash(Keep::All), "/locked", || {
        assert!(try_lock_exclusive(&fs::File::open("/locked/lock").unwrap()).unwrap());
    });
    on(&disk, "/locked", || {
        assert!(!try_lock_exclusive(&fs::File::open("/locked/lock").unwrap()).unwrap());
    });
    drop(held);
}

#[test]
fn a_full_disk_takes_a_part_and_then_nothing() {
    let disk = SimDisk::with_capacity(10);
    on(&disk, "/full", || {
        let mut file = fs::File::create("/full/file").unwrap();
        assert_eq!(file.write(b"0123456").unwrap(), 7);
        assert_eq!(file.write(b"789abc").unwrap(), 3);
        assert_eq!(file.write(b"d").unwrap_err().kind(), ErrorKind::StorageFull);
        assert_eq!(file.set_len(11).unwrap_err().kind(), ErrorKind::FileTooLarge);
        assert_eq!(fs::read("/full/file").unwrap(), b"0123456789");
        assert_eq!(fs::write("/full/other", "x").unwrap_err().kind(), ErrorKind::StorageFull);
        // What is there can be written again, and what is removed makes room once it is closed.
        fs::OpenOptions::new().write(true).open("/full/file").unwrap().write_all(b"x").unwrap();
        fs::remove_file("/full/file").unwrap();
        assert_eq!(fs::write("/full/other", "x").unwrap_err().kind(), ErrorKind::StorageFull);
        drop(file);
        fs::write("/full/other", "0123456789").unwrap();
        fs::write("/full/other", "0").unwrap();
        fs::write("/full/third", "012345678").unwrap();
        // A file that is replaced makes room too.
        fs::rename("/full/third", "/full/other").unwrap();
        fs::write("/full/fourth", "0").unwrap();
    });
    // A restart finds the same capacity, without what no name leads to.
    on(&disk.crash(Keep::All), "/full", || {
        assert_eq!(fs::write("/full/more", "0").unwrap_err().kind(), ErrorKind::StorageFull);
        fs::remove_file("/full/other").unwrap();
        fs::write("/full/more", "012345678").unwrap();
    });
}
