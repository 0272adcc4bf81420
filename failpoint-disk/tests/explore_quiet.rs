//! Tests that an exploration prints no panic that it tells of. The only test of its file: it replaces the
//! panic hook.
#![cfg(feature = "failpoints")]
#![allow(missing_docs)]

use failpoint_disk::{Report, Verdict, explore_crashes, fs};
use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

static PRINTED: AtomicUsize = AtomicUsize::new(0);

fn printed() -> usize {
    PRINTED.swap(0, Ordering::SeqCst)
}

/// Ten files, of which a recovery finds all or panics.
fn explore(inside: impl Fn()) -> Report {
    explore_crashes(
        |_: &failpoint_disk::Run<()>| {
            for number in 0..10 {
                fs::write(format!("/sim/{number}"), "x").unwrap();
            }
        },
        || {
            inside();
            assert_eq!(fs::read_dir("/sim").unwrap().count(), 10, "files are missing");
        },
        |(), _| Ok(()),
    )
}

#[test]
fn a_panic_after_a_crash_is_in_the_report_and_nowhere_else() {
    panic::set_hook(Box::new(|_| {
        PRINTED.fetch_add(1, Ordering::SeqCst);
    }));
    let report = explore(|| ());
    assert_eq!(report.verdict, Verdict::Lost);
    let reason = report.failure.expect("it is told").reason;
    let parts = [
        "the recovery panicked: ",
        "files are missing",
        " (failpoint-disk/tests/explore_quiet.rs:",
    ];
    assert!(parts.iter().all(|part| reason.contains(part)), "{reason}");
    assert_eq!(printed(), 0);

    // Other threads print theirs, and so does this one when it explores no more.
    explore(|| assert!(thread::spawn(|| panic!("elsewhere")).join().is_err()));
    assert!(printed() > 1);
    assert!(panic::catch_unwind(|| panic!("here")).is_err());
    assert_eq!(printed(), 1);

    // An exploration inside of another one leaves it silent.
    let report = explore(|| assert_eq!(explore(|| ()).verdict, Verdict::Lost));
    assert_eq!((report.verdict, printed()), (Verdict::Lost, 0));

    // The workload runs only twice; its panic is printed too.
    let broken = |_: &failpoint_disk::Run<()>| panic!("no disk");
    let report = explore_crashes(broken, || (), |(), _| Ok(()));
    assert_eq!((report.verdict, printed()), (Verdict::HarnessBroken, 1));
    let _ = panic::take_hook();
}
