//! What an evaluation costs, here and in other crates, in one run.
//!
//! ```console
//! $ cargo bench --bench evaluations                  # prints the table of docs/cost.md
//! $ cargo bench --bench evaluations -- --write       # and puts it there
//! ```
//!
//! Neither criterion nor divan runs its benchmarks in turns, nor takes the loop away from what is
//! looped, and both matter here: the machine's mood changes within a run, and an idle point costs
//! less than the loop around it. So each round measures everything once, and what is told are
//! medians over the rounds.
//!
//! A figure is what one evaluation takes one thread, its wait for a core included: the time from
//! the common start to the last one's end, by the number of evaluations of each thread, less the
//! same for the empty loop in the same round. It means the same for all.

mod cases;
mod peers;
mod rounds;
mod subject;
mod table;

use failpoint_bench_support::write_into_document;
use rounds::Selection;
use std::io;

/// How many rounds the medians are of.
const ROUNDS: usize = 21;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |option: &str| {
        let at = arguments.iter().position(|argument| argument == option)?;
        Some(arguments.get(at + 1).expect("an option has a value").as_str())
    };
    let number = |option: &str| after(option).map(|text| text.parse().expect("a number"));
    let write = arguments.iter().any(|argument| argument == "--write");
    let selection = Selection { only: after("--only"), threads: number("--threads") };
    assert!(!write || selection.is_all(), "the document has all rows");
    let measured = rounds::measure(number("--rounds").unwrap_or(ROUNDS), selection);
    let table = table::render(&measured);
    println!("{table}");
    if write {
        write_into_document("evaluations", &table)?;
    }
    Ok(())
}
