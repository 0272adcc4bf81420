//! How many instructions does a program take? Counted by valgrind, so that neither clock nor load matters.

use std::path::Path;
use std::process::Command;

/// Whether there is a valgrind; where there is none, that is said.
pub fn is_here() -> bool {
    let is_here = Command::new("valgrind").arg("--version").output().is_ok();
    if !is_here {
        eprintln!("SKIPPED: there is no valgrind to count with (apt-get install valgrind)");
    }
    is_here
}

/// How many instructions a run of `program` takes in all; `prepare` adds what is passed to it.
///
/// # Panics
/// Where the program fails, with what it wrote.
pub fn count(program: &Path, prepare: impl FnOnce(&mut Command) -> &mut Command) -> u64 {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program);
    let output = prepare(&mut valgrind).output().expect("valgrind was there a moment ago");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{valgrind:?}: {said}");
    let collected = said.lines().find_map(|line| line.split_once("Collected :"));
    let count = collected.and_then(|(_, count)| count.trim().parse().ok());
    count.unwrap_or_else(|| panic!("callgrind collected nothing: {said}"))
}
