//! Prints nanoseconds per passage of an idle point, a line for each kind: `KIND NANOSECONDS`.
//!
//! What is measured is the loop with the point less the loop without: the least of many rounds,
//! since whatever disturbs a round makes it longer.

use std::hint::black_box;
use std::time::Instant;

const PASSAGES: u64 = 1_000_000;
const ROUNDS: u32 = 60;

#[inline(never)]
fn nothing(n: u64) -> u64 {
    black_box(n)
}

#[inline(never)]
fn by_fail(n: u64) -> u64 {
    fail::fail_point!("idle");
    black_box(n)
}

#[inline(never)]
fn by_fail_with_closure(n: u64) -> u64 {
    fail::fail_point!("idle-closure", |_| 0);
    black_box(n)
}

#[inline(never)]
fn by_fail_computed(n: u64) -> u64 {
    fail::fail_point!(black_box("idle-computed"), |_| 0);
    black_box(n)
}

#[inline(never)]
fn ours(n: u64) -> u64 {
    failpoint::fail_point!("idle-ours");
    black_box(n)
}

#[inline(never)]
fn ours_with_closure(n: u64) -> u64 {
    failpoint::fail_point!("idle-ours-closure", |_| 0);
    black_box(n)
}

type Kind = (&'static str, fn(u64) -> u64);

fn main() {
    let kinds: [Kind; 6] = [
        ("nothing", nothing),
        ("fail", by_fail),
        ("fail-closure", by_fail_with_closure),
        ("fail-computed", by_fail_computed),
        ("ours", ours),
        ("ours-closure", ours_with_closure),
    ];
    let mut least = [f64::MAX; 6];
    // In turns, so that what disturbs one disturbs all.
    for _ in 0..ROUNDS {
        for (least, (_, passage)) in least.iter_mut().zip(kinds) {
            let passage = black_box(passage);
            let begun = Instant::now();
            for n in 0..PASSAGES {
                passage(n);
            }
            *least = least.min(begun.elapsed().as_nanos() as f64 / PASSAGES as f64);
        }
    }
    for ((kind, _), least_of_it) in kinds.iter().zip(least).skip(1) {
        println!("{kind} {:.3}", (least_of_it - least[0]).max(0.0));
    }
}
