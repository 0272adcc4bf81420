//! Does each value do at each operation what the table in the documentation says, on real files and on
//! simulated ones?
#![cfg(all(feature = "failpoints", unix))]
#![allow(clippy::unwrap_used)]

use failpoint::{Ending, InjectedPanic, Scope, Simulation};
use failpoint_disk::{HoldDisk, Keep, SimDisk, fs, prefixed_fs};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const EIO: Option<i32> = Some(5);

/// Runs a test in a real directory, and in a simulated one.
fn everywhere(test: impl Fn(&Scope, &Path)) {
    let directory = tempfile::tempdir().unwrap();
    let scope = Scope::new();
    scope.enter_with(|| test(&scope, directory.path()));
    let scope = Scope::new();
    scope.hold(SimDisk::new().at("/values"));
    scope.enter_with(|| test(&scope, Path::new("/values")));
}

trait EnterWith {
    fn enter_with(&self, act: impl FnOnce());
}

impl EnterWith for Scope {
    fn enter_with(&self, act: impl FnOnce()) {
        let _in = self.enter();
        act();
    }
}

fn sync(path: impl AsRef<Path>) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}

#[test]
fn an_error_fails_the_operation_which_does_nothing() {
    everywhere(|scope, root| {
        let path = root.join("file");
        fs::write(&path, "before").unwrap();
        for (value, code, kind) in [
            ("EIO", EIO, None),
            ("errno(122)", Some(122), None),
            ("StorageFull", None, Some(ErrorKind::StorageFull)),
        ] {
            let check = |point: &str, act: &dyn Fn() -> io::Result<()>| {
                scope.arm(point, &format!("return({value})")).unwrap();
                let error = act().expect_err(point);
                assert!(
                    kind.is_some_and(|kind| error.kind() == kind) || error.raw_os_error() == code,
                    "{point}: {error:?}"
                );
                scope.disarm(point).unwrap();
            };
            let file = fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
            let other = root.join("other");
            check("disk.open", &|| fs::File::create(&other).map(drop));
            check("disk.write", &|| (&file).write_all(b"after"));
            check("disk.write", &|| file.write_all_at(b"after", 0));
            check("disk.read", &|| (&file).read(&mut [0; 4]).map(drop));
            check("disk.set_len", &|| file.set_len(0));
            check("disk.sync", &|| file.sync_data());
            check("disk.sync_dir", &|| sync(root));
            check("disk.rename", &|| fs::rename(&path, &other));
            check("disk.rename", &|| fs::hard_link(&path, &other));
            check("disk.remove", &|| fs::remove_file(&path));
            check("disk.create_dir", &|| fs::create_dir_all(&other));
            check("disk.read_dir", &|| fs::read_dir(root).map(drop));
            check("disk.metadata", &|| fs::metadata(&path).map(drop));
            check("disk.metadata", &|| file.metadata().map(drop));
            check("disk.set_attr", &|| file.set_modified(std::time::SystemTime::now()));
            assert_eq!(fs::read(&path).unwrap(), b"before");
            assert_eq!(fs::read_dir(root).unwrap().count(), 1);
        }
    });
}

#[test]
fn short_reads_and_writes_say_so() {
    everywhere(|scope, root| {
        let path = root.join("file");
        let mut file = fs::File::create(&path).unwrap();
        scope.arm("disk.write", "return(short(3))").unwrap();
        assert_eq!(file.write(b"abcdef").unwrap(), 3);
        assert_eq!(file.write(b"de").unwrap(), 2);
        file.write_all(b"fghijk").unwrap();
        scope.arm("disk.read", "return(short(4))").unwrap();
        let mut buffer = [0; 16];
        let mut file = fs::File::open(&path).unwrap();
        assert_eq!(file.read(&mut buffer).unwrap(), 4);
        assert_eq!(fs::read(&path).unwrap(), b"abcdefghijk");
        scope.arm("disk.write", "return(short(0))").unwrap();
        assert_eq!(fs::write(&path, "x").unwrap_err().kind(), ErrorKind::WriteZero);
    });
}

#[test]
fn a_flipped_bit_is_wrong_on_the_way_in_or_on_the_medium() {
    everywhere(|scope, root| {
        let path = root.join("file");
        fs::write(&path, "aaaa").unwrap();
        scope.arm("disk.read", "1*return(flip(9))").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"acaa");
        assert_eq!(fs::read(&path).unwrap(), b"aaaa");
        scope.arm("disk.write", "1*return(flip(9))").unwrap();
        let data = *b"aaaa";
        fs::write(&path, data).unwrap();
        assert_eq!((fs::read(&path).unwrap().as_slice(), &data), (&b"acaa"[..], b"aaaa"));
    });
}

#[test]
fn a_bad_sector_fails_until_it_is_written() {
    everywhere(|scope, root| {
        let path = root.join("file");
        fs::write(&path, "abcdefgh").unwrap();
        let file = fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let mut two = [0; 2];
        scope.arm("disk.read", "1*return(bad_sector)").unwrap();
        assert_eq!(file.read_at(&mut two, 2).unwrap_err().raw_os_error(), EIO);
        // Other handles meet it too, and its neighbours are readable.
        let other = fs::File::open(&path).unwrap();
        assert_eq!(other.read_at(&mut two, 3).unwrap_err().raw_os_error(), EIO);
        other.read_exact_at(&mut two, 0).unwrap();
        other.read_exact_at(&mut two, 4).unwrap();
        file.write_all_at(b"XY", 2).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"abXYefgh");
    });
}

#[test]
fn a_lie_says_done_and_makes_nothing_durable() {
    everywhere(|scope, root| {
        scope.arm("disk.sync", "return(lie)").unwrap();
        scope.arm("disk.sync_dir", "return(lie)").unwrap();
        fs::write(root.join("file"), "data").unwrap();
        sync(root.join("file")).unwrap();
        sync(root).unwrap();
    });
    let disk = SimDisk::new();
    let scope = Scope::new();
    scope.hold(disk.at("/lie"));
    scope.enter_with(|| {
        fs::write("/lie/file", "data").unwrap();
        scope.arm("disk.sync_dir", "1*return(lie)").unwrap();
        sync("/lie").unwrap();
        assert_eq!(files(&disk.crash(Keep::Synced)), []);
        sync("/lie").unwrap();
        scope.arm("disk.sync", "1*return(lie)").unwrap();
        sync("/lie/file").unwrap();
        assert_eq!(files(&disk.crash(Keep::Synced)), [("file".into(), b"".to_vec())]);
        sync("/lie/file").unwrap();
        assert_eq!(files(&disk.crash(Keep::Synced)), [("file".into(), b"data".to_vec())]);
    });
}

#[test]
fn a_dropped_sync_fails_and_loses_what_was_not_durable() {
    everywhere(|scope, root| {
        let path = root.join("file");
        fs::write(&path, "data").unwrap();
        scope.arm("disk.sync", "1*return(drop)").unwrap();
        assert_eq!(sync(&path).unwrap_err().raw_os_error(), EIO);
        // As with Linux, the next one succeeds, and readers still see the data.
        sync(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"data");
    });
    let disk = SimDisk::new();
    let scope = Scope::new();
    scope.hold(disk.at("/drop"));
    scope.enter_with(|| {
        let mut file = fs::File::create("/drop/file").unwrap();
        file.write_all(b"old").unwrap();
        file.sync_all().unwrap();
        sync("/drop").unwrap();
        file.write_all(b", new").unwrap();
        scope.arm("disk.sync", "1*return(drop)").unwrap();
        file.sync_all().unwrap_err();
        file.sync_all().unwrap();
        assert_eq!(files(&disk.crash(Keep::Synced)), [("file".into(), b"old".to_vec())]);
    });
}

/// What a restart finds in the root.
fn files(disk: &SimDisk) -> Vec<(String, Vec<u8>)> {
    let scope = Scope::new();
    scope.hold(disk.at("/files"));
    let _in = scope.enter();
    let entries = fs::read_dir("/files").unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect()
}

#[test]
fn a_torn_write_crashes_the_simulated_disk() {
    let disk = SimDisk::new();
    let scope = Scope::new();
    scope.hold(disk.at("/torn"));
    let _in = scope.enter();
    let mut file = fs::File::create("/torn/file").unwrap();
    sync("/torn").unwrap();
    scope.arm("disk.write", "return(torn(3))").unwrap();
    let error = file.write(b"abcdef").unwrap_err();
    assert!(error.to_string().contains("crashed in a torn write"), "{error}");
    assert!(disk.has_crashed());
    scope.disarm("disk.write").unwrap();
    for error in [
        file.write(b"x").unwrap_err(),
        file.read(&mut [0]).unwrap_err(),
        file.sync_all().unwrap_err(),
        fs::read_dir("/torn").unwrap_err(),
        fs::rename("/torn/file", "/torn/other").unwrap_err(),
    ] {
        assert!(
            error.to_string().contains("has crashed") || error.raw_os_error() == Some(9),
            "{error}"
        );
    }
    scope.arm("disk.write", "return(torn(0))").unwrap();
    let other = SimDisk::new();
    scope.hold(other.at("/torn/at/once"));
    fs::File::create("/torn/at/once/file").unwrap().write(b"x").unwrap_err();
    assert!(other.has_crashed(), "nothing of it reached the disk");
    let restarted = disk.crash(Keep::Synced);
    assert!(!restarted.has_crashed());
    assert_eq!(files(&restarted), [("file".into(), b"abc".to_vec())]);
}

/// Has no clock.
struct Steps;

impl Simulation for Steps {
    fn sleep(&self, _: &str, _: Duration) {}
}

prefixed_fs!(mod torn_fs, "torn");

#[test]
fn a_torn_write_ends_the_step_of_a_simulation() {
    fn step(scope: &Scope, body: impl FnOnce()) -> String {
        let payload = catch_unwind(AssertUnwindSafe(scope.wrap_fn(body))).unwrap_err();
        let crash = InjectedPanic::of(&*payload).expect("the payload of an injected panic");
        assert_eq!(crash.ending(), Some(Ending::Kill));
        crash.to_string()
    }
    let disk = SimDisk::new();
    let scope = Scope::isolated("torn step");
    scope.simulate(Steps);
    scope.hold(disk.at("/step"));
    scope.arm("torn.write", "return(torn(3))").unwrap();
    scope.arm("disk.write", "return(torn(2))").unwrap();
    let crash = step(&scope, || {
        let mut file = torn_fs::File::create("/step/file").unwrap();
        sync("/step").unwrap();
        let _ = file.write_all(b"abcdef");
        unreachable!("the rest of the step");
    });
    assert_eq!(crash, "failpoint torn.write kill: a torn write to /step/file");
    assert!(disk.has_crashed());
    assert_eq!(files(&disk.crash(Keep::Synced)), [("file".into(), b"abc".to_vec())]);

    // A node on a real disk crashes alike, and the process goes on.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let crash = step(&scope, || {
        let file = fs::File::create(&path).unwrap();
        let _ = file.write_all_at(b"abcdef", 1);
        unreachable!("the rest of the step");
    });
    assert_eq!(crash, format!("failpoint disk.write kill: a torn write to {}", path.display()));
    assert_eq!(std::fs::read(&path).unwrap(), b"\0ab");
}

#[test]
fn a_torn_write_while_a_simulation_unwinds_is_an_error() {
    struct Writes(fs::File);
    impl Drop for Writes {
        fn drop(&mut self) {
            let error = self.0.write(b"abc").unwrap_err();
            assert!(error.to_string().contains("in a torn write"), "{error}");
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let (disk, scope) = (SimDisk::new(), Scope::isolated("torn unwinding"));
    scope.simulate(Steps);
    scope.hold(disk.at("/unwinding"));
    scope.arm("disk.write", "return(torn(3))").unwrap();
    for path in [Path::new("/unwinding/file"), &directory.path().join("file")] {
        let file = scope.wrap_fn(|| fs::File::create(path).unwrap())();
        let unwind = scope.wrap_fn(|| {
            let _writes = Writes(file);
            resume_unwind(Box::new(7));
        });
        let payload = catch_unwind(AssertUnwindSafe(unwind)).unwrap_err();
        assert_eq!(payload.downcast_ref::<i32>(), Some(&7));
    }
    assert!(disk.has_crashed());
}

#[test]
fn a_torn_write_to_a_real_file_ends_the_process() {
    const NAME: &str = "a_torn_write_to_a_real_file_ends_the_process";
    if let Some(path) = std::env::var_os("THIS_IS_THE_CHILD") {
        let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
        let _armed = failpoint::arm("disk.write", "return(torn(3))").unwrap();
        let written = file.write(b"defghi");
        unreachable!("the process is gone, and not: {written:?}");
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    std::fs::write(&path, "abc").unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", NAME, "--nocapture", "--test-threads=1"]);
    for (variable, _) in std::env::vars() {
        if variable.contains("FAILPOINT") || variable.contains("GOFAIL") {
            command.env_remove(variable);
        }
    }
    let output = command.env("THIS_IS_THE_CHILD", &path).stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && !text.contains("panicked"), "{output:?}");
    assert!(text.contains("a torn write to"), "{text}");
    assert_eq!(std::fs::read(&path).unwrap(), b"abcdef");
}

#[test]
fn what_a_disk_cannot_answer_is_refused() {
    let scope = Scope::new();
    for (point, value, wanted) in [
        ("disk.write", "lie", "short(BYTES), or torn(BYTES), or flip(BIT)"),
        ("disk.read", "torn(3)", "short(BYTES), or flip(BIT), or bad_sector"),
        ("disk.sync", "short(3)", "lie, or drop"),
        ("disk.sync_dir", "drop", "or lie"),
        ("disk.open", "flip(1)", "an errno of open(2)"),
        ("disk.rename", "ETXTBSY", "an errno of rename(2)"),
        ("disk.write", "EWHAT", "errno(NUMBER) takes any"),
    ] {
        let refusal = scope.arm(point, &format!("return({value})")).expect_err(value).to_string();
        assert!(refusal.contains(wanted), "{point}: {refusal}");
    }
}

#[test]
fn numbers_at_their_ends_are_taken_as_they_are() {
    const MOST: &str = "18446744073709551615";
    everywhere(|scope, root| {
        let path = root.join("file");
        fs::write(&path, "abcd").unwrap();
        scope.arm("disk.write", &format!("return(short({MOST}))")).unwrap();
        fs::write(&path, "abcd").unwrap();
        scope.arm("disk.write", &format!("return(flip({MOST}))")).unwrap();
        fs::write(&path, "abcd").unwrap();
        scope.arm("disk.read", "1*return(short(0))").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"", "it is the end of the file");
        assert_eq!(fs::read(&path).unwrap(), b"abc\xe4", "the last bit of a byte of 4");
        scope.disarm("disk.write").unwrap();
        // Numbers of any length compare.
        for (condition, fails) in [
            (format!("offset>={MOST}0"), false),
            (format!("offset<{MOST}0"), true),
            ("offset>=-99999999999999999999".into(), true),
            ("len<=4".into(), true),
            ("len>4".into(), false),
        ] {
            scope.arm("disk.write", &format!("when({condition}):return(EIO)")).unwrap();
            assert_eq!(fs::write(&path, "abcd").is_err(), fails, "{condition}");
        }
        scope.disarm("disk.write").unwrap();
        // A range of which each read says again that it is bad.
        scope.arm("disk.read", "return(bad_sector)").unwrap();
        let file = fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
        for _ in 0..100 {
            assert_eq!(file.read_at(&mut [0; 4], 0).unwrap_err().raw_os_error(), EIO);
        }
        scope.disarm("disk.read").unwrap();
        file.write_at(b"x", 0).unwrap();
        assert!(fs::read(&path).is_ok());
    });
    let scope = Scope::new();
    for value in [
        "short(18446744073709551616)",
        "short(-1)",
        "short()",
        "short(1",
        "partial(3)",
        "flip(1.5)",
        "EIo",
        "eio",
        "errno(99999999999)",
        "errno(-5)",
        "torn",
    ] {
        assert!(scope.arm("disk.write", &format!("return({value})")).is_err(), "{value}");
    }
}

#[test]
fn a_condition_selects_by_path_and_offset() {
    everywhere(|scope, root| {
        scope.arm("disk.write", "when(path~*.log):return(EIO)").unwrap();
        fs::write(root.join("data"), "x").unwrap();
        assert_eq!(fs::write(root.join("a.log"), "x").unwrap_err().raw_os_error(), EIO);
        scope.arm("disk.write", "when(offset>=4096):return(EIO)").unwrap();
        let mut file = fs::File::create(root.join("big")).unwrap();
        file.write_all(&[1; 4096]).unwrap();
        assert_eq!(file.write(b"x").unwrap_err().raw_os_error(), EIO);
        file.seek(SeekFrom::Start(4095)).unwrap();
        file.write_all(b"x").unwrap();
        // Where it appends, the offset is the end.
        let mut file = fs::OpenOptions::new().append(true).open(root.join("big")).unwrap();
        assert_eq!(file.write(b"x").unwrap_err().raw_os_error(), EIO);
    });
}

failpoint_disk::prefixed_fs!(mod wal_fs, "wal");

#[test]
fn a_module_of_its_own_has_points_of_its_own() {
    everywhere(|scope, root| {
        scope.arm("wal.write", "return(ENOSPC)").unwrap();
        let path = root.join("file");
        fs::write(&path, "x").unwrap();
        assert_eq!(wal_fs::write(&path, "y").unwrap_err().kind(), ErrorKind::StorageFull);
        assert!(wal_fs::File::open(&path).unwrap().metadata().unwrap().is_file());
    });
}
