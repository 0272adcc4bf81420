//! The tables of docs/cost.md.

use crate::build::{Measured, Profile};
use crate::criteria;
use failpoint_bench_support::functions::{Body, Kind};
use failpoint_bench_support::{Bound, table_of_bounds};
use std::fmt::Write;
use std::time::Duration;

/// Tables for a page of prose: ratios first, then what they come from.
pub fn text(measured: &[(Profile, Body, Vec<Measured>)], points: usize, rounds: usize) -> String {
    let mut text = String::new();
    for (profile, body, measured) in measured {
        let points = body.points(points);
        let of = |kind| measured.iter().find(|one: &&Measured| one.kind == kind);
        let _ = write!(
            text,
            "{points} points, {}, {}, medians of {rounds} rounds:\n\n\
             | | time to the same form of `fail` | time to `fail`'s plain one | time to none's | its fastest and slowest | over none, a point | text | data | text and data | unwinding | relocations |\n\
             |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
            profile.name(),
            body.title(),
        );
        for one in measured {
            let ratio = |time: Duration, other: Option<&Measured>| {
                let ratio = |other: &Measured| time.as_secs_f64() / other.time.as_secs_f64();
                other.map_or("?".to_owned(), |other| format!("{:.2}", ratio(other)))
            };
            let _ = write!(
                text,
                "| {} | {} | {} | {} | {}–{} |",
                one.kind.title(),
                one.kind.same_of_fail().map_or(String::new(), |same| ratio(one.time, of(same))),
                ratio(one.time, of(Kind::Fail)),
                ratio(one.time, of(Kind::None)),
                ratio(one.fastest, of(Kind::None)),
                ratio(one.slowest, of(Kind::None)),
            );
            let Some(none) = of(Kind::None) else {
                let _ = writeln!(text, " {:.2} s in all | | | | | |", one.time.as_secs_f64());
                continue;
            };
            if one.kind == Kind::None {
                let _ = writeln!(text, " {:.2} s in all | | | | | |", one.time.as_secs_f64());
                continue;
            }
            let over = (one.time.as_secs_f64() - none.time.as_secs_f64()) / points as f64;
            let bytes = |bytes: i64| bytes as f64 / (points - 1).max(1) as f64;
            let sizes = one.sizes;
            let _ = writeln!(
                text,
                " {:.2} ms | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} |",
                over * 1e3,
                bytes(sizes.text),
                bytes(sizes.data),
                bytes(sizes.text + sizes.data),
                bytes(sizes.unwinding),
                bytes(sizes.relocations),
            );
        }
        text.push('\n');
    }
    let bounds: Vec<Bound> = measured
        .iter()
        .flat_map(|(profile, body, table)| {
            criteria::of(*profile, *body, table, body.points(points))
        })
        .collect();
    text.push_str(&table_of_bounds(&bounds).join("\n"));
    text
}
