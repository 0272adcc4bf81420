//! raft-kv under faults: seeds hold, and give the same run twice.

use cluster_sim::{Injections, RaftKv, run};

/// How many seeds are run; `SEEDS=1000` runs more, and `FIRST_SEED` says where they begin.
fn seeds() -> std::ops::Range<u64> {
    let number =
        |name, default| std::env::var(name).map_or(default, |text| text.parse().expect("a number"));
    let first = number("FIRST_SEED", 0);
    first..first + number("SEEDS", 30)
}

#[test]
fn seeds_hold() {
    let mut injections = Injections::default();
    for seed in seeds() {
        let ran = run::<RaftKv>(seed, false);
        if let Some(violation) = &ran.violation {
            let again = run::<RaftKv>(seed, true);
            let lines = &again.lines[again.lines.len().saturating_sub(100)..];
            panic!(
                "{}\n{}\n{}\nafter {:?}: {violation}",
                ran.plan,
                cluster_sim::Subject::drawn(&again.subject),
                lines.join("\n"),
                ran.took
            );
        }
        injections.merge(&ran.injections);
    }
    println!("{injections}");
}

#[test]
fn a_seed_gives_the_same_run_each_time() {
    for seed in seeds().step_by(10) {
        let [first, second] = [(); 2].map(|()| run::<RaftKv>(seed, false));
        assert_eq!(first.trace, second.trace, "{}", first.plan);
        assert_eq!(first.injections, second.injections);
        assert_eq!(first.subject.operations(), second.subject.operations());
        let other = run::<RaftKv>(seed + 1, false);
        assert_ne!(first.trace, other.trace, "a trace that nothing changes says nothing");
    }
}
