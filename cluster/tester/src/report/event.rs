//! What happens in a run, for those who show it while it runs.

use super::model::{CaseReport, CheckReport, Report, Sample, Span};

/// Something happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The run starts.
    Started {
        /// The name of the subject.
        subject: &'a str,
        /// Where the draws start.
        seed: u64,
        /// How many cases all rounds have together; `None`: it has no end of its own.
        cases: Option<usize>,
        /// How long it runs at most, in milliseconds; `None`: there is no such limit.
        limit: Option<u64>,
    },
    /// A round starts; the first is 1.
    Round(u64),
    /// A case starts.
    Case {
        /// Its name.
        name: &'a str,
        /// Its number in the run, from 1 on.
        number: u64,
    },
    /// A step of a case, in a few words, such as `SIGTERM m2` or `waiting until the cluster is healthy`.
    Step(&'a str),
    /// A fault began, or ended: the same span again, now with its end.
    Fault(&'a Span),
    /// A fault was healed: all members are healthy, agree on one leader, and accept writes.
    Healed {
        /// How long that took after the fault was undone, in milliseconds.
        milliseconds: u64,
        /// After how many milliseconds without a leader members elect another one, where that is known.
        election: Option<u64>,
    },
    /// A case ended.
    CaseEnded(&'a CaseReport),
    /// A checker ended.
    Checked(&'a CheckReport),
    /// What the load did in the last interval.
    Sample(&'a Sample),
    /// Acknowledged writes were found to be gone.
    WritesGone {
        /// How many are lost.
        lost: u64,
        /// How many a restore from a snapshot discarded.
        discarded: u64,
    },
    /// The set-up does not work, so that the run cannot go on; why.
    Broken(&'a str),
    /// The subject is not healthy where no case says so, such as at the start of a round, so that the
    /// run cannot go on; why.
    Unhealthy(&'a str),
    /// The run ended.
    Ended(&'a Report),
}

/// Sees what happens. It must not block for long.
pub trait Observer: Send {
    /// Something happened.
    fn on(&mut self, event: &Event<'_>);
}
