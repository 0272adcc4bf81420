//! `failpoint report FILE…`: merges the lines that processes left into one report.

use crate::output::{visible, visible_json};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// One line of a file: what one process reported when it ended.
#[derive(Deserialize)]
struct Line {
    points: Vec<Point>,
}

#[derive(Deserialize)]
struct Point {
    name: String,
    packages: Vec<String>,
    reached: bool,
    armed: bool,
    fired: bool,
}

/// The merged report of all processes.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Report {
    processes: usize,
    points: usize,
    never_reached: Vec<String>,
    never_fired: Vec<String>,
    shared: Vec<String>,
}

/// Why there is no report.
#[derive(Debug)]
pub(crate) enum Unreadable {
    File { path: PathBuf, source: std::io::Error },
    Line { path: PathBuf, number: usize, source: serde_json::Error },
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unreadable::File { path, source } => {
                write!(f, "cannot read {}: {source}", path.display())
            }
            Unreadable::Line { path, number, source } => write!(
                f,
                "{}:{number} is not a line that FAILPOINT_REPORT writes: {source}",
                path.display()
            ),
        }
    }
}

impl std::error::Error for Unreadable {}

/// Makes one report of all lines of `files`.
pub(crate) fn merge(files: &[PathBuf]) -> Result<Report, Unreadable> {
    let mut processes = 0;
    let mut points: BTreeMap<String, Point> = BTreeMap::new();
    for path in files {
        for line in lines(path)? {
            processes += 1;
            line.points.into_iter().for_each(|point| add(&mut points, point));
        }
    }
    let names = |which: fn(&Point) -> bool| {
        points.values().filter(|point| which(point)).map(|point| point.name.clone()).collect()
    };
    Ok(Report {
        processes,
        points: points.len(),
        never_reached: names(|point| !point.reached),
        never_fired: names(|point| point.armed && !point.fired),
        shared: points
            .values()
            .filter(|point| point.packages.len() > 1)
            .map(|point| format!("{} ({})", point.name, point.packages.join(", ")))
            .collect(),
    })
}

fn lines(path: &Path) -> Result<Vec<Line>, Unreadable> {
    let text = fs::read_to_string(path)
        .map_err(|source| Unreadable::File { path: path.to_owned(), source })?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| {
            serde_json::from_str(line).map_err(|source| Unreadable::Line {
                path: path.to_owned(),
                number: index + 1,
                source,
            })
        })
        .collect()
}

/// A point counts as tried if any process tried it.
fn add(points: &mut BTreeMap<String, Point>, new: Point) {
    match points.get_mut(&new.name) {
        None => drop(points.insert(new.name.clone(), new)),
        Some(known) => {
            known.reached |= new.reached;
            known.armed |= new.armed;
            known.fired |= new.fired;
            known.packages.extend(new.packages);
            known.packages.sort();
            known.packages.dedup();
        }
    }
}

impl Report {
    pub(crate) fn to_json(&self) -> String {
        // Only strings and numbers, so this cannot fail.
        serde_json::to_string_pretty(self).map(|json| visible_json(json) + "\n").unwrap_or_default()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} points in {} processes", self.points, self.processes)?;
        f.write_str(&section("never reached", &self.never_reached))?;
        f.write_str(&section("armed and never fired", &self.never_fired))?;
        f.write_str(&section("names that packages share", &self.shared))
    }
}

/// A title with the number of names, then one name per line.
pub(crate) fn section(title: &str, names: &[String]) -> String {
    let lines: String = names.iter().map(|name| format!("  {}\n", visible(name))).collect();
    format!("{title}: {}\n{lines}", names.len())
}
