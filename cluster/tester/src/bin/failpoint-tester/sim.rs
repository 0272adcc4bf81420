//! `failpoint-tester sim`: simulates raft-kv under faults, seed after seed.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use clap::{Args, value_parser};
use cluster_sim::{Injections, RaftKv, Run, Subject as _};
use failpoint_tester::report::output::Output;
use failpoint_tester::sim;

/// How many events of the failing run are shown.
const LAST_EVENTS: usize = 60;

/// Simulate raft-kv under faults that seeds draw: no processes, no waiting. The last line is JSON.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The first seed. The same seed gives the same run.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds to run.
    #[arg(long, default_value_t = 100, value_parser = value_parser!(u64).range(1..))]
    runs: u64,
    /// Print what each seed drew, and every event.
    #[arg(long)]
    trace: bool,
}

/// What all runs came to.
#[derive(Default)]
struct Total {
    injections: Injections,
    /// The texts of the violations by their seeds.
    violations: BTreeMap<u64, String>,
}

pub(crate) fn main(arguments: &Arguments, output: &Output) -> u8 {
    let start = Instant::now();
    let total = run_all(arguments, output);
    let seconds = start.elapsed().as_secs_f64();
    for text in total.violations.values() {
        output.line(text);
    }
    output.line(format_args!("injected: {}", total.injections));
    let injections = total.injections.total();
    output.line(serde_json::json!({
        "runs": arguments.runs,
        "injections": injections,
        "injections_per_second": (injections as f64 / seconds).round() as u64,
        "violations": total.violations.len(),
    }));
    if total.violations.is_empty() { 0 } else { 3 }
}

/// Runs the seeds on all cores. A run is on one thread, and knows nothing of the others.
fn run_all(arguments: &Arguments, output: &Output) -> Total {
    let total = Mutex::new(Total::default());
    let next = AtomicU64::new(0);
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= arguments.runs {
                return;
            }
            let seed = arguments.seed.wrapping_add(number);
            let ran = sim::run(seed, arguments.trace);
            let text = ran.violation.is_some().then(|| violation(seed, &ran));
            let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
            if arguments.trace {
                output.line(format_args!("{}\n  {}", ran.plan, ran.subject.drawn()));
                output.line(ran.lines.join("\n"));
                output.line(format_args!("seed {seed}: trace {:016x}", ran.trace));
            }
            total.injections.merge(&ran.injections);
            total.violations.extend(text.map(|text| (seed, text)));
        }
    };
    thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    total.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// What went wrong, and the way to it.
fn violation(seed: u64, ran: &Run<RaftKv>) -> String {
    let Some(violation) = &ran.violation else { return String::new() };
    let again = sim::run(seed, true);
    let last = &again.lines[again.lines.len().saturating_sub(LAST_EVENTS)..];
    format!(
        "{}\n  {}\n{}\nseed {seed}, after {:.6} s: {violation}\nreplay: failpoint-tester sim --seed {seed} \
         --runs 1 --trace",
        ran.plan,
        ran.subject.drawn(),
        last.join("\n"),
        ran.took.as_secs_f64(),
    )
}
