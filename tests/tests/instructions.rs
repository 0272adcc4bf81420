//! How many instructions do the ways of an evaluation take? Counted by valgrind's callgrind, so that
//! neither clock nor load matters.
//!
//! Each case runs some times, and as often again, which is counted: without what only the first times
//! cost. `tests/cases/instructions/bounds.txt` holds the bounds. Who exceeds one on purpose
//! writes the new one down there, with the reason in the commit.

use failpoint_test_support::needs;
use failpoint_tests::callgrind;
use failpoint_tests::made::{Ingredients, made};
use failpoint_tests::rustc::{run, rustc};
use failpoint_tests::world::{Profile, World, workspace};
use std::fs;

#[test]
fn no_case_takes_more_instructions_than_it_may() {
    let is_known = cfg!(target_arch = "x86_64");
    if !needs::machine("x86_64, of which the bounds are", is_known) || !callgrind::is_here() {
        return;
    }
    let source = workspace().join("tests/cases/instructions/cases.rs");
    let mut rustc = rustc(World::On, Profile::Release);
    rustc.arg(&source).args(["--edition=2024", "-Ccodegen-units=1"]);
    let ingredients = Ingredients::of(World::On, Profile::Release).command(&rustc).file(&source);
    let place = made("instructions", &ingredients, |out| {
        run(rustc.arg("-o").arg(out.join("cases")));
    });
    let bounds = fs::read_to_string(workspace().join("tests/cases/instructions/bounds.txt"))
        .expect("the bounds are there");
    let cases: Vec<_> = bounds.lines().filter(|line| !line.starts_with('#')).map(case).collect();
    assert!(cases.len() > 5, "the bounds are gone");
    let arguments = cases.iter().map(|case| format!("{}={}", case.name, case.times));
    let parts = callgrind::parts(&place.join("cases"), "cases::mark", |valgrind| {
        valgrind.args(arguments).env_clear()
    });
    // The case begins, and then it is counted.
    assert_eq!(parts.len(), 2 * cases.len(), "two marks for each case");
    let mut over = Vec::new();
    for (&Case { name, times, bound }, part) in cases.iter().zip(parts.chunks(2)) {
        let each = part[1] / times;
        println!("{name}: {each} of {bound}");
        if each > bound {
            over.push(format!("{name} takes {each} instructions and may take {bound}"));
        }
    }
    assert!(
        over.is_empty(),
        "{}\nFind out what made it so; if it has to be, write the new bounds into \
         tests/cases/instructions/bounds.txt and say why in the commit.",
        over.join("\n")
    );
}

struct Case<'a> {
    name: &'a str,
    times: u64,
    bound: u64,
}

fn case(line: &str) -> Case<'_> {
    let words: Vec<_> = line.split_whitespace().collect();
    let [name, times, bound] = words[..] else { panic!("`CASE TIMES BOUND`: {line}") };
    let number = |text: &str| text.parse::<u64>().expect("a number");
    Case { name, times: number(times), bound: number(bound) }
}
