//! Measures the speed of the control plane, and what it costs the program.
//!
//! ```console
//! $ cargo bench -p failpoint-control-bench               # prints the figures
//! $ cargo bench -p failpoint-control-bench -- --write    # and puts the table into docs/cost.md
//! $ cargo bench -p failpoint-control-bench -- --worst    # what the worst requests do, alone
//! ```
//!
//! Fails where a figure is out of its bound, or a request was refused. It wants two idle cores, and
//! takes about two minutes.
//!
//! Three processes: this one only starts the second, which serves, and keeps its log in a file, as
//! a server does. The second starts the third, which asks: see `generator`.

mod application;
mod bounds;
mod client;
mod declared;
mod events;
mod generator;
mod load;
mod rates;
mod table;
mod usage;
mod waits;
mod worst;

use failpoint_bench_support::write_into_document;
use std::env;
use std::fs;
use std::fs::File;
use std::path::Path;
use std::process::{self, Command};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("generate") => generator::generate(&arguments[1..]),
        Some("measure") if arguments.contains(&"--worst".to_owned()) => measure_worst(),
        Some("measure") => measure(arguments.contains(&"--write".to_owned())),
        _ => supervise(&arguments),
    }
}

fn supervise(arguments: &[String]) {
    let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join("control.log");
    let file = File::create(&log).expect("target can be written");
    let own = env::current_exe().expect("it runs");
    let ended = Command::new(own).arg("measure").args(arguments).stderr(file).status();
    if !ended.expect("it can be started").success() {
        let text = fs::read(&log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        eprintln!("{}", lines[lines.len().saturating_sub(20)..].join("\n"));
        process::exit(1);
    }
}

fn measure(write: bool) {
    usage::allow_files();
    // In this order: the rates declare ten thousand points, with which the others then work.
    let (waits, events, rates) = (waits::measure(), events::measure(), rates::measure());
    let application = application::measure();
    let mut bounds = bounds::measure();
    bounds.push(application::bound(&application));
    let (worst, of_worst) = worst::measure();
    bounds.extend(of_worst);
    let holds = bounds.iter().all(|bound| bound.holds);
    let measured = table::Measured { waits, events, rates, application, worst, bounds };
    let text = table::render(&measured);
    println!("\n{text}");
    if write {
        write_into_document("control", &text).expect("docs/cost.md can be written");
    }
    assert!(holds, "out of bound; are two cores idle?");
}

fn measure_worst() {
    declared::declare(0..rates::MANY);
    let (worst, bounds) = worst::measure();
    println!("\n{}", table::render_worst(&worst, &bounds));
    assert!(bounds.iter().all(|bound| bound.holds), "out of bound; are two cores idle?");
}
