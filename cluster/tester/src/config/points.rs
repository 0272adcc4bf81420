//! What is known of points?

use std::collections::BTreeMap;

use super::reader::{Field, Reader};
use crate::driver::{Point, Role, Trigger};

const ROLES: [(&str, Role); 3] =
    [("any", Role::Any), ("leader", Role::Leader), ("follower", Role::Follower)];

const TRIGGERS: [(&str, Trigger); 9] = [
    ("load", Trigger::Load),
    ("compaction", Trigger::Compaction),
    ("snapshot", Trigger::Snapshot),
    ("restart", Trigger::Restart),
    ("membership", Trigger::Membership),
    ("defragmentation", Trigger::Defragmentation),
    ("lease", Trigger::Lease),
    ("watch", Trigger::Watch),
    ("none", Trigger::None),
];

/// A map of points by name. The schema is that of an entry.
pub(super) fn read(
    reader: &mut Reader<'_>,
    field: &Field<'_>,
    schema: &str,
) -> BTreeMap<String, Point> {
    let mut points = BTreeMap::new();
    for (name, at, field) in reader.map(field).unwrap_or_default() {
        if !is_name(&name) {
            reader.mistake(at, NAME);
            continue;
        }
        let Some(section) = reader.section(&field, schema) else { continue };
        let role = section.field("role").and_then(|field| reader.one_of(&field, "role", &ROLES));
        let trigger =
            section.field("trigger").and_then(|field| reader.one_of(&field, "trigger", &TRIGGERS));
        points.insert(
            name,
            Point { role: role.unwrap_or_default(), trigger: trigger.unwrap_or_default() },
        );
    }
    points
}

pub(super) const NAME: &str =
    "the name of a point has only letters, digits, `_`, `.`, `:`, `/` and `-`";

/// Whether it can be the name of a point, or the end of one.
pub(super) fn is_name(name: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':' | '/' | '-');
    !name.is_empty() && name.chars().all(good)
}
