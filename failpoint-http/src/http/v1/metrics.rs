//! The route `/metrics`, in Prometheus' text format 0.0.4.

use super::call::Call;
use crate::conn::permits;
use crate::http::response::Reply;
use crate::wire::Problem;
use failpoint::__bridge::watch::{self, Total};
use std::borrow::Cow;
use std::fmt::{Display, Write};

pub(super) fn metrics(_: &Call<'_>) -> Result<Reply, Box<Problem>> {
    let totals = watch::totals();
    let mut text = String::new();
    let mut by_point = |name: &str, kind: &str, help: &str, value: fn(&Total) -> u64| {
        head(&mut text, name, kind, help);
        for point in &totals.points {
            line(&mut text, name, Some(("point", &point.name)), value(point));
        }
    };
    by_point("failpoint_hits_total", "counter", "Hits, in all armings.", |point| point.hits);
    by_point("failpoint_fires_total", "counter", "Fires, in all armings.", |point| point.fires);
    by_point("failpoint_paused", "gauge", "Callers that are paused.", |point| point.paused);
    by_point("failpoint_armed", "gauge", "Whether the point is armed globally.", |point| {
        u64::from(point.armed)
    });
    head(&mut text, "failpoint_points", "gauge", "How many points the code declares.");
    line(&mut text, "failpoint_points", None, totals.declared);
    head(&mut text, "failpoint_revision", "gauge", "Number of armings and disarmings so far.");
    line(&mut text, "failpoint_revision", None, totals.revision);
    head(&mut text, "failpoint_held_open", "gauge", "Open waits and event streams.");
    line(&mut text, "failpoint_held_open", Some(("kind", "wait")), permits::WAITS.taken());
    line(&mut text, "failpoint_held_open", Some(("kind", "events")), permits::READERS.taken());
    Ok(Reply::prometheus(text))
}

// Writing to text cannot fail.

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
}

fn line(text: &mut String, name: &str, label: Option<(&str, &str)>, value: impl Display) {
    text.push_str(name);
    if let Some((label, of)) = label {
        text.extend(["{", label, "=\"", &escaped(of), "\"}"]);
    }
    let _ = writeln!(text, " {value}");
}

/// A label's value, escaped. No valid name needs it, but the format requires it.
fn escaped(value: &str) -> Cow<'_, str> {
    if !value.contains(['\\', '"', '\n']) {
        return Cow::Borrowed(value);
    }
    Cow::Owned(value.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n"))
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn what_a_label_cannot_hold_is_escaped() {
        assert_eq!(escaped("a/b.c-d:e_f"), "a/b.c-d:e_f");
        assert_eq!(escaped("a\"b\\c\nd"), r#"a\"b\\c\nd"#);
    }
}
