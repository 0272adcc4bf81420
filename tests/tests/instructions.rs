//! How many instructions do the ways of an evaluation take? Counted by valgrind's callgrind, so that
//! neither clock nor load matters.
//!
//! Each case runs some times and twice as often; the difference is what the times cost, without the
//! start of the program. `tests/instructions/bounds.txt` holds the bounds. Who exceeds one on purpose
//! writes the new one down there, with the reason in the commit.

use failpoint_tests::callgrind;
use failpoint_tests::parallel;
use failpoint_tests::rustc::{run, rustc};
use failpoint_tests::world::{Profile, World, directory, workspace};
use std::fs;
use std::path::Path;

#[test]
fn no_case_takes_more_instructions_than_it_may() {
    if !cfg!(target_arch = "x86_64") {
        eprintln!("SKIPPED: the bounds are those of x86_64");
        return;
    }
    if !callgrind::is_here() {
        return;
    }
    let program = directory().join("instructions");
    run(rustc(World::On, Profile::Release)
        .arg(workspace().join("tests/instructions/cases.rs"))
        .args(["--edition=2024", "-Ccodegen-units=1", "-o"])
        .arg(&program));
    let bounds = fs::read_to_string(workspace().join("tests/instructions/bounds.txt"))
        .expect("the bounds are there");
    let cases: Vec<_> = bounds.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(cases.len() > 5, "the bounds are gone");
    let over = parallel::faults(&cases, |line| {
        let words: Vec<_> = line.split_whitespace().collect();
        let [case, times, bound] = words.as_slice() else { panic!("`CASE TIMES BOUND`: {line}") };
        let number = |text: &str| text.parse::<u64>().expect("a number");
        let (times, bound) = (number(times), number(bound));
        let (once, twice) = (count(&program, case, times), count(&program, case, 2 * times));
        let each = twice.saturating_sub(once) / times;
        println!("{case}: {each} of {bound}");
        let within = each <= bound;
        within.then_some(()).ok_or(format!("{case} takes {each} instructions and may take {bound}"))
    });
    assert!(
        over.is_empty(),
        "{}\nFind out what made it so; if it has to be, write the new bounds into \
         tests/instructions/bounds.txt and say why in the commit.",
        over.join("\n")
    );
}

/// How many instructions a run of the program takes in all.
fn count(program: &Path, case: &str, times: u64) -> u64 {
    callgrind::count(program, |valgrind| valgrind.args([case, &times.to_string()]).env_clear())
}
