//! Are all points listed before any is hit, wherever they stand and however the program is built?
//! And does a program that is built without them hold not even their names?

use failpoint_tests::program::{Program, sites};
use failpoint_tests::world::{Profile, World};
use std::fs;
use std::path::Path;

/// The points of `tests/cases/wiring`: where each stands is in its name.
const POINTS: [(&str, &str); 19] = [
    ("idle/first", "wiring-program"),
    ("idle/instance", "wiring-library"),
    ("idle/leaf", "wiring-program"),
    ("idle/library", "wiring-library"),
    ("idle/second", "wiring-program"),
    ("idle/writer", "wiring-program"),
    ("listed/async", "wiring-library"),
    ("listed/dead-branch", "wiring-library"),
    ("listed/inlined", "wiring-library"),
    ("listed/instantiated", "wiring-library"),
    ("listed/never-instantiated", "wiring-library"),
    ("listed/private-unused", "wiring-library"),
    ("listed/program", "wiring-program"),
    ("listed/program-unused", "wiring-program"),
    ("listed/unused", "wiring-library"),
    ("listed/unused-drop", "wiring-library"),
    ("listed/unused-method", "wiring-library"),
    ("listed/unused-result", "wiring-library"),
    ("listed/used", "wiring-library"),
];

#[test]
fn in_a_dev_build() {
    assert_lists_all("list-dev", Profile::Dev, &["-Cdebuginfo=2"]);
}

#[test]
fn in_a_release_build() {
    assert_lists_all("list-release", Profile::Release, &[]);
}

#[test]
fn with_lto_and_stripped() {
    assert_lists_all("list-fat", Profile::Release, &["-Clto=fat", "-Cstrip=symbols"]);
}

#[test]
fn with_thin_lto_in_one_codegen_unit() {
    assert_lists_all("list-thin", Profile::Release, &["-Clto=thin", "-Ccodegen-units=1"]);
}

#[test]
fn with_panic_abort_for_size_and_stripped() {
    assert_lists_all(
        "list-small",
        Profile::Release,
        &["-Copt-level=z", "-Cpanic=abort", "-Cstrip=symbols", "-Ccodegen-units=1"],
    );
}

fn assert_lists_all(label: &'static str, profile: Profile, flags: &'static [&'static str]) {
    let program = Program { label, world: World::On, profile, flags }.build();
    let expected: Vec<_> =
        POINTS.iter().map(|(name, package)| format!("{name} {package} false")).collect();
    assert_eq!(sites(&program), expected);
    // The search of the other test would find them.
    let text = text(&program);
    for (name, _) in POINTS {
        assert!(text.contains(name), "{name}");
    }
}

#[test]
fn compiled_out_no_name_is_left_in_dev() {
    assert_no_name("no-name-dev", Profile::Dev, &["-Cdebuginfo=2"]);
}

#[test]
fn compiled_out_no_name_is_left_in_release() {
    assert_no_name("no-name-release", Profile::Release, &["-Cdebuginfo=2"]);
}

fn assert_no_name(label: &'static str, profile: Profile, flags: &'static [&'static str]) {
    let program = Program { label, world: World::Off, profile, flags }.build();
    assert!(sites(&program).is_empty());
    let text = text(&program);
    for (name, _) in POINTS {
        assert!(!text.contains(name), "{name}");
    }
    for symbol in ["FAILPOINT_SITE", "FAILPOINT_SWITCH", "failpoint_sites", "linkme"] {
        assert!(!text.contains(symbol), "{symbol}");
    }
    assert!(text.contains("wiring_library"), "the search is blind");
}

/// All that is text in a program.
fn text(program: &Path) -> String {
    String::from_utf8_lossy(&fs::read(program).expect("it was built")).into_owned()
}
