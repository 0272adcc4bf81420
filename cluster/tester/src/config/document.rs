//! What does the whole file say?

use std::path::{Path, PathBuf};

use super::mistakes::{Mistake, Mistakes, Place};
use super::reader::{Field, Reader};
use super::substitute::Variables;
use super::types::{Config, Limits};
use super::yaml::{Node, Value};
use super::{cases, checks, driver, failpoints, load, members, yaml};
use crate::checks::logs::{PATTERNS, Patterns};

/// Reads a text. The variables are those of the environment.
pub(super) fn read(text: &str, path: &Path, variables: Variables<'_>) -> Result<Config, Mistakes> {
    let mistakes = |list| Mistakes { path: path.to_owned(), list };
    let node = yaml::read(text).map_err(|mistake| mistakes(vec![mistake]))?;
    let mut reader = Reader::new(variables);
    let config = whole(&mut reader, &node, path);
    let mut found = reader.mistakes;
    // Sections are read in the order of their dependencies.
    found.sort();
    found.dedup();
    match config {
        Some(config) if found.is_empty() => Ok(config),
        _ => {
            if found.is_empty() {
                let message = "the configuration cannot be read".to_owned();
                found.push(Mistake { at: Place::START, message });
            }
            Err(mistakes(found))
        }
    }
}

fn whole(reader: &mut Reader<'_>, node: &Node, path: &Path) -> Option<Config> {
    if !matches!(node.value, Value::Map(_) | Value::Nothing) {
        reader.mistake(node.at, "a configuration is a map; the smallest is `driver: etcd`");
        return None;
    }
    let top = reader.section(&Field { key: String::new(), node }, "")?;
    let driver = match top.field("driver") {
        Some(field) => driver::read(reader, &field),
        None => {
            reader.mistake(
                top.at,
                "the key `driver` is missing; write `driver: etcd`, or a map with `commands:`",
            );
            None
        }
    };
    let members = members::read(reader, top.field("members"), driver.as_ref());
    let abilities = driver.as_ref().map(|driver| driver.abilities(&members));

    let name = match top.field("name") {
        Some(field) => reader.word(&field, "a name without control characters"),
        None => driver.as_ref().map(|driver| driver.name().to_owned()),
    };
    let directory = match top.field("directory") {
        Some(field) => reader.word(&field, "the path of a directory").map(PathBuf::from),
        None => Some(PathBuf::from("failpoint-tester")),
    };
    let shuffle = match top.field("shuffle") {
        Some(field) => reader.truth(&field).unwrap_or(true),
        None => true,
    };
    let external = top.field("external").and_then(|field| reader.command(&field));
    let log_patterns = match top.field("log-patterns") {
        Some(field) => log_patterns(reader, &field),
        None => PATTERNS.iter().map(|pattern| (*pattern).to_owned()).collect(),
    };
    let limits = limits(reader, top.field("limits"));
    let cases = cases::read(reader, &top, abilities.as_ref());
    let load = load::read(reader, top.field("load"), driver.as_ref(), abilities.as_ref());
    let failpoints =
        failpoints::read(reader, top.field("failpoints"), driver.as_ref(), abilities.as_ref());
    let checks = checks::read(reader, top.field("checks"), abilities.as_ref(), &load, &cases);

    Some(Config {
        path: path.to_owned(),
        name: name?,
        driver: driver?,
        members,
        directory: directory?,
        cases,
        shuffle,
        checks,
        load,
        failpoints,
        external,
        log_patterns,
        limits,
        places: std::mem::take(&mut reader.places),
    })
}

/// Patterns that can be compiled, each of them and all together.
fn log_patterns(reader: &mut Reader<'_>, field: &Field<'_>) -> Vec<String> {
    let entries = reader.entries(field);
    let patterns: Vec<String> =
        entries.iter().filter_map(|entry| reader.regex_of_some(entry)).collect();
    if patterns.len() == entries.len()
        && let Err(error) = Patterns::new(&patterns)
    {
        let message = format!("`log-patterns`: {}; write fewer or simpler ones", error.message);
        reader.mistake(field.node.at, message);
    }
    patterns
}

fn limits(reader: &mut Reader<'_>, field: Option<Field<'_>>) -> Limits {
    let section = field.and_then(|field| reader.section(&field, "limits"));
    let mut limit = |name: &str, default: u64| {
        let field = section.as_ref().and_then(|section| section.field(name));
        let read = field.and_then(|field| reader.duration(&field));
        read.unwrap_or(std::time::Duration::from_millis(default))
    };
    Limits {
        request: limit("request", 2_000),
        stop: limit("stop", 5_000),
        fault: limit("fault", 500),
        felt: limit("felt", 10_000),
        heal: limit("heal", 60_000),
        check: limit("check", 60_000),
    }
}
