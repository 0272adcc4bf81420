//! What does a test skip without?
//!
//! A test that lacks an outside program says `skipped: needs X` and passes, so that `cargo test` works
//! on a machine that has only Rust. Under `REQUIRE_PROGRAMS=1` it fails: CI sets that, so no check is
//! lost there unnoticed.

use std::env::consts::EXE_SUFFIX;
use std::env::{split_paths, var_os};

/// Whether the program `name` is on the path.
///
/// # Panics
/// Where it is not, under `REQUIRE_PROGRAMS=1`.
#[must_use]
#[track_caller]
pub fn program(name: &str) -> bool {
    let file = format!("{name}{EXE_SUFFIX}");
    let path = var_os("PATH").unwrap_or_default();
    given(name, split_paths(&path).any(|directory| directory.join(&file).is_file()))
}

/// Whether `is_here`, for what can be installed and is not a program on the path; `what` names it.
///
/// # Panics
/// Where it is not, under `REQUIRE_PROGRAMS=1`.
#[must_use]
#[track_caller]
pub fn given(what: &str, is_here: bool) -> bool {
    if !is_here {
        eprintln!("skipped: needs {what}");
        assert!(!are_required(), "needs {what}, and REQUIRE_PROGRAMS=1 lets no test skip");
    }
    is_here
}

/// The same for what cannot be installed: a kind of processor, a right, another build. The test only skips.
#[must_use]
pub fn machine(what: &str, is_so: bool) -> bool {
    if !is_so {
        eprintln!("skipped: needs {what}");
    }
    is_so
}

fn are_required() -> bool {
    var_os("REQUIRE_PROGRAMS").is_some_and(|value| value == "1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_program_is_looked_for_on_the_path() {
        assert!(program("cargo"));
    }

    /// A process of its own: it asks for a program that is not there, with and without the variable.
    #[test]
    fn a_lack_is_a_failure_where_programs_are_required() {
        if var_os("NEEDS_CHILD").is_some() {
            assert!(!program("no-such-program"));
            return;
        }
        let child = |required: &str| {
            Command::new(std::env::current_exe().expect("this test"))
                .args(["--exact", "needs::tests::a_lack_is_a_failure_where_programs_are_required"])
                .arg("--nocapture")
                .env("NEEDS_CHILD", "1")
                .env("REQUIRE_PROGRAMS", required)
                .output()
                .expect("it runs once more")
        };
        for (required, passes) in [("", true), ("0", true), ("1", false)] {
            let output = child(required);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(said.contains("skipped: needs no-such-program\n"), "{said}");
            assert_eq!(output.status.success(), passes, "REQUIRE_PROGRAMS={required}: {said}");
        }
    }
}
