//! A node that saves to its log, and knows what a crash may leave.

use crate::seen::Seen;
use cluster_log::Options;
use cluster_node::Storage as _;
use failpoint::Scope;
use raft::eraftpb::{Entry, HardState, Snapshot};
use raft_kv::Log;
use std::io;
use std::path::Path;

/// The names of the directories above need a sync too.
pub(crate) const DIRECTORY: &str = "/sim/node/data";

/// What a node does with its log. All of it begins where the log is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// Saves two entries, with the hard state.
    Save,
    /// A new leader replaces the last entry by two of its own.
    Conflict,
    /// Saves a higher commit index, and does not sync.
    Commit,
    /// Notes a snapshot of the own state, which ends with the entry before the last one.
    Make,
    /// Takes a snapshot from a leader, which is three entries ahead.
    Receive,
    /// Forgets what the last snapshot covers, and the segments that hold it.
    Compact,
    /// The disk is full in the middle of this step, and the node starts again.
    Full(&'static Step),
    /// A sync fails in this step, and the kernel drops what it could not write. The node starts again.
    FailedSync(&'static Step),
    Restart,
}

/// What a crash may leave from here on.
pub(crate) type Legal = Vec<Seen>;

pub(crate) struct Writer {
    /// `None` while the node starts again.
    log: Option<Log>,
    options: Options,
    /// Where points of the disk are armed.
    scope: Scope,
    now: Seen,
    /// What a crash may leave between two steps: one more with each step that was not synced.
    legal: Legal,
}

impl Writer {
    pub(crate) fn start(scope: &Scope, segment_bytes: u64) -> Self {
        let options = Options { segment_bytes };
        let log = Log::open_with(Path::new(DIRECTORY), options.clone()).expect("the disk works");
        let now = Seen::of(&log);
        Self { log: Some(log), options, scope: scope.clone(), legal: vec![now.clone()], now }
    }

    /// What raft sees.
    pub(crate) fn now(&self) -> &Seen {
        &self.now
    }

    /// Does `step`, and tells before and after what a crash may leave.
    pub(crate) fn step(&mut self, step: &Step, tell: &dyn Fn(Legal)) {
        let stages = self.stages(step);
        let legal: Legal = self.legal.iter().chain(&stages).cloned().collect();
        tell(legal.clone());
        match step {
            Step::Full(step) => {
                // All that a step saves is longer.
                self.fails("disk.write", "1*return(short(10))->return(ENOSPC)", step);
                self.start_again(vec![self.now.clone()]);
            }
            Step::FailedSync(step) => {
                self.fails("disk.sync", "return(drop)", step);
                self.start_again(legal.clone());
            }
            Step::Restart => self.start_again(vec![self.now.clone()]),
            _ => {
                self.perform(step).expect("the disk works");
                self.now = stages.last().expect("it changes something").clone();
                let log = self.log.as_ref().expect("it is open");
                assert_eq!(Seen::of(log), self.now, "raft sees what was saved");
            }
        }
        self.legal = match step {
            Step::Commit => legal,
            _ => vec![self.now.clone()],
        };
        tell(self.legal.clone());
    }

    /// A process that starts finds one of these, and keeps it.
    fn start_again(&mut self, legal: Legal) {
        self.log = None;
        let log = Log::open_with(Path::new(DIRECTORY), self.options.clone());
        let log = log.expect("the disk works");
        self.now = Seen::of(&log);
        assert!(legal.contains(&self.now), "{:?} is there instead of {legal:?}", self.now);
        self.log = Some(log);
    }

    fn fails(&mut self, point: &str, terms: &str, step: &Step) {
        self.scope.arm(point, terms).expect("a point of the disk");
        self.perform(step).expect_err("the disk fails");
        assert!(self.scope.disarm(point).expect("a point of the disk"));
    }

    /// What a crash during `step` may leave, in the order in which it comes to be.
    fn stages(&self, step: &Step) -> Vec<Seen> {
        let mut after = self.now.clone();
        match step {
            Step::Save | Step::Conflict | Step::Commit => {
                let (hard_state, entries) = self.saved(step);
                let mut stages = Vec::new();
                for entry in &entries {
                    after.append(entry);
                    stages.push(after.clone());
                }
                after.hard_state = hard_state;
                stages.push(after);
                stages
            }
            Step::Make | Step::Receive => {
                after.take_snapshot(&self.snapshot(step));
                vec![after]
            }
            Step::Compact => {
                after.forget(self.now.covered());
                vec![after]
            }
            Step::Full(step) | Step::FailedSync(step) => self.stages(step),
            Step::Restart => Vec::new(),
        }
    }

    fn perform(&mut self, step: &Step) -> io::Result<()> {
        match step {
            Step::Save | Step::Conflict | Step::Commit => {
                let (hard_state, entries) = self.saved(step);
                let must_sync = !entries.is_empty();
                self.log().save(Some(&hard_state), &entries, must_sync)
            }
            Step::Make | Step::Receive => {
                let snapshot = self.snapshot(step);
                self.log().save_snapshot(&snapshot)
            }
            Step::Compact => {
                let covered = self.now.covered();
                self.log().compact(covered)
            }
            Step::Full(_) | Step::FailedSync(_) | Step::Restart => {
                unreachable!("they are no saves")
            }
        }
    }

    fn log(&mut self) -> &mut Log {
        self.log.as_mut().expect("it is open")
    }

    /// The hard state and the entries that a step saves.
    fn saved(&self, step: &Step) -> (HardState, Vec<Entry>) {
        let (last, mut state) = (self.now.last_index(), self.now.hard_state.clone());
        // What a snapshot covers is committed, and no leader replaces it.
        let known = self.now.gone.0.max(self.now.covered());
        let first = match step {
            Step::Conflict => last.max(known + 1),
            _ => last + 1,
        };
        let count = if matches!(step, Step::Commit) { 0 } else { 2 };
        if matches!(step, Step::Conflict) || state.term == 0 {
            (state.term, state.vote) = (state.term + 1, last % 3 + 1);
        }
        // A follower of a new leader is in its term.
        state.term = state.term.max(self.now.term(last).unwrap_or(0));
        state.commit = state.commit.max(if count == 0 { last } else { known });
        let entries = (first..first + count).map(|index| {
            let mut entry = Entry::default();
            (entry.index, entry.term) = (index, state.term);
            entry.set_data(format!("{}/{index}\0", state.term).into_bytes().into());
            entry
        });
        (state.clone(), entries.collect())
    }

    fn snapshot(&self, step: &Step) -> Snapshot {
        let mut snapshot = Snapshot::default();
        let last = self.now.last_index();
        let (index, term) = match step {
            Step::Receive => (last + 3, self.now.hard_state.term + 1),
            _ => {
                let index = last.saturating_sub(1).max(self.now.gone.0).max(self.now.covered());
                (index, self.now.term(index).expect("it is there"))
            }
        };
        if matches!(step, Step::Receive) {
            snapshot.set_data(format!("the state at {index}").into_bytes().into());
        }
        let meta = snapshot.mut_metadata();
        (meta.index, meta.term) = (index, term);
        meta.mut_conf_state().set_voters(vec![1, index]);
        snapshot
    }
}
