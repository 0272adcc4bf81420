//! Point 10: `#[macro_use(fail_point)] extern crate fail;`.

#[macro_use(fail_point)]
extern crate fail;

fn site(on: bool) -> u64 {
    fail_point!("macro-use-one", on, |_| 1);
    0
}

#[test]
fn the_macro_is_in_scope() {
    let scenario = fail::FailScenario::setup();
    fail::cfg("macro-use-one", "return").unwrap();
    assert_eq!((site(true), site(false)), (1, 0));
    scenario.teardown();
}
