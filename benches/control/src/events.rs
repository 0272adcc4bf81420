//! What event streams deliver, and what they cost the threads that fire.

use crate::load::{Load, Loaded};
use crate::usage;
use failpoint::fail_point;
use std::thread;
use std::time::{Duration, Instant};

const FOR: Duration = Duration::from_secs(2);
/// So many fires, then a pause.
const BURST: u64 = 100;
const PAUSE: Duration = Duration::from_millis(10);

/// How the program fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Some thousand times a second.
    Steady,
    /// As fast as one thread can.
    FlatOut,
}

pub(crate) struct Read {
    pub(crate) readers: usize,
    pub(crate) pace: Pace,
    pub(crate) fires: u64,
    /// From the first fire to the last.
    pub(crate) fired_for: Duration,
    /// Of a core, on the thread that fires, in nanoseconds.
    pub(crate) a_fire: f64,
    /// In bytes, above what it was before.
    pub(crate) memory: u64,
    pub(crate) loaded: Loaded,
}

pub(crate) fn measure() -> Vec<Read> {
    let control = failpoint_http::serve("127.0.0.1:0").expect("it listens");
    let address = control.address().expect("an address").to_string();
    let _fired = failpoint::arm("load/fired", "off").expect("it is declared");
    let _last = failpoint::arm("load/last", "off").expect("it is declared");
    let rows = [
        (0, Pace::FlatOut),
        (1, Pace::Steady),
        (16, Pace::Steady),
        (1, Pace::FlatOut),
        (16, Pace::FlatOut),
    ];
    rows.into_iter().map(|(readers, pace)| read(&address, readers, pace)).collect()
}

fn read(address: &str, readers: usize, pace: Pace) -> Read {
    let path = "/v1/events?match=load/*&kinds=fired";
    let load = Load::begin(["events", address, &readers.to_string(), path, "load/last"]);
    let (before, _) = usage::memory();
    let begun = Instant::now();
    let (mut fires, mut core) = (0, Duration::ZERO);
    while begun.elapsed() < FOR {
        let before = usage::own_time();
        for _ in 0..BURST {
            fail_point!("load/fired");
        }
        core += usage::own_time() - before;
        fires += BURST;
        if pace == Pace::Steady {
            thread::sleep(PAUSE);
        }
    }
    let a_fire = core.as_nanos() as f64 / fires as f64;
    let fired_for = begun.elapsed();
    fail_point!("load/last");
    let loaded = load.wait();
    let (_, most) = usage::memory();
    let known = (loaded.figure("least"), loaded.figure("most"));
    let all = if readers == 0 { 0.0 } else { fires as f64 };
    assert_eq!(known, (all, all), "each reader is told of every fire, or that it was lost");
    println!("{readers} readers, {pace:?}: {fires} fires, {a_fire} ns each; {loaded:?}");
    let memory = most.saturating_sub(before);
    Read { readers, pace, fires, fired_for, a_fire, memory, loaded }
}
