//! Prints the answers of one or several servers, as text or as JSON.

use crate::output::{Output, Style, visible, visible_json, visible_terms, width};
use crate::servers::Servers;
use crate::status::Status;
use crate::words::message_of;
use failpoint_http::wire::Point;
use failpoint_http::{ByAddress, ClientError};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Prints every answer and every error; returns the highest status.
pub(crate) fn answers<T: Serialize>(
    servers: &Servers,
    output: &mut Output,
    answers: ByAddress<T>,
    text: impl Fn(&T, &Output) -> String,
) -> Status {
    let mut status = Status::Done;
    let mut by_address = Map::new();
    for (address, answer) in answers {
        if let Err(error) = &answer {
            status = status.max(Status::of(error));
            output.error(&message_of(error));
        }
        match (servers.json, answer) {
            (true, Ok(answer)) => drop(by_address.insert(address, json!(answer))),
            (true, Err(error)) => drop(by_address.insert(address, problem(&error))),
            (false, Ok(answer)) => section(servers, output, &address, &text(&answer, output)),
            (false, Err(_)) => {}
        }
    }
    if servers.json {
        as_json(servers, output, by_address);
    }
    status
}

/// Prints one object keyed by address; for a single server, only its answer.
pub(crate) fn as_json(servers: &Servers, output: &mut Output, mut by_address: Map<String, Value>) {
    let value = match by_address.iter_mut().next() {
        Some((_, one)) if !servers.are_several() => one.take(),
        _ => Value::Object(by_address),
    };
    output.line(&visible_json(format!("{value:#}")));
}

pub(crate) fn problem(error: &ClientError) -> Value {
    match error.problem() {
        Some(problem) => json!({ "error": message_of(error), "problem": problem }),
        None => json!({ "error": message_of(error) }),
    }
}

/// A table of points with its header.
pub(crate) fn table(points: &[Point], output: &Output) -> String {
    if points.is_empty() {
        return "no points\n".to_owned();
    }
    let rows: Vec<[String; 5]> = points.iter().map(cells).collect();
    let head = ["NAME", "TERMS", "HITS", "FIRES", "PAUSED"].map(str::to_owned);
    let widths = widths(rows.iter().chain([&head]));
    let mut text = output.style(&line(&head, &widths), Style::Head) + "\n";
    for (point, row) in points.iter().zip(&rows) {
        text += &output.style(&line(row, &widths), style_of(point));
        text.push('\n');
    }
    text
}

pub(crate) fn style_of(point: &Point) -> Style {
    match point {
        Point { paused: 1.., .. } => Style::Paused,
        Point { armed: true, .. } => Style::Armed,
        _ => Style::Idle,
    }
}

/// Aligns text to the left and numbers to the right; no trailing blanks.
pub(crate) fn line<const N: usize>(cells: &[String; N], widths: &[usize; N]) -> String {
    let mut text = String::new();
    for (index, (cell, widest)) in cells.iter().zip(widths).enumerate() {
        let pad = " ".repeat(widest.saturating_sub(width(cell)));
        let number = cell.bytes().all(|byte| byte.is_ascii_digit()) && !cell.is_empty();
        text += if index == 0 { "" } else { "  " };
        text += &if number { pad + cell } else { cell.clone() + &pad };
    }
    text.truncate(text.trim_end().len());
    text
}

pub(crate) fn widths<'a, const N: usize>(
    rows: impl Iterator<Item = &'a [String; N]>,
) -> [usize; N] {
    rows.fold([0; N], |mut widest, row| {
        for (column, cell) in widest.iter_mut().zip(row) {
            *column = (*column).max(width(cell));
        }
        widest
    })
}

/// The cells of a row. An idle point has no counts.
fn cells(point: &Point) -> [String; 5] {
    let count = |count: u64| if point.armed { count.to_string() } else { String::new() };
    let terms = point.terms.as_deref().map_or("-".to_owned(), visible_terms);
    let [hits, fires, paused] = [point.hits, point.fires, point.paused].map(count);
    [visible(&point.name), terms, hits, fires, paused]
}

fn section(servers: &Servers, output: &mut Output, address: &str, text: &str) {
    if !servers.are_several() {
        output.text(text);
        return;
    }
    let head = output.style(&visible(address), Style::Head);
    output.line(&head);
    text.lines().for_each(|line| output.line(&format!("  {line}")));
}
