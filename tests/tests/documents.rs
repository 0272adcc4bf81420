//! Do the documents say the same of how a build is wired, and do their links lead somewhere?

use failpoint_tests::world::{alone, cargo, directory, workspace};
use std::fs;
use std::path::{Path, PathBuf};

/// The one way to forward the feature.
const FORWARDED: [&str; 2] = ["failpoint/failpoints", "failpoint-http/failpoints"];

/// The packages that a block may depend on, and where they lie.
const PACKAGES: [(&str, &str); 6] = [
    ("failpoint-disk", "failpoint-disk"),
    ("failpoint", "failpoint"),
    ("failpoint-http", "failpoint-http"),
    ("failpoint-compat", "compat/failpoint-compat"),
    ("fail", "compat/fail"),
    ("fail-0-4", "compat/fail-0.4"),
];

#[test]
fn each_block_of_a_manifest_is_one_that_cargo_takes() {
    let _alone = alone("documents");
    let mut blocks = 0;
    let mut forwarding = 0;
    for document in documents() {
        let text = text_of(&document);
        for block in text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()) {
            blocks += 1;
            let forwards = block.lines().find_map(|line| line.strip_prefix("failpoints = "));
            if let Some(forwarded) = forwards.filter(|_| block.contains("failpoint-http")) {
                forwarding += 1;
                let names: Vec<&str> = forwarded.split('"').skip(1).step_by(2).collect();
                assert!(names.starts_with(&FORWARDED), "{}: {forwarded}", document.display());
            }
            let at = format!("block {blocks}, of {}", document.display());
            try_manifest(block, &at, forwards.is_some());
        }
    }
    assert!(blocks >= 8 && forwarding >= 5, "only {blocks} and {forwarding} are left");
}

/// Has cargo resolve a package with this block in its manifest; where it forwards the feature, that
/// has to reach `failpoint`.
fn try_manifest(block: &str, at: &str, forwards: bool) {
    let package = directory().join("documents");
    fs::create_dir_all(package.join("src")).expect("the target directory can be written");
    let block: Vec<String> = block.lines().map(with_path).collect();
    let manifest = format!(
        "[package]\nname = \"documented\"\nedition = \"2024\"\n[workspace]\n{}\n",
        block.join("\n")
    );
    fs::write(package.join("Cargo.toml"), &manifest).expect("it can be written");
    fs::write(package.join("src/lib.rs"), "").expect("it can be written");
    let locked = fs::read(workspace().join("Cargo.lock")).expect("the lock file");
    fs::write(package.join("Cargo.lock"), locked).expect("it can be written");
    let mut cargo = cargo();
    cargo.current_dir(&package).args(["tree", "--prefix=none", "--format={p} [{f}]"]);
    if forwards {
        cargo.arg("--features=failpoints");
    }
    let output = cargo.output().expect("cargo runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{at}:\n{manifest}\n{stderr}");
    assert!(!stderr.contains("unused"), "{at}:\n{manifest}\n{stderr}");
    let tree = String::from_utf8_lossy(&output.stdout);
    if forwards {
        let mut lines = tree.lines();
        let line = lines.find(|line| line.starts_with("failpoint v")).expect("failpoint is there");
        let (_, features) = line.rsplit_once('[').expect("it has features");
        assert!(
            features.trim_end_matches(']').split(',').any(|name| name == "failpoints"),
            "{at}: {line}"
        );
    }
}

/// The line with the package of this checkout, where it names one of the registry or of git.
fn with_path(line: &str) -> String {
    let Some((name, given)) = line.split_once(" = ") else { return line.to_owned() };
    let package = given
        .split_once("package = \"")
        .and_then(|(_, rest)| rest.split('"').next())
        .filter(|package| *package == "failpoint-compat")
        .unwrap_or(name);
    let Some((_, place)) = PACKAGES.iter().find(|(known, _)| *known == package) else {
        return line.to_owned();
    };
    // The real `fail`.
    if given == "\"0.5\"" {
        return line.to_owned();
    }
    let path = workspace().join(place);
    let path = format!("path = \"{}\"", path.to_str().expect("UTF-8").replace('\\', "/"));
    let given = given.replace("git = \"https://github.com/failpoint-rs/failpoint\"", &path);
    match given.split('#').next().map(str::trim) {
        Some("\"0.1\"") => format!("{name} = {{ {path} }}"),
        _ => format!("{name} = {}", given.replace("version = \"0.1\"", &path)),
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    for document in documents() {
        let text = text_of(&document);
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            // Of rustdoc, which checks them itself.
            if document.extension().is_some_and(|kind| kind == "rs") || file.contains("::") {
                continue;
            }
            let target = match file {
                "" => document.clone(),
                file => document.parent().expect("it lies in a directory").join(file),
            };
            assert!(target.exists(), "{}: {link}", document.display());
            if !anchor.is_empty() {
                let found = text_of(&target).lines().any(|line| anchor_of(line) == anchor);
                assert!(found, "{}: {link} has no such heading", document.display());
            }
        }
    }
}

/// The anchor that GitHub gives to a heading; nothing for other lines.
fn anchor_of(line: &str) -> String {
    let Some(heading) = line.strip_prefix('#') else { return String::new() };
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Of a source file, the documentation at its head.
fn text_of(document: &Path) -> String {
    let text = fs::read_to_string(document).expect("a document");
    if document.extension().is_some_and(|kind| kind == "rs") {
        let docs = text.lines().filter_map(|line| line.strip_prefix("//!"));
        return docs.map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line))).collect();
    }
    text
}

fn documents() -> Vec<PathBuf> {
    let mut found = vec![
        workspace().join("failpoint/src/lib.rs"),
        workspace().join("failpoint-http/src/lib.rs"),
    ];
    collect(workspace(), &mut found);
    assert!(found.len() > 20, "{found:?}");
    found
}

fn collect(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir()
            && !name.starts_with('.')
            && !["target", "work", "node_modules"].contains(&name)
        {
            collect(&path, found);
        } else if name.ends_with(".md") {
            found.push(path);
        }
    }
}

#[test]
fn the_blocks_of_wiring_are_read_as_meant() {
    let path = workspace().join("failpoint").to_str().expect("UTF-8").replace('\\', "/");
    let path = format!("path = \"{path}\"");
    assert_eq!(with_path("failpoint = \"0.1\"  # why"), format!("failpoint = {{ {path} }}"));
    assert_eq!(
        with_path("failpoint = { version = \"0.1\", default-features = false }"),
        format!("failpoint = {{ {path}, default-features = false }}")
    );
    assert_eq!(with_path("fail = \"0.5\""), "fail = \"0.5\"");
    assert_eq!(anchor_of("## What a normal build keeps"), "what-a-normal-build-keeps");
}
