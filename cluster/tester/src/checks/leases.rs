//! LEASE_EXPIRE, SHORT_TTL_LEASE_EXPIRE: do leases end when they should, and their keys with them?
//!
//! A lease lives at least its time to live from the last request that granted or renewed it. It may
//! live longer: a new leader of etcd gives every lease its full time again, because it does not know
//! how much of it has passed (`Promote` in etcd's `lease/lessor.go`); a lease that has expired is
//! found within half a second and ended by an entry of the log. So the end is due a time to live
//! after the last moment at which it could have been renewed or the leader could have changed, plus
//! a bound.
//!
//! All times are nanoseconds of the clock of the run.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use super::verdict::Verdict;

/// What is known of a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Its number.
    pub lease: i64,
    /// Its time to live.
    pub ttl: Duration,
    /// When the request was sent that granted it.
    pub granted: u64,
    /// When the last request was sent that renewed it and was answered.
    pub renewed: Option<u64>,
    /// When the last request ended that can have granted or renewed it, whether it was answered or
    /// not.
    pub touched: u64,
    /// Whether a client ended it.
    pub revoked: bool,
    /// What was seen of it afterwards.
    pub seen: Seen,
}

/// What was seen of a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It is gone and all its keys are. When that was seen.
    Gone(u64),
    /// It still exists. When that was seen for the last time.
    Lives(u64),
    /// It is gone, but these keys of it exist. When that was seen for the last time.
    Keys(u64, Vec<String>),
    /// The store was not reached. Why.
    Unknown(String),
}

/// When leases are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The last moment at which the leader may have changed.
    pub extended: u64,
    /// How much later than its time a lease may end.
    pub bound: Duration,
}

/// How a lease broke its promise.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// It exists after its end was due.
    Lingers(Lease),
    /// Its keys exist after its end was due.
    KeysLeft(Lease),
    /// It ended before its time.
    TooEarly(Lease),
}

/// Leases of which it is not known whether they ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotSeen {
    /// One of them.
    pub lease: Lease,
    /// How many there are.
    pub count: usize,
}

impl Display for Violation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lingers(lease) => {
                write!(f, "{lease} still exists at {}", millis(lease.seen.time()))
            }
            Self::KeysLeft(lease) => {
                let Seen::Keys(at, keys) = &lease.seen else { return Ok(()) };
                write!(
                    f,
                    "{lease} is gone, but at {} these of its keys exist: {}",
                    millis(*at),
                    keys.join(", ")
                )
            }
            Self::TooEarly(lease) => {
                let early =
                    Duration::from_nanos(lease.lives_until().saturating_sub(lease.seen.time()));
                write!(
                    f,
                    "{lease} and its keys were gone at {}, {} ms before its time",
                    millis(lease.seen.time()),
                    early.as_millis()
                )
            }
        }
    }
}

impl Display for Lease {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { lease, ttl, granted, renewed, touched, revoked, .. } = self;
        write!(
            f,
            "lease {lease:x} (time to live {} s, granted at {}",
            ttl.as_secs_f64(),
            millis(*granted)
        )?;
        renewed.map_or(Ok(()), |at| write!(f, ", renewed at {}", millis(at)))?;
        write!(f, ", {} at {})", if *revoked { "revoked" } else { "last used" }, millis(*touched))
    }
}

impl Display for NotSeen {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let why = if let Seen::Unknown(why) = &self.lease.seen { why } else { "" };
        write!(f, "it is not known whether {} leases ended; {}: {why}", self.count, self.lease)
    }
}

fn millis(nanoseconds: u64) -> String {
    format!("{} ms", nanoseconds / 1_000_000)
}

impl Lease {
    /// Until when it lives at least.
    #[must_use]
    pub fn lives_until(&self) -> u64 {
        self.granted.max(self.renewed.unwrap_or(0)).saturating_add(nanos(self.ttl))
    }

    /// When it must be gone.
    #[must_use]
    pub fn due(&self, due: Due) -> u64 {
        let Due { extended, bound } = due;
        let left = if self.revoked { Duration::ZERO } else { self.ttl };
        self.touched.max(extended).saturating_add(nanos(left + bound))
    }
}

impl Seen {
    fn time(&self) -> u64 {
        match self {
            Self::Gone(at) | Self::Lives(at) | Self::Keys(at, _) => *at,
            Self::Unknown(_) => 0,
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Judges leases. A lease that was seen alive before it was due has kept its promise until then.
///
/// ```
/// use std::time::Duration;
/// use failpoint_tester::checks::leases::{Due, Lease, Seen, check};
///
/// let second = 1_000_000_000;
/// let lease = |seen| Lease {
///     lease: 0x2a,
///     ttl: Duration::from_secs(2),
///     granted: second,
///     renewed: None,
///     touched: second + 5_000_000,
///     revoked: false,
///     seen,
/// };
/// // The leader changed in the second 4, so the lease may live up to the second 6.
/// let due = Due { extended: 4 * second, bound: Duration::from_secs(3) };
/// assert!(check(&[lease(Seen::Gone(6 * second))], due).holds());
/// assert!(check(&[lease(Seen::Lives(8 * second))], due).holds());
/// assert_eq!(
///     check(&[lease(Seen::Lives(10 * second))], due).to_string(),
///     "violated: lease 2a (time to live 2 s, granted at 1000 ms, last used at 1005 ms) \
///      still exists at 10000 ms"
/// );
/// assert_eq!(
///     check(&[lease(Seen::Gone(2 * second))], due).to_string(),
///     "violated: lease 2a (time to live 2 s, granted at 1000 ms, last used at 1005 ms) \
///      and its keys were gone at 2000 ms, 1000 ms before its time"
/// );
/// ```
pub fn check(leases: &[Lease], due: Due) -> Verdict<Violation, NotSeen> {
    let mut not_seen: Option<NotSeen> = None;
    for lease in leases {
        match &lease.seen {
            Seen::Gone(at) if !lease.revoked && *at < lease.lives_until() => {
                return Verdict::Violated(Violation::TooEarly(lease.clone()));
            }
            Seen::Lives(at) if *at > lease.due(due) => {
                return Verdict::Violated(Violation::Lingers(lease.clone()));
            }
            Seen::Keys(at, _) if *at > lease.due(due) => {
                return Verdict::Violated(Violation::KeysLeft(lease.clone()));
            }
            Seen::Unknown(_) => match &mut not_seen {
                Some(not_seen) => not_seen.count += 1,
                None => not_seen = Some(NotSeen { lease: lease.clone(), count: 1 }),
            },
            Seen::Gone(_) | Seen::Lives(_) | Seen::Keys(..) => {}
        }
    }
    not_seen.map_or(Verdict::Holds, Verdict::NotDecided)
}
