//! What no sensible program does: is it refused as `std::fs` refuses it, on every kind of disk?
#![cfg(all(feature = "failpoints", unix))]
#![allow(clippy::unwrap_used)]

use failpoint::Scope;
use failpoint_disk::{HoldDisk, SimDisk};
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
    command.env("THIS_IS_THE_CHILD", "1").env("FAILPOINT_DISK", "volatile").stdin(Stdio::null());
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
