//! What is the load?

use std::collections::BTreeMap;
use std::fmt::Display;

use super::reader::{Field, Reader};
use crate::driver::Abilities;
use crate::load::{Kind, Runner, Settings};

/// The load.
pub(super) fn read(
    reader: &mut Reader<'_>,
    field: Option<Field<'_>>,
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
    let snapshot_entries = whole("snapshot-entries", 1..=10_000_000, 5_500);
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

    let kinds = match field("kinds") {
        Some(field) => weighed(
            reader,
            &field,
            "kind",
            &Kind::ALL.map(|kind| (kind.name(), kind)),
            abilities,
            kind_served,
        ),
        None => Kind::ALL
            .into_iter()
            .filter(|kind| abilities.is_none_or(|abilities| kind_served(*kind, abilities).is_ok()))
            .map(|kind| (kind, default_weight(kind)))
            .collect(),
    };
    let runners = match field("runners") {
        Some(field) => weighed(
            reader,
            &field,
            "runner",
            &Runner::ALL.map(|runner| (runner.name(), runner)),
            abilities,
            runner_served,
        ),
        None => Runner::ALL
            .into_iter()
            .filter(|runner| {
                abilities.is_none_or(|abilities| runner_served(*runner, abilities).is_ok())
            })
            .map(|runner| (runner, 1))
            .collect(),
    };
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

/// A list of names, which weigh the same, or a map of names with their weights.
fn weighed<T: Copy + Ord + Display>(
    reader: &mut Reader<'_>,
    field: &Field<'_>,
    what: &str,
    known: &[(&'static str, T)],
    abilities: Option<&Abilities>,
    served: fn(T, &Abilities) -> Result<(), &'static str>,
) -> BTreeMap<T, u32> {
    let mut weights = BTreeMap::new();
    let mut entries = Vec::new();
    if field.is_map() {
        for (name, at, field) in reader.map(field).unwrap_or_default() {
            let Some(value) = reader.named(at, &name, what, known) else { continue };
            // A weight of zero would be a kind that is not there.
            let Some(weight) = reader.whole(&field, 1..=1_000_000) else { continue };
            entries.push((at, value, weight as u32));
        }
    } else {
        // Runners may be left out; without a kind there is no load.
        let list = if what == "runner" { reader.list(field) } else { reader.entries(field) };
        for entry in list {
            if let Some(value) = reader.one_of(&entry, what, known) {
                entries.push((entry.node.at, value, 1));
            }
        }
    }
    for (at, value, weight) in entries {
        if let Some(Err(reason)) = abilities.map(|abilities| served(value, abilities)) {
            reader.mistake(at, format!("the {what} `{value}` cannot be served here: {reason}"));
        } else if weights.insert(value, weight).is_some() {
            reader.mistake(at, format!("the {what} `{value}` is already chosen"));
        }
    }
    weights
}

fn kind_served(kind: Kind, abilities: &Abilities) -> Result<(), &'static str> {
    let needs: &[(bool, &'static str)] = match kind {
        Kind::KvWriteSmall | Kind::KvWriteLarge | Kind::KvReadOneKey => &[],
        Kind::KvReadRange => &[(abilities.ranges, "the subject has no ranges")],
        Kind::KvDeleteOneKey => &[(abilities.deletes, "the subject has no deletes")],
        Kind::KvDeleteRange => &[
            (abilities.deletes, "the subject has no deletes"),
            (abilities.ranges, "the subject has no ranges"),
        ],
        Kind::KvTxnWriteDelete => &[(abilities.transactions, "the subject has no transactions")],
        Kind::Lease => &[(abilities.leases, "the subject has no leases")],
    };
    all_met(needs)
}

fn runner_served(runner: Runner, abilities: &Abilities) -> Result<(), &'static str> {
    let need = match runner {
        Runner::ElectionRunner => (abilities.locks, "the subject has no elections"),
        Runner::LockRacerRunner => (abilities.locks, "the subject has no locks"),
        Runner::WatchRunner => (abilities.watches, "the subject has no watches"),
        Runner::LeaseRunner => (abilities.leases, "the subject has no leases"),
    };
    all_met(&[need])
}

fn all_met(needs: &[(bool, &'static str)]) -> Result<(), &'static str> {
    needs.iter().find(|(met, _)| !met).map_or(Ok(()), |(_, reason)| Err(reason))
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
