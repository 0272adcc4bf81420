//! Tests what an exploration finds and says.
#![cfg(feature = "failpoints")]
#![allow(missing_docs)]

use failpoint_disk::{
    Explore, Report, Run, Torn, Verdict, explore_crashes, explore_syncs, explore_workloads, fs,
};
use std::cell::Cell;
use std::io::{BufWriter, Read, Write};
use std::time::Duration;

/// Writes, syncs the file, then the directory.
fn save(path: &str, text: &str) {
    let mut file = fs::File::create(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.sync_all().unwrap();
    fs::File::open("/sim").unwrap().sync_all().unwrap();
}

fn found(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn is_there(found: &String, acked: &[&str]) -> Result<(), String> {
    match acked.last() {
        Some(last) if found != last => Err(format!("{last} is lost, {found:?} is there")),
        _ => Ok(()),
    }
}

fn workload_that_syncs(run: &Run<&'static str>) {
    save("/sim/a", "saved");
    run.ack("saved");
}

#[test]
fn what_is_synced_in_full_is_held() {
    let report = explore_crashes(workload_that_syncs, || found("/sim/a"), is_there);
    assert_eq!(report.verdict, Verdict::Held, "{report}");
    assert!(report.exhaustive, "{report}");
    assert_eq!((report.operations, report.covered), (4, 4));
    // Nothing; the empty file; zeros in place of the data; the data.
    assert_eq!(report.states, 4, "{report}");
}

#[test]
fn a_torn_write_is_cut_where_it_is_asked_to_be() {
    let states = |torn| {
        let explore = Explore::new().torn(torn);
        explore.crashes(workload_that_syncs, || found("/sim/a"), is_there).states
    };
    assert_eq!(states(Torn::Byte) - states(Torn::Sector), 4, "the prefixes of 1 to 4 of 5 bytes");
}

#[test]
fn a_missing_sync_is_lost_with_the_shortest_schedule_and_why() {
    let report = explore_crashes(
        |run| {
            save("/sim/other", "x");
            let mut file = fs::File::create("/sim/a").unwrap();
            file.write_all(b"saved").unwrap();
            run.ack("saved");
            save("/sim/more", "x");
        },
        || found("/sim/a"),
        is_there,
    );
    assert_eq!(report.verdict, Verdict::Lost);
    assert!(!report.exhaustive);
    let failure = report.failure.clone().expect("it is told");
    assert_eq!(failure.schedule_length, 6, "{report}");
    let text = report.to_string();
    for part in [
        "lost: the check failed after a crash\n",
        "    6. write 5 bytes at 0 of /sim/a  (failpoint-disk/tests/explore.rs:",
        "\n       acknowledged\n",
        "  the power fails\n",
        "lost: write 5 bytes at 0 of /sim/a\n",
        "then: the check says: saved is lost, \"\" is there\n",
    ] {
        assert!(text.contains(part), "{part:?} is missing in\n{text}");
    }
    // Only what must be lost is lost: the name of the file may have reached the disk.
    assert!(text.contains("reached the disk: create /sim/a\n"), "{text}");
}

#[test]
fn the_same_seed_finds_the_same() {
    let explore = || {
        Explore::new().seed(7).progress(false).crashes(
            |run| {
                for number in 0..12 {
                    fs::write(format!("/sim/{number}"), "x").unwrap();
                }
                run.ack(());
            },
            || (0..12).filter(|number| found(&format!("/sim/{number}")) == "x").count(),
            |found, acked| match acked.len() {
                1 if *found < 12 => Err(format!("{found} of 12")),
                _ => Ok(()),
            },
        )
    };
    let (one, other) = (explore(), explore());
    assert_eq!(one.verdict, Verdict::Lost);
    assert_eq!(one.states, other.states);
    assert_eq!(one.failure.unwrap().schedule, other.failure.unwrap().schedule);
}

#[test]
fn with_many_unsynced_changes_a_part_is_tried_and_that_is_said() {
    let report = explore_crashes(
        |_: &Run<()>| {
            for number in 0..9 {
                fs::File::create(format!("/sim/{number}")).unwrap();
            }
        },
        || fs::read_dir("/sim").unwrap().count(),
        |_, _| Ok(()),
    );
    assert_eq!(report.verdict, Verdict::Held);
    assert!(!report.exhaustive);
    assert!(report.to_string().contains("more than 8 changes"), "{report}");
}

#[test]
fn a_place_outside_of_the_program_is_left_out() {
    let report = explore_crashes(
        |run| {
            let mut log = BufWriter::new(fs::File::create("/sim/a").unwrap());
            log.write_all(b"saved").unwrap();
            drop(log);
            fs::File::open("/sim").unwrap().sync_all().unwrap();
            run.ack("saved");
        },
        || found("/sim/a"),
        is_there,
    );
    let schedule = report.failure.expect("it is lost").schedule;
    assert!(schedule[0].contains("create /sim/a  (") && schedule[0].contains("explore.rs:"));
    // `BufWriter` writes somewhere in the standard library.
    assert_eq!(schedule[1], "  2. write 5 bytes at 0 of /sim/a");
}

/// A counter that is replaced by a rename; `recover` removes what is left over.
fn counter(run: &Run<u32>, sync_new: bool) {
    for value in 1..=2 {
        let mut new = fs::File::create("/sim/new").unwrap();
        write!(new, "{value}").unwrap();
        if sync_new {
            new.sync_all().unwrap();
        }
        fs::rename("/sim/new", "/sim/counter").unwrap();
        fs::File::open("/sim").unwrap().sync_all().unwrap();
        run.ack(value);
    }
}

fn counter_is_not_behind(found: &u32, acked: &[u32]) -> Result<(), String> {
    match acked.last() {
        Some(last) if found < last => Err(format!("{last} was promised, {found} is there")),
        _ => Ok(()),
    }
}

#[test]
fn a_rename_needs_the_sync_of_the_data_before_it() {
    let recover = || found("/sim/counter").parse::<u32>().unwrap_or(0);
    let explore =
        |sync_new| explore_crashes(|run| counter(run, sync_new), recover, counter_is_not_behind);
    explore(true).expect_held();
    let report = explore(false);
    assert_eq!(report.verdict, Verdict::Lost, "{report}");
    assert!(report.to_string().contains(" rename new to /sim/counter  ("), "{report}");
    assert_eq!(report.failure.unwrap().schedule_length, 4);
}

#[test]
fn a_recovery_that_is_crashed_must_end_in_the_same_state() {
    // It moves the log away first, and writes the new one after that.
    let recover = |careful: bool| {
        move || {
            let log = found("/sim/log");
            if careful {
                save("/sim/log.new", &log);
                fs::rename("/sim/log.new", "/sim/log").unwrap();
            } else {
                let _ = fs::rename("/sim/log", "/sim/log.old");
                save("/sim/log", &log);
            }
            fs::File::open("/sim").unwrap().sync_all().unwrap();
            log
        }
    };
    let workload = |run: &Run<&str>| {
        save("/sim/log", "kept");
        run.ack("kept");
    };
    explore_crashes(workload, recover(true), is_there).expect_held();
    let report = explore_crashes(workload, recover(false), is_there);
    assert_eq!(report.verdict, Verdict::Lost, "{report}");
    assert!(report.to_string().contains("the recovery runs:"), "{report}");
    let not_crashed = Explore::new().depth(0).crashes(workload, recover(false), is_there);
    not_crashed.expect_held();
}

#[test]
fn after_the_death_of_the_process_a_promise_needs_a_sync() {
    let workload = |_: &Run<&str>| {
        let mut file = fs::File::create("/sim/a").unwrap();
        fs::File::open("/sim").unwrap().sync_all().unwrap();
        file.write_all(b"x").unwrap();
    };
    let recover = |settles: bool| {
        move || {
            let text = found("/sim/a");
            if let (true, Ok(file)) = (settles, fs::OpenOptions::new().write(true).open("/sim/a")) {
                file.sync_all().unwrap();
            }
            text
        }
    };
    let explore = Explore::new().process_deaths(true);
    explore.crashes(workload, recover(true), |_, _| Ok(())).expect_held();
    let report = explore.crashes(workload, recover(false), |_, _| Ok(()));
    assert_eq!(report.verdict, Verdict::Lost, "{report}");
    assert!(report.to_string().contains("the process dies, the machine goes on"), "{report}");
    Explore::new().crashes(workload, recover(false), |_, _| Ok(())).expect_held();
}

#[test]
fn a_sync_that_is_not_needed_is_named() {
    let report = explore_syncs(
        |run| {
            save("/sim/a", "saved");
            // Once more.
            fs::File::open("/sim/a").unwrap().sync_all().unwrap();
            run.ack("saved");
        },
        || found("/sim/a"),
        is_there,
    );
    assert_eq!(report.syncs.len(), 3, "{report}");
    let unnoticed: Vec<u32> = report.unnoticed().map(|sync| sync.location.line()).collect();
    assert_eq!(unnoticed.len(), 2, "each of the two syncs of the file makes the other needless");
    assert!(report.to_string().ends_with("1 of 3 syncs are needed"), "{report}");
}

#[test]
fn every_sequence_of_operations_is_tried_and_the_one_that_fails_is_told() {
    let explore = |alphabet: &[&str]| {
        explore_workloads(
            alphabet,
            |_| (),
            |(), run, operation| match *operation {
                "create" => drop(fs::File::create("/sim/a").unwrap()),
                "sync" => fs::File::open("/sim").unwrap().sync_all().unwrap(),
                _ => {
                    if fs::exists("/sim/a").unwrap() {
                        run.ack(());
                    }
                }
            },
            || fs::exists("/sim/a").unwrap(),
            |found, acked| match (found, acked.len()) {
                (false, 1..) => Err("the file is lost".to_owned()),
                _ => Ok(()),
            },
        )
    };
    explore(&["create", "sync"]).expect_held();
    let report = explore(&["create", "sync", "promise"]);
    assert_eq!(report.verdict, Verdict::Lost);
    let text = report.to_string();
    assert!(text.contains(r#"the workload is ["create", "promise"]"#), "{text}");
    assert_eq!(explore(&[]).verdict, Verdict::NotMeasured);
}

fn why(report: &Report) -> (Verdict, &str) {
    (report.verdict, &report.why)
}

#[test]
fn a_workload_that_differs_between_recordings_is_broken() {
    let runs = Cell::new(0);
    let report = explore_crashes(
        |_: &Run<()>| {
            runs.set(runs.get() + 1);
            save("/sim/a", "x");
            fs::write("/sim/b", "y".repeat(runs.get())).unwrap();
        },
        || (),
        |(), _| Ok(()),
    );
    let (verdict, why) = why(&report);
    assert_eq!(verdict, Verdict::HarnessBroken);
    assert!(why.contains("differs between two runs"), "{why}");
    assert!(why.contains("«write 1 bytes at 0 of /sim/b»"), "{why}");
    assert!(why.contains("«write 2 bytes at 0 of /sim/b»"), "{why}");
}

#[test]
fn a_harness_that_is_wrong_by_itself_is_broken() {
    let report = explore_crashes(|_: &Run<()>| panic!("no disk"), || (), |(), _| Ok(()));
    let (verdict, text) = why(&report);
    assert_eq!(verdict, Verdict::HarnessBroken);
    let place = "the workload panicked: no disk (failpoint-disk/tests/explore.rs:";
    assert!(text.starts_with(place), "{text}");
    let report = explore_crashes(workload_that_syncs, || (), |(), _| Err("never".to_owned()));
    let expected = "even without a crash, the check says: never";
    assert_eq!(why(&report), (Verdict::HarnessBroken, expected));
    let report = explore_crashes(|_: &Run<()>| {}, || (), |(), _| Ok(()));
    assert_eq!(report.verdict, Verdict::NotMeasured);
    assert!(report.why.contains("changed nothing below /sim"), "{report}");
}

#[test]
fn a_check_or_a_recovery_that_panics_after_a_crash_is_a_failure() {
    let report = explore_crashes(
        workload_that_syncs,
        || found("/sim/a"),
        |found, acked| {
            assert!(acked.is_empty() || found == "saved");
            assert!(found.is_empty() || found == "saved", "half of it: {found:?}");
            Ok(())
        },
    );
    assert_eq!(report.verdict, Verdict::Lost);
    let text = report.to_string();
    assert!(text.contains("the check panicked: half of it: \"\\0\\0"), "{text}");

    let recover = || {
        let mut text = String::new();
        fs::File::open("/sim/a").expect("it is there").read_to_string(&mut text).unwrap();
        text
    };
    let report = explore_crashes(workload_that_syncs, recover, is_there);
    let text = report.to_string();
    assert!(text.contains("the recovery panicked: it is there: "), "{text}");
    assert!(text.contains(" (failpoint-disk/tests/explore.rs:"), "{text}");
}

#[test]
fn a_budget_that_runs_out_is_told() {
    let explore =
        |explore: Explore| explore.crashes(workload_that_syncs, || found("/sim/a"), is_there);
    let report = explore(Explore::new().max_states(2));
    assert_eq!((report.verdict, report.states, report.exhaustive), (Verdict::Held, 2, false));
    assert!(report.covered < report.operations, "{report}");
    let text = report.to_string();
    assert!(text.ends_with("not exhaustive: the budget ran out at depth 0"), "{text}");
    let report = explore(Explore::new().max_time(Duration::ZERO));
    assert_eq!(why(&report), (Verdict::NotMeasured, "the budget ran out before the first crash"));
}

/// A recovery that writes, so that there is something to crash in it.
fn count_starts() -> usize {
    let starts = found("/sim/starts").len() + 1;
    save("/sim/starts.new", &"x".repeat(starts));
    fs::rename("/sim/starts.new", "/sim/starts").unwrap();
    fs::File::open("/sim").unwrap().sync_all().unwrap();
    (0..8).filter(|number| found(&format!("/sim/{number}")) == "saved").count()
}

fn save_many(run: &Run<usize>, last_is_synced: bool) {
    for number in 0..8 {
        let path = format!("/sim/{number}");
        if number < 7 || last_is_synced {
            save(&path, "saved");
        } else {
            fs::write(&path, "saved").unwrap();
        }
        run.ack(number);
    }
}

fn all_are_there(found: &usize, acked: &[usize]) -> Result<(), String> {
    match *found < acked.len() {
        true => Err(format!("{found} of {}", acked.len())),
        false => Ok(()),
    }
}

#[test]
fn a_budget_goes_first_to_crashes_of_the_whole_workload_then_to_those_of_recoveries() {
    let explore = |explore: Explore, last_is_synced| {
        explore.crashes(|run| save_many(run, last_is_synced), count_starts, all_are_there)
    };
    let all = explore(Explore::new(), true).expect_held();
    assert_eq!(all.covered_at_depth, [32, 32, 32]);
    let line = "\n32 of 32 operations crashed, and their recoveries to depth 2\n";
    assert!(all.to_string().contains(line), "{all}");

    // What is enough for the workload, and for some recoveries.
    let broad = explore(Explore::new().depth(0), true).expect_held();
    assert!(broad.to_string().contains("32 of 32 operations crashed; recoveries not crashed\n"));
    let some = Explore::new().max_states(broad.states + 40);
    let report = explore(some.clone(), true).expect_held();
    assert_eq!(report.states, broad.states + 40);
    assert!(matches!(report.covered_at_depth[..], [32, 1..32, 0]), "{report}");
    assert_eq!(report.covered, 0);
    let text = report.to_string();
    assert!(text.contains("32 of 32 operations crashed; with recoveries to depth 1: "), "{text}");
    assert!(text.contains("; with recoveries to depth 2: 0\n"), "{text}");
    assert!(text.ends_with("not exhaustive: the budget ran out at depth 1"), "{text}");

    // A mistake at the end of the workload is found with it.
    let report = explore(some, false);
    assert_eq!(report.verdict, Verdict::Lost, "{report}");
    let unlimited = explore(Explore::new(), false);
    let schedule = |report: Report| report.failure.expect("it is told").schedule;
    assert_eq!(schedule(report), schedule(unlimited));
}

#[test]
fn a_budget_that_is_large_enough_changes_nothing() {
    let explore =
        |explore: Explore| explore.crashes(|run| save_many(run, true), count_starts, all_are_there);
    let all = explore(Explore::new());
    let report = explore(Explore::new().max_states(all.states));
    assert!(report.exhaustive, "{report}");
    assert_eq!((report.states, report.covered_at_depth), (all.states, all.covered_at_depth));
}

#[test]
fn a_budget_goes_to_all_sequences_first_too() {
    let explore = |explore: Explore| {
        explore.workloads(
            &[0, 1, 2, 3, 4, 5, 6, 7],
            1,
            |_| (),
            |(), run, number| {
                let path = format!("/sim/{number}");
                match number {
                    7 => fs::write(&path, "saved").unwrap(),
                    _ => save(&path, "saved"),
                }
                run.ack(1);
            },
            count_starts,
            all_are_there,
        )
    };
    let broad = explore(Explore::new().depth(0));
    let report = explore(Explore::new().max_states(broad.states + 1));
    assert_eq!(report.verdict, Verdict::Lost, "{report}");
    assert!(report.to_string().contains("\n  the workload is [7]\n"), "{report}");
    let report = explore(Explore::new().max_states(9));
    assert_eq!(report.verdict, Verdict::Held, "{report}");
    assert!(report.why.starts_with("the budget ran out at depth 0, in the workload ["), "{report}");
}

#[test]
fn faults_of_a_run_start_again_in_each_recording() {
    let report = explore_crashes(
        |run| {
            run.scope().arm("disk.write", "nth(1):return(short(2))").unwrap();
            save("/sim/a", "saved");
            run.ack("saved");
        },
        || found("/sim/a"),
        is_there,
    );
    report.expect_held();
}

#[test]
fn an_exploration_can_be_mounted_elsewhere_and_runs_beside_others() {
    let threads: Vec<_> = (0..4)
        .map(|number| {
            std::thread::spawn(move || {
                let path = format!("/disk{number}/a");
                let explore = Explore::new().at(format!("/disk{number}"));
                let directory = format!("/disk{number}");
                explore
                    .crashes(
                        |run| {
                            fs::write(&path, "x").unwrap();
                            fs::File::open(&path).unwrap().sync_all().unwrap();
                            fs::File::open(&directory).unwrap().sync_all().unwrap();
                            run.ack("x");
                        },
                        || found(&path),
                        is_there,
                    )
                    .expect_held();
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}
