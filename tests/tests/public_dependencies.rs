//! Which crates does the public API show? Those of the table in `docs/public-dependencies.md`, and no
//! other.
//!
//! rustdoc knows, and writes it as JSON, which is not stable yet. So this program hands itself to
//! cargo as the rustdoc to be called, and lets the real one do unstable things. Cargo and the
//! compiler are not asked for that, so the dependencies are those that `cargo doc` has built, in the
//! target directory of the run.

use failpoint_tests::rustc::run;
use failpoint_tests::world::{cargo, directory, workspace};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::process::{Command, ExitCode};

/// The published libraries; those of a proc macro take and give tokens alone.
const LIBRARIES: [&str; 4] = ["failpoint", "failpoint-compat", "failpoint-disk", "failpoint-http"];

/// Of the standard library.
const STANDARD: [&str; 3] = ["alloc", "core", "std"];

const AS_RUSTDOC: &str = "PUBLIC_DEPENDENCIES_AS_RUSTDOC";

fn main() -> ExitCode {
    if env::var_os(AS_RUSTDOC).is_some() {
        return rustdoc();
    }
    // A filter of `cargo test` that means another test.
    let named = "the_table_of_public_dependencies_is_complete";
    let filters: Vec<String> = env::args().skip(1).filter(|it| !it.starts_with('-')).collect();
    let is_wanted = filters.is_empty() || filters.iter().any(|filter| named.contains(filter));
    let is_listed = env::args().any(|argument| argument == "--list");
    let is_ignored = env::args().any(|argument| argument == "--ignored");
    if is_listed {
        println!("{named}: test");
    } else if is_wanted && !is_ignored {
        the_table_of_public_dependencies_is_complete();
        println!("test {named} ... ok");
    }
    ExitCode::SUCCESS
}

fn the_table_of_public_dependencies_is_complete() {
    let table = fs::read_to_string(workspace().join("docs/public-dependencies.md"));
    let table = table.expect("the table");
    let listed: BTreeSet<(String, String)> = table
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            (cells[1].trim_matches('`').to_owned(), cells[2].replace('`', ""))
        })
        .collect();
    assert_eq!(shown(), listed, "left: of the API, right: of docs/public-dependencies.md");
}

/// Each published library with a dependency that its API shows, and the version that it asks for.
fn shown() -> BTreeSet<(String, String)> {
    let target = directory();
    let target = target.parent().expect("`checks` lies in the target directory");
    let mut cargo = cargo();
    cargo.env("CARGO_TARGET_DIR", target).env_remove("CARGO_ENCODED_RUSTFLAGS");
    cargo.args(["doc", "--quiet", "--no-deps", "--all-features"]);
    cargo.args(LIBRARIES.map(|library| format!("--package={library}")));
    cargo.env("RUSTDOC", env::current_exe().expect("it knows its path"));
    cargo.env(AS_RUSTDOC, env::var_os("RUSTDOC").unwrap_or_else(|| "rustdoc".into()));
    cargo.env("CARGO_ENCODED_RUSTDOCFLAGS", "-Zunstable-options\u{1f}--output-format=json");
    run(&mut cargo);
    let manifest = fs::read_to_string(workspace().join("Cargo.toml")).expect("the manifest");
    let mut shown = BTreeSet::new();
    for library in LIBRARIES {
        // `failpoint-compat` is called as the crate that it stands in for.
        let file = if library == "failpoint-compat" { "fail" } else { library }.replace('-', "_");
        let json = fs::read(target.join("doc").join(file).with_extension("json"));
        let json: Value = serde_json::from_slice(&json.expect("rustdoc wrote it")).expect("JSON");
        for dependency in crates_of(&json).into_iter().map(|name| name.replace('_', "-")) {
            let version = version_of(&manifest, &dependency);
            shown.insert((library.to_owned(), format!("{dependency} {version}")));
        }
    }
    shown
}

/// The crates that the items of a crate name: in signatures, bounds, fields and impls.
fn crates_of(json: &Value) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for item in json["index"].as_object().expect("an index").values() {
        let kept = &item["inner"]["impl"];
        let is_derived_by_the_compiler = kept["is_synthetic"] == true
            || kept.get("blanket_impl").is_some_and(|of| !of.is_null());
        if item["crate_id"] == 0 && !is_derived_by_the_compiler {
            ids_in(&item["inner"], &mut ids);
        }
    }
    let names = ids.iter().filter_map(|id| {
        let krate =
            json["paths"].get(id.to_string())?["crate_id"].as_u64().filter(|id| *id != 0)?;
        json["external_crates"].get(krate.to_string())?["name"].as_str()
    });
    // What `serde` re-exports.
    let names = names.map(|name| if name == "serde_core" { "serde" } else { name });
    names.filter(|name| !STANDARD.contains(name)).map(str::to_owned).collect()
}

/// Of every path in `value`.
fn ids_in(value: &Value, ids: &mut BTreeSet<u64>) {
    let is_path = |object: &Map<String, Value>| object.contains_key("path");
    match value {
        Value::Object(object) => {
            ids.extend(object.get("id").filter(|_| is_path(object)).and_then(Value::as_u64));
            object.values().for_each(|value| ids_in(value, ids));
        }
        Value::Array(values) => values.iter().for_each(|value| ids_in(value, ids)),
        _ => {}
    }
}

/// As the manifest of the workspace has it.
fn version_of(manifest: &str, dependency: &str) -> String {
    let line = manifest.lines().find_map(|line| line.strip_prefix(&format!("{dependency} = ")));
    let line = line.unwrap_or_else(|| panic!("`{dependency}` is not a dependency by this name"));
    let version = line.split_once("version = ").map_or(line, |(_, version)| version);
    version.split('"').nth(1).expect("a version in quotes").to_owned()
}

/// The real one, with unstable options.
fn rustdoc() -> ExitCode {
    let rustdoc = env::var_os(AS_RUSTDOC).expect("the caller looked");
    let mut rustdoc = Command::new(rustdoc);
    rustdoc.args(env::args_os().skip(1)).env("RUSTC_BOOTSTRAP", "1").env_remove(AS_RUSTDOC);
    let status = rustdoc.status().expect("rustdoc can be run");
    status.code().map_or(ExitCode::FAILURE, |code| ExitCode::from(u8::from(code != 0)))
}
