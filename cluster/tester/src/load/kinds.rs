//! What does a client ask next? Drawn from the seed alone.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::leases::{LONG_TTL, Plan, SHORT_TTL, TTL};
use super::{Kind, Settings};
use crate::driver::Abilities;
use crate::history::{Compare, Request};

impl Kind {
    /// What a subject must have to serve it, and has not; `None`: it can serve it.
    #[must_use]
    pub fn missing(self, abilities: &Abilities) -> Option<&'static str> {
        let ranges = (abilities.ranges, "ranges");
        let deletes = (abilities.deletes, "deletes");
        let transactions = (abilities.transactions, "transactions");
        match self {
            Self::KvWriteSmall | Self::KvWriteLarge | Self::KvReadOneKey => None,
            Self::KvReadRange => first_missing(&[ranges]),
            Self::KvDeleteOneKey => first_missing(&[deletes]),
            Self::KvDeleteRange => first_missing(&[deletes, ranges]),
            Self::KvTxnWriteDelete => first_missing(&[transactions, deletes]),
            Self::Lease => first_missing(&[(abilities.leases, "leases")]),
        }
    }
}

/// The first need that is not met.
pub(super) fn first_missing(needs: &[(bool, &'static str)]) -> Option<&'static str> {
    needs.iter().find(|(met, _)| !met).map(|(_, need)| *need)
}

/// What a client does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// One request.
    Request(Request),
    /// A lease, and what is done with it.
    Lease(Plan),
}

impl Task {
    /// How many requests it is.
    pub(super) fn requests(&self) -> u32 {
        match self {
            Self::Request(_) => 1,
            Self::Lease(plan) => 2 + u32::from(plan.renew) + u32::from(plan.revoke),
        }
    }
}

/// A draw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Draw {
    pub(super) task: Task,
    /// Which member is asked, modulo their number.
    pub(super) member: u64,
}

/// The draws of one client. They depend on the seed, the settings, the abilities of the subject and
/// the number of the client, and on nothing that happens.
#[derive(Debug)]
pub(super) struct Draws {
    random: ChaCha8Rng,
    /// The kinds, each with the sum of the weights up to it.
    kinds: Vec<(Kind, u64)>,
    /// Whether some reads may be stale: only revisions say which state they saw.
    stale: bool,
    client: u64,
    number: u64,
    prefix: String,
    keys: usize,
    large: usize,
}

impl Draws {
    /// How many keys a range spans at most.
    const RANGE: usize = 20;
    /// How many keys one request removes at most. More would leave the store empty.
    const REMOVED: usize = 4;
    /// Of this many reads, one may be stale.
    const STALE: u32 = 5;

    pub(super) fn new(
        settings: &Settings,
        abilities: &Abilities,
        seed: u64,
        client: u64,
        prefix: &str,
    ) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(client);
        let mut sum = 0;
        let available = settings.kinds.iter().filter(|(kind, _)| kind.missing(abilities).is_none());
        let kinds = available.filter(|(_, weight)| **weight > 0).map(|(&kind, &weight)| {
            sum += u64::from(weight);
            (kind, sum)
        });
        Self {
            random,
            kinds: kinds.collect(),
            stale: abilities.revisions,
            client,
            number: 0,
            prefix: prefix.to_owned(),
            keys: settings.keys.max(1),
            large: settings.large,
        }
    }

    /// The next draw; `None`: no kind is left that the subject can serve.
    pub(super) fn next(&mut self) -> Option<Draw> {
        let sum = self.kinds.last()?.1;
        let place = self.random.random_range(0..sum);
        let kind = self.kinds.iter().find(|(_, up_to)| place < *up_to)?.0;
        let member = self.random.next_u64();
        let task = match kind {
            Kind::Lease => Task::Lease(self.lease()),
            _ => Task::Request(self.request(kind)),
        };
        Some(Draw { task, member })
    }

    fn request(&mut self, kind: Kind) -> Request {
        match kind {
            Kind::KvWriteSmall | Kind::Lease => {
                Request::Put { key: self.key(), value: self.value() }
            }
            Kind::KvWriteLarge => {
                let (key, mut value) = (self.key(), self.value());
                let missing = self.large.saturating_sub(value.len());
                value.extend(std::iter::repeat_n('x', missing));
                Request::Put { key, value }
            }
            Kind::KvReadOneKey => Request::Get { key: self.key(), stale: self.stale() },
            Kind::KvReadRange => {
                let (from, to) = self.range(Self::RANGE);
                Request::Range { from, to, stale: self.stale() }
            }
            Kind::KvDeleteOneKey => Request::Delete { key: self.key() },
            Kind::KvDeleteRange => {
                let (from, to) = self.range(Self::REMOVED);
                Request::DeleteRange { from, to }
            }
            Kind::KvTxnWriteDelete => self.transaction(),
        }
    }

    /// Half of the leases are left to expire, and half should live on unless they are revoked.
    fn lease(&mut self) -> Plan {
        let (ttl, renew, revoke) = match self.random.random_range(0..4) {
            0 => (SHORT_TTL, false, false),
            1 => (TTL, false, false),
            2 => (LONG_TTL, true, false),
            _ => (LONG_TTL, false, true),
        };
        let value = self.value();
        let key = format!("{}leased/{value}", self.prefix);
        Plan { ttl, key, value, renew, revoke }
    }

    /// Writes a key if it does not exist, else removes it; and the opposite to another key. Etcd
    /// refuses a transaction that changes one key twice.
    fn transaction(&mut self) -> Request {
        let first = self.random.random_range(0..self.keys);
        let second = self.random.random_range(0..self.keys);
        let key = self.key_at(first);
        let mut then = vec![Request::Put { key: key.clone(), value: self.value() }];
        let mut otherwise = vec![Request::Delete { key: key.clone() }];
        let other = self.key_at(second);
        let value = self.value();
        if second != first {
            then.push(Request::Delete { key: other.clone() });
            otherwise.push(Request::Put { key: other, value });
        }
        Request::Txn { compare: vec![Compare::Value { key, equals: None }], then, otherwise }
    }

    fn key_at(&self, index: usize) -> String {
        format!("{}k{index:06}", self.prefix)
    }

    fn key(&mut self) -> String {
        let index = self.random.random_range(0..self.keys);
        self.key_at(index)
    }

    fn range(&mut self, longest: usize) -> (String, String) {
        let from = self.random.random_range(0..self.keys);
        let length = self.random.random_range(1..=longest);
        (self.key_at(from), self.key_at(from + length))
    }

    fn stale(&mut self) -> bool {
        // Drawn in any case, so that the abilities do not shift what follows.
        let drawn = self.random.random_ratio(1, Self::STALE);
        drawn && self.stale
    }

    /// A value that no other request writes.
    fn value(&mut self) -> String {
        self.number += 1;
        format!("{}-{:06}", self.client, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::Kind;
    use crate::driver::Abilities;

    #[test]
    fn a_kind_says_what_a_subject_lacks() {
        let abilities = Abilities { ranges: true, transactions: true, ..Abilities::default() };
        for (kind, missing) in [
            (Kind::KvWriteSmall, None),
            (Kind::KvReadRange, None),
            (Kind::KvDeleteRange, Some("deletes")),
            (Kind::KvTxnWriteDelete, Some("deletes")),
            (Kind::Lease, Some("leases")),
        ] {
            assert_eq!(kind.missing(&abilities), missing, "{kind}");
        }
    }
}
