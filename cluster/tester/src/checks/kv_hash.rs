//! KV_HASH: do all members have the same contents?
//!
//! Only hashes of one revision can be compared, and, where a member's hash covers its past, only
//! those of members that have forgotten the same part of it.

use std::fmt::{self, Display, Formatter};

use super::verdict::Verdict;
use crate::history::Revision;

/// The hash of one member's contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberHash {
    /// The member.
    pub member: String,
    /// The revision up to which the hash was computed, where the store has revisions.
    pub revision: Option<Revision>,
    /// The revision up to which the past is forgotten, where that goes into the hash.
    pub compacted: Option<Revision>,
    /// The hash.
    pub hash: u64,
}

/// Two members with different contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Different {
    /// The one.
    pub first: MemberHash,
    /// The other.
    pub second: MemberHash,
}

/// Two hashes that cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotComparable {
    /// The one.
    pub first: MemberHash,
    /// The other.
    pub second: MemberHash,
}

impl Display for MemberHash {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { member, revision, compacted, hash } = self;
        write!(f, "{member} has {hash:08x}")?;
        revision.map_or(Ok(()), |revision| write!(f, " at revision {revision}"))?;
        compacted.map_or(Ok(()), |compacted| write!(f, ", compacted at {compacted}"))
    }
}

impl Display for Different {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "members have different contents: {}; {}", self.first, self.second)
    }
}

impl Display for NotComparable {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "hashes cannot be compared: {}; {}", self.first, self.second)
    }
}

/// Compares the hashes of all members.
///
/// ```
/// use failpoint_tester::checks::kv_hash::{MemberHash, check};
///
/// let of = |member: &str, hash| MemberHash {
///     member: member.into(),
///     revision: Some(7),
///     compacted: None,
///     hash,
/// };
/// assert!(check(&[of("m1", 0xabc), of("m2", 0xabc)]).holds());
/// assert_eq!(
///     check(&[of("m1", 0xabc), of("m2", 0xdef)]).to_string(),
///     "violated: members have different contents: \
///      m1 has 00000abc at revision 7; m2 has 00000def at revision 7"
/// );
/// ```
pub fn check(hashes: &[MemberHash]) -> Verdict<Different, NotComparable> {
    let mut not_comparable = None;
    for (index, first) in hashes.iter().enumerate() {
        for second in &hashes[index + 1..] {
            let (one, other) = (first.clone(), second.clone());
            if first.revision != second.revision || first.compacted != second.compacted {
                not_comparable.get_or_insert(NotComparable { first: one, second: other });
            } else if first.hash != second.hash {
                return Verdict::Violated(Different { first: one, second: other });
            }
        }
    }
    not_comparable.map_or(Verdict::Holds, Verdict::NotDecided)
}
