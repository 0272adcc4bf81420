//! Tests that an exploration gives a clear answer, and ends, whatever it explores.
#![cfg(feature = "failpoints")]
#![allow(missing_docs)]

use failpoint_disk::{Explore, Report, Run, Torn, Verdict, explore_crashes, explore_syncs, fs};
use std::cell::{Cell, RefCell};
use std::io::{Read, Seek, Write};
use std::panic::panic_any;
use std::time::Duration;
use std::{mem, thread};

fn save(path: &str, text: &str) {
    let mut file = fs::File::create(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.sync_all().unwrap();
    fs::File::open("/sim").unwrap().sync_all().unwrap();
}

fn found(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn save_and_ack(run: &Run<&'static str>) {
    save("/sim/a", "saved");
    run.ack("saved");
}

fn is_there(found: &String, acked: &[&str]) -> Result<(), String> {
    match acked.last() {
        Some(last) if found != last => Err(format!("{last} is lost, {found:?} is there")),
        _ => Ok(()),
    }
}

#[track_caller]
fn assert_says(report: &Report, verdict: Verdict, why: &str) {
    assert_eq!(report.verdict, verdict, "{report}");
    let text = report.to_string();
    assert!(text.contains(why), "{why:?} is missing in {text}");
}

#[test]
fn a_workload_that_never_ends_is_ended() {
    let changes = "the workload does not end: it made more than 100000 changes";
    let endless = |_: &Run<()>| {
        let mut log = fs::File::create("/sim/log").unwrap();
        loop {
            log.write_all(b"x").unwrap();
            log.rewind().unwrap();
        }
    };
    assert_says(&explore_crashes(endless, || (), |(), _| Ok(())), Verdict::HarnessBroken, changes);
    let promises = |run: &Run<()>| {
        loop {
            run.ack(());
        }
    };
    assert_says(&explore_crashes(promises, || (), |(), _| Ok(())), Verdict::HarnessBroken, changes);
    // It waits for what never comes.
    let waits = |_: &Run<()>| while !fs::exists("/sim/ready").unwrap() {};
    let calls = "the workload does not end: it made more than 1000000 operations";
    assert_says(&explore_crashes(waits, || (), |(), _| Ok(())), Verdict::HarnessBroken, calls);
    // It never gives up on a full disk.
    let much = |_: &Run<()>| {
        let buffer = vec![0; 8 << 20];
        while fs::write("/sim/log", &buffer).is_ok() {}
    };
    let bytes = "the workload wrote more than 256 MiB, which is too much to explore";
    assert_says(&explore_crashes(much, || (), |(), _| Ok(())), Verdict::HarnessBroken, bytes);
}

#[test]
fn a_recovery_that_does_not_end_after_a_crash_is_a_failure() {
    let recover = || {
        // It reads on until the record is whole.
        while let Ok(mut file) = fs::File::open("/sim/a") {
            let mut text = String::new();
            file.read_to_string(&mut text).unwrap();
            if text == "saved" {
                break;
            }
        }
        found("/sim/a")
    };
    let report = explore_crashes(save_and_ack, recover, is_there);
    assert_says(&report, Verdict::Lost, "then: the recovery does not end: it made more than");
    assert_eq!(report.failure.expect("it is told").schedule_length, 1);
}

#[test]
fn a_recovery_that_differs_is_broken() {
    let runs = Cell::new(0);
    let count = || {
        runs.set(runs.get() + 1);
        runs.get()
    };
    let explore = |recover: &dyn Fn() -> String| explore_crashes(save_and_ack, recover, is_there);
    let differs = "the recovery differs between two runs on the same disk: ";
    let report = explore(&|| {
        fs::write("/sim/lock", count().to_string()).unwrap();
        found("/sim/a")
    });
    assert_says(&report, Verdict::HarnessBroken, differs);
    assert_says(&report, Verdict::HarnessBroken, "«write 1 bytes at 0 of /sim/lock»");

    let number = || (found("/sim/a").len() + count()).to_string();
    let report = explore_crashes(save_and_ack, number, |_, _| Ok(()));
    assert_says(&report, Verdict::HarnessBroken, "what it returned is not equal");
    let nan = || found("/sim/a").parse::<f64>().unwrap_or(f64::NAN);
    let report = explore_crashes(save_and_ack, nan, |_, _| Ok(()));
    assert_says(&report, Verdict::HarnessBroken, "what it returned is not equal");

    // It fails once, and never again: no seed replays that.
    let once = Cell::new(false);
    let report = explore(&|| {
        let text = found("/sim/a");
        assert!(text == "saved" || once.replace(true), "half of it");
        text
    });
    let why = "a failure does not come again on the same disk: the recovery panicked: half of it";
    assert_says(&report, Verdict::HarnessBroken, why);
}

#[test]
fn a_recovery_that_looks_elsewhere_measures_nothing() {
    let report = explore_crashes(save_and_ack, || 7, |_, _| Ok(()));
    assert_says(&report, Verdict::NotMeasured, "the recovery looked at nothing below /sim");

    // It uses a file that the workload left open, on the disk of the workload.
    let open = RefCell::new(None);
    let report = explore_crashes(
        |run: &Run<&str>| {
            save_and_ack(run);
            open.replace(Some(fs::File::open("/sim/a").unwrap()));
        },
        || {
            let mut text = String::new();
            let mut open = open.borrow_mut();
            let file = open.as_mut().expect("the workload left it open");
            file.rewind().unwrap();
            file.read_to_string(&mut text).unwrap();
            text
        },
        is_there,
    );
    assert_says(&report, Verdict::NotMeasured, "the recovery looked at nothing below /sim");
}

#[test]
fn files_that_are_never_closed_do_not_matter() {
    let leak = || mem::forget(fs::File::open("/sim"));
    let report = explore_crashes(
        |run| {
            leak();
            save_and_ack(run);
        },
        || {
            leak();
            found("/sim/a")
        },
        is_there,
    );
    assert_eq!(report.expect_held().states, 4);
}

#[test]
fn threads_of_a_workload_take_part_if_they_are_in_its_scope() {
    let report = explore_crashes(
        |run| {
            let inside = run.scope().wrap_fn(|| save("/sim/a", "saved"));
            thread::spawn(inside).join().unwrap();
            run.ack("saved");
        },
        || found("/sim/a"),
        is_there,
    );
    assert_eq!(report.expect_held().states, 4);

    let outside = |_: &Run<&str>| {
        let created = thread::spawn(|| fs::File::create("/sim/a")).join().unwrap();
        created.unwrap();
    };
    let report = explore_crashes(outside, || found("/sim/a"), is_there);
    assert_says(&report, Verdict::HarnessBroken, "outside the scope");
    assert_says(&report, Verdict::HarnessBroken, "Scope::wrap_fn");

    // A thread that never ends is told of by its failure.
    let endless = |run: &Run<&str>| {
        let inside = run.scope().wrap_fn(|| {
            loop {
                fs::write("/sim/a", "x").unwrap();
            }
        });
        thread::spawn(inside).join().unwrap();
    };
    let report = explore_crashes(endless, || found("/sim/a"), is_there);
    assert_says(&report, Verdict::HarnessBroken, "the workload does not end");
}

#[test]
fn a_panic_of_any_kind_is_told() {
    let odd = |_: &Run<&str>| {
        let _open = fs::File::create("/sim/a").unwrap();
        panic_any(7);
    };
    let report = explore_crashes(odd, || found("/sim/a"), is_there);
    assert_says(
        &report,
        Verdict::HarnessBroken,
        "the workload panicked: a panic without a message",
    );
    let report = explore_crashes(
        |run: &Run<&str>| {
            run.scope().arm("disk.sync", "panic(no power)").unwrap();
            save_and_ack(run);
        },
        || found("/sim/a"),
        is_there,
    );
    assert_says(
        &report,
        Verdict::HarnessBroken,
        "the workload panicked: failpoint disk.sync panic",
    );
}

#[test]
fn a_workload_whose_disk_loses_power_is_told() {
    let report = explore_crashes(
        |run| {
            run.disk().power_off();
            save_and_ack(run);
        },
        || found("/sim/a"),
        is_there,
    );
    assert_says(&report, Verdict::HarnessBroken, "the simulated disk has crashed");
}

#[test]
fn a_check_sees_what_was_found_and_not_the_disk() {
    let report = explore_crashes(
        save_and_ack,
        || found("/sim/a"),
        |_, _| fs::write("/sim/a", "changed").map_err(|error| error.to_string()),
    );
    assert_says(&report, Verdict::HarnessBroken, "outside the scope");
}

#[test]
fn an_exploration_may_run_inside_another_one() {
    let inner = || explore_crashes(save_and_ack, || found("/sim/a"), is_there);
    let report = explore_crashes(
        |run| {
            assert_eq!(inner().verdict, Verdict::Held);
            save_and_ack(run);
        },
        || {
            assert_eq!(inner().verdict, Verdict::Held);
            found("/sim/a")
        },
        |found, acked| {
            assert_eq!(inner().verdict, Verdict::Held);
            is_there(found, acked)
        },
    );
    assert_eq!(report.expect_held().states, 4);
}

#[test]
fn extreme_settings_have_an_answer() {
    let explore = |explore: Explore| explore.crashes(save_and_ack, || found("/sim/a"), is_there);
    let none = "the budget ran out before the first crash";
    assert_says(&explore(Explore::new().max_states(0)), Verdict::NotMeasured, none);
    assert_says(&explore(Explore::new().max_states(0).depth(0)), Verdict::NotMeasured, none);
    assert_says(&explore(Explore::new().max_time(Duration::ZERO)), Verdict::NotMeasured, none);
    let deep = explore(Explore::new().depth(usize::MAX).max_states(u64::MAX - 1)).expect_held();
    assert_eq!((deep.states, deep.covered_at_depth.len(), deep.exhaustive), (4, 17, true));
    explore(Explore::new().depth(usize::MAX).max_time(Duration::MAX)).expect_held();

    let syncs = Explore::new().max_states(0).syncs(save_and_ack, || found("/sim/a"), is_there);
    assert_says(&syncs.baseline, Verdict::NotMeasured, none);
    assert!(syncs.syncs.is_empty());
    let nothing = explore_syncs(|_: &Run<&str>| (), || found("/sim/a"), is_there);
    assert_says(&nothing.baseline, Verdict::NotMeasured, "the workload changed nothing");

    let workloads = |alphabet: &[&str], explore: Explore, length| {
        explore.workloads(
            alphabet,
            length,
            |_: &Run<&str>| (),
            |(), _, name| save(&format!("/sim/{name}"), "saved"),
            || found("/sim/a"),
            is_there,
        )
    };
    let none = workloads(&[], Explore::new(), usize::MAX);
    assert_says(&none, Verdict::NotMeasured, "the workload changed nothing");
    let letters = ["a", "b", "c", "d", "e"];
    let endless = workloads(&letters, Explore::new().max_states(30), usize::MAX);
    assert_says(&endless, Verdict::Held, "the budget ran out at depth 0, in the workload [\"");
}

/// A recovery that counts its starts could be crashed forever.
#[test]
fn a_recovery_that_always_writes_is_crashed_as_deep_as_asked() {
    let recover = || {
        let starts = fs::read("/sim/starts").unwrap_or_default().len();
        save("/sim/starts", &"x".repeat(starts + 1));
        found("/sim/a")
    };
    let explore = Explore::new().depth(usize::MAX).max_states(300);
    let report = explore.crashes(save_and_ack, recover, is_there);
    assert_says(&report, Verdict::Held, "not exhaustive: the budget ran out at depth ");
    assert_eq!(report.states, 300);
}

#[test]
fn a_large_file_costs_what_is_changed_in_it() {
    let report = Explore::new().max_states(100).crashes(
        |run: &Run<u64>| {
            let mut file = fs::File::create("/sim/a").unwrap();
            file.set_len(1 << 30).unwrap();
            file.write_all(b"saved").unwrap();
            file.sync_all().unwrap();
            fs::File::open("/sim").unwrap().sync_all().unwrap();
            run.ack(1 << 30);
        },
        || fs::metadata("/sim/a").map_or(0, |metadata| metadata.len()),
        |found, acked| match acked.iter().all(|len| found == len) {
            true => Ok(()),
            false => Err(format!("{found} bytes are there")),
        },
    );
    report.expect_held();
}

#[test]
fn a_budget_of_time_ends_a_place_with_very_many_crashes() {
    let report = Explore::new().torn(Torn::Byte).max_time(Duration::from_millis(100)).crashes(
        |run: &Run<&str>| {
            save("/sim/a", "saved");
            let mut log = fs::File::create("/sim/log").unwrap();
            for number in 0..2000 {
                write!(log, "{number}").unwrap();
            }
            log.write_all(&vec![7; 8 << 20]).unwrap();
            run.ack("saved");
        },
        || found("/sim/a"),
        is_there,
    );
    assert!(report.why.starts_with("the budget ran out "), "{report}");
}

#[test]
fn two_explorations_of_one_place_do_not_see_each_other() {
    thread::scope(|threads| {
        for number in 0..8 {
            threads.spawn(move || {
                let text = number.to_string();
                let report = explore_crashes(
                    |run| {
                        save("/sim/a", &text);
                        run.ack(());
                    },
                    || found("/sim/a"),
                    |found, acked| match acked.is_empty() || *found == text {
                        true => Ok(()),
                        false => Err(format!("{found:?}, and not {text:?}")),
                    },
                );
                report.expect_held();
            });
        }
    });
}

#[cfg(feature = "tokio")]
#[test]
fn async_code_is_explored() {
    use failpoint_disk::tokio::fs;

    async fn save_async() {
        fs::write("/sim/a", "saved").await.unwrap();
        fs::File::open("/sim/a").await.unwrap().sync_all().await.unwrap();
        fs::File::open("/sim").await.unwrap().sync_all().await.unwrap();
    }
    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build();
        runtime.unwrap().block_on(future)
    }
    let recover = || block_on(async { fs::read_to_string("/sim/a").await.unwrap_or_default() });
    let inside = |run: &Run<&'static str>| {
        block_on(save_async());
        run.ack("saved");
    };
    assert_eq!(explore_crashes(inside, recover, is_there).expect_held().states, 4);

    // A task is in the scope if it is told to be.
    let task = |run: &Run<&'static str>| {
        let save = run.scope().wrap(save_async());
        block_on(async { tokio::spawn(save).await.unwrap() });
        run.ack("saved");
    };
    assert_eq!(explore_crashes(task, recover, is_there).expect_held().states, 4);
    let outside = |_: &Run<&'static str>| {
        block_on(async { tokio::spawn(save_async()).await.unwrap() });
    };
    let report = explore_crashes(outside, recover, is_there);
    assert_says(&report, Verdict::HarnessBroken, "the workload panicked: ");

    // It is called from async code, which cannot block.
    let report = block_on(async { explore_crashes(inside, recover, is_there) });
    assert_says(&report, Verdict::HarnessBroken, "Cannot start a runtime from within a runtime");
}
