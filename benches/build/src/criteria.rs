//! What the tables have to show.
//!
//! What a point takes in itself is asked of functions of one line, where nothing else hides it; what points
//! add to a build, of functions as servers have them.

use crate::build::{Measured, Profile};
use failpoint_bench_support::functions::{Body, Kind};
use failpoint_bench_support::Bound;

/// What has to hold in one table.
pub fn of(profile: Profile, body: Body, measured: &[Measured], points: usize) -> Vec<Bound> {
    let of = |kind| measured.iter().find(|one| one.kind == kind);
    let seconds = |one: &Measured| one.time.as_secs_f64();
    let line = |what: String, is: String, holds: bool| {
        let what = format!("{}: {what}", profile.name());
        Bound { what, is, holds }
    };
    let mut lines = Vec::new();
    if let (Body::Ordinary, Some(none), Some(off)) = (body, of(Kind::None), of(Kind::Off)) {
        let what = format!(
            "compiled out, {points} points in functions of 25 lines take no longer than the slowest \
             round of none"
        );
        let is = format!("{:.2}", seconds(off) / seconds(none));
        lines.push(line(what, is, off.time <= none.slowest));
    }
    let forms = [Kind::On, Kind::Closure, Kind::Typed, Kind::Value, Kind::Result];
    for kind in forms.into_iter().filter(|_| body == Body::Line) {
        let (Some(ours), Some(fails)) = (of(kind), kind.same_of_fail().and_then(of)) else {
            continue;
        };
        let (most, words) = match profile {
            Profile::Dev => (1.0, "at most the time"),
            Profile::Release => (0.25, "at most a quarter of the time"),
        };
        let ratio = seconds(ours) / seconds(fails);
        let what = format!("{}: {words} of the same form of `fail`", kind.title());
        lines.push(line(what, format!("{ratio:.2}"), ratio <= most));
    }
    if let (Body::Line, Some(none), Some(on)) = (body, of(Kind::None), of(Kind::On)) {
        match profile {
            Profile::Dev => {
                let over = (seconds(on) - seconds(none)) / points as f64 * 1e3;
                let what = "compiled in, a point takes at most 1.5 ms over none";
                lines.push(line(what.to_owned(), format!("{over:.2} ms"), over <= 1.5));
            }
            Profile::Release => {
                let bytes = (on.sizes.text + on.sizes.data) as f64 / (points - 1).max(1) as f64;
                let what = "compiled in, a point takes at most 192 bytes of text and data";
                lines.push(line(what.to_owned(), format!("{bytes:.0}"), bytes <= 192.0));
            }
        }
    }
    lines
}
