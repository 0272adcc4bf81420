//! A name is any `&str`.

use fail::{FailScenario, fail_point};

const CONST: &str = "p04-const";

fn parameter(name: &str) -> bool {
    fail_point!(name, |_| true);
    false
}

fn either(first: bool) -> bool {
    fail_point!(if first { "p04-a" } else { "p04-b" }, |_| true);
    false
}

fn owned(n: u64, on: bool) -> bool {
    let name = format!("p04-{n}");
    fail_point!(&name, on, |_| true);
    false
}

fn formatted(n: u64) {
    fail_point!(&format!("p04-{n}"));
}

fn constant() -> bool {
    fail_point!(CONST, |_| true);
    false
}

fn concatenated() -> bool {
    fail_point!(concat!("p04", "-", 1, "st"), |_| true);
    false
}

fn trimmed() -> bool {
    fail_point!(" p04-trimmed ".trim(), |_| true);
    false
}

/// Ours would not take them.
fn odd() -> bool {
    fail_point!("p04 with blanks, = and \n", |_| true);
    false
}

/// Through a macro of the user's, which hands on an expression.
fn handed_on() -> bool {
    macro_rules! mine {
        ($name:expr) => {
            fail_point!($name, |_| true)
        };
    }
    mine!("p04-handed-on");
    false
}

#[test]
fn computed_ones_are_looked_up() {
    let _scenario = FailScenario::setup();
    assert!(!parameter("p04-p") && !either(true) && !owned(1, true) && !constant());
    for name in ["p04-p", "p04-b", "p04-1", "p04-const", "p04-1st", "p04-trimmed"] {
        fail::cfg(name, "return").unwrap();
    }
    assert!(parameter("p04-p") && !parameter("p04-q"));
    assert!(!either(true) && either(false));
    assert!(owned(1, true) && !owned(1, false) && !owned(2, true));
    assert!(constant() && concatenated() && trimmed());
    fail::remove("p04-p");
    assert!(!parameter("p04-p"));
    fail::cfg("p04-p", "return").unwrap();
    assert!(parameter("p04-p"));
    fail::cfg("p04-7", "panic").unwrap();
    formatted(6);
    assert!(std::panic::catch_unwind(|| formatted(7)).is_err());
}

#[test]
fn literal_ones_are_listed_before_they_are_hit() {
    let _scenario = FailScenario::setup();
    for name in ["p04-1st", "p04-handed-on", "p04-never-called"] {
        let point = failpoint::point(name).unwrap();
        let [site] = point.sites.as_slice() else { panic!("{point:?}") };
        assert_eq!(site.package, env!("CARGO_PKG_NAME"));
        assert!(site.file.ends_with("p04_names.rs"), "{site:?}");
    }
    // Only what is armed is in `fail`'s own list.
    assert_eq!(fail::list(), []);
    assert!(!concatenated() && !handed_on());
    fail::cfg("p04-handed-on", "return").unwrap();
    assert!(handed_on());
}

#[expect(dead_code)]
fn never_called() {
    fail_point!("p04-never-called");
}

#[test]
fn a_name_may_hold_anything() {
    let _scenario = FailScenario::setup();
    let name = "p04 with blanks, = and \n";
    assert!(!odd());
    fail::cfg(name, "return").unwrap();
    assert!(odd());
    assert_eq!(fail::list(), [(name.to_owned(), "return".to_owned())]);
    // Declared, so that our own verbs take it, too.
    let armed = failpoint::arm(name, "off").unwrap();
    assert!(!odd());
    drop(armed);
    fail::cfg("", "return").unwrap();
    assert!(parameter(""));
}

#[test]
fn one_that_is_armed_nowhere_leaves_nothing() {
    let _scenario = FailScenario::setup();
    let before = failpoint::points().len();
    fail::cfg("p04-p", "off").unwrap();
    for n in 100..200 {
        assert!(!owned(n, true));
    }
    assert!(!parameter("p04-p"));
    assert!(failpoint::points().len() <= before + 1);
}
