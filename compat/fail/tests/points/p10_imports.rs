//! `use fail::fail_point;` and the bare path; errors are `String`. The other two forms of import have
//! to stand at the root of a crate: `tests/macro_use.rs` and `tests/macro_use_one.rs`.

use fail::FailScenario;

fn bare_path() -> bool {
    fail::fail_point!("p10", |_| true);
    false
}

fn imported() -> bool {
    use fail::fail_point;
    fail_point!("p10", true, |_| true);
    false
}

mod among_globs {
    // What a glob brings cannot stand in the way of an expansion.
    #[allow(unused_imports)]
    use std::*;

    pub(super) fn site() -> bool {
        fail::fail_point!("p10", |s: Option<String>| s.is_none());
        false
    }
}

mod among_the_users_own {
    #![allow(dead_code, non_camel_case_types, non_upper_case_globals)]
    struct Some;
    struct None;
    struct Option;
    struct core;
    const res: u8 = 1;
    const value: u8 = 2;

    pub(super) fn site() -> bool {
        fail::fail_point!("p10", |_| true);
        false
    }
}

#[test]
fn by_path_and_by_use() {
    let _scenario = FailScenario::setup();
    fail::cfg("p10", "return").unwrap();
    assert!(bare_path() && imported() && among_globs::site() && among_the_users_own::site());
}

#[test]
fn errors_are_strings() {
    let error: String = fail::cfg("p10", "bogus").unwrap_err();
    assert_eq!(error, "unrecognized command \"bogus\"");
    let arm: fn(String, &str) -> Result<(), String> = fail::cfg;
    assert_eq!(arm("p10".into(), "sleep"), Err("sleep require timeout".to_owned()));
}

#[test]
fn as_expressions_and_statements() {
    let _scenario = FailScenario::setup();
    let unit: () = fail::fail_point!("p10-statement");
    let () = unit;
    match Some(()) {
        Some(()) => fail::fail_point!("p10-statement"),
        None => fail::fail_point!(String::from("p10-computed").as_str()),
    }
}
