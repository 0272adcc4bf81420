//! Does each world accept what the other accepts, and refuse what the other refuses?
//!
//! The cases are files under `tests/cases/ui`: those in `pass` compile without a warning in every edition,
//! those in `run` run as well, those in `fail` are refused. Each begins with its question. In `fail`
//! a comment says what the compiler must say about its line, or about the line that its carets point
//! up to:
//!
//! ```text
//! fail_point!("a b"); //~ both: bad failpoint name
//! //~^ on: said only with failpoints compiled in
//! ```
//!
//! Every error must be expected, in both worlds; a case that expects errors in one world only compiles
//! in the other. `UI_CASE=text` runs only the cases whose path contains the text.

use failpoint_test_support::needs;
use failpoint_tests::diagnostics::{self, Diagnostic};
use failpoint_tests::made::{self, Ingredients, try_made};
use failpoint_tests::parallel;
use failpoint_tests::rustc::{self, EDITIONS};
use failpoint_tests::world::{Profile, World, workspace};
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn what_should_pass_passes_in_both_worlds_and_every_edition() {
    check("pass", &["pass", "run"], &EDITIONS, |build| {
        none(&build.diagnostics(build.rustc(), &["-Dwarnings", "-Funsafe_code"])?)
    });
}

#[test]
fn what_should_run_runs_in_both_worlds() {
    check("run", &["run"], &["2021"], |build| {
        let mut rustc = build.rustc();
        let ingredients = build.ingredients().command(&rustc);
        let place = try_made(&build.label(), &ingredients, |out| {
            succeed(rustc.arg("-o").arg(out.join("case")))
        })?;
        succeed(&mut Command::new(place.join("case")))
    });
}

#[test]
fn what_should_fail_fails_in_both_worlds() {
    check("fail", &["fail"], &EDITIONS, |build| {
        let said = build.diagnostics(build.rustc(), &["-Awarnings"])?;
        let expected = expectations(&build.case, build.world);
        if World::BOTH.iter().all(|&world| expectations(&build.case, world).is_empty()) {
            return Err("the case does not say what it expects".to_owned());
        }
        if said.is_empty() && !expected.is_empty() {
            return Err("it compiles".to_owned());
        }
        if let Some(error) = said.iter().find(|error| !expected.iter().any(|one| one.is(error))) {
            return Err(format!("an error that nobody expects:\n{}", error.text));
        }
        // Where a constant of a site is refused, the compiler would show how it came to that.
        if let Some(error) = said.iter().find(|error| error.text.contains("inside `failpoint::")) {
            return Err(format!("it shows our own code:\n{}", error.text));
        }
        match expected.iter().find(|one| !said.iter().any(|error| one.is(error))) {
            None => Ok(()),
            Some(one) => Err(format!("nobody says {one:?}:\n{}", listed(&said))),
        }
    });
}

#[test]
fn the_cases_do_not_trip_clippy() {
    let has_clippy = rustc::clippy(World::Off, Profile::Dev).is_some();
    if !needs::given("clippy-driver beside rustc", has_clippy) {
        return;
    }
    check("clippy", &["pass", "run"], &["2024"], |build| {
        let lints = match build.case.file_name().and_then(OsStr::to_str) {
            Some("lints.rs") => lints(&["all", "pedantic", "nursery", "restriction"], &NOT_OURS),
            Some("every_form.rs") => lints(&["all", "pedantic", "nursery"], &[]),
            _ => lints(&["correctness", "suspicious", "perf"], &[]),
        };
        let mut clippy = rustc::clippy(build.world, Profile::Dev).ok_or("clippy-driver is gone")?;
        clippy.env("CLIPPY_CONF_DIR", clippy_directory());
        none(&build.diagnostics(build.with_case(clippy), &lints)?)
    });
}

/// The flags that deny these groups of clippy's lints, but for some lints.
fn lints(groups: &[&str], allowed: &[&str]) -> Vec<String> {
    let denied = groups.iter().map(|group| format!("-Dclippy::{group}"));
    let allowed = allowed.iter().map(|lint| format!("-Aclippy::{lint}"));
    denied.chain(allowed).chain(["-Dwarnings".to_owned()]).collect()
}

/// What clippy says about `lints.rs` with or without points: how it is ordered and documented.
const NOT_OURS: [&str; 13] = [
    "absolute_paths",
    "arbitrary_source_item_ordering",
    "blanket_clippy_restriction_lints",
    "exhaustive_enums",
    "implicit_return",
    "missing_docs_in_private_items",
    "missing_inline_in_public_items",
    "missing_trait_methods",
    "needless_return",
    "question_mark_used",
    "single_call_fn",
    "std_instead_of_alloc",
    "std_instead_of_core",
];

/// Where clippy's settings for the cases are.
fn clippy_directory() -> PathBuf {
    workspace().join("tests/cases/ui")
}

/// One case in one world and one edition.
struct Build {
    test: &'static str,
    case: PathBuf,
    world: World,
    edition: &'static str,
}

impl Build {
    fn rustc(&self) -> Command {
        self.with_case(rustc::rustc(self.world, Profile::Dev))
    }

    fn with_case(&self, mut compiler: Command) -> Command {
        let runs = self.case.with_file_name("").ends_with("run");
        compiler
            .arg(&self.case)
            .arg(format!("--edition={}", self.edition))
            .arg(if runs { "--crate-type=bin" } else { "--crate-type=lib" })
            .arg("--check-cfg=cfg(on)");
        if self.world == World::On {
            compiler.arg("--cfg=on");
        }
        compiler
    }

    /// Compiles as far as to the metadata; gives the errors and warnings.
    fn diagnostics(
        &self,
        mut compiler: Command,
        flags: &[impl AsRef<OsStr>],
    ) -> Result<Vec<Diagnostic>, String> {
        compiler.args(["--error-format=json", "--emit=metadata"]).args(flags);
        let (succeeded, stderr) =
            made::said(&self.label(), self.ingredients(), compiler, |compiler, scrap| {
                compiler.arg("-o").arg(scrap.join("case.rmeta"));
            });
        let said = diagnostics::read(&stderr, &self.case);
        if !succeeded && said.is_empty() {
            return Err(format!("the compiler failed without an error: {stderr}"));
        }
        Ok(said)
    }

    /// What is made of it, but for the command.
    fn ingredients(&self) -> Ingredients {
        Ingredients::of(self.world, Profile::Dev)
            .file(&self.case)
            .file(&clippy_directory().join("clippy.toml"))
    }

    /// No other build has it.
    fn label(&self) -> String {
        let stem = self.case.file_stem().unwrap_or_default().to_string_lossy();
        format!("ui/{}/{stem}-{}-{}", self.test, self.world.name(), self.edition)
    }
}

/// Runs `job` on every case in `directories`, in both worlds and in each of `editions`.
fn check(
    test: &'static str,
    directories: &[&str],
    editions: &[&'static str],
    job: impl Fn(&Build) -> Result<(), String> + Sync,
) {
    let wanted = env::var("UI_CASE").unwrap_or_default();
    let mut builds = Vec::new();
    for case in directories.iter().flat_map(|directory| cases(directory)) {
        for world in World::BOTH {
            // Two threads would else build it twice.
            world.built(Profile::Dev);
            builds.extend(editions.iter().map(|&edition| Build {
                test,
                case: case.clone(),
                world,
                edition,
            }));
        }
    }
    assert!(!builds.is_empty(), "there are no cases in {directories:?}");
    builds.retain(|build| build.case.to_string_lossy().contains(&wanted));
    let faults = parallel::faults(&builds, |build| {
        job(build).map_err(|fault| {
            let (case, world) = (build.case.display(), build.world.name());
            format!("--- {case}, {world}, edition {}\n{fault}", build.edition)
        })
    });
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), builds.len(), faults.join("\n"));
}

fn cases(directory: &str) -> Vec<PathBuf> {
    let mut cases: Vec<_> = fs::read_dir(workspace().join("tests/cases/ui").join(directory))
        .expect("the cases are there")
        .map(|entry| entry.expect("a directory can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    cases.sort();
    cases
}

/// What a case wants to be said about one of its lines.
#[derive(Debug)]
struct Expectation {
    line: usize,
    phrase: String,
}

impl Expectation {
    fn is(&self, error: &Diagnostic) -> bool {
        // The compiler quotes the line, and with it the comment that says what to expect.
        let unquoted = error.text.lines().filter_map(|line| line.split("//~").next());
        // It breaks long messages into lines.
        let said = unquoted.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ");
        error.line == Some(self.line) && said.contains(&self.phrase)
    }
}

fn expectations(case: &Path, world: World) -> Vec<Expectation> {
    let source = fs::read_to_string(case).expect("the case can be read");
    let mut expectations = Vec::new();
    for (at, line) in source.lines().enumerate() {
        let Some((_, comment)) = line.split_once("//~") else { continue };
        let (worlds, phrase) = comment.split_once(':').expect("`//~ WORLDS: PHRASE`");
        let up = worlds.chars().take_while(|&c| c == '^').count();
        let worlds = worlds[up..].trim();
        assert!(matches!(worlds, "both" | "on" | "off"), "{}: {worlds}?", case.display());
        if worlds == "both" || worlds == world.name() {
            expectations.push(Expectation { line: at + 1 - up, phrase: phrase.trim().to_owned() });
        }
    }
    expectations
}

fn none(said: &[Diagnostic]) -> Result<(), String> {
    if said.is_empty() { Ok(()) } else { Err(listed(said)) }
}

fn listed(said: &[Diagnostic]) -> String {
    said.iter().map(|one| format!("{:?}: {}", one.line, one.text)).collect()
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?}: {}\n{stderr}", output.status))
}
