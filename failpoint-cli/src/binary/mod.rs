//! Lists the points of a program from its file, without running it.

mod image;
mod sites;

use crate::output::{Output, Style, plural, visible, visible_json};
use crate::show;
use crate::status::{Failure, Status};
use image::Image;
use serde::Serialize;
use sites::Site;
use std::collections::BTreeMap;
use std::path::Path;
use wildmatch::WildMatch;

/// The points of a program, in the shape of `GET /v1/points`, less what only a running program has.
#[derive(Serialize)]
struct Points {
    /// Whether failpoints are compiled in, also if there is no point.
    compiled_in: bool,
    points: Vec<Point>,
}

#[derive(Serialize)]
struct Point {
    name: String,
    sites: Vec<Site>,
}

/// Prints the points of the program at `path` whose names match the glob.
///
/// # Errors
///
/// If the file cannot be read, or is not a program that this command can read.
pub(crate) fn list(
    path: &Path,
    matching: &str,
    expect_none: bool,
    json: bool,
    output: &mut Output,
) -> Result<Status, Failure> {
    let points =
        read(path, matching).map_err(|why| Failure::usage(format!("{}: {why}", path.display())))?;
    if json {
        let text = serde_json::to_string_pretty(&points).expect("strings and numbers");
        output.line(&visible_json(text));
    } else {
        let text = table(&points, output);
        output.text(&text);
    }
    let count = points.points.len();
    if !expect_none || count == 0 {
        return Ok(Status::Done);
    }
    let (path, count) = (path.display(), plural(count as u64, "failpoint"));
    let why = format!("{path} has {count}; build it without the feature `failpoints`");
    Err(Failure::new(Status::Refused, why))
}

fn read(path: &Path, matching: &str) -> Result<Points, String> {
    let sites = sites::of(&Image::open(path)?)?;
    let compiled_in = sites.is_some();
    let matching = WildMatch::new(matching);
    let mut by_name: BTreeMap<String, Vec<Site>> = BTreeMap::new();
    for (name, site) in sites.into_iter().flatten().filter(|(name, _)| matching.matches(name)) {
        by_name.entry(name).or_default().push(site);
    }
    let points = by_name.into_iter().map(|(name, mut sites)| {
        sites.sort();
        Point { name, sites }
    });
    Ok(Points { compiled_in, points: points.collect() })
}

/// A row for each site; the name stands in the first row of a point.
fn table(Points { points, .. }: &Points, output: &Output) -> String {
    if points.is_empty() {
        return "no points\n".to_owned();
    }
    let head = ["NAME", "PACKAGE", "SITE"].map(str::to_owned);
    let rows: Vec<_> = points.iter().flat_map(rows).collect();
    let widths = show::widths(rows.iter().chain([&head]));
    let mut text = output.style(&show::line(&head, &widths), Style::Head) + "\n";
    for row in &rows {
        text += &show::line(row, &widths);
        text.push('\n');
    }
    text
}

fn rows(point: &Point) -> impl Iterator<Item = [String; 3]> {
    point.sites.iter().enumerate().map(|(place, site)| {
        let name = if place == 0 { visible(&point.name) } else { String::new() };
        [name, visible(&site.package), format!("{}:{}", visible(&site.file), site.line)]
    })
}
