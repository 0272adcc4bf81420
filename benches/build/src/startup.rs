//! How long does a program wait at its first evaluation, and how much memory do its points take?

use crate::build::{self, Profile};
use failpoint_bench_support::functions::{Body, Kind};
use crate::generate::{self, Crate};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

const POINTS: usize = 10_000;

/// What one run of a program said.
#[derive(Clone, Copy, Debug)]
struct Said {
    /// Of the first evaluation.
    nanoseconds: i64,
    /// Of the first question for a point.
    looked: i64,
    /// What the two left.
    heap: i64,
    /// What arming all points left. (They are all reached then.)
    armed: i64,
}

/// Runs a program with many points and one with one in turns; gives a sentence or two.
pub fn text(directory: &Path, root: &Path, runs: usize) -> io::Result<String> {
    let crates = [true, false].map(|all| Crate { body: Body::Line, kind: Kind::On, all });
    generate::write(directory, root, POINTS, &crates)?;
    let programs = crates.map(|one| {
        build::build(directory, Profile::Release, one);
        build::program(directory, Profile::Release, one)
    });
    let mut said = [Vec::new(), Vec::new()];
    for _ in 0..runs {
        for (program, said) in programs.iter().zip(&mut said) {
            said.push(run(program)?);
        }
    }
    let [many, one] = said;
    let median = |said: &[Said], of: fn(&Said) -> i64| {
        let mut all: Vec<_> = said.iter().map(of).collect();
        all.sort_unstable();
        all[all.len() / 2] as f64
    };
    let over = |of| (median(&many, of) - median(&one, of)) / (POINTS - 1) as f64;
    Ok(format!(
        "{POINTS} points, release, medians of {runs} runs: the first evaluation of a program takes {:.2} ms, \
         and {:.2} ms where it has one point; the first question for a point or arming takes {:.2} ms, and \
         {:.2} ms. On the heap a declared point with one site takes {:.0} bytes, and \
         {:.0} more when it is armed with `off`.",
        median(&many, |said| said.nanoseconds) / 1e6,
        median(&one, |said| said.nanoseconds) / 1e6,
        median(&many, |said| said.looked) / 1e6,
        median(&one, |said| said.looked) / 1e6,
        over(|said| said.heap),
        over(|said| said.armed),
    ))
}

fn run(program: &PathBuf) -> io::Result<Said> {
    let mut command = Command::new(program);
    for setting in ["FAILPOINTS", "GOFAIL_FAILPOINTS", "GOFAIL_HTTP"] {
        command.env_remove(setting);
    }
    let output = command.output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let said: Vec<i64> = text.split(' ').map_while(|number| number.parse().ok()).collect();
    match said.as_slice() {
        &[nanoseconds, looked, heap, armed, ..] => Ok(Said { nanoseconds, looked, heap, armed }),
        _ => Err(io::Error::other(format!("{program:?} said {output:?}"))),
    }
}
