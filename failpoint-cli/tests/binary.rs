//! Tests `list --binary`: programs of all kinds, read without running them.

mod support;

use failpoint_tests::program::{Program, sites};
use failpoint_tests::world::{Profile, World};
use serde_json::Value;
use std::env::consts::OS;
use std::fs;
use std::path::Path;
use support::{Asked, Server, failpoint, serve};

#[test]
fn serves() {
    serve();
}

fn list(path: &Path, options: &[&str]) -> Asked {
    failpoint(&[&["list", "--binary", path.to_str().unwrap()], options].concat())
}

/// Whether programs here are what the command reads.
fn reads() -> bool {
    failpoint_test_support::needs::machine("Linux, for ELF", OS == "linux")
}

#[test]
fn a_file_says_what_its_process_says() {
    let Some(server) = Server::start(&[]).filter(|_| reads()) else { return };
    let asked: Value = serde_json::from_str(&server.ask(&["list", "--json"]).out).unwrap();
    let mut wanted = Vec::new();
    for point in asked["points"].as_array().unwrap() {
        let got = server.ask(&["get", point["name"].as_str().unwrap(), "--json"]).out;
        let mut got: Value = serde_json::from_str(&got).unwrap();
        for site in got["sites"].as_array_mut().unwrap() {
            // Those are the process's, or not in the file.
            site.as_object_mut().unwrap().retain(|key, _| {
                ["file", "line", "module", "package", "keys"].contains(&key.as_str())
            });
        }
        wanted.push(serde_json::json!({ "name": got["name"], "sites": got["sites"] }));
    }
    assert_eq!(wanted.len(), 5, "those of the support module");
    let read = list(&std::env::current_exe().unwrap(), &["--json"]);
    assert_eq!((read.status, read.err.as_str()), (0, ""));
    let read: Value = serde_json::from_str(&read.out).unwrap();
    assert_eq!(read["compiled_in"], true);
    assert_eq!(read["points"], Value::Array(wanted));
}

/// The names and packages that the command reads are those that the program prints when it runs.
fn agree(label: &'static str, flags: &'static [&'static str]) {
    if !reads() {
        return;
    }
    let program = Program { label, world: World::On, profile: Profile::Release, flags }.build();
    let read: Value = serde_json::from_str(&list(&program, &["--json"]).out).unwrap();
    let mut read: Vec<String> = read["points"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|point| {
            let line =
                |site: &Value| format!("{} {}", text(&point["name"]), text(&site["package"]));
            point["sites"].as_array().unwrap().iter().map(line).collect::<Vec<_>>()
        })
        .collect();
    read.sort();
    let printed: Vec<String> =
        sites(&program).iter().map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect();
    assert!(printed.len() > 15, "{printed:?}");
    assert_eq!(read, printed);
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn with_lto_and_stripped() {
    agree("list-fat", &["-Clto=fat", "-Cstrip=symbols"]);
}

#[test]
fn linked_to_one_address() {
    agree("list-static", &["-Crelocation-model=static"]);
}

#[test]
fn with_packed_relocations() {
    agree("list-packed", &["-Clink-arg=-Wl,-z,pack-relative-relocs"]);
}

#[test]
fn a_release_has_none() {
    if !reads() {
        return;
    }
    let program = |world, label| Program { label, world, profile: Profile::Release, flags: &[] };
    let off = program(World::Off, "binary-off").build();
    let none = list(&off, &["--expect-none"]);
    assert_eq!((none.status, none.out.as_str(), none.err.as_str()), (0, "no points\n", ""));
    let none: Value = serde_json::from_str(&list(&off, &["--json"]).out).unwrap();
    assert_eq!(none, serde_json::json!({ "compiled_in": false, "points": [] }));

    let on = program(World::On, "list-release").build();
    let some = list(&on, &["--expect-none", "--match", "idle/f*"]);
    assert_eq!(some.status, 1);
    let lines: Vec<_> = some.out.lines().collect();
    assert_eq!(lines.len(), 2, "{}", some.out);
    assert!(lines[0].starts_with("NAME "), "{}", some.out);
    assert!(lines[1].starts_with("idle/first  wiring-program  "), "{}", some.out);
    let wanted = "has 1 failpoint; build it without the feature `failpoints`";
    assert!(some.err.contains(wanted), "{}", some.err);
    assert_eq!(list(&on, &["--expect-none", "--match", "nothing"]).status, 0);
}

#[test]
fn what_is_no_program_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    for (contents, why) in [
        ("".as_bytes(), "is not an ELF file"),
        (b"#!/bin/sh\n", "is not an ELF file"),
        (b"\x7fELF", "is not an ELF file"),
        (b"MZ", "is not an ELF file"),
    ] {
        fs::write(&path, contents).unwrap();
        let refused = list(&path, &["--expect-none"]);
        assert_eq!((refused.status, refused.out.as_str()), (2, ""));
        assert!(refused.err.contains(why), "{}", refused.err);
        assert!(refused.err.contains(path.to_str().unwrap()), "{}", refused.err);
    }
    let refused = list(directory.path(), &[]);
    assert!(refused.status == 2 && refused.err.contains("is not a file"), "{}", refused.err);
    let refused = list(&directory.path().join("missing"), &[]);
    assert!(refused.status == 2 && refused.err.contains("missing: "), "{}", refused.err);
    assert_eq!(failpoint(&["list", "--expect-none"]).status, 2);
    assert_eq!(list(&path, &["--armed"]).status, 2);
}

#[test]
fn a_damaged_program_is_refused_or_read() {
    if !reads() {
        return;
    }
    let label = "list-fat";
    let flags = &["-Clto=fat", "-Cstrip=symbols"];
    let program = Program { label, world: World::On, profile: Profile::Release, flags }.build();
    let whole = fs::read(program).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("damaged");
    let check = |bytes: &[u8], what: &str| {
        fs::write(&path, bytes).unwrap();
        let asked = list(&path, &[]);
        assert!([0, 2].contains(&asked.status), "{what}: {asked:?}");
        assert!(!asked.err.contains("panicked"), "{what}: {asked:?}");
    };
    for part in 1..16 {
        let length = whole.len() * part / 16;
        check(&whole[..length], &format!("cut to {length} bytes"));
    }
    // The header, the table of sections at the end, and 40 places between them.
    let places = (0..64).chain(whole.len() - 64..whole.len());
    for place in places.chain((1..40).map(|part| whole.len() * part / 40)) {
        let mut bytes = whole.clone();
        bytes[place] ^= 0xff;
        check(&bytes, &format!("byte {place} flipped"));
    }
}
