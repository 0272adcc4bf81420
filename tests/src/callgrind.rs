//! How many instructions does a program take? Counted by valgrind, so that neither clock nor load matters.

use crate::world::directory;
use failpoint_test_support::needs;
use std::fs;
use std::path::Path;
use std::process::{self, Command};

/// Whether there is a valgrind; without one, the test is to skip.
#[must_use]
pub fn is_here() -> bool {
    needs::program("valgrind")
}

/// How many instructions a run of `program` takes in all; `prepare` adds what is passed to it.
///
/// # Panics
/// Where the program fails, with what it wrote.
pub fn count(program: &Path, prepare: impl FnOnce(&mut Command) -> &mut Command) -> u64 {
    let said = run(&["--callgrind-out-file=/dev/null"], program, prepare);
    let collected = said.lines().find_map(|line| line.split_once("Collected :"));
    let count = collected.and_then(|(_, count)| count.trim().parse().ok());
    count.unwrap_or_else(|| panic!("callgrind collected nothing: {said}"))
}

/// How many instructions a run of `program` takes before each call of its function `mark`: since the
/// call before, or the start.
///
/// # Panics
/// Where the program fails, with what it wrote.
pub fn parts(
    program: &Path,
    mark: &str,
    prepare: impl FnOnce(&mut Command) -> &mut Command,
) -> Vec<u64> {
    let out = directory().join("callgrind").join(process::id().to_string());
    fs::create_dir_all(&out).expect("the target directory can be written");
    let file = out.join("out");
    let options = [
        format!("--callgrind-out-file={}", file.display()),
        // A pattern; the names of Rust functions end with a hash.
        format!("--dump-before=*{mark}*"),
    ];
    run(&options.each_ref().map(String::as_str), program, prepare);
    let part = |number: usize| {
        let dump = fs::read_to_string(file.with_extension(number.to_string())).ok()?;
        let total = dump.lines().find_map(|line| line.strip_prefix("totals: "));
        total.and_then(|total| total.trim().parse().ok())
    };
    let parts = (1..).map_while(part).collect();
    fs::remove_dir_all(out).expect("the target directory can be written");
    parts
}

/// Gives what callgrind said.
fn run(
    options: &[&str],
    program: &Path,
    prepare: impl FnOnce(&mut Command) -> &mut Command,
) -> String {
    let mut valgrind = Command::new("valgrind");
    valgrind.arg("--tool=callgrind").args(options).arg(program);
    let output = prepare(&mut valgrind).output().expect("valgrind runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{valgrind:?}: {said}");
    said
}
