//! What if two copies of `failpoint` are in one program: one from the registry, one by its path?
//!
//! Both put their sites into one section, and may disagree on what a site looks like. Each says so,
//! and then knows of its own sites alone, from their first hits on. (Elsewhere `linkme` lists the
//! sites, and this is its to answer.)
#![cfg(any(target_os = "linux", target_os = "android"))]

use failpoint_tests::rustc::run;
use failpoint_tests::world::{cargo, directory, workspace};
use std::fs;
use std::path::{Path, PathBuf};

const PROGRAM: &str = r#"
fn first() -> u8 {
    first::fail_value!("copies/first", u8).unwrap_or(0)
}

fn second() -> u8 {
    second::fail_value!("copies/second", u8).unwrap_or(0)
}

fn main() {
    let first_names = || first::points().into_iter().map(|p| p.name).collect::<Vec<_>>();
    let second_names = || second::points().into_iter().map(|p| p.name).collect::<Vec<_>>();
    println!("before {:?} {:?}", first_names(), second_names());
    println!("idle {} {}", first(), second());
    println!("after {:?} {:?}", first_names(), second_names());
    let _first = first::arm("copies/first", "return(1)").unwrap();
    println!("armed {} {}", first(), second());
    let _second = second::arm("copies/second", "return(2)").unwrap();
    println!("armed {} {}", first(), second());
}
"#;

#[test]
#[ignore = "slow suite: cargo test -p failpoint-tests --test copies -- --ignored"]
fn each_says_so_and_knows_its_own_sites() {
    let program = two_copies();
    let mut command = cargo();
    command.args(["build", "--message-format=json"]).current_dir(&program);
    let messages = run(&mut command);
    let executable = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .expect("cargo says where it put the program");
    let mut command = std::process::Command::new(executable);
    failpoint_tests::world::without_settings(&mut command);
    let output = command.output().expect("the program can be run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "before [] []\n\
         idle 0 0\n\
         after [\"copies/first\"] [\"copies/second\"]\n\
         armed 1 0\n\
         armed 1 2\n"
    );
    let errors = said.matches("ERROR two copies of one version of `failpoint`").count();
    assert_eq!(errors, 2, "one of each: {said}");
    assert!(said.contains("cargo tree --invert failpoint"), "{said}");
}

/// A workspace of a program and a copy of the sources under the next version: cargo takes two of one
/// only from registries.
fn two_copies() -> PathBuf {
    let root = directory().join("copies");
    let manifest = fs::read_to_string(workspace().join("Cargo.toml")).expect("the manifest");
    let (before, members) = manifest.split_once("members = [").expect("there are members");
    let (_, after) = members.split_once(']').expect("the list ends");
    let is_of_members =
        |line: &str| line.starts_with("exclude") || line.starts_with("default-members");
    let after: Vec<&str> = after.lines().filter(|line| !is_of_members(line)).collect();
    let manifest = format!("{before}members = [\"failpoint\", \"program\"]{}", after.join("\n"))
        .replacen("version = \"0.1.0\"", "version = \"0.1.1\"", 1)
        .replace("path = \"", &format!("path = \"{}/", workspace().display()));
    write(&root.join("Cargo.toml"), &manifest);
    let locked = workspace().join("Cargo.lock");
    write(&root.join("Cargo.lock"), &fs::read_to_string(locked).expect("the lock file"));
    copy(&workspace().join("failpoint"), &root.join("failpoint"));
    write(&root.join("program/src/main.rs"), PROGRAM);
    let first = workspace().join("failpoint");
    write(
        &root.join("program/Cargo.toml"),
        &format!(
            "[package]\nname = \"copies\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
             [dependencies]\n\
             first = {{ package = \"failpoint\", path = \"{}\", default-features = false, \
             features = [\"failpoints\"] }}\n\
             second = {{ package = \"failpoint\", path = \"../failpoint\", \
             default-features = false, features = [\"failpoints\"] }}\n",
            first.display()
        ),
    );
    root
}

/// The manifest and the sources of a package; what is as it was is left, so that cargo sees it.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("the sources").map(|entry| entry.expect("an entry")) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            write(&to, &fs::read_to_string(&from).expect("it is text"));
        }
    }
}

fn write(path: &Path, text: &str) {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return;
    }
    fs::create_dir_all(path.parent().expect("it lies in a directory")).expect("it can be made");
    fs::write(path, text).expect("the target directory can be written");
}
