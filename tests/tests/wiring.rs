//! Is a build wired as the documentation says? What does it depend on, who may forbid it, and is it
//! quiet?

use failpoint_tests::rustc::run;
use failpoint_tests::world::{Profile, World, alone, cargo, directory, workspace};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

#[test]
fn without_default_features_there_is_no_dependency() {
    assert_eq!(tree(&["--no-default-features"]), ["failpoint"]);
}

#[test]
fn compiled_out_the_only_dependency_is_the_attribute() {
    assert_eq!(tree(&["--depth=1"]), ["failpoint", "failpoint-macros"]);
    assert!(run(&mut tree_command(&["--depth=1"])).contains("(proc-macro)"));
}

/// The names in the tree of `failpoint`, on every platform.
fn tree(arguments: &[&str]) -> Vec<String> {
    let tree = run(&mut tree_command(arguments));
    tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

fn tree_command(arguments: &[&str]) -> Command {
    let mut cargo = cargo();
    cargo.args(["tree", "--package=failpoint", "--edges=no-dev", "--prefix=none", "--target=all"]);
    cargo.args(arguments);
    cargo
}

#[test]
fn the_forwarded_feature_turns_points_on_in_the_library_too() {
    let lines = |options: &[&str]| {
        let mut cargo = cargo();
        let names = run(cargo.args(["run", "--quiet", "--package=wiring-program"]).args(options));
        names.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    // Each world has a profile of its own: another run of the checks may go on at the same time, and the
    // programs of one profile take each other's place.
    assert!(lines(&["--release"]).is_empty());
    let on = lines(&["--features=failpoints"]);
    assert!(on.iter().any(|line| line.ends_with("wiring-library false")), "{on:?}");
    assert!(on.iter().any(|line| line.ends_with("wiring-program false")), "{on:?}");
}

#[test]
fn forbidden_the_feature_is_a_compile_error_that_says_how_to_find_who_asked() {
    for value in ["1", "yes"] {
        let refused = check(Some(value), &["--features=failpoints"]);
        let stderr = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success(), "{value}: {stderr}");
        assert!(
            stderr.contains("FAILPOINT_FORBID is set, and the feature `failpoints`"),
            "{stderr}"
        );
        assert!(stderr.contains(ADVICE), "{stderr}");
    }
    // The build before failed: cargo must see that the variable has changed.
    for value in [None, Some(""), Some("0")] {
        let built = check(value, &["--features=failpoints"]);
        let stderr = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "{value:?}: {stderr}");
    }
    let refused = check(Some("1"), &["--features=failpoints"]);
    assert!(!refused.status.success(), "cargo did not see that the variable has changed");
    let off = check(Some("1"), &[]);
    assert!(off.status.success(), "{}", String::from_utf8_lossy(&off.stderr));
}

/// Checks `failpoint` alone, with features that no other check builds it with.
fn check(forbid: Option<&str>, features: &[&str]) -> Output {
    let mut cargo = cargo();
    cargo.args(["check", "--package=failpoint", "--no-default-features"]).args(features);
    if let Some(value) = forbid {
        cargo.env("FAILPOINT_FORBID", value);
    }
    cargo.output().expect("cargo runs")
}

/// What the error says to run.
const ADVICE: &str = "cargo tree --workspace -e features -i failpoint";

/// A cargo that does what the error says.
fn advised(cargo: &mut Command) -> &mut Command {
    cargo.args(ADVICE.split(' ').skip(1))
}

#[test]
fn the_advice_finds_who_asked() {
    let mut cargo = cargo();
    let tree = run(advised(&mut cargo).arg("--features=wiring-program/failpoints"));
    assert!(tree.contains("failpoint feature \"failpoints\""), "{tree}");
    assert!(tree.contains("wiring-program feature \"failpoints\" (command-line)"), "{tree}");
}

/// A build of which `docs/wiring.md` says whether it has failpoints. Where it has, one that ships is
/// refused under `FAILPOINT_FORBID`, and the advice names who asked.
struct Case {
    name: &'static str,
    /// Manifests and their directories; `@failpoint` stands for the path of the crate.
    manifests: &'static [(&'static str, &'static str)],
    options: &'static [&'static str],
    /// Who turned failpoints on, as the tree of the advice has it; nobody where it is empty.
    asked: &'static [&'static str],
}

const APP_THAT_TESTS: &str = r#"
    [package]
    name = "app"
    edition = "2021"
    [dependencies]
    failpoint = { path = "@failpoint" }
    [dev-dependencies]
    failpoint = { path = "@failpoint", features = ["failpoints"] }
"#;

const APP: &str = r#"
    [package]
    name = "app"
    edition = "2021"
    [dependencies]
    failpoint = { path = "@failpoint" }
"#;

const ASKS: &str = r#"
    [package]
    name = "asks"
    edition = "2021"
    [dependencies]
    failpoint = { path = "@failpoint", features = ["failpoints"] }
"#;

const EDITION_2018: &str = r#"
    [package]
    name = "app"
    edition = "2018"
    [dependencies]
    failpoint = { path = "@failpoint" }
    [dev-dependencies]
    failpoint = { path = "@failpoint", features = ["failpoints"] }
    [workspace]
"#;

const BUILDS: &[Case] = &[
    Case {
        name: "resolver 1, by the edition of the package",
        manifests: &[("", EDITION_2018)],
        options: &[],
        asked: &["[dev-dependencies]", "app v0.0.0"],
    },
    Case {
        name: "resolver 2 in the same package",
        manifests: &[("", EDITION_2018), ("", "resolver = \"2\"")],
        options: &[],
        asked: &[],
    },
    Case {
        name: "resolver 1, by a virtual workspace without a resolver",
        manifests: &[("", "[workspace]\nmembers = [\"app\"]"), ("app", APP_THAT_TESTS)],
        options: &[],
        asked: &["[dev-dependencies]", "app v0.0.0"],
    },
    Case {
        name: "resolver 2 in the same workspace",
        manifests: &[
            ("", "[workspace]\nmembers = [\"app\"]\nresolver = \"2\""),
            ("app", APP_THAT_TESTS),
        ],
        options: &[],
        asked: &[],
    },
    Case {
        name: "all targets, with any resolver",
        manifests: &[
            ("", "[workspace]\nmembers = [\"app\"]\nresolver = \"3\""),
            ("app", APP_THAT_TESTS),
        ],
        options: &["--all-targets"],
        asked: &["[dev-dependencies]", "app v0.0.0"],
    },
    Case {
        name: "another member asks",
        manifests: &[
            ("", "[workspace]\nmembers = [\"app\", \"asks\"]\nresolver = \"3\""),
            ("app", APP),
            ("asks", ASKS),
        ],
        options: &[],
        asked: &["asks v0.0.0"],
    },
    Case {
        name: "another member asks, and is not built",
        manifests: &[
            ("", "[workspace]\nmembers = [\"app\", \"asks\"]\nresolver = \"3\""),
            ("app", APP),
            ("asks", ASKS),
        ],
        options: &["--package=app"],
        asked: &[],
    },
    Case {
        name: "a dependency asks",
        manifests: &[
            ("", "[workspace]\nmembers = [\"app\"]\nexclude = [\"asks\"]\nresolver = \"3\""),
            (
                "app",
                "[package]\nname = \"app\"\nedition = \"2021\"\n[dependencies]\n\
                 failpoint = { path = \"@failpoint\" }\nasks = { path = \"../asks\" }",
            ),
            ("asks", ASKS),
        ],
        options: &[],
        asked: &["asks v0.0.0"],
    },
];

#[test]
fn a_build_that_ships_can_refuse_failpoints_whoever_asked() {
    let _alone = alone("builds");
    for case in BUILDS {
        let root = directory().join("builds");
        // A case before may have left members that this one has not.
        drop(fs::remove_dir_all(&root));
        for (place, manifest) in case.manifests {
            add_package(&root, place, manifest);
        }
        let locked = fs::read(workspace().join("Cargo.lock")).expect("the lock file");
        fs::write(root.join("Cargo.lock"), locked).expect("it can be written");
        let mut cargo = cargo();
        cargo.current_dir(&root).env("FAILPOINT_FORBID", "1").args(["build", "--quiet"]);
        let output = cargo.args(case.options).output().expect("cargo runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        if case.asked.is_empty() {
            assert!(output.status.success(), "{}: {stderr}", case.name);
            continue;
        }
        assert!(!output.status.success(), "{}: failpoints are on, it says", case.name);
        assert!(stderr.contains(ADVICE), "{}: {stderr}", case.name);
        let mut cargo = failpoint_tests::world::cargo();
        let tree = run(advised(cargo.current_dir(&root)));
        for line in case.asked {
            assert!(tree.contains(line), "{}: the advice lacks {line}:\n{tree}", case.name);
        }
    }
}

/// Appends to the manifest at `place`, and gives it something to build if it is a package.
fn add_package(root: &Path, place: &str, manifest: &str) {
    let directory = root.join(place);
    fs::create_dir_all(directory.join("src")).expect("the target directory can be written");
    let path = directory.join("Cargo.toml");
    let failpoint = workspace().join("failpoint");
    let failpoint = failpoint.to_str().expect("a path in UTF-8").replace('\\', "/");
    let before = fs::read_to_string(&path).unwrap_or_default();
    let mut text = format!("{before}{}\n", manifest.replace("@failpoint", &failpoint));
    if place.is_empty() && before.is_empty() {
        // As in the project, whose builds of the dependencies then serve here too.
        text = format!("profile.dev.debug = \"line-tables-only\"\n{text}");
    }
    fs::write(path, text).expect("it can be written");
    let main = "fn main() {\n    failpoint::fail_point!(\"app/main\");\n}\n";
    let library = "pub fn work() {\n    failpoint::fail_point!(\"asks/work\");\n}\n";
    let (file, text) = if place == "asks" { ("lib.rs", library) } else { ("main.rs", main) };
    fs::write(directory.join("src").join(file), text).expect("it can be written");
}

#[test]
fn neither_world_builds_with_a_warning() {
    for world in World::BOTH {
        let warnings = &world.built(Profile::Dev).warnings;
        assert!(warnings.is_empty(), "{}:\n{}", world.name(), warnings.concat());
    }
}

/// Half a minute: cargo builds everything anew, as a user's release with LTO would.
#[test]
#[ignore = "slow suite: cargo test -p failpoint-tests --test wiring -- --ignored"]
fn a_release_with_lto_by_cargo_lists_all_points() {
    let mut cargo = cargo();
    cargo.env_remove("CARGO_ENCODED_RUSTFLAGS").env("CARGO_TARGET_DIR", directory().join("lto"));
    cargo.args([
        "run",
        "--quiet",
        "--release",
        "--package=wiring-program",
        "--features=failpoints",
    ]);
    let listed =
        run(cargo
            .args(["--config=profile.release.lto=\"fat\"", "--config=profile.release.strip=true"]));
    assert!(listed.contains("listed/never-instantiated wiring-library false"), "{listed}");
    assert!(listed.contains("listed/dead-branch wiring-library false"), "{listed}");
}
