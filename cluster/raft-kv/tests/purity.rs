//! The core has no clock, no thread, no runtime and no random source: its source names none, and it uses no
//! crate that could bring one in unseen.

use std::fs;
use std::path::{Path, PathBuf};

/// The parts of the library that are the core. The rest is the server and its clients.
const CORE: &[&str] = &["node", "points.rs", "request.rs", "settings.rs", "storage", "store"];

/// The crates that the core uses. `raft` draws election time-outs at random; the node sets them again after
/// each step, and `tests/core/determinism.rs` shows that nothing of them is left.
const CRATES: &[&str] = &[
    "cluster_log",
    "cluster_node",
    "crc32fast",
    "failpoint",
    "failpoint_disk",
    "postcard",
    "protobuf",
    "raft",
    "redb",
    "serde",
];

/// What no line of it says. Maps with a random order are a random source.
const FORBIDDEN: &[&str] = &[
    "Instant",
    "SystemTime",
    "UNIX_EPOCH",
    "std::time",
    "std::thread",
    "thread::",
    "spawn",
    "tokio",
    "async ",
    ".await",
    "futures",
    "rand::",
    "getrandom",
    "HashMap",
    "HashSet",
    "RandomState",
    "std::process",
    "std::env",
    "std::net",
    "std::fs",
    "Mutex",
    "Atomic",
    "static ",
];

fn sources(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| sources(&entry.unwrap().path(), found));
    } else {
        found.push(path.to_owned());
    }
}

#[test]
fn the_core_names_no_clock_thread_runtime_or_random_source() {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    CORE.iter().for_each(|part| sources(&library.join(part), &mut files));
    assert!(files.len() > 15, "{files:?}");
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            for word in FORBIDDEN {
                // The lifetime is no static.
                let found = line.replace("'static ", "").contains(word);
                assert!(!found, "{}: {word:?} in: {line}", file.display());
            }
            if let Some(used) = line.trim_start().strip_prefix("use ") {
                let first = used.split("::").next().unwrap().trim_end_matches(';');
                // A name of the module itself begins a path to what is below it.
                let is_here = ["crate", "super", "self", "std"].contains(&first)
                    || file.parent().unwrap().join(format!("{first}.rs")).exists();
                assert!(
                    is_here || CRATES.contains(&first),
                    "{}: the core uses {first}",
                    file.display()
                );
            }
        }
    }
}

#[test]
fn the_core_uses_only_what_its_package_depends_on() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let manifest = fs::read_to_string(manifest).unwrap();
    let (_, dependencies) = manifest.split_once("[dependencies]").unwrap();
    let (dependencies, _) = dependencies.split_once("\n[").unwrap();
    let dependencies = dependencies.replace('-', "_");
    for used in CRATES {
        let is_direct = dependencies
            .lines()
            .any(|line| line.strip_prefix(used).is_some_and(|rest| rest.starts_with(['.', ' '])));
        assert!(is_direct, "{used} is not a direct dependency: remove it from the list");
    }
}
