//! The comparison as a table.

use super::{Found, SUBJECTS};

pub(super) fn print(rows: &[(&str, [Found; SUBJECTS.len()])], seed: u64) {
    print!("| log |");
    for (name, _) in SUBJECTS {
        print!(" {name} |");
    }
    println!("\n|---|---|---|---|");
    for (log, found) in rows {
        print!("| {log} |");
        for found in found {
            let verdict = if found.is_lost { "**lost**" } else { "nothing found" };
            print!(" {verdict}: {}, {:.1?} |", found.how, found.took);
        }
        println!();
    }
    println!("\nseed {seed}");
}
