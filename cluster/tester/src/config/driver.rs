//! How is the subject run and asked?

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::calls;
use super::points;
use super::reader::{Field, Reader, Section};
use super::types::DriverConfig;
use super::yaml::Value;
use crate::driver::commands::{self, Call, Expect, template};
use crate::driver::{etcd, raft_kv};

/// The drivers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Name {
    Etcd,
    RaftKv,
    Commands,
}

const NAMES: [(&str, Name); 3] =
    [("etcd", Name::Etcd), ("raft-kv", Name::RaftKv), ("commands", Name::Commands)];

/// The driver: its name, or a map with its name and its settings.
pub(super) fn read(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<DriverConfig> {
    if matches!(field.node.value, Value::Text(_)) {
        return match reader.one_of(field, "driver", &NAMES)? {
            Name::Etcd => Some(DriverConfig::Etcd(etcd(reader, None))),
            Name::RaftKv => Some(DriverConfig::RaftKv(raft_kv(reader, None))),
            Name::Commands => {
                let message = "the driver `commands` needs settings, at least `put` and `get`: write a map \
                               `commands:` below `driver:`";
                reader.mistake(field.node.at, message);
                None
            }
        };
    }
    if !field.is_map() {
        let what = "`etcd` or `raft-kv`, or a map with `etcd:`, `raft-kv:` or `commands:`";
        return reader.expected(field, what);
    }
    let section = reader.section(field, "driver")?;
    let given: Vec<_> = NAMES.into_iter().filter(|(name, _)| has(field, name)).collect();
    match given[..] {
        [(name, Name::Etcd)] => Some(DriverConfig::Etcd(etcd(reader, section.field(name)))),
        [(name, Name::RaftKv)] => Some(DriverConfig::RaftKv(raft_kv(reader, section.field(name)))),
        [(name, Name::Commands)] if section.has(name) => {
            let given = section.field(name)?;
            Some(DriverConfig::Commands(commands(reader, &given)?))
        }
        [] | [_] => {
            let message = "`driver` expects `etcd:`, `raft-kv:` or `commands:` with its settings";
            reader.mistake(section.at, message);
            None
        }
        [.., (last, _)] => {
            let at = section.field(last).map_or(section.at, |field| field.node.at);
            reader.mistake(at, "there is one driver; name `etcd`, `raft-kv` or `commands`");
            None
        }
    }
}

/// Whether a map has a key, also without a value.
fn has(field: &Field<'_>, name: &str) -> bool {
    match &field.node.value {
        Value::Map(entries) => {
            entries.iter().any(|(key, _)| matches!(&key.value, Value::Text(text) if text == name))
        }
        _ => false,
    }
}

fn etcd(reader: &mut Reader<'_>, field: Option<Field<'_>>) -> etcd::Settings {
    let section = field.and_then(|field| reader.section(&field, "driver.etcd"));
    let binary = program(reader, section.as_ref(), "binary", "etcd");
    let etcdctl = program(reader, section.as_ref(), "etcdctl", "etcdctl");
    let flags = flags(reader, section.as_ref());
    etcd::Settings { binary, etcdctl, flags, env: env_of(reader, section.as_ref()) }
}

fn raft_kv(reader: &mut Reader<'_>, field: Option<Field<'_>>) -> raft_kv::Settings {
    let section = field.and_then(|field| reader.section(&field, "driver.raft-kv"));
    let binary = program(reader, section.as_ref(), "binary", "raft-kv");
    let flags = flags(reader, section.as_ref());
    raft_kv::Settings { binary, flags, env: env_of(reader, section.as_ref()) }
}

fn program(
    reader: &mut Reader<'_>,
    section: Option<&Section<'_>>,
    key: &str,
    default: &str,
) -> PathBuf {
    let field = section.and_then(|section| section.field(key));
    let read = field.and_then(|field| reader.word(&field, "a program, by name or path"));
    read.unwrap_or_else(|| default.to_owned()).into()
}

fn flags(reader: &mut Reader<'_>, section: Option<&Section<'_>>) -> Vec<String> {
    let mut flags = Vec::new();
    let field = section.and_then(|section| section.field("flags"));
    for flag in field.map(|field| reader.list(&field)).unwrap_or_default() {
        let Some(text) = reader.text(&flag) else { continue };
        if !text.starts_with('-') {
            let _: Option<()> = reader.expected(&flag, "a flag, such as `--snapshot-count=100`");
            continue;
        }
        flags.push(text);
    }
    flags
}

fn env_of(reader: &mut Reader<'_>, section: Option<&Section<'_>>) -> BTreeMap<String, String> {
    let field = section.and_then(|section| section.field("env"));
    field.map(|field| env(reader, &field)).unwrap_or_default()
}

fn commands(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<commands::Settings> {
    let section = reader.section(field, "driver.commands")?;
    let start = section.field("start").map(|field| {
        let command = reader.command(&field).unwrap_or_default();
        calls::places(reader, field.node.at, &command, calls::MEMBER);
        command
    });
    let env = section.field("env").map(|field| env(reader, &field)).unwrap_or_default();
    for (key, value) in &env {
        let at = reader.places.get(&format!("driver.commands.env.{key}")).copied();
        calls::places(reader, at.unwrap_or(field.node.at), [value], calls::MEMBER);
    }
    let mut read = BTreeMap::new();
    for name in calls::CALLS {
        let more = template::places(name).unwrap_or_default();
        if let Some(field) = section.field(name)
            && let Some(call) = calls::read(reader, &field, more)
        {
            read.insert(name.to_owned(), call);
        }
    }
    for needed in ["put", "get"] {
        if !section.has(needed) {
            reader.mistake(section.at, format!("the driver `commands` needs `{needed}`"));
        }
    }
    contradictions(reader, &section, &read);
    let points = section
        .field("points")
        .map(|field| points::read(reader, &field, "driver.commands.points.*"))
        .unwrap_or_default();
    Some(commands::Settings { start, env, calls: read, points })
}

/// Notes calls that do not go together. Either the tester runs a member as its own child, or others do.
fn contradictions(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    calls: &BTreeMap<String, (Call, Expect)>,
) {
    let is_program = |name: &str| matches!(calls.get(name), Some((Call::Program(_), _)));
    if section.has("start") {
        for name in ["launch", "running", "kill", "pause", "unpause", "logs"] {
            if let Some(field) = section.field(name) {
                let message = format!(
                    "`{name}` and `start` exclude each other: a process that `start` runs gets signals, \
                     and its output is its log"
                );
                reader.mistake(field.node.at, message);
            }
        }
        if let Some(field) = section.field("stop")
            && calls.contains_key("stop")
            && !is_program("stop")
        {
            reader.mistake(field.node.at, "with `start`, `stop` is a program");
        }
        return;
    }
    if let Some(field) = section.field("launch")
        && !section.has("stop")
        && !section.has("kill")
    {
        let message = "`launch` needs `kill` or `stop`, so that nothing is left behind after a run";
        reader.mistake(field.node.at, message);
    }
    for (one, other) in [("pause", "unpause"), ("unpause", "pause")] {
        if let Some(field) = section.field(one).filter(|_| !section.has(other)) {
            reader.mistake(field.node.at, format!("`{one}` needs `{other}`"));
        }
    }
    if let Some(field) = section.field("env")
        && !(section.has("launch") && (is_program("launch") || !calls.contains_key("launch")))
    {
        let message = "`env` has no effect without `start`, or a program in `launch`";
        reader.mistake(field.node.at, message);
    }
}

/// Variables of the environment of a process.
fn env(reader: &mut Reader<'_>, field: &Field<'_>) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    for (name, at, value) in reader.map(field).unwrap_or_default() {
        if name.is_empty() || name.contains(['=', '\0']) {
            reader.mistake(at, "the name of a variable has no `=` and is not empty");
        } else if let Some(text) = reader.text(&value) {
            if text.contains('\0') {
                reader.mistake(value.node.at, "the value of a variable has no zero character");
            }
            env.insert(name, text);
        }
    }
    env
}
