//! Is a build wired as the documentation says? What does it depend on, who may forbid it, and is it
//! quiet?

use failpoint_tests::rustc::run;
use failpoint_tests::world::{Profile, World, cargo, directory};
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
    let lines = |features: &[&str]| {
        let mut cargo = cargo();
        let names = run(cargo.args(["run", "--quiet", "--package=wiring-program"]).args(features));
        names.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(lines(&[]).is_empty());
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
        assert!(stderr.contains("cargo tree -e features -i failpoint"), "{stderr}");
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
    cargo.args(["build", "--package=failpoint", "--no-default-features"]).args(features);
    if let Some(value) = forbid {
        cargo.env("FAILPOINT_FORBID", value);
    }
    cargo.output().expect("cargo runs")
}

#[test]
fn the_advice_finds_who_asked() {
    let mut cargo = cargo();
    cargo.args(["tree", "--package=wiring-program", "--features=failpoints"]);
    let tree = run(cargo.args(["--edges=features", "--invert=failpoint"]));
    assert!(tree.contains("failpoint feature \"failpoints\""), "{tree}");
    assert!(tree.contains("wiring-program feature \"failpoints\" (command-line)"), "{tree}");
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
#[ignore = "slow: cargo test -p failpoint-tests --test wiring -- --ignored"]
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
