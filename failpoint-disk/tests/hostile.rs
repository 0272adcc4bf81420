//! What no sensible program does: is it refused as `std::fs` refuses it, on every kind of disk?
#![cfg(all(feature = "failpoints", unix))]
#![allow(clippy::unwrap_used)]

use failpoint::Scope;
use failpoint_disk::{HoldDisk, Keep, SimDisk, lock};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What came of each attempt, in words: values, and errors with their kind and number.
type Came = Vec<(String, String)>;

macro_rules! world {
    ($name:ident, $fs:path) => {
        mod $name {
            use super::{Came, told};
            use std::ffi::{OsStr, OsString};
            use std::io::{IoSlice, IoSliceMut, Read, Seek, SeekFrom, Write};
            use std::os::unix::ffi::{OsStrExt, OsStringExt};
            use std::os::unix::fs::{
                DirBuilderExt, DirEntryExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt,
            };
            use std::path::Path;
            use $fs as fs;

            pub(crate) fn attack(root: &Path) -> Came {
                let mut came = Came::new();
                macro_rules! try_it {
                    ($what:expr, $result:expr) => {{
                        let result = $result;
                        came.push((format!("{} {}", stringify!($result), $what), told(result)))
                    }};
                    ($result:expr) => {
                        try_it!("", $result)
                    };
                }
                let at = |name: &str| root.join(name);
                fs::create_dir(at("d")).unwrap();
                fs::create_dir(at("d/e")).unwrap();
                fs::write(at("f"), "0123456789").unwrap();
                fs::hard_link(at("f"), at("g")).unwrap();

                // Names.
                let bytes = root.join(OsStr::from_bytes(b"n\xff\xfe\x80"));
                try_it!(fs::write(&bytes, "x"));
                try_it!(fs::read(&bytes));
                try_it!(fs::rename(&bytes, root.join(OsStr::from_bytes(b"d/\xc3\x28"))));
                try_it!(fs::read_dir(at("d")).map(|entries| {
                    let name = |entry: std::io::Result<fs::DirEntry>| {
                        entry.unwrap().file_name().into_vec()
                    };
                    let mut names: Vec<_> = entries.map(name).collect();
                    names.sort();
                    names
                }));
                for len in [254, 255, 256, 300, 4096, 70_000] {
                    let long = root.join("x".repeat(len));
                    try_it!(len, fs::write(&long, "x"));
                    try_it!(len, fs::read(&long));
                    try_it!(len, fs::create_dir(&long));
                    try_it!(len, fs::create_dir_all(long.join("y")));
                    try_it!(len, fs::rename(at("f"), &long));
                    try_it!(len, fs::rename(&long, at("f")));
                    try_it!(len, fs::exists(&long));
                    try_it!(len, fs::remove_file(&long));
                    try_it!(len, fs::remove_dir_all(&long));
                }
                // A path that is too long although each name in it is short.
                let mut deep = at("d");
                while deep.as_os_str().len() < 4200 {
                    deep.push("./");
                    deep.push("../d");
                }
                try_it!(fs::metadata(&deep).map(|found| found.is_dir()));
                try_it!(fs::create_dir_all(&deep));
                for name in ["", "a\0b", "\0"] {
                    let path = if name.is_empty() { name.into() } else { at(name) };
                    try_it!(name, fs::write(&path, "x"));
                    try_it!(name, fs::read_dir(&path).map(drop));
                    try_it!(name, fs::create_dir(&path));
                    try_it!(name, fs::create_dir_all(&path));
                    try_it!(name, fs::exists(&path));
                    try_it!(name, fs::canonicalize(&path));
                    try_it!(name, fs::rename(&path, at("f")));
                    try_it!(name, fs::rename(at("f"), &path));
                    try_it!(name, fs::copy(at("f"), &path));
                    try_it!(name, fs::remove_dir_all(&path));
                }
                for end in
                    ["f/", "f/.", "f/..", "f//", "d/", "d/.", "d/..", "d//", "n/", "n/.", "n/.."]
                {
                    let path = at(end);
                    try_it!(end, fs::metadata(&path).map(|found| found.is_dir()));
                    try_it!(end, fs::read(&path).map(drop));
                    try_it!(end, fs::write(&path, "x"));
                    try_it!(end, fs::File::create_new(&path).map(drop));
                    try_it!(end, fs::create_dir(&path));
                    try_it!(end, fs::remove_file(&path));
                    if !end.starts_with('d') {
                        try_it!(end, fs::remove_dir(&path));
                        try_it!(end, fs::remove_dir_all(&path));
                        try_it!(end, fs::create_dir_all(&path));
                    }
                    try_it!(end, fs::hard_link(&path, at("linked")));
                    try_it!(end, fs::hard_link(at("f"), &path));
                    try_it!(end, fs::rename(at("f"), &path));
                    try_it!(end, fs::read_link(&path));
                    let _ = fs::remove_dir_all(at("n"));
                }
                try_it!(fs::remove_dir(at("d/e/.")));
                try_it!(fs::remove_dir_all(at("d/e/..")));
                fs::create_dir_all(at("d/e")).unwrap();

                // Ways to open, in every combination.
                for how in 0..64_u32 {
                    for name in ["f", "new", "d", "f/x", "n/x"] {
                        let mut options = fs::OpenOptions::new();
                        options
                            .read(how & 1 != 0)
                            .write(how & 2 != 0)
                            .append(how & 4 != 0)
                            .truncate(how & 8 != 0)
                            .create(how & 16 != 0)
                            .create_new(how & 32 != 0)
                            .mode(0o600);
                        fs::write(at("f"), "0123456789").unwrap();
                        let what = format!("{how:06b} {name}");
                        match options.open(at(name)) {
                            Err(error) => try_it!(what, Err::<(), _>(error)),
                            Ok(mut file) => {
                                try_it!(what, file.read(&mut [0; 4]));
                                try_it!(what, file.write(b"xyz"));
                                try_it!(what, file.write(b""));
                                try_it!(what, file.read(&mut []));
                                try_it!(what, file.write_at(b"at", 1));
                                try_it!(what, file.read_at(&mut [0; 4], 2));
                                try_it!(what, file.set_len(5));
                                try_it!(what, file.stream_position());
                                try_it!(what, file.sync_all());
                                try_it!(what, file.sync_data());
                                if name != "d" {
                                    try_it!(what, file.metadata().map(|found| found.len()));
                                    try_it!(what, fs::read(at(name)));
                                }
                            }
                        }
                        let _ = fs::remove_file(at("new"));
                    }
                }

                // Places.
                fs::write(at("f"), "0123456789").unwrap();
                let mut options = fs::OpenOptions::new();
                let mut file = options.read(true).write(true).open(at("f")).unwrap();
                const MAX: u64 = i64::MAX as u64;
                let places = [0, 5, 10, 11, 1 << 20, MAX - 1, MAX, MAX + 1, u64::MAX - 1, u64::MAX];
                for place in places {
                    try_it!(place, file.seek(SeekFrom::Start(place)));
                    try_it!(place, file.read(&mut [0; 3]));
                    try_it!(place, file.read_at(&mut [0; 3], place));
                    try_it!(place, file.read_at(&mut [], place));
                    try_it!(place, file.write_at(&[], place));
                    if place >= MAX {
                        try_it!(place, file.write_at(b"x", place));
                        try_it!(place, file.write_at(b"xyz", place));
                        try_it!(place, file.write(b"xyz"));
                        if place > MAX {
                            try_it!(place, file.set_len(place));
                        }
                    }
                }
                for by in [i64::MIN, -11, -10, -1, 0, 1, i64::MAX] {
                    try_it!(by, file.seek(SeekFrom::End(by)));
                    try_it!(by, file.stream_position());
                    try_it!(by, file.seek(SeekFrom::Current(by)));
                    try_it!(by, file.stream_position());
                    try_it!(by, file.seek_relative(by));
                }
                file.seek(SeekFrom::Start(20)).unwrap();
                try_it!(file.write(b"gap"));
                try_it!(fs::read(at("f")));
                try_it!(file.rewind());
                try_it!(
                    file.write_vectored(&[IoSlice::new(b""), IoSlice::new(b"ab")]).map(|n| n > 0)
                );
                let mut two = [0; 2];
                try_it!(file.read_vectored(&mut [IoSliceMut::new(&mut two)]).map(|n| n > 0));
                try_it!(file.set_len(0));
                try_it!(file.metadata().map(|found| (found.len(), found.nlink())));
                let mut text = String::new();
                fs::write(at("f"), b"\xff\xfe").unwrap();
                file.rewind().unwrap();
                try_it!(file.read_to_string(&mut text));
                try_it!(fs::read_to_string(at("f")));

                // One onto another.
                fs::write(at("f"), "data").unwrap();
                try_it!(fs::copy(at("f"), at("f")));
                try_it!(fs::read(at("f")));
                fs::write(at("f"), "data").unwrap();
                try_it!(fs::copy(at("f"), at("g")));
                try_it!(fs::read(at("g")));
                try_it!(fs::copy(at("f"), at("d")));
                try_it!(fs::copy(at("d"), at("f")));
                try_it!(fs::copy(at("n"), at("f")));
                try_it!(fs::read(at("f")));
                try_it!(fs::rename(at("f"), at("g")));
                try_it!(fs::rename(at("f"), at("f")));
                try_it!(fs::rename(at("d"), at("d")));
                try_it!(fs::rename(at("d"), at("d/e/x")));
                try_it!(fs::rename(at("d/e"), at("d")));
                try_it!(fs::rename(at("f"), at("d")));
                try_it!(fs::rename(at("d"), at("f")));
                try_it!(fs::rename(at("f"), at("f/x")));
                try_it!(fs::rename(at("n"), at("d")));
                try_it!(fs::rename(at("n"), at("n")));
                try_it!(fs::hard_link(at("d"), at("x")));
                try_it!(fs::hard_link(at("f"), at("f")));
                try_it!(fs::hard_link(at("n"), at("x")));
                fs::create_dir(at("empty")).unwrap();
                try_it!(fs::rename(at("d"), at("empty")));
                try_it!(fs::rename(at("empty"), at("d/e")));
                fs::create_dir(at("d")).unwrap();

                // What is removed while it is used.
                fs::write(at("d/1"), "x").unwrap();
                fs::write(at("d/2"), "x").unwrap();
                let entries = fs::read_dir(at("d")).unwrap();
                let mut seen: Vec<OsString> = Vec::new();
                for entry in entries {
                    let entry = entry.unwrap();
                    seen.push(entry.file_name());
                    try_it!("listed", fs::remove_file(entry.path()));
                    assert!(entry.ino() > 0);
                }
                seen.sort();
                try_it!(Ok(seen));
                try_it!(fs::remove_dir(at("d")));
                let mut file = fs::File::create_new(at("gone")).unwrap();
                let mut clone = file.try_clone().unwrap();
                file.write_all(b"still here").unwrap();
                try_it!(fs::remove_file(at("gone")));
                try_it!(file.metadata().map(|found| (found.len(), found.nlink())));
                try_it!(clone.stream_position());
                try_it!(clone.rewind());
                try_it!(file.read(&mut [0; 5]));
                try_it!(clone.stream_position());
                try_it!(file.set_len(3));
                try_it!(clone.read(&mut [0; 5]));
                try_it!(file.sync_all());
                drop(file);
                try_it!(clone.metadata().map(|found| found.len()));
                fs::create_dir(at("open")).unwrap();
                let directory = fs::File::open(at("open")).unwrap();
                try_it!(fs::remove_dir(at("open")));
                try_it!(directory.sync_all());
                try_it!(directory.metadata().map(|found| found.is_dir()));
                try_it!((&directory).read(&mut [0; 5]));
                try_it!((&directory).write(b"x"));
                try_it!(directory.set_len(0));

                // Permissions.
                fs::write(at("f"), "x").unwrap();
                for mode in [0o600, 0o4755, 0o777] {
                    try_it!(mode, fs::set_permissions(at("f"), fs::Permissions::from_mode(mode)));
                    try_it!(mode, fs::metadata(at("f")).map(|found| found.mode()));
                }
                try_it!(fs::set_permissions(at("n"), fs::Permissions::from_mode(0o600)));
                let mut builder = fs::DirBuilder::new();
                try_it!(builder.recursive(true).mode(0o700).create(at("m/m/m")));
                try_it!(builder.create(at("m/m/m")));
                try_it!(builder.recursive(false).create(at("m/m/m")));
                try_it!(builder.recursive(true).create(at("f/m")));
                try_it!(fs::metadata(at("m/m")).map(|found| found.mode()));
                try_it!(fs::remove_dir_all(at("f")));
                try_it!(fs::remove_dir_all(at("n")));
                came
            }
        }
    };
}

world!(plain, std::fs);
world!(disk, failpoint_disk::fs);

fn told<T: std::fmt::Debug>(result: std::io::Result<T>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(error) => format!("{:?} {:?}", error.kind(), error.raw_os_error()),
    }
}

/// A directory in memory, where there is one.
fn directory() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let path = directory.path().canonicalize().unwrap();
    (directory, path)
}

/// Runs the test once more, in a process in volatile mode, whose end it is.
fn in_volatile_mode(test: &str, act: impl FnOnce()) {
    in_own_process(test, &[("FAILPOINT_DISK", "volatile")], act);
}

/// Runs the test once more, as the only one of a process with these variables.
fn in_own_process(test: &str, variables: &[(&str, &str)], act: impl FnOnce()) {
    if std::env::var_os("THIS_IS_THE_CHILD").is_some() {
        return act();
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]);
    for (variable, _) in std::env::vars() {
        if variable.contains("FAILPOINT") || variable.contains("GOFAIL") {
            command.env_remove(variable);
        }
    }
    command.env("THIS_IS_THE_CHILD", "1").envs(variables.iter().copied()).stdin(Stdio::null());
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
}

fn compare(what: &str, wanted: &Came, found: &Came, roots: [&Path; 2]) {
    let text = |text: &str, root: &Path| text.replace(&*root.to_string_lossy(), "ROOT");
    let mut differences = Vec::new();
    for ((step, wanted), (_, found)) in wanted.iter().zip(found) {
        let (wanted, found) = (text(wanted, roots[0]), text(found, roots[1]));
        if wanted != found {
            differences.push(format!("{step}: {wanted}, and here {found}"));
        }
    }
    assert!(differences.is_empty(), "{what}:\n{}", differences.join("\n"));
    assert_eq!(wanted.len(), found.len(), "{what}");
}

#[test]
fn odd_calls_are_answered_as_by_the_standard_library() {
    let (_real, real) = directory();
    let wanted = plain::attack(&real);
    let (_mirrored, mirrored) = directory();
    compare("a real disk", &wanted, &disk::attack(&mirrored), [&real, &mirrored]);
    let scope = Scope::new();
    // As long as the other, since the length of paths is limited.
    let prefix = real.with_file_name("hostile-1");
    scope.hold(SimDisk::new().at(&prefix));
    let _in = scope.enter();
    compare("a simulated disk", &wanted, &disk::attack(&prefix), [&real, &prefix]);
}

#[test]
fn odd_calls_are_answered_in_volatile_mode_too() {
    in_volatile_mode("odd_calls_are_answered_in_volatile_mode_too", || {
        let (_real, real) = directory();
        let wanted = plain::attack(&real);
        let (_held, held) = directory();
        compare("volatile mode", &wanted, &disk::attack(&held), [&real, &held]);
    });
}

/// splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// Handles of one file, clones among them, that take and give up locks by chance.
fn lock_by_chance(path: &Path, seed: u64) -> Vec<String> {
    use failpoint_disk::fs;
    let open = || fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    fs::write(path, "x").unwrap();
    let mut random = Random(seed);
    let mut handles: Vec<fs::File> = (0..3).map(|_| open()).collect();
    (0..60)
        .map(|_| {
            let place = random.below(3) as usize;
            let file = &handles[place];
            match random.below(8) {
                0..3 => format!("{place} exclusive: {:?}", lock::try_lock_exclusive(file).unwrap()),
                3..5 => format!("{place} shared: {:?}", lock::try_lock_shared(file).unwrap()),
                5 => format!("{place} unlock: {:?}", lock::unlock(file).unwrap()),
                6 => {
                    handles[place] = open();
                    format!("{place} is opened again")
                }
                _ => {
                    let from = random.below(3) as usize;
                    handles[place] = handles[from].try_clone().unwrap();
                    format!("{place} is a clone of {from}")
                }
            }
        })
        .collect()
}

// In a process of its own: a child that another test starts has all open files until it executes
// its program. A lock that is closed here is held there for as long.
#[test]
fn locks_are_those_of_the_system() {
    in_own_process("locks_are_those_of_the_system", &[], || {
        let (_directory, root) = directory();
        let real: Vec<_> = (0..50).map(|seed| lock_by_chance(&root.join("f"), seed)).collect();
        let scope = Scope::new();
        scope.hold(SimDisk::new().at("/hostile-locks"));
        let _in = scope.enter();
        for (seed, wanted) in (0..).zip(real) {
            assert_eq!(lock_by_chance(Path::new("/hostile-locks/f"), seed), wanted, "seed {seed}");
        }
    });
}

#[test]
fn locks_in_volatile_mode_are_those_of_the_system() {
    in_volatile_mode("locks_in_volatile_mode_are_those_of_the_system", || {
        let (_directory, root) = directory();
        std::fs::write(root.join("old"), "x").unwrap();
        let scope = Scope::new();
        scope.hold(SimDisk::new().at("/hostile-locks"));
        let _in = scope.enter();
        for seed in 0..50 {
            let wanted = lock_by_chance(Path::new("/hostile-locks/f"), seed);
            for name in ["old", "new"] {
                assert_eq!(lock_by_chance(&root.join(name), seed), wanted, "{name}, seed {seed}");
            }
        }
    });
}

#[test]
fn locks_exclude_threads_and_none_of_them_waits_for_ever() {
    use failpoint_disk::fs;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    let scope = Scope::new();
    scope.hold(SimDisk::new().at("/hostile-threads"));
    let (inside, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|threads| {
        for number in 0..8_u64 {
            let (scope, inside, done) = (&scope, &inside, &done);
            threads.spawn(move || {
                let _in = scope.enter();
                for round in 0..50 {
                    // Two locks, taken in both orders.
                    let order = if number % 2 == 0 { ["a", "b"] } else { ["b", "a"] };
                    let [one, two] = order
                        .map(|name| fs::File::create(format!("/hostile-threads/{name}")).unwrap());
                    if !lock::try_lock_exclusive(&one).unwrap() {
                        continue;
                    }
                    if lock::try_lock_exclusive(&two).unwrap() {
                        assert_eq!(inside.fetch_add(1, SeqCst), 0);
                        (&two).write_all(&[round; 9]).unwrap();
                        assert_eq!(inside.fetch_sub(1, SeqCst), 1);
                        done.fetch_add(1, SeqCst);
                    }
                }
            });
        }
    });
    println!("{done:?} of 400 had both locks");
    let _in = scope.enter();
    let file = fs::File::create("/hostile-threads/a").unwrap();
    assert!(lock::try_lock_exclusive(&file).unwrap(), "all were released");
}

#[test]
fn a_crashed_disk_answers_nothing_and_changes_no_more() {
    use failpoint_disk::fs;
    let disk = SimDisk::new();
    let scope = Scope::new();
    scope.hold(disk.at("/hostile-crash"));
    let _in = scope.enter();
    let mut file = fs::File::create_new("/hostile-crash/f").unwrap();
    file.write_all(b"held").unwrap();
    let directory = fs::File::open("/hostile-crash").unwrap();
    let clone = file.try_clone().unwrap();
    let unsynced = disk.unsynced();
    disk.power_off();
    scope.arm("disk.sync", "1*return(drop)->1*return(lie)").unwrap();
    let answers = [
        file.sync_all(),
        file.sync_all(),
        file.sync_all(),
        directory.sync_all(),
        file.write_all(b"x"),
        file.read(&mut [0; 4]).map(drop),
        (&clone).write_all(b"x"),
        clone.set_len(1),
        clone.metadata().map(drop),
        clone.set_modified(std::time::SystemTime::now()),
        lock::try_lock_exclusive(&clone).map(drop),
        fs::metadata("/hostile-crash/f").map(drop),
        fs::File::open("/hostile-crash/f").map(drop),
        fs::remove_file("/hostile-crash/f"),
        fs::rename("/hostile-crash/f", "/hostile-crash/g"),
        fs::create_dir("/hostile-crash/d"),
        fs::read_dir("/hostile-crash").map(drop),
        fs::canonicalize("/hostile-crash").map(drop),
    ];
    for (place, answer) in answers.iter().enumerate() {
        assert!(answer.is_err(), "answer {place}");
    }
    drop((file, clone, directory));
    assert_eq!(disk.unsynced(), unsynced);
    let scope = Scope::new();
    scope.hold(disk.crash(Keep::All).at("/hostile-crash"));
    let _in = scope.enter();
    assert_eq!(fs::read("/hostile-crash/f").unwrap(), b"held");
}

#[test]
fn a_disk_crashes_in_a_write_of_which_nothing_reaches_it() {
    use failpoint_disk::fs;
    for (terms, data) in [("return(torn(0))", "data"), ("return(torn(9))", "")] {
        let disk = SimDisk::new();
        let scope = Scope::new();
        scope.hold(disk.at("/hostile-torn"));
        let _in = scope.enter();
        let mut file = fs::File::create("/hostile-torn/f").unwrap();
        scope.arm("disk.write", terms).unwrap();
        file.write(data.as_bytes()).unwrap_err();
        assert!(disk.has_crashed(), "{terms}");
        assert!(fs::metadata("/hostile-torn/f").is_err(), "{terms}");
    }
}

/// A file of a TiB takes no memory for its holes.
#[test]
fn a_file_may_be_longer_than_memory() {
    use failpoint_disk::fs;
    use std::os::unix::fs::FileExt;
    const TIB: u64 = 1 << 40;
    let disk = SimDisk::with_capacity(u64::MAX);
    let scope = Scope::new();
    scope.hold(disk.at("/hostile-long"));
    let _in = scope.enter();
    let file = fs::File::create_new("/hostile-long/f").unwrap();
    file.set_len(TIB).unwrap();
    file.write_at(b"end", TIB - 3).unwrap();
    file.sync_all().unwrap();
    fs::File::open("/hostile-long").unwrap().sync_all().unwrap();
    file.write_at(b"lost", 5).unwrap();
    file.set_len(i64::MAX as u64).unwrap();
    file.write_at(b"x", i64::MAX as u64 - 1).unwrap();
    let scope = Scope::new();
    scope.hold(disk.crash(Keep::Synced).at("/hostile-long"));
    let _in = scope.enter();
    let file = fs::File::open("/hostile-long/f").unwrap();
    let mut read = [1; 6];
    assert_eq!(file.read_at(&mut read, TIB - 5).unwrap(), 5);
    assert_eq!(&read, b"\0\0end\x01");
    assert_eq!(file.read_at(&mut read, 5).unwrap(), 6);
    assert_eq!(read, [0; 6]);

    // The usual capacity bounds it.
    let scope = Scope::new();
    scope.hold(SimDisk::new().at("/hostile-long"));
    let _in = scope.enter();
    let file = fs::File::create("/hostile-long/f").unwrap();
    assert_eq!(file.set_len(TIB).unwrap_err().raw_os_error(), Some(27), "EFBIG");
    assert_eq!(file.write_at(b"x", TIB).unwrap_err().raw_os_error(), Some(27));
    assert_eq!(file.metadata().unwrap().len(), 0);
}

#[test]
fn files_outlive_their_scope_and_its_disk_handle() {
    use failpoint_disk::fs;
    let scope = Scope::new();
    scope.hold(SimDisk::new().at("/hostile-scope"));
    let mut file = {
        let _in = scope.enter();
        fs::File::create_new("/hostile-scope/f").unwrap()
    };
    drop(scope);
    file.write_all(b"alone").unwrap();
    // In another scope that has another disk there, on another thread.
    let other = Scope::new();
    other.hold(SimDisk::new().at("/hostile-scope"));
    let file = std::thread::spawn(move || {
        let _in = other.enter();
        file.sync_all().unwrap();
        assert_eq!(fs::read_dir("/hostile-scope").unwrap().count(), 0);
        assert!(fs::metadata("/hostile-scope/f").is_err());
        file
    })
    .join()
    .unwrap();
    assert_eq!(file.metadata().unwrap().len(), 5);
    assert!(fs::metadata("/hostile-scope").is_err());
}

#[test]
fn a_panic_at_a_point_leaves_the_disk_usable() {
    use failpoint_disk::fs;
    let scope = Scope::new();
    scope.hold(SimDisk::new().at("/hostile-panic"));
    let _in = scope.enter();
    let mut file = fs::File::create_new("/hostile-panic/f").unwrap();
    for point in ["disk.write", "disk.read", "disk.sync", "disk.open", "disk.rename"] {
        scope.arm(point, "when(path~*):panic(on purpose)").unwrap();
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _ = file.write(b"x");
            let _ = file.read(&mut [0; 1]);
            let _ = file.sync_all();
            let _ = fs::rename("/hostile-panic/f", "/hostile-panic/f");
            let _ = fs::File::open("/hostile-panic/f");
        }));
        assert!(caught.is_err(), "{point}");
        scope.disarm(point).unwrap();
    }
    // In a callback, which may use the disk itself.
    scope
        .arm_with("disk.write", |_| {
            assert!(fs::exists("/hostile-panic/f").unwrap());
            panic!("on purpose")
        })
        .unwrap();
    let write = std::panic::AssertUnwindSafe(|| (&file).write(b"x"));
    assert!(std::panic::catch_unwind(write).is_err());
    scope.disarm("disk.write").unwrap();
    file.write_all(b"fine").unwrap();
    assert!(fs::read("/hostile-panic/f").unwrap().ends_with(b"fine"));
}
