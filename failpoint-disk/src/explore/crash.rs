//! A crash: where it hit, what it lost, and how it is told.

use crate::sim::describe;
use crate::sim::image::Change;
use crate::sim::journal::{Entry, Operation};
use crate::sim::medium::{Effect, Fate, sectors};
use std::panic::Location;

/// A crash, and how it was reached.
pub(super) struct Crash<'t> {
    /// The crash before it, if this one hit a recovery.
    pub(super) before: Option<&'t Crash<'t>>,
    /// What ran before the crash, from the start or from the crash before it.
    pub(super) ran: &'t [Entry],
    pub(super) kind: CrashKind<'t>,
}

#[derive(Clone, Copy)]
pub(super) enum CrashKind<'t> {
    /// With what happened to each change that was not durable.
    Power(&'t [Change], &'t [Fate]),
    ProcessDeath,
}

impl Crash<'_> {
    /// How many operations ran before it, then how many changes were lost or torn.
    pub(super) fn cost(&self) -> (usize, usize) {
        let (length, losses) = self.before.map_or((0, 0), Crash::cost);
        let ran = self.ran.iter().filter(|entry| matches!(entry, Entry::Operation(_))).count();
        let lost = match self.kind {
            CrashKind::Power(_, fates) => fates.iter().filter(|fate| **fate != Fate::Kept).count(),
            CrashKind::ProcessDeath => 0,
        };
        (length + ran, losses + lost + 1)
    }

    /// The operation that made a change.
    fn made(&self, change: &Change) -> Option<&Operation> {
        let made = |operation: &&Operation| matches!(&operation.effect, Some(Effect::Change(made) | Effect::Torn(made)) if made == change);
        let mut ran = self.ran.iter().rev().filter_map(|entry| match entry {
            Entry::Operation(operation) => Some(operation),
            _ => None,
        });
        ran.find(made).or_else(|| self.before.and_then(|before| before.made(change)))
    }

    /// What happened, a line each.
    pub(super) fn tell(&self, schedule: &mut Vec<String>) {
        if let Some(before) = self.before {
            before.tell(schedule);
            schedule.push("the recovery runs:".to_owned());
        }
        let mut number = 0;
        for entry in self.ran {
            match entry {
                Entry::Operation(operation) => {
                    number += 1;
                    let place = place(operation.caller).map(|place| format!("  ({place})"));
                    let place = place.unwrap_or_default();
                    schedule.push(format!("{number:>3}. {operation}{place}"));
                }
                Entry::Acked => schedule.push("     acknowledged".to_owned()),
                Entry::Added(_) => {}
            }
        }
        match self.kind {
            CrashKind::ProcessDeath => {
                schedule.push("the process dies, the machine goes on".to_owned())
            }
            CrashKind::Power(pending, fates) => {
                schedule.push("the power fails".to_owned());
                for (change, fate) in pending.iter().zip(fates) {
                    let what =
                        self.made(change).map_or_else(|| describe(change), Operation::to_string);
                    schedule.push(format!("     {}: {what}", tell_fate(fate, change)));
                }
            }
        }
    }
}

/// The place of a call in the user's source. `None` where it is in this crate or in the standard library, as
/// that of a `BufWriter`: such a place says nothing about the program.
fn place(caller: &'static Location<'static>) -> Option<&'static Location<'static>> {
    let here = file!();
    let here = &here[..here.len() - "explore/crash.rs".len()];
    let is_of_std = |file: &str| file.contains("library/std/src") || file.starts_with("/rustc/");
    (!caller.file().starts_with(here) && !is_of_std(caller.file())).then_some(caller)
}

fn tell_fate(fate: &Fate, change: &Change) -> String {
    match fate {
        Fate::Lost => "lost".to_owned(),
        Fate::Kept => "reached the disk".to_owned(),
        Fate::Prefix(bytes) => format!("torn, only the first {bytes} bytes reached the disk"),
        Fate::Sectors(kept) => {
            let Change::Write { offset, data, .. } = change else { return "torn".to_owned() };
            let of = sectors(*offset, data.len()).count();
            let reached: Vec<String> = (0..of)
                .filter(|number| kept & (1 << number.min(&63)) != 0)
                .map(|number| (number + 1).to_string())
                .collect();
            format!("torn, of its {of} sectors only {} reached the disk", reached.join(", "))
        }
        Fate::Zeros => "lost, and the file has its new length".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sectors_are_told_by_their_numbers() {
        let data = vec![0; 1500].into();
        // The last 12 bytes of one sector, two whole ones, and 464 bytes of the next.
        let change = Change::Write { ino: 2, offset: 500, data };
        for (kept, told) in [(0b101, "1, 3"), (!0b10, "1, 3, 4")] {
            let expected = format!("torn, of its 4 sectors only {told} reached the disk");
            assert_eq!(tell_fate(&Fate::Sectors(kept), &change), expected);
        }
    }
}
