//! What do failpoints cost a replicated store, compiled out, idle and armed?
//!
//! ```console
//! $ cargo run --release --manifest-path benches/raft-kv/Cargo.toml               # prints the figures
//! $ cargo run --release --manifest-path benches/raft-kv/Cargo.toml -- --write    # and puts them into docs/cost.md
//! ```
//!
//! `--rounds 12` says how often everything is measured. Twelve rounds take about three minutes after the
//! servers are built. They want two idle cores. Fails if an idle point costs more than noise, or if a write
//! fails.
//!
//! Each round starts a new cluster of three processes for each [`Subject`](subject::Subject), and loads one
//! after the other. So all subjects have the same state, and other load on the machine affects all of them.

mod cluster;
mod load;
mod rounds;
mod servers;
mod spread;
mod subject;
mod table;

use failpoint_bench_support::write_into_document;
use rounds::{Place, Plan};
use std::env;
use std::process::ExitCode;

const USAGE: &str = "usage: failpoint-bench-raft-kv [--write] [--rounds 12]";

fn main() -> ExitCode {
    let (rounds, write) = match arguments(env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(why) => {
            eprintln!("{why}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let servers = servers::build();
    let plan = Plan { rounds, servers };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let measured = runtime.expect("a runtime").block_on(async {
        let mut measured = Vec::new();
        for place in Place::available() {
            measured.push((place, plan.measure(place).await));
        }
        measured
    });
    let bounds = table::bounds(&measured);
    let text = table::render(&measured, &bounds);
    println!("\n{text}");
    if write {
        write_into_document("raft-kv", &text).expect("docs/cost.md can be written");
    }
    if bounds.iter().all(|bound| bound.holds) {
        return ExitCode::SUCCESS;
    }
    eprintln!("out of bound; are two cores idle?");
    ExitCode::FAILURE
}

/// How many rounds, and whether the document is written.
fn arguments(mut words: impl Iterator<Item = String>) -> Result<(usize, bool), String> {
    let (mut rounds, mut write) = (12, false);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--write" => write = true,
            "--rounds" => {
                let number = words.next().and_then(|number| number.parse().ok());
                rounds = number
                    .filter(|&number| number > 0)
                    .ok_or("--rounds needs a number from 1 on")?;
            }
            _ => return Err(format!("there is no option {word}")),
        }
    }
    Ok((rounds, write))
}
