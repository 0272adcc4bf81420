//! Chains, counts and chances.

use fail::{FailScenario, fail_point};
use std::time::{Duration, Instant};

fn site() -> Option<String> {
    fail_point!("p09", |value| Some(value.unwrap_or_default()));
    None
}

fn hits<const N: usize>() -> [Option<String>; N] {
    std::array::from_fn(|_| site())
}

#[test]
fn counts_are_spent_one_after_the_other() {
    let _scenario = FailScenario::setup();
    fail::cfg("p09", "1*off->1*return->off").unwrap();
    assert_eq!(hits(), [None, Some(String::new()), None, None]);
    fail::cfg("p09", "20*off->return(true)").unwrap();
    assert_eq!(hits::<20>(), [const { None }; 20]);
    assert_eq!(hits(), [Some("true".to_owned()), Some("true".to_owned())]);
    fail::cfg("p09", "0*return(a)->2*return(b)").unwrap();
    assert_eq!(hits(), [Some("b".to_owned()), Some("b".to_owned()), None]);
}

#[test]
fn a_count_is_spent_only_where_chance_allows() {
    let _scenario = FailScenario::setup();
    failpoint::seed(9);
    fail::cfg("p09", "80%100*return").unwrap();
    let mut passages = 0_u32;
    let mut fired = 0;
    while fired < 100 {
        fired += u32::from(site().is_some());
        passages += 1;
        assert!(passages < 200);
    }
    assert!(passages > 105, "{passages}");
    assert_eq!(hits::<50>(), [const { None }; 50]);
}

#[test]
fn chance_before_count() {
    let _scenario = FailScenario::setup();
    fail::cfg("p09", "5%1*sleep(100)").unwrap();
    let start = Instant::now();
    let mut slept = 0;
    for _ in 0..1000 {
        let before = Instant::now();
        assert_eq!(site(), None);
        slept += u32::from(before.elapsed() >= Duration::from_millis(100));
    }
    assert!(slept >= 1 && start.elapsed() >= Duration::from_millis(100));
    assert_eq!(failpoint::point("p09").unwrap().fires, 1);
}

#[test]
fn chances_beyond_both_ends() {
    let _scenario = FailScenario::setup();
    for always in ["100%return", "125%return", "inf%return", "NaN%return"] {
        fail::cfg("p09", always).unwrap();
        assert!(hits::<20>().iter().all(Option::is_some), "{always}");
    }
    for never in ["0%return", "-0%return", "-5%return", "0*return"] {
        fail::cfg("p09", never).unwrap();
        assert_eq!(hits::<20>(), [const { None }; 20], "{never}");
    }
}
