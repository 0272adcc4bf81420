//! Processes of its own where the seed is set: this test runs itself anew with `FAILPOINT_SEED`.
//!
//! Does the n-th hit decide the same way, whatever the threads do, and whatever else is armed?
#![cfg(feature = "failpoints")]

use failpoint::{Scope, arm, fail_point, fail_value};
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Barrier, Mutex};
use std::thread;

/// Chances alone, in chains, and together with everything that counts.
const TERMS: [&str; 9] = [
    "37%return",
    "50%return(a)->50%return(b)",
    "5*20%return(a)->50%return(b)->every(3):return(c)",
    "skip(3):25.5%return(a)->7*return(b)->0.5%return(c)",
    "every(2):50%return(a)->nth(9):return(b)->12*10%off->90%return(c)",
    "30%sleep(0us..50us)&return(a)->return(b)",
    "when(kind=a):40%return(a)->when(kind!=b):40%return(b)",
    "3%return(a)->1%return(b)->0.5%off->40%return(c)",
    "for(1h):60%return(a)->after(1h):return(b)->after(0s):9*return(c)",
];
const THREADS: [usize; 3] = [1, 2, 8];

fn site() -> Option<String> {
    fail_point!("chance", kind = "a", |text| Some(text.unwrap_or_else(|| "-".to_owned())));
    None
}

/// How often each value was returned.
type Returned = BTreeMap<Option<String>, u64>;

/// The values of the first `hits` hits since the arming, evaluated on so many threads at once.
fn first(hits: usize, threads: usize) -> Returned {
    let returned = Mutex::new(Returned::new());
    let start = Barrier::new(threads);
    thread::scope(|all| {
        for thread in 0..threads {
            let (start, returned) = (&start, &returned);
            let share = hits / threads + usize::from(thread < hits % threads);
            all.spawn(move || {
                start.wait();
                let values: Vec<_> = (0..share).map(|_| site()).collect();
                let mut returned = returned.lock().unwrap();
                values.into_iter().for_each(|value| *returned.entry(value).or_default() += 1);
            });
        }
    });
    returned.into_inner().unwrap()
}

/// What each hit decided, in their order.
///
/// A thread cannot know the number of its hit. But the n-th decision is what the first n returned
/// and the first n - 1 did not, so each n has a run of its own.
fn decisions(terms: &str, hits: usize, threads: usize) -> Vec<String> {
    let mut before = Returned::new();
    let decide = |n: usize| {
        let armed = arm("chance", terms).unwrap();
        let returned = first(n, threads);
        assert_eq!(armed.hits(), n as u64);
        let more = |(value, times): (&Option<String>, &u64)| {
            let had = before.get(value).copied().unwrap_or(0);
            assert!((had..=had + 1).contains(times), "{terms}, {n} hits: {before:?}, {returned:?}");
            (*times > had).then(|| value.clone().unwrap_or_else(|| ".".to_owned()))
        };
        let decided: Vec<String> = returned.iter().filter_map(more).collect();
        before = returned;
        assert_eq!(decided.len(), 1, "the {n}-th hit of {terms}: {decided:?}");
        decided.concat()
    };
    (1..=hits).map(decide).collect()
}

/// Runs `child` in a process with that seed; gives what it drew.
fn child(seed: u64, threads: usize) -> Vec<String> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "draw", "--ignored", "--nocapture", "--test-threads=1"]);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().contains("FAILPOINT") {
            command.env_remove(name);
        }
    }
    command.env("FAILPOINT_SEED", seed.to_string()).env("CHILD_THREADS", threads.to_string());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    let drawn: Vec<String> =
        said.lines().filter_map(|line| line.strip_prefix("drawn ")).map(str::to_owned).collect();
    assert_eq!(drawn.len(), 2 * TERMS.len());
    drawn
}

#[test]
#[ignore = "the child of the other tests"]
fn draw() {
    println!();
    let threads = std::env::var("CHILD_THREADS").unwrap().parse().unwrap();
    for terms in TERMS {
        println!("drawn {terms}: {}", decisions(terms, 40, threads).concat());
        let armed = arm("chance", terms).unwrap();
        let returned = first(4_000, threads);
        println!("drawn {terms}: {} fires, {returned:?}", armed.fires());
    }
}

#[test]
fn a_seed_decides_the_nth_hit_alike_with_1_2_and_8_threads() {
    let children = THREADS.map(|threads| thread::spawn(move || child(42, threads)));
    let [one, two, eight] = children.map(|child| child.join().unwrap());
    assert_eq!(one, two);
    assert_eq!(one, eight);
    let other = child(43, 1);
    for (one, other) in one.iter().zip(&other) {
        assert_ne!(one, other, "another seed decides otherwise");
    }
    // From an older build: a seed that somebody reports finds on another machine what it found.
    assert_eq!(one[0], GOLDEN);
}

const GOLDEN: &str = "37%return: -..--.--..........-.......-...---...--.-";

/// Which of 64 evaluations returned.
fn pattern(site: impl Fn() -> bool) -> String {
    (0..64).map(|_| if site() { 'x' } else { '-' }).collect()
}

#[test]
fn what_else_is_armed_moves_no_draw() {
    fn this() -> Option<String> {
        fail_point!("draws/this", |text| text);
        None
    }
    fn other() -> bool {
        fail_value!("draws/other").is_some()
    }
    let fires = |value: &'static str| move || this().as_deref() == Some(value);
    let draws = |terms: &str| {
        let _armed = arm("draws/this", terms).unwrap();
        pattern(fires("a"))
    };
    let alone = draws("50%return(a)");
    assert!(alone.contains('x') && alone.contains('-'), "{alone}");
    assert_eq!(draws("50%return(a)"), alone, "armed anew it begins anew");

    // Another term behind it, one that draws too.
    assert_eq!(draws("50%return(a)->50%return(b)->sleep(0us..9us)"), alone);
    // Another purpose of the same term, in the same hit.
    assert_eq!(draws("50%sleep(0us..9us)&sleep(0us..9us)&return(a)"), alone);
    // Another probability: the draw is the same, and what fired at 50 fires at 75.
    let likelier = draws("75%return(a)");
    assert!(alone.chars().zip(likelier.chars()).all(|(a, b)| a == '-' || b == 'x'));
    // At another place of the chain it is another term.
    assert_ne!(draws("0%off->50%return(a)"), alone);

    // Another point, armed and evaluated in between, also from another thread.
    let _armed = arm("draws/this", "50%return(a)").unwrap();
    let _other = arm("draws/other", "50%return").unwrap();
    let site = fires("a");
    let between = pattern(|| {
        other();
        thread::spawn(other).join().unwrap();
        site()
    });
    assert_eq!(between, alone);
    let _other = arm("draws/other", "50%return").unwrap();
    assert_ne!(pattern(other), alone, "another point draws apart");
}

#[test]
fn only_named_scopes_draw_apart() {
    fn site() -> bool {
        fail_value!("draws/scoped").is_some()
    }
    const TERMS: &str = "50%return";
    let inside = |scope: Scope| {
        scope.arm("draws/scoped", TERMS).unwrap();
        pattern(|| scope.wrap_fn(site)())
    };
    let global = {
        let _armed = arm("draws/scoped", TERMS).unwrap();
        pattern(site)
    };
    assert_eq!(inside(Scope::new()), global, "unnamed scopes add nothing");
    assert_eq!(inside(Scope::new()), global);
    assert_eq!(inside(Scope::named("leader")), inside(Scope::named("leader")));
    assert_ne!(inside(Scope::named("leader")), global);
    assert_ne!(inside(Scope::named("leader")), inside(Scope::named("follower")));

    // One scope's hits spend nothing of another's, nor of what is armed for everybody.
    let _armed = arm("draws/scoped", TERMS).unwrap();
    let (leader, busy) = (Scope::named("leader"), Scope::new());
    leader.arm("draws/scoped", TERMS).unwrap();
    busy.arm("draws/scoped", TERMS).unwrap();
    let mut mixed = (String::new(), String::new());
    for _ in 0..64 {
        busy.wrap_fn(site)();
        mixed.0.push(if leader.wrap_fn(site)() { 'x' } else { '-' });
        mixed.1.push(if site() { 'x' } else { '-' });
    }
    assert_eq!(mixed, (inside(Scope::named("leader")), global));
}
