//! Which checks does a run make, and can the subject serve them?

use super::reader::{Field, Reader};
use crate::cases::{Case, Fault};
use crate::checks::Check;
use crate::driver::Abilities;
use crate::load::{Kind, Settings};

/// The checks.
pub(super) fn read(
    reader: &mut Reader<'_>,
    field: Option<Field<'_>>,
    abilities: Option<&Abilities>,
    load: &Settings,
    cases: &[&Case],
) -> Vec<Check> {
    let served = |check| match abilities {
        Some(abilities) => served(check, abilities, load, cases),
        None => Ok(()),
    };
    let Some(field) = field else {
        // LINEARIZABLE is for subjects without revisions: ORDER is exact, and faster.
        let default = |check: &Check| match check {
            Check::NoCheck => false,
            Check::Linearizable => abilities.is_some_and(|abilities| !abilities.revisions),
            _ => true,
        };
        return Check::ALL
            .into_iter()
            .filter(default)
            .filter(|check| served(*check).is_ok())
            .collect();
    };
    let known = Check::ALL.map(|check| (check.name(), check));
    let mut checks = Vec::new();
    let entries = reader.entries(&field);
    for entry in &entries {
        let Some(check) = reader.one_of(entry, "check", &known) else { continue };
        if checks.contains(&check) {
            reader.mistake(entry.node.at, format!("the check `{check}` is already chosen"));
        } else if check == Check::NoCheck && entries.len() > 1 {
            let message = "`NO_CHECK` leaves out all checks; name it alone, or remove it";
            reader.mistake(entry.node.at, message);
        } else if let Err(reason) = served(check) {
            let message = format!("the check `{check}` cannot be made here: {reason}");
            reader.mistake(entry.node.at, message);
        } else {
            checks.push(check);
        }
    }
    checks
}

/// Whether this subject, with this load and these cases, gives a check what it needs.
fn served(
    check: Check,
    abilities: &Abilities,
    load: &Settings,
    cases: &[&Case],
) -> Result<(), &'static str> {
    let fails: &[(bool, &'static str)] = match check {
        Check::NoCheck | Check::Linearizable | Check::SomeSucceeded => &[],
        Check::KvHash => &[
            (!abilities.hash, "the subject has no hash of its contents"),
            (abilities.members < 2, "one member has no other to be compared with"),
        ],
        Check::LeaseExpire | Check::ShortTtlLeaseExpire => &[
            (!abilities.leases, "the subject has no leases"),
            (!load.kinds.contains_key(&Kind::Lease), "`load.kinds` leaves out LEASE"),
        ],
        Check::Runner => &[(load.runners.is_empty(), "`load.runners` names no runner")],
        Check::Order => &[
            (
                !abilities.revisions,
                "the answers of the subject have no revisions; use LINEARIZABLE",
            ),
            (!abilities.watches, "the subject has no watches"),
        ],
        Check::Watch => &[(!abilities.watches, "the subject has no watches")],
        Check::Logs => &[(!abilities.logs, "the log of the subject cannot be read")],
        Check::Reached => {
            let armed = |case: &&Case| {
                matches!(case.fault, Fault::Failpoints | Fault::FailpointsDiskLatency)
            };
            &[
                (!abilities.failpoints, "the members have no control plane of failpoints"),
                (!cases.iter().any(armed), "no case of this configuration arms failpoints"),
            ]
        }
    };
    match fails.iter().find(|(fails, _)| *fails) {
        Some((_, reason)) => Err(reason),
        None => Ok(()),
    }
}
