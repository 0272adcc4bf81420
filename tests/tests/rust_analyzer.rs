//! rust-analyzer sees that a point uses a variable, also where points are compiled out.
//!
//! It looks for unused variables itself. Versions of 2023 to 2025 do by default, later ones only in
//! `rust-analyzer diagnostics`, and those since August 2026 do not.

use failpoint_test_support::needs;
use failpoint_tests::world::{World, cargo, directory, workspace};
use std::fs;
use std::path::Path;
use std::process::Command;

const FIXTURE: &str = "tests/cases/rust_analyzer/lib.rs";

/// Without rust-analyzer this passes, even under `REQUIRE_PROGRAMS`: not every toolchain has the component.
#[test]
#[ignore = "slow suite: cargo test -p failpoint-tests --test rust_analyzer -- --ignored"]
fn nothing_is_unused_that_only_a_point_uses() {
    let version = Command::new("rust-analyzer").arg("--version").output();
    // Where rustup has no such component, its proxy of that name fails.
    let is_here = version.is_ok_and(|output| output.status.success());
    if !needs::machine("rust-analyzer", is_here) {
        return;
    }
    let fixture = fs::read_to_string(workspace().join(FIXTURE)).expect("it can be read");
    // Lines are counted from 0.
    let line = fixture.lines().position(|line| line.contains("fn control"));
    let control = format!("{}: unused variable", line.expect("it has something unused"));
    for world in World::BOTH {
        let mut said = diagnostics(world);
        let Some(at) = said.iter().position(|one| *one == control) else {
            assert!(said.is_empty(), "{world:?}: {said:#?}");
            assert!(!needs::machine("a rust-analyzer that looks for unused variables", false));
            return;
        };
        said.remove(at);
        assert!(said.is_empty(), "{world:?}: {said:#?}");
    }
}

/// What rust-analyzer says about the fixture, as `LINE: MESSAGE`.
fn diagnostics(world: World) -> Vec<String> {
    let package = directory().join("rust_analyzer").join(world.name());
    write_package(&package, world);
    let mut analyzer = Command::new("rust-analyzer");
    for (name, value) in cargo().get_envs() {
        match value {
            Some(value) => analyzer.env(name, value),
            None => analyzer.env_remove(name),
        };
    }
    let output = analyzer.arg("diagnostics").arg(&package).output().expect("it ran a moment ago");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        stdout.contains("diagnostic scan complete"),
        "{analyzer:?}: {stdout}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // at crate NAME, file PATH: SEVERITY CODE from LineCol { line: 4, col: 15 } to LineCol { … }: MESSAGE
    let ours = stdout.lines().filter_map(|line| line.split_once("at crate silent, file "));
    ours.map(|(_, rest)| {
        let line = rest.split_once("LineCol { line: ").and_then(|(_, rest)| rest.split_once(','));
        let message = rest.rsplit_once("}: ").map_or(rest, |(_, message)| message);
        format!("{}: {}", line.map_or("?", |(line, _)| line), message.trim())
    })
    .collect()
}

/// The fixture as a package of its own.
fn write_package(package: &Path, world: World) {
    let failpoint = workspace().join("failpoint");
    let features = if world == World::On { r#", features = ["failpoints"]"# } else { "" };
    let manifest = format!(
        "[package]\nname = \"silent\"\nedition = \"2024\"\n[lib]\npath = \"lib.rs\"\n[workspace]\n\
         [dependencies]\nfailpoint = {{ path = {failpoint:?}{features} }}\n"
    );
    fs::create_dir_all(package).expect("the target directory is ours");
    fs::write(package.join("Cargo.toml"), manifest).expect("it can be written");
    // What is locked here is what the run has fetched.
    for (from, to) in [(FIXTURE, "lib.rs"), ("Cargo.lock", "Cargo.lock")] {
        fs::copy(workspace().join(from), package.join(to)).expect("it can be copied");
    }
}
