//! Tests what an exploration finds and says.
#![cfg(feature = "failpoints")]
#![allow(missing_docs)]

use failpoint_disk::{
    Explore, Report, Run, Torn, Verdict, explore_crashes, explore_syncs, explore_workloads, fs,
};
use std::cell::Cell;
use std::io::{Read, Write};
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
    assert_eq!(why(&report), (Verdict::HarnessBroken, "the workload panicked: no disk"));
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
    assert!(report.to_string().contains("the recovery panicked: it is there"), "{report}");
}

#[test]
fn a_budget_that_runs_out_is_told() {
    let explore =
        |explore: Explore| explore.crashes(workload_that_syncs, || found("/sim/a"), is_there);
    let report = explore(Explore::new().max_states(2));
    assert_eq!((report.verdict, report.states, report.exhaustive), (Verdict::Held, 2, false));
    assert!(report.covered < report.operations, "{report}");
    assert!(report.to_string().ends_with("not exhaustive: the budget ran out"), "{report}");
    let report = explore(Explore::new().max_time(Duration::ZERO));
    assert_eq!(why(&report), (Verdict::NotMeasured, "the budget ran out before the first crash"));
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
