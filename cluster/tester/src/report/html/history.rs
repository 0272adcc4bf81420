//! What does the history around a violation look like?
//!
//! The lines come from [`checks::around`](crate::checks::around), or from a log. Operations become
//! rows of a table and bars of a picture, everything else stays a line.

use std::fmt::Write;

use super::escape::text;

/// How many clients the picture has rows for.
const CLIENTS: usize = 16;

/// A line, taken apart.
struct Line<'a> {
    disagrees: bool,
    operation: Option<Operation<'a>>,
    text: &'a str,
}

struct Operation<'a> {
    number: &'a str,
    client: &'a str,
    start: u64,
    end: u64,
    what: &'a str,
}

/// The lines as a part of a page; `id` makes the ids in it unique.
pub(super) fn html(lines: &[String], id: usize) -> String {
    let lines: Vec<Line<'_>> = lines.iter().map(|line| parse(line)).collect();
    if lines.iter().any(|line| line.operation.is_some()) {
        format!(
            "<figure class=\"history\"><div class=\"wide\">{}</div><div class=\"narrow\">{}</div></figure>{}",
            picture(&lines, &format!("wide-{id}"), 820.0),
            picture(&lines, &format!("narrow-{id}"), 270.0),
            table(&lines, id)
        )
    } else {
        excerpt(&lines)
    }
}

fn parse(line: &str) -> Line<'_> {
    let disagrees = line.starts_with("> ");
    let text = line.strip_prefix("> ").or_else(|| line.strip_prefix("  ")).unwrap_or(line);
    Line { disagrees, operation: operation(text), text }
}

/// Takes `operation 2 (client 2, from 30 to 40: get "a", …)` apart.
fn operation(text: &str) -> Option<Operation<'_>> {
    let rest = text.strip_prefix("operation ")?;
    let (number, rest) = rest.split_once(" (client ")?;
    let (client, rest) = rest.split_once(", from ")?;
    let (start, rest) = rest.split_once(" to ")?;
    let (end, what) = rest.split_once(": ")?;
    let what = what.strip_suffix(')')?;
    let (start, end) = (start.parse().ok()?, end.parse().ok()?);
    (start <= end).then_some(Operation { number, client, start, end, what })
}

fn excerpt(lines: &[Line<'_>]) -> String {
    let mut out = "<pre>".to_owned();
    for line in lines {
        let _ = match line.disagrees {
            true => writeln!(out, "<mark>{}</mark>", text(line.text)),
            false => writeln!(out, "{}", text(line.text)),
        };
    }
    out + "</pre>"
}

fn table(lines: &[Line<'_>], id: usize) -> String {
    let mut out = format!(
        "<div class=\"scroll\" role=\"region\" aria-labelledby=\"h-{id}\" tabindex=\"0\"><table>\
         <caption id=\"h-{id}\">The history around it. What disagrees is marked.</caption>\
         <thead><tr><th scope=\"col\">Operation</th><th scope=\"col\">Client</th>\
         <th scope=\"col\" class=\"number\">Start</th><th scope=\"col\" class=\"number\">Took</th>\
         <th scope=\"col\">Request and answer</th></tr></thead><tbody>"
    );
    for line in lines {
        let (class, mark) = match line.disagrees {
            true => (" class=\"disagrees\"", "▶ "),
            false => ("", ""),
        };
        let _ = match &line.operation {
            Some(Operation { number, client, start, end, what }) => write!(
                out,
                "<tr{class}><td>{mark}{}</td><td>{}</td><td class=\"number\">{}</td>\
                 <td class=\"number\">{}</td><td class=\"words\"><code>{}</code></td></tr>",
                text(number),
                text(client),
                seconds(*start),
                milliseconds(end.saturating_sub(*start)),
                text(what)
            ),
            None => write!(
                out,
                "<tr{class}><td>{mark}</td><td colspan=\"4\" class=\"words\"><code>{}</code></td></tr>",
                text(line.text)
            ),
        };
    }
    out + "</tbody></table></div>"
}

/// A bar for each operation, in the row of its client.
fn picture(lines: &[Line<'_>], id: &str, width: f64) -> String {
    const LEFT: f64 = 76.0;
    const ROW: f64 = 24.0;

    let operations = || {
        lines.iter().filter_map(|line| line.operation.as_ref().map(|found| (line.disagrees, found)))
    };
    let mut clients: Vec<&str> = Vec::new();
    // The clients of what disagrees always have a row.
    for only_marked in [true, false] {
        for (disagrees, operation) in operations() {
            if disagrees == only_marked
                && clients.len() < CLIENTS
                && !clients.contains(&operation.client)
            {
                clients.push(operation.client);
            }
        }
    }
    clients.sort_unstable_by_key(|client| (client.len(), *client));
    let start = operations().map(|(_, operation)| operation.start).min().unwrap_or(0);
    let end = operations().map(|(_, operation)| operation.end).max().unwrap_or(0);
    let end = end.max(start.saturating_add(1));
    let x =
        |time: u64| LEFT + width * time.saturating_sub(start) as f64 / (end - start).max(1) as f64;
    let height = 24.0 + ROW * clients.len() as f64;
    let mut out = format!(
        "<svg viewBox=\"0 0 {} {height}\" role=\"img\" \
         aria-labelledby=\"o-{id} e-{id}\"><title id=\"o-{id}\">The operations over time</title>\
         <desc id=\"e-{id}\">A row for each client, a bar for each operation; those that disagree are \
         red and show their numbers. The table below has the same.</desc>",
        LEFT + width + 14.0
    );
    for (row, client) in clients.iter().enumerate() {
        let y = 4.0 + ROW * row as f64;
        let label: String = client.chars().take(12).collect();
        let _ = write!(
            out,
            "<rect class=\"row\" x=\"{LEFT}\" y=\"{y}\" width=\"{width}\" height=\"{}\"/>\
             <text x=\"{}\" y=\"{}\" text-anchor=\"end\">client {}</text>",
            ROW - 4.0,
            LEFT - 8.0,
            y + 14.0,
            text(&label)
        );
    }
    for marked in [false, true] {
        for (disagrees, operation) in operations().filter(|(disagrees, _)| *disagrees == marked) {
            let Some(row) = clients.iter().position(|client| *client == operation.client) else {
                continue;
            };
            let y = 4.0 + ROW * row as f64;
            let (from, to) = (x(operation.start), x(operation.end));
            let class = if disagrees { "operation disagrees" } else { "operation" };
            let _ = write!(
                out,
                "<rect class=\"{class}\" x=\"{from:.1}\" y=\"{}\" width=\"{:.1}\" height=\"12\" rx=\"2\">\
                 <title>operation {}: {}</title></rect>",
                y + 4.0,
                (to - from).max(2.0),
                text(operation.number),
                text(operation.what)
            );
            if disagrees {
                let (at, anchor) = match to > LEFT + width - 60.0 {
                    true => (from - 5.0, "end"),
                    false => (to.max(from + 2.0) + 5.0, "start"),
                };
                let _ = write!(
                    out,
                    "<text class=\"disagrees\" x=\"{at:.1}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>",
                    y + 14.0,
                    text(operation.number)
                );
            }
        }
    }
    let y = height - 4.0;
    let _ = write!(
        out,
        "<text x=\"{LEFT}\" y=\"{y}\">{}</text><text x=\"{}\" y=\"{y}\" text-anchor=\"end\">+ {}</text>",
        seconds(start),
        LEFT + width,
        milliseconds(end - start)
    );
    out + "</svg>"
}

/// Nanoseconds as seconds.
fn seconds(nanoseconds: u64) -> String {
    format!("{}.{:06} s", nanoseconds / 1_000_000_000, nanoseconds / 1000 % 1_000_000)
}

/// Nanoseconds as milliseconds.
fn milliseconds(nanoseconds: u64) -> String {
    format!("{:.3} ms", nanoseconds as f64 / 1e6)
}
