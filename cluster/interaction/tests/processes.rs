//! Every process gives the same bytes, whatever the seeds of its hashes.
//!
//! `tests/determinism` does it a hundred times, in debug and in release.

use std::path::{Path, PathBuf};
use std::process::Command;

const PROCESSES: usize = 2;

/// All scripts of the package, and those that test the commands.
fn scripts() -> Vec<PathBuf> {
    let mut scripts = Vec::new();
    for directory in ["scripts", "scripts/raft-kv", "tests/scripts"] {
        let entries = Path::new(directory).read_dir().unwrap();
        scripts.extend(entries.map(|entry| entry.unwrap().path()));
    }
    scripts.retain(|script| script.is_file());
    scripts.sort();
    scripts
}

/// What a process prints, and what it draws.
fn run(script: &Path, svg: &Path) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_interaction"));
    command.arg("run").arg(script).arg("--print").arg("--svg").arg(svg).env_remove("REWRITE");
    let output = command.output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{printed}");
    (printed, std::fs::read_to_string(svg).unwrap())
}

#[test]
fn processes_print_and_draw_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let svg = directory.path().join("run.svg");
    for script in scripts() {
        let first = run(&script, &svg);
        for _ in 1..PROCESSES {
            let (printed, drawn) = run(&script, &svg);
            assert_eq!(printed, first.0, "{}", script.display());
            assert_eq!(drawn, first.1, "{}", script.display());
        }
    }
}
