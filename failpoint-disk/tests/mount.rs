//! `failpoint-disk mount`: a program that knows nothing of failpoints meets a disk that fails.
//!
//! Each test mounts a disk of its own, in a process of its own.
#![cfg(target_os = "linux")]

mod mounted;

use failpoint_test_support::{PATIENCE, needs};
use mounted::{Mounted, can_mount, command, detach, is_root};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{
    DirEntryExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt, symlink,
};
use std::path::Path;
use std::sync::mpsc::channel;
use std::thread;
use tempfile::TempDir;

const EIO: Option<i32> = Some(5);
const ENOSPC: Option<i32> = Some(28);

fn sync_dir(path: impl AsRef<Path>) {
    File::open(path).unwrap().sync_all().unwrap();
}

/// A file with synced contents and a synced name.
fn save(path: &Path, contents: &[u8]) {
    let mut file = File::create(path).unwrap();
    file.write_all(contents).unwrap();
    file.sync_all().unwrap();
    sync_dir(path.parent().unwrap());
}

fn append(path: &Path, contents: &[u8]) {
    OpenOptions::new().append(true).open(path).unwrap().write_all(contents).unwrap();
}

fn names(path: impl AsRef<Path>) -> Vec<String> {
    let entries = fs::read_dir(path).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_mount_is_a_file_system() {
    if !can_mount() {
        return;
    }
    let disk = Mounted::new();
    fs::create_dir_all(disk.path("a/b")).unwrap();
    let big: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let file = disk.path("a/b/file");
    fs::write(&file, &big).unwrap();
    assert_eq!(fs::read(&file).unwrap(), big);
    append(&file, b"end");
    assert_eq!(fs::metadata(&file).unwrap().len(), big.len() as u64 + 3);
    OpenOptions::new().write(true).open(&file).unwrap().set_len(4).unwrap();
    assert_eq!(fs::read(&file).unwrap(), big[..4]);

    fs::rename(&file, disk.path("moved")).unwrap();
    assert!(fs::rename(disk.path("a/b"), disk.path("a/b/c")).is_err());
    fs::hard_link(disk.path("moved"), disk.path("linked")).unwrap();
    assert_eq!(fs::metadata(disk.path("linked")).unwrap().nlink(), 2);
    symlink("moved", disk.path("symbolic")).unwrap();
    assert_eq!(fs::read_link(disk.path("symbolic")).unwrap(), Path::new("moved"));
    assert_eq!(fs::read(disk.path("symbolic")).unwrap(), big[..4]);
    assert_eq!(names(disk.path("")), ["a", "linked", "moved", "symbolic"]);

    let error = fs::remove_dir(disk.path("a")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DirectoryNotEmpty);
    fs::remove_dir_all(disk.path("a")).unwrap();
    let error = File::create_new(disk.path("moved")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(File::open(disk.path("a")).unwrap_err().kind(), ErrorKind::NotFound);

    // An open file can be removed and used on.
    let mut open = OpenOptions::new().read(true).write(true).open(disk.path("linked")).unwrap();
    fs::remove_file(disk.path("linked")).unwrap();
    assert_eq!(open.metadata().unwrap().nlink(), 1);
    open.write_all(b"0123").unwrap();
    open.rewind().unwrap();
    let mut read = String::new();
    open.read_to_string(&mut read).unwrap();
    assert_eq!(read, "0123");

    let room = File::create(disk.path("room")).unwrap();
    rustix::fs::fallocate(&room, rustix::fs::FallocateFlags::empty(), 0, 4096).unwrap();
    assert_eq!(room.metadata().unwrap().len(), 4096);
    rustix::fs::fallocate(&room, rustix::fs::FallocateFlags::KEEP_SIZE, 4096, 4096).unwrap();
    assert_eq!(room.metadata().unwrap().len(), 4096);

    let private = disk.path("private");
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o640).open(&private).unwrap();
    assert_eq!(fs::metadata(&private).unwrap().permissions().mode() & 0o7777, 0o640);
    fs::set_permissions(&private, fs::Permissions::from_mode(0o600)).unwrap();
    let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
    let file = OpenOptions::new().write(true).open(&private).unwrap();
    file.set_modified(time).unwrap();
    assert_eq!(fs::metadata(&private).unwrap().modified().unwrap(), time);

    // Pipes and sockets, which the kernel serves.
    rustix::fs::mknodat(
        rustix::fs::CWD,
        disk.path("pipe"),
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    let (written, read) = (disk.path("pipe"), disk.path("pipe"));
    let writer = thread::spawn(move || fs::write(written, "through"));
    assert_eq!(fs::read(read).unwrap(), b"through");
    writer.join().unwrap().unwrap();
    let listener = std::os::unix::net::UnixListener::bind(disk.path("socket")).unwrap();
    std::os::unix::net::UnixStream::connect(disk.path("socket")).unwrap();
    drop(listener);

    // A listing has the numbers that `stat` tells.
    for entry in fs::read_dir(disk.path("")).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.ino(), fs::symlink_metadata(entry.path()).unwrap().ino(), "{entry:?}");
    }
    fs::create_dir(disk.path("gone")).unwrap();
    let gone = File::open(disk.path("gone")).unwrap();
    fs::remove_dir(disk.path("gone")).unwrap();
    assert_eq!(gone.metadata().unwrap().nlink(), 0);

    // What keeps removed files is not shown.
    assert!(File::open(disk.path(".failpoint-disk")).is_err());
    assert!(fs::create_dir(disk.path(".failpoint-disk")).is_err());
}

#[test]
fn an_error_arrives_at_the_path_and_the_operation_it_is_armed_for() {
    if !can_mount() {
        return;
    }
    let disk = Mounted::new();
    let mut log = File::create(disk.path("log")).unwrap();
    let mut table = File::create(disk.path("table")).unwrap();
    disk.arm("disk.write", "when(path=/log):return(EIO)");
    assert_eq!(log.write_all(b"x").unwrap_err().raw_os_error(), EIO);
    table.write_all(b"x").unwrap();
    disk.arm("disk.write", "return(ENOSPC)");
    assert_eq!(table.write_all(b"y").unwrap_err().raw_os_error(), ENOSPC);
    disk.arm("disk.write", "when(offset>=1):return(StorageFull)");
    assert_eq!(table.write_all(b"y").unwrap_err().raw_os_error(), ENOSPC);
    disk.disarm("disk.write");
    table.write_all(b"y").unwrap();
    assert_eq!(fs::read(disk.path("table")).unwrap(), b"xy");

    for (point, operation) in [
        ("disk.open", &(|path: &Path| File::open(path).map(drop)) as &dyn Fn(&Path) -> _),
        ("disk.read", &|path| File::open(path)?.read_at(&mut [0], 0).map(drop)),
        ("disk.sync", &|path| File::open(path)?.sync_all()),
        ("disk.sync_dir", &|path| File::open(path.parent().unwrap())?.sync_all()),
        ("disk.set_len", &|path| OpenOptions::new().write(true).open(path)?.set_len(1)),
        ("disk.rename", &|path| fs::rename(path, path.with_extension("new"))),
        ("disk.rename", &|path| fs::hard_link(path, path.with_extension("new"))),
        ("disk.remove", &|path| fs::remove_file(path)),
        ("disk.create_dir", &|path| fs::create_dir(path.with_extension("dir"))),
        ("disk.read_dir", &|path| fs::read_dir(path.parent().unwrap()).map(drop)),
        ("disk.metadata", &|path| fs::metadata(path).map(drop)),
        ("disk.set_attr", &|path| fs::set_permissions(path, fs::Permissions::from_mode(0o600))),
    ] {
        disk.arm(point, "return(EIO)");
        let error = operation(&disk.path("table")).expect_err(point);
        assert_eq!(error.raw_os_error(), EIO, "{point}");
        disk.disarm(point);
    }
    assert_eq!(names(disk.path("")), ["log", "table"]);

    let (status, body) = disk.ask("PUT", "/disk.write", "return(lie)");
    assert!(status >= 400 && body.contains("torn(BYTES)"), "{status} {body}");
}

#[test]
fn bytes_can_be_cut_flipped_and_unreadable() {
    if !can_mount() {
        return;
    }
    let disk = Mounted::new();
    let path = disk.path("file");
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path).unwrap();
    disk.arm("disk.write", "1*return(short(3))->1*return(flip(9))");
    assert_eq!(file.write_at(b"abcdef", 0).unwrap(), 3);
    assert_eq!(file.write_at(b"abcdef", 0).unwrap(), 6);
    assert_eq!(fs::read(&path).unwrap(), [b'a', b'b' ^ 2, b'c', b'd', b'e', b'f']);

    let mut read = [0; 6];
    disk.arm("disk.read", "1*return(short(2))->1*return(flip(0))->1*return(bad_sector)");
    assert_eq!(file.read_at(&mut read, 0).unwrap(), 2);
    assert_eq!(file.read_at(&mut read, 0).unwrap(), 6);
    assert_eq!(read[0], b'a' ^ 1);
    for _ in 0..3 {
        assert_eq!(file.read_at(&mut read, 0).unwrap_err().raw_os_error(), EIO);
    }
    file.write_at(b"ABCDEF", 0).unwrap();
    assert_eq!(file.read_at(&mut read, 0).unwrap(), 6);
    assert_eq!(&read, b"ABCDEF");
}

#[test]
fn a_paused_request_delays_only_itself_and_unmounting_releases_it() {
    if !can_mount() {
        return;
    }
    let disk = Mounted::new();
    save(&disk.path("slow"), b"slow");
    save(&disk.path("fast"), b"fast");
    disk.arm("disk.read", "when(path=/slow):pause(never)");
    let (send, done) = channel();
    let slow = disk.path("slow");
    // Not joined by a scope: if the test fails, the mount has to end first.
    thread::spawn(move || send.send(fs::read(slow)));
    let (status, body) = disk.ask("GET", "/v1/points/disk.read/wait?paused=1&timeout=50s", "");
    assert_eq!(status, 200, "{body}");

    for _ in 0..20 {
        assert_eq!(fs::read(disk.path("fast")).unwrap(), b"fast");
    }
    fs::write(disk.path("slow"), b"slow").unwrap();
    assert!(done.try_recv().is_err(), "it is still paused");

    let (status, directory) = disk.end();
    assert!(status.success(), "{status}");
    // Whether its reply still finds the mount is up to the kernel. It does not hang.
    let _ = done.recv_timeout(PATIENCE).expect("it was released");
    assert_eq!(names(directory.path().join("data")), ["fast", "slow"]);
    assert!(names(directory.path().join("disk")).is_empty(), "it is unmounted");
}

#[test]
fn a_crash_loses_what_was_not_synced_and_nothing_else() {
    if !can_mount() {
        return;
    }
    for arguments in [&[][..], &["--cached"]] {
        let disk = Mounted::with(arguments, &[]);
        let log = disk.path("log");
        save(&log, b"saved");
        let mut open = OpenOptions::new().append(true).read(true).open(&log).unwrap();
        open.write_all(b", lost").unwrap();
        File::create(disk.path("new")).unwrap().sync_all().unwrap();
        fs::create_dir(disk.path("dir")).unwrap();
        // The kernel has seen what will be lost.
        assert_eq!(fs::read(&log).unwrap(), b"saved, lost");
        assert_eq!(names(disk.path("")), ["dir", "log", "new"]);
        let unsynced = disk.unsynced();
        for change in ["6 bytes at 5 of /log", "the name /new", "the name /dir"] {
            assert!(unsynced.contains(change), "{unsynced}");
        }

        let crashed = disk.crash("synced");
        assert!(crashed.contains("\"lost\":3"), "{crashed}");
        assert_eq!(fs::metadata(&log).unwrap().len(), 5);
        assert_eq!(fs::read(&log).unwrap(), b"saved", "{arguments:?}");
        assert_eq!(names(disk.path("")), ["log"]);
        assert_eq!(File::open(disk.path("new")).unwrap_err().kind(), ErrorKind::NotFound);

        // A handle from before the crash is dead; one from after it is not.
        assert_eq!(open.write_all(b"x").unwrap_err().raw_os_error(), EIO);
        assert_eq!(open.sync_all().unwrap_err().raw_os_error(), EIO);
        append(&log, b"!");
        assert_eq!(fs::read(&log).unwrap(), b"saved!");
        drop(open);
        assert_eq!(fs::read(disk.data("log")).unwrap(), b"saved!");
    }
}

#[test]
fn a_mapped_file_shows_what_survived() {
    if !can_mount() || !needs::program("python3") {
        return;
    }
    let disk = Mounted::new();
    save(&disk.path("db"), b"saved");
    let script = "import mmap, sys\n\
                  f = open(sys.argv[1], 'rb')\n\
                  m = mmap.mmap(f.fileno(), 0, mmap.MAP_SHARED, mmap.PROT_READ)\n\
                  print(m[:].decode())";
    let mapped = |file: &str| {
        let output = std::process::Command::new("python3")
            .args(["-c", script])
            .arg(disk.path(file))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    if disk.log().contains("older than Linux 6.6") {
        let _ = needs::machine("Linux 6.6", false);
        return;
    }
    let file = OpenOptions::new().write(true).open(disk.path("db")).unwrap();
    file.write_at(b"later", 0).unwrap();
    assert_eq!(mapped("db"), "later\n");
    disk.crash("synced");
    assert_eq!(mapped("db"), "saved\n");
}

#[test]
fn names_are_durable_after_a_sync_of_their_directory() {
    if !can_mount() {
        return;
    }
    let disk = Mounted::new();
    save(&disk.path("current"), b"old");
    save(&disk.path("removed"), b"removed");
    fs::create_dir(disk.path("from")).unwrap();
    fs::create_dir(disk.path("to")).unwrap();
    sync_dir(disk.path(""));
    save(&disk.path("from/file"), b"moved");

    let replace = || {
        let mut new = File::create(disk.path("next")).unwrap();
        new.write_all(b"new").unwrap();
        new.sync_all().unwrap();
        fs::rename(disk.path("next"), disk.path("current")).unwrap();
    };
    replace();
    fs::remove_file(disk.path("removed")).unwrap();
    fs::rename(disk.path("from/file"), disk.path("to/file")).unwrap();
    fs::remove_dir(disk.path("from")).unwrap();
    disk.crash("synced");
    assert_eq!(names(disk.path("")), ["current", "from", "removed", "to"]);
    assert_eq!(fs::read(disk.path("current")).unwrap(), b"old");
    assert_eq!(fs::read(disk.path("removed")).unwrap(), b"removed");
    assert_eq!(names(disk.path("to")), [""; 0]);
    assert_eq!(fs::read(disk.path("from/file")).unwrap(), b"moved");

    // The same, and synced. A rename needs the sync of the new directory only.
    replace();
    fs::remove_file(disk.path("removed")).unwrap();
    sync_dir(disk.path(""));
    fs::rename(disk.path("from/file"), disk.path("to/file")).unwrap();
    sync_dir(disk.path("to"));
    disk.crash("synced");
    assert_eq!(names(disk.path("")), ["current", "from", "to"]);
    assert_eq!(fs::read(disk.path("current")).unwrap(), b"new");
    assert_eq!(names(disk.path("from")), [""; 0]);
    assert_eq!(fs::read(disk.path("to/file")).unwrap(), b"moved");

    // Nothing is kept aside any more.
    assert_eq!(names(disk.data(".failpoint-disk")), [""; 0]);
}

#[test]
fn a_directory_that_a_crash_brings_back_can_be_used() {
    if !can_mount() {
        return;
    }
    let disk = Mounted::new();
    fs::create_dir(disk.path("dir")).unwrap();
    sync_dir(disk.path(""));
    // The kernel remembers that it is removed as long as it is open.
    let open = File::open(disk.path("dir")).unwrap();
    fs::remove_dir(disk.path("dir")).unwrap();
    disk.crash("synced");
    fs::write(disk.path("dir/file"), "there").unwrap();
    assert_eq!(names(disk.path("dir")), ["file"]);
    drop(open);
}

#[test]
fn a_crash_can_keep_all_or_a_choice() {
    if !can_mount() {
        return;
    }
    let disk = Mounted::new();
    save(&disk.path("log"), b"");
    append(&disk.path("log"), b"kept");
    assert!(disk.crash("all").contains("\"lost\":0"));
    disk.crash("synced");
    assert_eq!(fs::read(disk.path("log")).unwrap(), b"kept");

    let after = |seed: &str| {
        let log = disk.path("log");
        save(&log, &[b'.'; 64]);
        let file = OpenOptions::new().write(true).open(&log).unwrap();
        for number in 0..64 {
            file.write_at(b"x", number).unwrap();
        }
        disk.crash(seed);
        fs::read(&log).unwrap()
    };
    let first = after("7");
    assert!(first.contains(&b'x') && first.contains(&b'.'), "{first:?}");
    assert_eq!(first, after("7"));
    assert_ne!(first, after("8"));

    let (status, body) = disk.ask("POST", "/v1/ext/disk/crash?keep=most", "");
    assert!(status == 422 && body.contains("expected `synced`, `all` or a number"), "{body}");
}

#[test]
fn a_torn_write_crashes_the_disk() {
    if !can_mount() {
        return;
    }
    let disk = Mounted::new();
    let log = disk.path("log");
    save(&log, b"saved ");
    let mut file = OpenOptions::new().append(true).open(&log).unwrap();
    file.write_all(b"lost ").unwrap();
    disk.arm("disk.write", "1*return(torn(2))");
    assert_eq!(file.write_all(b"torn").unwrap_err().raw_os_error(), EIO);
    assert_eq!(file.write_all(b"dead").unwrap_err().raw_os_error(), EIO);
    // The write before it was lost, so there is a gap.
    assert_eq!(fs::read(&log).unwrap(), b"saved \0\0\0\0\0to");
    assert!(
        disk.log().contains("crashed in a torn write: 2 bytes at 11 of /log"),
        "{}",
        disk.log()
    );
    append(&log, b"!");
    disk.crash("synced");
    assert_eq!(fs::read(&log).unwrap(), b"saved \0\0\0\0\0to", "the torn part is durable");
}

#[test]
fn a_sync_can_lie_and_can_lose() {
    if !can_mount() {
        return;
    }
    let disk = Mounted::new();
    let log = disk.path("log");
    save(&log, b"saved");
    let file = OpenOptions::new().write(true).open(&log).unwrap();
    file.write_at(b"later", 0).unwrap();
    disk.arm("disk.sync", "1*return(drop)");
    assert_eq!(file.sync_all().unwrap_err().raw_os_error(), EIO);
    file.sync_all().unwrap();
    assert_eq!(fs::read(&log).unwrap(), b"saved");

    file.write_at(b"later", 0).unwrap();
    disk.arm("disk.sync", "return(lie)");
    file.sync_all().unwrap();
    assert_eq!(fs::read(&log).unwrap(), b"later");
    disk.crash("synced");
    assert_eq!(fs::read(&log).unwrap(), b"saved");

    disk.arm("disk.sync_dir", "return(lie)");
    File::create(disk.path("new")).unwrap();
    sync_dir(disk.path(""));
    disk.crash("synced");
    assert_eq!(names(disk.path("")), ["log"]);

    // Opened with O_SYNC, a file needs no sync.
    disk.ask("DELETE", "/v1/points", "");
    let file = OpenOptions::new().write(true).custom_flags(0o4_010_000).open(&log).unwrap();
    file.write_at(b"synced", 0).unwrap();
    disk.crash("synced");
    assert_eq!(fs::read(&log).unwrap(), b"synced");
}

#[test]
fn beyond_the_limit_the_oldest_changes_become_durable() {
    if !can_mount() {
        return;
    }
    let disk = Mounted::with(&[], &[("FAILPOINT_DISK_LIMIT", "8kB")]);
    let path = disk.path("file");
    save(&path, &[b'.'; 4096]);
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    for block in 0..16_u8 {
        file.write_at(&[b'a' + block; 1024], u64::from(block % 4) * 1024).unwrap();
    }
    let warnings = disk.log().matches("FAILPOINT_DISK_LIMIT sets the limit").count();
    assert_eq!(warnings, 1, "{}", disk.log());
    disk.crash("synced");
    let survived = fs::read(&path).unwrap();
    assert!(!survived.contains(&b'.') && !survived.contains(&b'p'), "the oldest, not the newest");
}

#[test]
fn there_may_be_more_files_than_descriptors() {
    if !can_mount() {
        return;
    }
    let disk = Mounted::with_descriptors(256);
    for number in 0..1000 {
        fs::write(disk.data(&number.to_string()), number.to_string()).unwrap();
    }
    let length = |name: u32| fs::metadata(disk.path(&name.to_string())).map(|file| file.len());
    for number in (0..1000).chain((0..1000).rev()) {
        assert_eq!(length(number).unwrap(), number.to_string().len() as u64);
    }
    assert_eq!(disk.log().matches("wait for a sync").count(), 0, "{}", disk.log());
    // Of what is not synced, the oldest becomes durable.
    for number in 0..1000 {
        append(&disk.path(&number.to_string()), b"unsynced");
    }
    assert_eq!(disk.log().matches("`ulimit -n` sets").count(), 1, "{}", disk.log());
    disk.crash("synced");
    assert_eq!(length(0).unwrap(), 9);
    assert_eq!(length(999).unwrap(), 3);
    assert!(!disk.log().contains("cannot undo"), "{}", disk.log());
}

#[test]
fn a_killed_mount_loses_nothing_and_the_next_one_detaches_it() {
    if !can_mount() {
        return;
    }
    let disk = Mounted::new();
    save(&disk.path("kept"), b"kept");
    fs::write(disk.path("unsynced"), b"unsynced").unwrap();
    fs::remove_file(disk.path("kept")).unwrap();
    let directory = disk.kill();
    let error = fs::metadata(directory.path().join("disk")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotConnected);

    let disk = Mounted::again(directory, &[], &[]);
    assert!(disk.log().contains("detaching a mount at "), "{}", disk.log());
    assert_eq!(names(disk.path("")), ["unsynced"]);
    disk.crash("synced");
    assert_eq!(fs::read(disk.path("unsynced")).unwrap(), b"unsynced");
    let (status, directory) = disk.end();
    assert!(status.success(), "{status}");
    assert_eq!(names(directory.path().join("data")), ["unsynced"]);
}

#[test]
fn a_dead_mount_is_found_by_each_path_that_leads_to_it() {
    if !can_mount() {
        return;
    }
    let directory = TempDir::new().unwrap();
    fs::create_dir(directory.path().join("data")).unwrap();
    let odd = std::ffi::OsStr::from_bytes(b"o d\\d\xff");
    fs::create_dir(directory.path().join(odd)).unwrap();
    symlink(odd, directory.path().join("disk")).unwrap();
    let mut disk = Mounted::again(directory, &[], &[]);
    for at in ["disk", "disk/", "./data/../disk/.", "disk"] {
        disk = Mounted::at(at, disk.kill(), &[], &[]);
        assert!(disk.log().contains("detaching a mount at "), "{at}: {}", disk.log());
    }
    let (status, directory) = disk.end();
    assert!(status.success(), "{status}");
    assert_eq!(names(directory.path().join("disk")), [""; 0], "it is unmounted");
}

#[test]
fn a_mount_whose_directory_was_renamed_is_unmounted() {
    if !can_mount() {
        return;
    }
    let directory = TempDir::new().unwrap();
    for name in ["data", "old", "old/disk"] {
        fs::create_dir(directory.path().join(name)).unwrap();
    }
    symlink("old/disk", directory.path().join("disk")).unwrap();
    let disk = Mounted::at("old/disk", directory, &[], &[]);
    let path = |name| disk.path("").parent().unwrap().join(name);
    fs::rename(path("old"), path("new")).unwrap();
    fs::remove_file(path("disk")).unwrap();
    symlink("new/disk", path("disk")).unwrap();
    fs::write(disk.path("file"), "").unwrap();
    let (status, directory) = disk.end();
    assert!(status.success(), "{status}");
    assert_eq!(names(directory.path().join("disk")), [""; 0], "it is unmounted");
}

#[test]
fn a_directory_is_served_once_at_a_time() {
    if !can_mount() {
        return;
    }
    let disk = Mounted::new();
    save(&disk.path("file"), b"saved");
    fs::remove_file(disk.path("file")).unwrap();
    let directory = TempDir::new().unwrap();
    let mut second = command(directory.path());
    let status = second.args(["mount", ".", "--on"]).arg(disk.data("")).status().unwrap();
    let error = fs::read_to_string(directory.path().join("err")).unwrap();
    assert_eq!(status.code(), Some(1), "{error}");
    assert!(error.contains("another failpoint-disk serves it"), "{error}");
    // What the first one keeps is still there.
    disk.crash("synced");
    assert_eq!(fs::read(disk.path("file")).unwrap(), b"saved");
}

#[test]
fn unmounting_it_from_outside_releases_the_paused() {
    if !can_mount() || !needs::machine("root", is_root()) {
        return;
    }
    let disk = Mounted::new();
    save(&disk.path("slow"), b"slow");
    disk.arm("disk.read", "pause(never)");
    let slow = disk.path("slow");
    let reader = thread::spawn(move || fs::read(slow));
    let (status, body) = disk.ask("GET", "/v1/points/disk.read/wait?paused=1&timeout=50s", "");
    assert_eq!(status, 200, "{body}");
    detach(disk.path("").parent().unwrap());
    assert_eq!(reader.join().unwrap().unwrap(), b"slow");
    let (status, _directory) = disk.wait();
    assert!(status.success(), "{status}");
}

#[test]
fn it_ends_when_someone_else_unmounts_it() {
    if !can_mount() || !needs::machine("root", is_root()) {
        return;
    }
    let disk = Mounted::new();
    detach(disk.path("").parent().unwrap());
    let (status, _directory) = disk.wait();
    assert!(status.success(), "{status}");
}

#[test]
fn what_cannot_be_mounted_is_refused_with_the_reason() {
    if !can_mount() {
        return;
    }
    let directory = TempDir::new().unwrap();
    for name in ["disk", "data", "data/inner"] {
        fs::create_dir(directory.path().join(name)).unwrap();
    }
    fs::write(directory.path().join("file"), "").unwrap();
    let refused = |arguments: &[&str], limit: &str, says: &str, code: i32| {
        let mut command = command(directory.path());
        let status = command.args(arguments).env("FAILPOINT_DISK_LIMIT", limit).status().unwrap();
        let error = fs::read_to_string(directory.path().join("err")).unwrap();
        assert_eq!(status.code(), Some(code), "{error}");
        assert!(error.contains(says), "{error}");
    };
    fn mount<'a>(at: &'a str, data: &'a str) -> [&'a str; 4] {
        ["mount", at, "--on", data]
    }
    refused(&mount("none", "data"), "", "the directory to mount at: none: No such file", 1);
    refused(&mount("disk", "none"), "", "the directory to serve: none: No such file", 1);
    refused(&mount("disk", "file"), "", "file is not a directory", 1);
    refused(&mount("data/inner", "data"), "", "must not contain each other", 1);
    refused(&mount("data", "data/inner"), "", "must not contain each other", 1);
    refused(&mount("data", "data"), "", "must not contain each other", 1);
    fs::write(directory.path().join("data/.failpoint-disk"), "").unwrap();
    refused(&mount("disk", "data"), "", "cannot make the directory .failpoint-disk in it", 1);
    fs::remove_file(directory.path().join("data/.failpoint-disk")).unwrap();
    refused(&mount("disk", "data"), "much", "FAILPOINT_DISK_LIMIT: expected a number of bytes", 1);
    refused(&["mount", "disk"], "", "--on <DATA>", 2);
    assert_eq!(names(directory.path().join("data")), ["inner"], "nothing was left behind");

    // An earlier mount at `disk`, whose process was killed.
    let dead = Mounted::new().kill();
    let inside = |name: &str| dead.path().join(name).to_str().unwrap().to_owned();
    let refused_of_dead = |arguments: &[&str]| {
        refused(
            arguments,
            "",
            "the process of a mount there was killed: detach it with `umount -l`",
            1,
        );
    };
    refused_of_dead(&mount("disk", &inside("disk")));
    refused_of_dead(&mount("disk", &inside("disk/below")));
    refused_of_dead(&mount(&inside("disk/below"), "data"));
    detach(dead.path());

    fs::write(directory.path().join("disk/hidden"), "").unwrap();
    refused(&mount("disk", "data"), "much", "is not empty; what is in it is hidden", 1);

    let disk = Mounted::new();
    let at = disk.path("");
    refused(&mount(at.to_str().unwrap(), "data"), "", "is mounted by another failpoint-disk", 1);
    assert_eq!(names(at), [""; 0]);

    let help = command(directory.path()).args(["mount", "--help"]).output().unwrap();
    assert!(help.status.success());
    assert!(String::from_utf8_lossy(&help.stdout).contains("v1/ext/disk/crash"));
}

/// In a namespace where `/dev` is empty.
#[test]
fn without_the_device_it_says_what_is_missing() {
    if !needs::machine("root", is_root()) || !needs::program("unshare") {
        return;
    }
    let directory = TempDir::new().unwrap();
    let output = std::process::Command::new("unshare")
        .args(["--mount", "sh", "-c", "mount -t tmpfs none /dev && exec \"$0\" mount . --on ."])
        .arg(env!("CARGO_BIN_EXE_failpoint-disk"))
        .current_dir(directory.path())
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    if output.status.code() != Some(1) || !error.contains("failpoint-disk: ") {
        let _ = needs::machine("the right to mount in a namespace", false);
        return;
    }
    assert!(error.contains("cannot open /dev/fuse: No such file"), "{error}");
    assert!(error.contains("modprobe fuse"), "{error}");
}
