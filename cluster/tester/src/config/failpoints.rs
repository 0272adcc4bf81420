//! What does FAILPOINTS arm?

use std::time::Duration;

use super::points;
use super::reader::{Field, Reader};
use super::terms;
use super::types::{DriverConfig, FailpointsConfig};
use super::yaml::Value;
use crate::cases::Target;
use crate::driver::Abilities;

const TARGETS: [Target; 4] = [Target::OneFollower, Target::Leader, Target::Quorum, Target::All];

/// What FAILPOINTS arms.
pub(super) fn read(
    reader: &mut Reader<'_>,
    field: Option<Field<'_>>,
    driver: Option<&DriverConfig>,
    abilities: Option<&Abilities>,
) -> FailpointsConfig {
    if let (Some(field), Some(abilities)) = (&field, abilities)
        && !abilities.failpoints
    {
        let message = "the members have no control plane of failpoints; give each `failpoints:`, or \
                       write `members: {count: N, failpoints: true}`";
        reader.mistake(field.node.at, message);
    }
    let section = field.and_then(|field| reader.section(&field, "failpoints"));
    let of = |name: &str| section.as_ref().and_then(|section| section.field(name));

    let mut points = Vec::new();
    for entry in of("points").map(|field| reader.entries(&field)).unwrap_or_default() {
        let Some(name) = reader.text(&entry) else { continue };
        if !points::is_name(&name) {
            reader.mistake(entry.node.at, points::NAME);
        } else if points.contains(&name) {
            reader.mistake(entry.node.at, format!("the point `{name}` is already chosen"));
        } else {
            points.push(name);
        }
    }

    // etcd has the points of gofail; another subject may have ours.
    let gofail = matches!(driver, Some(DriverConfig::Etcd(_)));
    let mut commands = Vec::new();
    for entry in of("commands").map(|field| reader.entries(&field)).unwrap_or_default() {
        let Some(text) = reader.text(&entry) else { continue };
        let checked = if gofail { terms::gofail(&text) } else { terms::ours(&text) };
        match checked {
            Err(expected) => reader.mistake(entry.node.at, expected),
            Ok(()) if commands.contains(&text) => {
                reader.mistake(entry.node.at, format!("the terms `{text}` are already chosen"));
            }
            Ok(()) => commands.push(text),
        }
    }
    if commands.is_empty() {
        commands = vec!["panic".to_owned(), "sleep(1000)".to_owned()];
    }

    let leader = abilities.is_none_or(|abilities| abilities.leader);
    let named = TARGETS.map(|target| (target.name(), target));
    let mut targets = Vec::new();
    for entry in of("targets").map(|field| reader.entries(&field)).unwrap_or_default() {
        let Some(target) = reader.one_of(&entry, "target", &named) else { continue };
        if targets.contains(&target) {
            reader.mistake(entry.node.at, "this target is already chosen");
        } else if !leader && target != Target::All {
            let message = "the subject has no leader and no quorum, so the only target is `all`";
            reader.mistake(entry.node.at, message);
        } else {
            targets.push(target);
        }
    }
    if targets.is_empty() {
        let fits = |target: &Target| leader || *target == Target::All;
        targets = TARGETS.into_iter().filter(fits).collect();
    }

    let sample = match of("sample") {
        Some(field) if matches!(&field.node.value, Value::Text(text) if text == "all") => None,
        Some(field) if matches!(field.node.value, Value::Text(_)) => {
            reader.expected(&field, "how many combinations a round takes, or `all`")
        }
        Some(field) => reader.whole(&field, 1..=1_000_000).map(|number| number as usize),
        None => Some(commands.len() * targets.len()),
    };
    let known = of("known")
        .map(|field| points::read(reader, &field, "failpoints.known.*"))
        .unwrap_or_default();
    let latency = of("latency").and_then(|field| reader.duration(&field));
    let latency_point = of("latency-point").and_then(|field| {
        let name = reader.text(&field)?;
        if points::is_name(&name) {
            return Some(name);
        }
        reader.mistake(field.node.at, points::NAME);
        None
    });
    FailpointsConfig {
        points,
        commands,
        targets,
        sample,
        known,
        latency: latency.unwrap_or(Duration::from_millis(200)),
        latency_point: latency_point.unwrap_or_else(|| "raftAfterSave".to_owned()),
    }
}
