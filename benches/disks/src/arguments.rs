//! The command line.

use failpoint_disk::Explore;

pub(crate) const USAGE: &str = "\
usage: disks redb [--variant in-place] [--depth 2] [--states 100000] [--seed 0]
       disks raft-engine [--variant names] [--depth 2] [--states 100000] [--seed 0]
       disks compare [--seed 0]

redb         crashes redb, whose file is on a simulated disk; with --variant in-place, redb creates the
             database under its own name, and not under another one that is renamed
raft-engine  crashes raft-engine, the contents of whose files are on a simulated disk; with --variant names,
             the names of files are durable only where raft-engine's source syncs its directory
compare      looks for the mistakes of three wrong logs with the explorer, turmoil-fs and powercut, and
             prints a table; its exit status is 0

--depth says how often in a row a recovery is crashed.
Prints progress, the report, and one line of JSON.
Exit status: 0 held, 3 lost, 1 not measured or harness broken, 2 bad arguments";

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) subject: Subject,
    states: Option<u64>,
    pub(crate) seed: u64,
    pub(crate) depth: usize,
}

/// What is crashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Help,
    Redb { in_place: bool },
    RaftEngine { names: bool },
    Compare,
}

impl Arguments {
    /// # Errors
    /// What is wrong with them.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let first = words.next().ok_or("say what to crash")?;
        let mut subject = match first.as_str() {
            "redb" => Subject::Redb { in_place: false },
            "raft-engine" => Subject::RaftEngine { names: false },
            "compare" => Subject::Compare,
            "--help" | "-h" | "help" => Subject::Help,
            other => return Err(format!("{other:?} cannot be crashed")),
        };
        let (mut states, mut seed, mut depth) = (None, 0, 2);
        while let Some(option) = words.next() {
            let value = words.next().ok_or_else(|| format!("{option} needs a value"))?;
            let bad = |expected| format!("{option} {value}: expected {expected}");
            match (option.as_str(), &mut subject) {
                ("--states", Subject::Redb { .. } | Subject::RaftEngine { .. }) => {
                    let number = value.parse().ok().filter(|&states| states > 0);
                    states = Some(number.ok_or_else(|| bad("a number from 1 on"))?);
                }
                ("--depth", Subject::Redb { .. } | Subject::RaftEngine { .. }) => {
                    let number = value.parse().ok().filter(|depth| (0..=2).contains(depth));
                    depth = number.ok_or_else(|| bad("0, 1 or 2"))?;
                }
                ("--seed", _) => seed = value.parse().map_err(|_| bad("a number"))?,
                ("--variant", Subject::Redb { in_place }) if value == "in-place" => {
                    *in_place = true
                }
                ("--variant", Subject::Redb { .. }) => return Err(bad("in-place")),
                ("--variant", Subject::RaftEngine { names }) if value == "names" => *names = true,
                ("--variant", Subject::RaftEngine { .. }) => return Err(bad("names")),
                _ => return Err(format!("there is no option {option}")),
            }
        }
        Ok(Self { subject, states, seed, depth })
    }

    /// An exploration of so many states, if not of others.
    pub(crate) fn explore(&self, states: u64) -> Explore {
        Explore::new().seed(self.seed).depth(self.depth).max_states(self.states.unwrap_or(states))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, String> {
        Arguments::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn a_subject_with_its_options() {
        let subject = Subject::Redb { in_place: true };
        let expected = Arguments { subject, states: Some(5), seed: 7, depth: 1 };
        assert_eq!(parse("redb --states 5 --seed 7 --variant in-place --depth 1"), Ok(expected));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (line, said) in [
            ("", "say what to crash"),
            ("leveldb", "\"leveldb\" cannot be crashed"),
            ("redb --states", "--states needs a value"),
            ("redb --states 0", "--states 0: expected a number from 1 on"),
            ("redb --depth 3", "--depth 3: expected 0, 1 or 2"),
            ("redb --seed x", "--seed x: expected a number"),
            ("redb --variant names", "--variant names: expected in-place"),
            ("raft-engine --variant in-place", "--variant in-place: expected names"),
            ("compare --states 3", "there is no option --states"),
            ("redb --fast yes", "there is no option --fast"),
        ] {
            assert_eq!(parse(line), Err(said.to_owned()), "{line}");
        }
    }
}
