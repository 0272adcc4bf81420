//! Values arrive as they were written.

use fail::{FailScenario, fail_point};

fn site() -> Option<Option<String>> {
    fail_point!("p08", Some);
    None
}

fn at_both(actions: &str) -> Option<Option<String>> {
    fail::cfg("p08", actions).unwrap();
    let by_literal = site();
    let by_name = fail::eval("p08", |value| value);
    assert_eq!(by_literal, by_name);
    by_literal
}

#[test]
fn raw() {
    let _scenario = FailScenario::setup();
    assert_eq!(at_both("return"), Some(None));
    for (actions, value) in [
        ("return()", ""),
        ("return(x)", "x"),
        ("return(\"x\")", "\"x\""),
        ("return(`x`)", "`x`"),
        ("return( x )", " x "),
        ("return(\"a\\n\")", "\"a\\n\""),
        ("return(a(b)c)", "a(b)c"),
        ("return(x))", "x)"),
        ("return(100%)", "100%"),
        ("return(two\nlines)", "two\nlines"),
        ("return(é)", "é"),
    ] {
        assert_eq!(at_both(actions), Some(Some(value.to_owned())), "{actions}");
    }
    assert_eq!(at_both("off"), None);
}

#[test]
fn raw_too_where_ours_armed_them() {
    let _scenario = FailScenario::setup();
    let _armed = failpoint::arm("p08", "return(\"x\")").unwrap();
    assert_eq!(site(), Some(Some("\"x\"".to_owned())));
}
