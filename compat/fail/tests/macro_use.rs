//! Point 10: `#[macro_use] extern crate fail;`.

#[macro_use]
extern crate fail;

fn site() -> u64 {
    fail_point!("macro-use", |s| s.map_or(2, |e| e.parse().unwrap()));
    0
}

#[test]
fn the_macro_is_in_scope() {
    let scenario = fail::FailScenario::setup();
    assert_eq!(site(), 0);
    fail::cfg("macro-use", "return(1)").unwrap();
    assert_eq!(site(), 1);
    scenario.teardown();
}
