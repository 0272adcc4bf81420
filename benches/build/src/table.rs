//! How is it told?

use crate::build::{Measured, Profile};
use crate::generate::Kind;
use std::fmt::Write;

const BEGIN: &str = "<!-- build: begin -->";
const END: &str = "<!-- build: end -->";

/// Tables for a page of prose: ratios first, then what they come from.
pub fn text(measured: &[(Profile, Vec<Measured>)], points: usize, rounds: usize) -> String {
    let mut text = String::new();
    for (profile, measured) in measured {
        let of = |kind| measured.iter().find(|one: &&Measured| one.kind == kind);
        let _ = write!(
            text,
            "{} points, {}, medians of {rounds} rounds:\n\n\
             | | time to `fail`'s | time to none's | over none, a point | text | data | text and data | unwinding | relocations |\n\
             |---|--:|--:|--:|--:|--:|--:|--:|--:|\n",
            points,
            profile.name(),
        );
        for one in measured {
            let ratio = |other: Option<&Measured>| {
                let ratio = |other: &Measured| one.time.as_secs_f64() / other.time.as_secs_f64();
                other.map_or("?".to_owned(), |other| format!("{:.2}", ratio(other)))
            };
            let _ = write!(
                text,
                "| {} | {} | {} |",
                one.kind.title(),
                ratio(of(Kind::Fail)),
                ratio(of(Kind::None))
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
            let (ours, theirs) = (one.sizes, none.sizes);
            let bytes = |ours: u64, theirs: u64| (ours as f64 - theirs as f64) / points as f64;
            let _ = writeln!(
                text,
                " {:.2} ms | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} |",
                over * 1e3,
                bytes(ours.text, theirs.text),
                bytes(ours.data, theirs.data),
                bytes(ours.text + ours.data, theirs.text + theirs.data),
                bytes(ours.unwinding, theirs.unwinding),
                bytes(ours.relocations, theirs.relocations),
            );
        }
        text.push('\n');
    }
    text.trim_end().to_owned()
}

/// `page` with `text` between its two marks.
pub fn put(page: &str, text: &str) -> String {
    let (head, rest) = page.split_once(BEGIN).expect("docs/cost.md has the mark of the beginning");
    let (_, tail) = rest.split_once(END).expect("docs/cost.md has the mark of the end");
    format!("{head}{BEGIN}\n{text}\n{END}{tail}")
}
