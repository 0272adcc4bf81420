//! What is said in a build without failpoints? Each case needs a process of its own: this test runs
//! itself again.
// Miri starts no process.
#![cfg(not(any(feature = "failpoints", miri)))]

mod common;

use common::{run, stderr};

#[test]
#[ignore = "the child of the other test"]
fn child() {
    for _ in 0..2 {
        failpoint::init_from_env().unwrap();
    }
}

#[test]
fn the_environment_is_told_once_how_to_build() {
    let hint = "failpoints were compiled out; build with --features failpoints (in Cargo.toml: \
                failpoints = [\"failpoint/failpoints\"])";
    for (variables, set) in [
        (&[("GOFAIL_FAILPOINTS", "a=off")][..], "GOFAIL_FAILPOINTS is"),
        (&[("FAILPOINTS", "a=off")], "FAILPOINTS is"),
        (
            &[("FAILPOINTS", "a=off"), ("GOFAIL_FAILPOINTS", "b=off")],
            "GOFAIL_FAILPOINTS and FAILPOINTS are",
        ),
    ] {
        assert_eq!(stderr(&run("", variables)), format!("failpoint: {set} set, but {hint}\n"));
    }
    assert_eq!(stderr(&run("", &[("FAILPOINTS", "")])), "");
}
