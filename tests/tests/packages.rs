//! Is each package ready to be published? The tests read what `cargo metadata` and `cargo package`
//! say, so that a new package cannot be forgotten.

use failpoint_tests::rustc::run;
use failpoint_tests::world::{cargo, workspace};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What `.ci/package` packages in one command.
const PUBLISHED: [&str; 6] = [
    "failpoint",
    "failpoint-cli",
    "failpoint-compat",
    "failpoint-disk",
    "failpoint-http",
    "failpoint-macros",
];

#[test]
fn only_these_are_published() {
    let published: Vec<String> = packages()
        .iter()
        .filter(|package| package["publish"].is_null())
        .map(|package| text(&package["name"]))
        .collect();
    assert_eq!(published, PUBLISHED, "another one needs `publish = false`, or a place here");
    // Packages outside the workspace.
    for manifest in manifests(workspace()) {
        let text = fs::read_to_string(&manifest).expect("a manifest");
        let name = text.lines().find_map(|line| line.strip_prefix("name = "));
        let Some(name) = name.map(|name| name.trim_matches('"')) else { continue };
        let is_private = text.lines().any(|line| line == "publish = false");
        assert_eq!(is_private, !PUBLISHED.contains(&name), "{}", manifest.display());
    }
}

#[test]
fn ci_packages_them_all() {
    let script = fs::read_to_string(workspace().join(".ci/package")).expect("the script");
    let (_, command) = script.split_once("cargo package --").expect("it packages");
    let words: Vec<&str> = command.split_whitespace().collect();
    let packaged: BTreeSet<&str> =
        words.windows(2).filter(|pair| pair[0] == "-p").map(|pair| pair[1]).collect();
    assert_eq!(packaged, BTreeSet::from(PUBLISHED));
}

#[test]
fn each_says_what_a_registry_shows() {
    for package in published() {
        let name = text(&package["name"]);
        for field in ["description", "license", "repository", "rust_version"] {
            assert!(!text(&package[field]).is_empty(), "{name}: {field}");
        }
        for field in ["keywords", "categories"] {
            let words = package[field].as_array().expect("a list").len();
            assert!((1..=5).contains(&words), "{name}: {words} {field}");
        }
        assert_eq!(text(&package["readme"]), "README.md", "{name} needs a README of its own");
        let docs = &package["metadata"]["docs"]["rs"];
        assert_eq!(docs["all-features"], true, "{name}");
        assert_eq!(docs["rustdoc-args"], serde_json::json!(["--cfg", "docsrs"]), "{name}");
    }
}

#[test]
fn each_readme_can_be_read_anywhere() {
    for package in published() {
        let readme = fs::read_to_string(directory(&package).join("README.md")).expect("a README");
        for link in readme.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let leads_away = link.starts_with("https://") || link.starts_with('#');
            assert!(
                leads_away,
                "{}: the link {link} works in the repository alone",
                package["name"]
            );
            exists_here(link);
        }
    }
}

/// An address in this repository names a file that is there.
fn exists_here(link: &str) {
    const HERE: &str = "https://github.com/failpoint-rs/failpoint/";
    let Some(rest) = link.strip_prefix(HERE) else { return };
    let path = rest.strip_prefix("blob/main/").or_else(|| rest.strip_prefix("tree/main/"));
    let path = path.unwrap_or_else(|| panic!("{link}: does that exist?"));
    let path = path.split('#').next().unwrap_or(path);
    assert!(workspace().join(path).exists(), "{link}: there is no such file");
}

#[test]
fn each_holds_its_licences_and_readme() {
    for package in published() {
        let name = text(&package["name"]);
        let mut cargo = cargo();
        cargo.args(["package", "--list", "--allow-dirty", "--package", &name]);
        let files = run(&mut cargo);
        for file in ["LICENSE-APACHE", "LICENSE-MIT", "README.md", "Cargo.toml"] {
            assert!(files.lines().any(|line| line == file), "{name} lacks {file}:\n{files}");
        }
        for file in ["LICENSE-APACHE", "LICENSE-MIT"] {
            let [own, root] = [&directory(&package), workspace()]
                .map(|directory| fs::read(directory.join(file)).expect("a licence"));
            assert!(own == root, "{name}: {file} is not the one of the project");
        }
    }
}

/// The table of features, in the README and at the head of the crate's documentation, is the same,
/// and has a row for each feature of the manifest.
#[test]
fn each_lists_its_features() {
    for package in published() {
        let name = text(&package["name"]);
        let readme = fs::read_to_string(directory(&package).join("README.md")).expect("a README");
        let rows = feature_rows(&readme);
        let listed: BTreeSet<&str> = rows.iter().filter_map(|row| row.split('`').nth(1)).collect();
        let features = package["features"].as_object().expect("features").iter();
        let features: BTreeSet<&str> =
            features.map(|(name, _)| name.as_str()).filter(|name| *name != "default").collect();
        assert_eq!(listed, features, "{name}: the table in its README");
        let defaults: BTreeSet<&str> = package["features"]["default"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        for row in &rows {
            let feature = row.split('`').nth(1).unwrap_or(row);
            let says_yes = row.contains("| yes |");
            assert_eq!(says_yes, defaults.contains(feature), "{name}: is it on by default? {row}");
        }
        if let Ok(library) = fs::read_to_string(directory(&package).join("src/lib.rs")) {
            let docs: String = library
                .lines()
                .filter_map(|line| line.strip_prefix("//!"))
                .map(|line| format!("{}\n", line.trim_start()))
                .collect();
            assert_eq!(feature_rows(&docs), rows, "{name}: the table in src/lib.rs");
        } else {
            assert!(rows.is_empty(), "{name}");
        }
        let wiring = fs::read_to_string(workspace().join("docs/wiring.md")).expect("the guide");
        for row in rows {
            assert!(wiring.contains(&format!("{row}\n")), "docs/wiring.md lacks, of {name}: {row}");
        }
    }
}

fn feature_rows(text: &str) -> Vec<String> {
    let mut lines = text.lines().skip_while(|line| *line != "| feature | default | what it does |");
    lines.by_ref().take(2).for_each(drop);
    lines.take_while(|line| line.starts_with('|')).map(str::to_owned).collect()
}

fn packages() -> Vec<Value> {
    let metadata = run(cargo().args(["metadata", "--format-version=1", "--no-deps"]));
    let metadata: Value = serde_json::from_str(&metadata).expect("cargo writes JSON");
    let mut packages = metadata["packages"].as_array().expect("packages").clone();
    packages.sort_by_key(|package| text(&package["name"]));
    packages
}

fn published() -> Vec<Value> {
    let mut packages = packages();
    packages.retain(|package| PUBLISHED.contains(&text(&package["name"]).as_str()));
    packages
}

fn directory(package: &Value) -> PathBuf {
    let manifest = PathBuf::from(text(&package["manifest_path"]));
    manifest.parent().expect("it lies in a directory").to_owned()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Every manifest of the repository, outside of what builds leave.
fn manifests(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && !name.starts_with('.') && !["target", "work"].contains(&name) {
            found.extend(manifests(&path));
        } else if name == "Cargo.toml" {
            found.push(path);
        }
    }
    found
}
