//! How is a tree of values read, so that all mistakes are found?
//!
//! A reading function returns `None` after it has noted a mistake. Its caller goes on with a default,
//! which is never used: a reading with a mistake gives no configuration.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use regex::{Regex, RegexBuilder};

use super::keys;
use super::mistakes::{Mistake, Place, SHOWN};
use super::nearest::hint;
use super::substitute::{Variables, substitute};
use super::values;
use super::yaml::{Node, Value};

/// The most entries of a list.
const MOST: usize = 1_000;

/// Notes mistakes, and where things are.
pub(super) struct Reader<'a> {
    variables: Variables<'a>,
    pub(super) mistakes: Vec<Mistake>,
    pub(super) places: BTreeMap<String, Place>,
}

/// A value with the key to which it belongs, such as `members[0].client`.
#[derive(Clone)]
pub(super) struct Field<'n> {
    pub(super) key: String,
    pub(super) node: &'n Node,
}

impl<'n> Field<'n> {
    pub(super) fn is_map(&self) -> bool {
        matches!(self.node.value, Value::Map(_))
    }

    pub(super) fn is_list(&self) -> bool {
        matches!(self.node.value, Value::List(_))
    }

    pub(super) fn flag(&self) -> Option<bool> {
        match self.node.value {
            Value::Flag(flag) => Some(flag),
            _ => None,
        }
    }
}

/// A map with keys that are known.
pub(super) struct Section<'n> {
    fields: Vec<(String, Field<'n>)>,
    pub(super) at: Place,
}

impl<'n> Section<'n> {
    /// The value of a key. A key without a value counts as left out.
    pub(super) fn field(&self, name: &str) -> Option<Field<'n>> {
        let (_, field) = self.fields.iter().find(|(known, _)| known == name)?;
        (!matches!(field.node.value, Value::Nothing)).then(|| field.clone())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.field(name).is_some()
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(variables: Variables<'a>) -> Self {
        Self { variables, mistakes: Vec::new(), places: BTreeMap::new() }
    }

    pub(super) fn mistake(&mut self, at: Place, message: impl Into<String>) {
        self.mistakes.push(Mistake { at, message: message.into() });
    }

    /// Notes that a value is not what its key expects.
    pub(super) fn expected<T>(&mut self, field: &Field<'_>, expected: impl Display) -> Option<T> {
        let found = match &field.node.value {
            Value::Nothing => "nothing".to_owned(),
            Value::Flag(flag) => format!("`{flag}`"),
            Value::Whole(number) => format!("`{number}`"),
            // With its point: `3.0` is not `3`.
            Value::Number(number) => format!("`{number:?}`"),
            Value::Text(text) if text.is_empty() => "an empty text".to_owned(),
            Value::Text(text) => format!("`{}`", shortened(text)),
            Value::List(entries) if entries.is_empty() => "an empty list".to_owned(),
            Value::List(_) => "a list".to_owned(),
            Value::Map(entries) => match entries.as_slice() {
                [] => "an empty map".to_owned(),
                // `{name}` without quotes is a map in YAML.
                [(Node { value: Value::Text(name), .. }, Node { value: Value::Nothing, .. })] => {
                    format!("a map; if `{{{name}}}` is a place for a value, write it in quotes")
                }
                _ => "a map".to_owned(),
            },
        };
        let key = &field.key;
        self.mistake(field.node.at, format!("`{key}` expects {expected}, and this is {found}"));
        None
    }

    /// A map whose keys are those below `schema` in the list of keys.
    pub(super) fn section<'n>(&mut self, field: &Field<'n>, schema: &str) -> Option<Section<'n>> {
        let entries = self.map(field)?;
        let mut fields: Vec<(String, Field<'n>)> = Vec::new();
        let known: Vec<&str> = keys::below(schema).collect();
        for (name, at, field) in entries {
            if !known.contains(&name.as_str()) {
                let close = match keys::of_etcd(&name) {
                    Some(here) => format!("; what etcd's tester calls so is {here} here"),
                    // The rest is not shown, and looking for the nearest name takes time.
                    None if self.mistakes.len() >= SHOWN => String::new(),
                    None => match hint(&name, known.iter().copied()) {
                        close if close.is_empty() => {
                            format!("; the keys here are {}", listed(known.iter().copied()))
                        }
                        close => close,
                    },
                };
                self.mistake(at, format!("unknown key `{}`{close}", shortened(&name)));
                continue;
            }
            fields.push((name, field));
        }
        Some(Section { fields, at: field.node.at })
    }

    /// A map with any keys, each once.
    pub(super) fn map<'n>(&mut self, field: &Field<'n>) -> Option<Vec<(String, Place, Field<'n>)>> {
        self.places.insert(field.key.clone(), field.node.at);
        let entries = match &field.node.value {
            Value::Map(entries) => entries,
            Value::Nothing => return Some(Vec::new()),
            _ => return self.expected(field, "a map: lines `KEY: VALUE`"),
        };
        let mut named: Vec<(String, Place, Field<'n>)> = Vec::new();
        let mut lines: HashMap<String, u64> = HashMap::new();
        for (key, node) in entries {
            let name = match &key.value {
                Value::Text(text) => text.clone(),
                Value::Whole(number) => number.to_string(),
                Value::Flag(flag) => flag.to_string(),
                _ => {
                    self.mistake(key.at, "a key is a word");
                    continue;
                }
            };
            if let Some(line) = lines.get(&name) {
                let name = shortened(&name);
                self.mistake(key.at, format!("the key `{name}` is already in line {line}"));
                continue;
            }
            lines.insert(name.clone(), key.at.line);
            let path = match field.key.as_str() {
                "" => name.clone(),
                above => format!("{above}.{name}"),
            };
            self.places.insert(path.clone(), node.at);
            named.push((name, key.at, Field { key: path, node }));
        }
        Some(named)
    }

    /// The entries of a list. One value alone is a list of one.
    pub(super) fn list<'n>(&mut self, field: &Field<'n>) -> Vec<Field<'n>> {
        self.places.insert(field.key.clone(), field.node.at);
        let nodes = match &field.node.value {
            Value::List(nodes) if nodes.len() > MOST => {
                let (key, found) = (&field.key, nodes.len());
                self.mistake(
                    field.node.at,
                    format!("`{key}` has {found} entries; at most {MOST} are read"),
                );
                &nodes[..MOST]
            }
            Value::List(nodes) => nodes.as_slice(),
            _ => std::slice::from_ref(field.node),
        };
        let entry = |(index, node)| Field { key: format!("{}[{index}]", field.key), node };
        nodes.iter().enumerate().map(entry).collect()
    }

    /// A list with at least one entry.
    pub(super) fn entries<'n>(&mut self, field: &Field<'n>) -> Vec<Field<'n>> {
        let entries = self.list(field);
        if entries.is_empty() {
            let key = &field.key;
            self.mistake(
                field.node.at,
                format!("`{key}` is empty; name at least one, or leave it out"),
            );
        }
        entries
    }

    /// A text, with its variables replaced.
    pub(super) fn text(&mut self, field: &Field<'_>) -> Option<String> {
        let text = match &field.node.value {
            Value::Text(text) => text,
            Value::Whole(number) => return Some(number.to_string()),
            Value::Flag(_) | Value::Number(_) => {
                return self.expected(field, "a text; write it in quotes");
            }
            _ => return self.expected(field, "a text"),
        };
        self.places.insert(field.key.clone(), field.node.at);
        match substitute(text, self.variables) {
            Ok(Some(text)) => Some(text),
            Ok(None) => Some(text.clone()),
            Err(message) => {
                self.mistake(field.node.at, message);
                None
            }
        }
    }

    /// A text of at least one visible character, without control characters.
    pub(super) fn word(&mut self, field: &Field<'_>, what: &str) -> Option<String> {
        let text = self.text(field)?;
        if text.trim().is_empty() || text.chars().any(char::is_control) {
            return self.expected(field, what);
        }
        Some(text)
    }

    /// `true` or `false`.
    pub(super) fn truth(&mut self, field: &Field<'_>) -> Option<bool> {
        match &field.node.value {
            Value::Flag(flag) => Some(*flag),
            Value::Text(text) if text.contains("${") => match self.text(field)?.as_str() {
                "true" => Some(true),
                "false" => Some(false),
                _ => self.expected(field, "`true` or `false`"),
            },
            _ => self.expected(field, "`true` or `false`"),
        }
    }

    /// A whole number.
    pub(super) fn whole(&mut self, field: &Field<'_>, range: RangeInclusive<u64>) -> Option<u64> {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        let number = match &field.node.value {
            Value::Whole(number) => u64::try_from(*number).ok(),
            Value::Text(text) if text.contains("${") => self.text(field)?.parse().ok(),
            _ => None,
        };
        self.places.insert(field.key.clone(), field.node.at);
        match number.filter(|number| range.contains(number)) {
            Some(number) => Some(number),
            None => self.expected(field, expected),
        }
    }

    /// A number that is not negative.
    pub(super) fn number(&mut self, field: &Field<'_>, most: f64) -> Option<f64> {
        let number = match &field.node.value {
            Value::Whole(number) => Some(*number as f64),
            Value::Number(number) => Some(*number),
            Value::Text(text) if text.contains("${") => self.text(field)?.parse().ok(),
            _ => None,
        };
        self.places.insert(field.key.clone(), field.node.at);
        match number.filter(|number| (0.0..=most).contains(number)) {
            Some(number) => Some(number),
            None => self.expected(field, format!("a number from 0 to {most}")),
        }
    }

    /// A duration, longer than zero.
    pub(super) fn duration(&mut self, field: &Field<'_>) -> Option<Duration> {
        let read = match &field.node.value {
            Value::Text(_) => values::duration(&self.text(field)?),
            _ => values::duration(""),
        };
        self.places.insert(field.key.clone(), field.node.at);
        match read {
            Ok(duration) if !duration.is_zero() => Some(duration),
            Ok(_) => self.expected(field, "a duration longer than zero"),
            Err(expected) => self.expected(field, expected),
        }
    }

    /// A number of bytes.
    pub(super) fn size(&mut self, field: &Field<'_>, range: RangeInclusive<u64>) -> Option<u64> {
        let size = match &field.node.value {
            Value::Whole(number) => values::size(&number.to_string()),
            Value::Text(_) => values::size(&self.text(field)?),
            _ => values::size("?"),
        };
        self.places.insert(field.key.clone(), field.node.at);
        match size {
            Ok(size) if range.contains(&size) => Some(size),
            Ok(_) => {
                let (least, most) = range.into_inner();
                self.expected(field, format!("a size from {least} to {most} bytes"))
            }
            Err(expected) => self.expected(field, expected),
        }
    }

    /// A host and a port.
    pub(super) fn address(&mut self, field: &Field<'_>) -> Option<String> {
        let text = match &field.node.value {
            Value::Text(_) => self.text(field)?,
            _ => String::new(),
        };
        self.places.insert(field.key.clone(), field.node.at);
        match values::address(&text) {
            Ok(_) => Some(text),
            Err(expected) => self.expected(field, expected),
        }
    }

    /// A regular expression.
    pub(super) fn regex(&mut self, field: &Field<'_>) -> Option<String> {
        let text = self.text(field)?;
        // The default limit is ten times as much, for each of the patterns.
        if let Err(error) = RegexBuilder::new(&text).size_limit(1 << 20).build() {
            // The message shows the pattern over several lines; the last says what is wrong.
            let message = error.to_string();
            let why = message.lines().last().unwrap_or_default();
            let why = why.trim_start_matches("error: ");
            return self.expected(field, format!("a regular expression ({why})"));
        }
        Some(text)
    }

    /// A regular expression for a part of a line. One that fits an empty line fits every line.
    pub(super) fn regex_of_some(&mut self, field: &Field<'_>) -> Option<String> {
        let text = self.regex(field)?;
        match Regex::new(&text) {
            Ok(regex) if regex.is_match("") => {
                self.expected(field, "a regular expression that does not match every line")
            }
            _ => Some(text),
        }
    }

    /// A program with its arguments: a command line, or a list of words.
    pub(super) fn command(&mut self, field: &Field<'_>) -> Option<Vec<String>> {
        let words = if field.is_list() {
            let entries = self.list(field);
            let words: Vec<Option<String>> = entries.iter().map(|entry| self.text(entry)).collect();
            words.into_iter().collect::<Option<Vec<String>>>()?
        } else {
            let text = self.text(field)?;
            match values::words(&text) {
                Ok(words) => words,
                Err(expected) => return self.expected(field, expected),
            }
        };
        match words.first() {
            Some(program) if !program.trim().is_empty() => Some(words),
            _ => self.expected(field, "a program, and perhaps its arguments"),
        }
    }

    /// One of some names.
    pub(super) fn one_of<T: Copy>(
        &mut self,
        field: &Field<'_>,
        what: &str,
        known: &[(&'static str, T)],
    ) -> Option<T> {
        let name = self.text(field)?;
        self.named(field.node.at, &name, what, known)
    }

    /// What a name stands for.
    pub(super) fn named<T: Copy>(
        &mut self,
        at: Place,
        name: &str,
        what: &str,
        known: &[(&'static str, T)],
    ) -> Option<T> {
        if let Some((_, value)) = known.iter().find(|(known, _)| *known == name) {
            return Some(*value);
        }
        let names = || known.iter().map(|(name, _)| *name);
        let close = match hint(name, names()) {
            close if close.is_empty() && known.len() <= 12 => {
                format!("; there are {}", listed(names()))
            }
            close => close,
        };
        self.mistake(at, format!("unknown {what} `{}`{close}", shortened(name)));
        None
    }
}

/// Names for a message: `` `a`, `b`, `c` ``.
pub(super) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// A text for a message: its first characters, on one line.
fn shortened(text: &str) -> String {
    let mut shown: String = text.chars().take(60).flat_map(char::escape_debug).collect();
    if text.chars().nth(60).is_some() {
        shown.push('…');
    }
    shown.replace("\\\"", "\"").replace("\\'", "'")
}
