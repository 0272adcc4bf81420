//! What is the load?

use std::collections::BTreeMap;
use std::fmt::Display;

use super::mistakes::Place;
use super::reader::{Field, Reader};
use super::types::DriverConfig;
use crate::driver::Abilities;
use crate::load::{Kind, Runner, Settings};

/// The load.
pub(super) fn read(
    reader: &mut Reader<'_>,
    field: Option<Field<'_>>,
    driver: Option<&DriverConfig>,
    abilities: Option<&Abilities>,
) -> Settings {
    let section = field.and_then(|field| reader.section(&field, "load"));
    let field = |name: &str| section.as_ref().and_then(|section| section.field(name));
    let mut whole = |name: &str, range, default| {
        field(name).and_then(|field| reader.whole(&field, range)).unwrap_or(default)
    };
    let clients = whole("clients", 1..=10_000, 8);
    let rate = whole("rate", 1..=1_000_000, 300);
    let keys = whole("keys", 1..=1_000_000, 50);
    let entries = driver.map_or(1, DriverConfig::snapshot_entries);
    let snapshot_entries = whole("snapshot-entries", 1..=10_000_000, entries);
    let large = field("large-value").and_then(|field| reader.size(&field, 1..=1 << 20));

    let minimum = field("minimum-rate");
    let minimum_rate = match &minimum {
        Some(minimum) => reader.number(minimum, 1e6).unwrap_or_default(),
        None => f64::min(5.0, rate as f64 / 2.0),
    };
    if let Some(minimum) = minimum.filter(|_| minimum_rate > rate as f64) {
        let message = format!(
            "`load.minimum-rate` is {minimum_rate}, and `load.rate` lets at most {rate} requests a \
             second through"
        );
        reader.mistake(minimum.node.at, message);
    }

    let kinds = Choice {
        what: "kind",
        known: Kind::ALL.map(|kind| (kind.name(), kind)).to_vec(),
        missing: Kind::missing,
        weight: default_weight,
    };
    let runners = Choice {
        what: "runner",
        known: Runner::ALL.map(|runner| (runner.name(), runner)).to_vec(),
        missing: Runner::missing,
        weight: |_| 1,
    };
    let kinds = kinds.read(reader, field("kinds"), abilities);
    let runners = runners.read(reader, field("runners"), abilities);
    Settings {
        clients: clients as usize,
        rate: rate as u32,
        minimum_rate,
        keys: keys as usize,
        kinds,
        runners: runners.into_iter().map(|(runner, count)| (runner, count as usize)).collect(),
        large: large.unwrap_or(32 << 10) as usize,
        snapshot_entries,
    }
}

/// Names of which a configuration chooses some.
struct Choice<T> {
    /// What one of them is called in messages.
    what: &'static str,
    known: Vec<(&'static str, T)>,
    /// What a subject lacks to serve one.
    missing: fn(T, &Abilities) -> Option<&'static str>,
    /// How much one weighs if the configuration chooses nothing.
    weight: fn(T) -> u32,
}

impl<T: Copy + Ord + Display> Choice<T> {
    /// Those that are chosen, with their weights; without a field, all that the subject can serve.
    fn read(
        &self,
        reader: &mut Reader<'_>,
        field: Option<Field<'_>>,
        abilities: Option<&Abilities>,
    ) -> BTreeMap<T, u32> {
        let missing = |value| abilities.and_then(|abilities| (self.missing)(value, abilities));
        let Some(field) = field else {
            let all = self.known.iter().map(|(_, value)| *value);
            let served = all.filter(|value| missing(*value).is_none());
            return served.map(|value| (value, (self.weight)(value))).collect();
        };
        let what = self.what;
        let mut weights = BTreeMap::new();
        for (at, value, weight) in self.given(reader, &field) {
            if let Some(need) = missing(value) {
                let message = format!(
                    "the {what} `{value}` cannot be served here: the subject has no {need}"
                );
                reader.mistake(at, message);
            } else if weights.insert(value, weight).is_some() {
                reader.mistake(at, format!("the {what} `{value}` is already chosen"));
            }
        }
        weights
    }

    /// The entries of a list of names, which weigh the same, or of a map of names with their weights.
    fn given(&self, reader: &mut Reader<'_>, field: &Field<'_>) -> Vec<(Place, T, u32)> {
        let mut entries = Vec::new();
        if field.is_map() {
            for (name, at, field) in reader.map(field).unwrap_or_default() {
                let Some(value) = reader.named(at, &name, self.what, &self.known) else { continue };
                // A weight of zero would be a kind that is not there.
                let Some(weight) = reader.whole(&field, 1..=1_000_000) else { continue };
                entries.push((at, value, weight as u32));
            }
            return entries;
        }
        // Runners may be left out; without a kind there is no load.
        let list = if self.what == "runner" { reader.list(field) } else { reader.entries(field) };
        for entry in list {
            if let Some(value) = reader.one_of(&entry, self.what, &self.known) {
                entries.push((entry.node.at, value, 1));
            }
        }
        entries
    }
}

/// About as etcd's own default file weighs them, with more large writes.
fn default_weight(kind: Kind) -> u32 {
    match kind {
        Kind::KvWriteSmall | Kind::KvTxnWriteDelete => 35,
        Kind::KvWriteLarge => 1,
        Kind::KvReadOneKey | Kind::KvReadRange | Kind::KvDeleteOneKey | Kind::KvDeleteRange => 7,
        Kind::Lease => 5,
    }
}
