//! The core has no clock, no thread, no runtime and no random source: its source names none, and it uses no
//! crate that could bring one in unseen.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The parts of the library that are the core. The rest is the server and its clients.
const CORE: &[&str] = &["node", "points.rs", "request.rs", "settings.rs", "storage", "store"];

/// The packages beside this one whose whole library is a part of the core: the Ready loop and the log.
const BELOW: &[&str] = &["node", "log"];

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
    "slog",
    "thiserror",
];

/// What no line of it says. Maps with a random order are a random source.
const FORBIDDEN: &[&str] = &[
    "Instant",
    "SystemTime",
    "UNIX_EPOCH",
    "time::{",
    "thread",
    "spawn",
    "async ",
    ".await",
    "rand::",
    "getrandom",
    "HashMap",
    "HashSet",
    "RandomState",
    "std::process",
    "std::env",
    "std::net",
    "std::fs",
];

/// What a node of the store does not share with anyone. The packages below have it for their owners: a clock
/// that the owner sets, and handles to logs and to lines.
const SHARED: &[&str] = &["std::time", "Mutex", "Atomic", "static "];

fn manifest(package: &Path) -> String {
    fs::read_to_string(package.join("Cargo.toml")).unwrap()
}

/// The direct dependencies of a package, as its source names them.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let headers = manifest.lines().filter(|line| line.contains("dependencies"));
    let is_known = |line: &str| ["[dependencies]", "[dev-dependencies]"].contains(&line);
    assert!(headers.clone().all(is_known), "other tables: {:?}", headers.collect::<Vec<_>>());
    let (_, table) = manifest.split_once("[dependencies]\n").unwrap();
    let table = table.split("\n[").next().unwrap();
    let lines = table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split(['.', ' ']).next().unwrap().replace('-', "_")).collect()
}

/// What is wrong with a line of the core in a package with these dependencies; `is_module` tells whether a
/// path may begin with this name.
fn fault(
    line: &str,
    forbidden: &[&str],
    dependencies: &BTreeSet<String>,
    is_module: &dyn Fn(&str) -> bool,
) -> Option<String> {
    if line.trim_start().starts_with("//") {
        return None;
    }
    // A lifetime is no static.
    let code = line.replace("'static ", "");
    if let Some(word) = forbidden.iter().find(|word| code.contains(**word)) {
        return Some(format!("it says {word:?}"));
    }
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let other = dependencies.iter().filter(|name| !CRATES.contains(&name.as_str())).find(|name| {
        code.match_indices(&format!("{name}::"))
            .any(|(at, _)| !code[..at].ends_with(|c: char| is_part(c) || c == ':'))
    });
    if let Some(other) = other {
        return Some(format!("it uses {other}"));
    }
    let (_, used) = code
        .trim_start()
        .split_once("use ")
        .filter(|(visibility, _)| visibility.is_empty() || visibility.starts_with("pub"))?;
    let first = used.split("::").next().unwrap().trim_end_matches(';');
    let is_here = ["crate", "super", "self", "std"].contains(&first) || is_module(first);
    (!is_here && !CRATES.contains(&first)).then(|| format!("it uses {first}"))
}

fn sources(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| sources(&entry.unwrap().path(), found));
    } else {
        found.push(path.to_owned());
    }
}

/// Reads every line of these files and directories, and returns how many files there are.
fn read_all(package: &Path, parts: &[&str], forbidden: &[&str]) -> usize {
    let dependencies = dependencies(&manifest(package));
    let mut files = Vec::new();
    parts.iter().for_each(|part| sources(&package.join("src").join(part), &mut files));
    for file in &files {
        // A name of the module itself begins a path to what is below it.
        let here = file.parent().unwrap();
        let is_module = |name: &str| {
            here.join(format!("{name}.rs")).exists() || here.join(name).join("mod.rs").exists()
        };
        let text = fs::read_to_string(file).unwrap();
        // Unit tests stand last.
        for line in text.lines().take_while(|line| *line != "#[cfg(test)]") {
            let fault = fault(line, forbidden, &dependencies, &is_module);
            assert_eq!(fault, None, "{}: {line}", file.display());
        }
    }
    files.len()
}

fn package() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_core_names_no_clock_thread_runtime_or_random_source() {
    let files = read_all(&package(), CORE, &[FORBIDDEN, SHARED].concat());
    assert!(files > 15, "{files}");
    for below in BELOW {
        let files = read_all(&package().join("..").join(below), &[""], FORBIDDEN);
        assert!(files > 5, "{below}: {files}");
    }
}

#[test]
fn the_core_uses_only_what_its_packages_depend_on() {
    let mut direct = dependencies(&manifest(&package()));
    for below in BELOW {
        let dependencies = dependencies(&manifest(&package().join("..").join(below)));
        for name in &dependencies {
            assert!(CRATES.contains(&name.as_str()), "{below} depends on {name}");
        }
        direct.extend(dependencies);
    }
    for used in CRATES {
        assert!(direct.contains(*used), "{used} is no direct dependency: remove it from the list");
    }
}

#[test]
fn an_impure_line_is_found() {
    let dependencies = dependencies(&manifest(&package()));
    assert!(dependencies.contains("tokio") && dependencies.contains("reqwest"));
    let fault =
        |line| fault(line, &[FORBIDDEN, SHARED].concat(), &dependencies, &|name| name == "log");
    for impure in [
        "    let now = std::time::Instant::now();",
        "use std::{thread, time};",
        "use std::time::{self};",
        "    let now = humantime::format_rfc3339(now);",
        "    tokio::task::yield_now();",
        "use ::tokio::time;",
        "pub(crate) use tokio::time;",
        "pub use reqwest::Client;",
        "use rand::random;",
        "use fastrand::u64;",
        "    let mut seen = HashMap::new();",
        "    static COUNT: AtomicU64 = AtomicU64::new(0);",
        "    async fn wait() {",
    ] {
        assert!(fault(impure).is_some(), "{impure}");
    }
    for pure in [
        "use crate::store::Store;",
        "pub use log::Log;",
        "use raft::eraftpb::Entry;",
        "    name: &'static str,",
        "    crate::tokio::time();",
        "//! No `tokio::time` is here.",
    ] {
        assert_eq!(fault(pure), None, "{pure}");
    }
}

#[test]
fn without_the_server_the_package_depends_on_nothing_else() {
    let manifest = manifest(&package());
    let lines = manifest.lines().filter(|line| !line.contains("optional = true"));
    for name in dependencies(&lines.collect::<Vec<_>>().join("\n")) {
        assert!(CRATES.contains(&name.as_str()), "{name} is not optional");
    }
}
