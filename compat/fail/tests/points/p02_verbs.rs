//! The verbs live whatever the feature; what they do without it is tested in `failpoint-compat`.

use fail::{FailScenario, fail_point};

#[test]
fn the_build_says_that_it_has_failpoints() {
    const { assert!(fail::has_failpoints()) };
}

#[test]
fn every_verb_acts() {
    let _scenario = FailScenario::setup();
    let eval = || fail::eval("p02", |value| value);
    assert_eq!(eval(), None);
    fail::cfg("p02", "return(1)").unwrap();
    assert_eq!(eval(), Some(Some("1".to_owned())));
    assert_eq!(fail::list(), [("p02".to_owned(), "return(1)".to_owned())]);
    fail::cfg_callback("p02", || panic!("called")).unwrap();
    assert!(std::panic::catch_unwind(eval).is_err());
    fail::remove("p02");
    assert_eq!(eval(), None);
    assert_eq!(fail::list(), []);
}

#[test]
fn names_are_owned_or_borrowed() {
    let _scenario = FailScenario::setup();
    fail::cfg("p02".to_owned(), "off").unwrap();
    fail::cfg_callback(String::from("p02"), || {}).unwrap();
    fail::remove(String::from("p02"));
    fail::remove("p02");
    assert_eq!(fail::list(), []);
}

#[test]
fn the_macro_acts() {
    let _scenario = FailScenario::setup();
    let site = || {
        fail_point!("p02-macro", |_| true);
        false
    };
    assert!(!site());
    fail::cfg("p02-macro", "return").unwrap();
    assert!(site());
}
