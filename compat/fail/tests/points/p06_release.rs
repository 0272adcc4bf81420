//! Arming anew and removing release everyone who is paused.

use crate::{SOON, until};
use fail::{FailScenario, fail_point};
use std::sync::mpsc::{self, Receiver};
use std::thread;

const CALLERS: usize = 4;

/// Callers that stand at the point; each tells when it goes.
fn paused() -> Receiver<()> {
    let (tx, rx) = mpsc::channel();
    for _ in 0..CALLERS {
        let tx = tx.clone();
        thread::spawn(move || {
            fail_point!("p06");
            // Whoever asked may have gone.
            let _ = tx.send(());
        });
    }
    stand();
    rx
}

/// Until all of them are there.
fn stand() {
    until(|| failpoint::point("p06").unwrap().paused == CALLERS as u64);
}

fn all_gone(rx: &Receiver<()>) {
    for _ in 0..CALLERS {
        rx.recv_timeout(SOON).unwrap();
    }
}

#[test]
fn by_other_actions() {
    let _scenario = FailScenario::setup();
    fail::cfg("p06", "pause").unwrap();
    let rx = paused();
    assert!(rx.try_recv().is_err());
    fail::cfg("p06", "off").unwrap();
    all_gone(&rx);
}

#[test]
fn by_the_same_pause() {
    let _scenario = FailScenario::setup();
    fail::cfg("p06", "pause").unwrap();
    let rx = paused();
    fail::cfg("p06", "pause").unwrap();
    all_gone(&rx);
}

#[test]
fn by_a_callback() {
    let _scenario = FailScenario::setup();
    fail::cfg("p06", "pause").unwrap();
    let rx = paused();
    fail::cfg_callback("p06", || {}).unwrap();
    all_gone(&rx);
}

#[test]
fn by_remove() {
    let _scenario = FailScenario::setup();
    fail::cfg("p06", "pause").unwrap();
    let rx = paused();
    fail::remove("p06");
    all_gone(&rx);
}

#[test]
fn by_teardown() {
    let scenario = FailScenario::setup();
    fail::cfg("p06", "pause").unwrap();
    let rx = paused();
    scenario.teardown();
    all_gone(&rx);
}

#[test]
fn a_sleeper_goes_too() {
    let _scenario = FailScenario::setup();
    let (tx, rx) = mpsc::channel();
    fail::cfg("p06-sleep", "sleep(3600000)").unwrap();
    let armed = failpoint::point("p06-sleep").unwrap();
    thread::spawn(move || {
        fail_point!("p06-sleep");
        tx.send(()).unwrap();
    });
    until(|| failpoint::point("p06-sleep").unwrap().hits > armed.hits);
    fail::remove("p06-sleep");
    rx.recv_timeout(SOON).unwrap();
}
