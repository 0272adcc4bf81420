//! The same seed gives the same schedule.

use std::collections::{BTreeMap, HashSet};

use failpoint_tester::config::{Config, parse};
use failpoint_tester::run::schedule::{Round, Schedule};

fn config(cases: &str) -> Config {
    parse(&format!("driver: etcd\n{cases}"), "test.yaml".as_ref()).expect("the text is right")
}

fn names(round: &Round) -> Vec<&str> {
    round.cases.iter().map(|planned| planned.case.name).collect()
}

#[test]
fn the_same_seed_gives_the_same_schedule() {
    let config = config("");
    let (one, two) = (Schedule::new(&config, 7), Schedule::new(&config, 7));
    for round in [1, 2, 500] {
        assert_eq!(one.round(round), two.round(round));
    }
    // A round does not depend on those that were asked for before it.
    assert_eq!(Schedule::new(&config, 7).round(500), one.round(500));
}

#[test]
fn seeds_and_rounds_differ() {
    let config = config("");
    let schedule = Schedule::new(&config, 7);
    let (first, second) = (schedule.round(1), schedule.round(2));
    assert_ne!(names(&first), names(&second));
    assert_ne!(names(&first), names(&Schedule::new(&config, 8).round(1)));
    let mut seeds: HashSet<u64> = HashSet::new();
    for round in [&first, &second] {
        for planned in &round.cases {
            assert!(seeds.insert(planned.seed), "two cases have the seed {}", planned.seed);
        }
        assert!(seeds.insert(round.seed), "the load has the seed of a case");
    }
}

#[test]
fn each_round_has_each_case_once_and_numbers_go_on() {
    let config = config("");
    let schedule = Schedule::new(&config, 7);
    let mut wanted: Vec<&str> = config.cases.iter().map(|case| case.name).collect();
    wanted.sort_unstable();
    let mut number = 1;
    for round in 1..=3 {
        let round = schedule.round(round);
        let mut found = names(&round);
        found.sort_unstable();
        assert_eq!(found, wanted);
        for planned in &round.cases {
            assert_eq!(planned.number, number);
            number += 1;
        }
    }
}

#[test]
fn a_case_draws_the_same_where_others_are_left_out() {
    let seeds = |cases: &str| -> BTreeMap<&str, u64> {
        let round = Schedule::new(&config(cases), 7).round(3);
        round.cases.iter().map(|planned| (planned.case.name, planned.seed)).collect()
    };
    let (all, one) = (seeds(""), seeds("cases: [PAUSE_LEADER]"));
    assert_eq!(one["PAUSE_LEADER"], all["PAUSE_LEADER"]);
}

#[test]
fn without_shuffle_the_order_is_that_of_the_configuration() {
    let text = "cases: [PAUSE_LEADER, SIGTERM_ALL, SIGKILL_LEADER]\nshuffle: false";
    let schedule = Schedule::new(&config(text), 7);
    for round in 1..=2 {
        let round = schedule.round(round);
        assert_eq!(names(&round), ["PAUSE_LEADER", "SIGTERM_ALL", "SIGKILL_LEADER"]);
    }
}
