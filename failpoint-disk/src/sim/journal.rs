//! Every operation on a simulated disk in one run of a program, for those who replay it.

use super::image::Content;
use super::medium::Effect;
use super::state::Caller;
use std::cell::Cell;
use std::fmt;
use std::panic;
use std::path::Path;
use std::sync::Arc;

/// How many operations a run may have that change the disk or sync it.
const MOST_CHANGES: usize = 100_000;
/// How many it may have of all kinds.
pub(crate) const MOST_CALLS: u64 = 1_000_000;
/// How many bytes it may write.
const MOST_BYTES: usize = 256 << 20;

/// A run that goes on for longer than a journal is ended: it may never end by itself.
#[derive(Clone, Debug)]
pub(crate) struct Journal {
    pub(crate) entries: Vec<Entry>,
    calls: Cell<u64>,
    most_calls: u64,
    /// How many bytes the entries hold.
    bytes: usize,
}

/// What unwinds through a run that is ended.
struct Ended;

#[derive(Clone, Debug)]
pub(crate) enum Entry {
    Operation(Operation),
    /// A file or directory got a number.
    Added(Content),
    /// The workload acknowledged something to its user.
    Acked,
}

/// One call that changed the disk, or made something durable.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(crate) kind: Kind,
    pub(crate) path: Arc<Path>,
    pub(crate) caller: Caller,
    /// `None` for a sync that lied.
    pub(crate) effect: Option<Effect>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Create,
    Write,
    SetLen,
    Sync,
    SyncDir,
    CreateDir,
    Link,
    Rename,
    Remove,
}

impl Journal {
    /// Of a run that ends after so many operations.
    pub(crate) fn new(most_calls: u64) -> Self {
        Self { entries: Vec::new(), calls: Cell::new(0), most_calls, bytes: 0 }
    }

    /// How many operations there were, those that change nothing included.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.get()
    }

    /// One more operation of the program begins.
    pub(crate) fn call(&self) {
        self.calls.set(self.calls.get() + 1);
        if self.is_too_long() && !std::thread::panicking() {
            panic::resume_unwind(Box::new(Ended));
        }
    }

    /// The program promised something to its user.
    pub(crate) fn acked(&mut self) {
        self.entries.push(Entry::Acked);
        self.call();
    }

    fn is_too_long(&self) -> bool {
        self.calls.get() > self.most_calls
            || self.entries.len() > MOST_CHANGES
            || self.bytes > MOST_BYTES
    }

    /// How many bytes it takes, about.
    pub(crate) fn size(&self) -> usize {
        self.bytes + self.entries.len() * size_of::<Entry>()
    }

    /// Why the run was ended, if it was.
    pub(crate) fn too_long(&self) -> Option<String> {
        if self.entries.len() > MOST_CHANGES {
            Some(format!(
                "does not end: it made more than {MOST_CHANGES} changes, syncs and acknowledgements"
            ))
        } else if self.calls.get() > self.most_calls {
            Some(format!("does not end: it made more than {} operations", self.most_calls))
        } else if self.bytes > MOST_BYTES {
            Some(format!("wrote more than {} MiB, which is too much to explore", MOST_BYTES >> 20))
        } else {
            None
        }
    }

    pub(crate) fn record(&mut self, kind: Kind, path: &Arc<Path>, caller: Caller, effect: Effect) {
        if let Effect::Change(change) | Effect::Torn(change) = &effect {
            self.bytes += change.size();
        }
        let effect = Some(effect);
        self.entries.push(Entry::Operation(Operation { kind, path: path.clone(), caller, effect }));
    }

    pub(crate) fn lied(&mut self, path: &Arc<Path>, caller: Caller) {
        let path = path.clone();
        self.entries.push(Entry::Operation(Operation {
            kind: Kind::Sync,
            path,
            caller,
            effect: None,
        }));
    }

    pub(crate) fn added(&mut self, content: Content) {
        self.entries.push(Entry::Added(content));
    }

    /// Whether there is a change that a crash may lose.
    pub(crate) fn changes_something(&self) -> bool {
        self.operations()
            .any(|operation| matches!(operation.effect, Some(Effect::Change(_) | Effect::Torn(_))))
    }

    pub(crate) fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Operation(operation) => Some(operation),
            _ => None,
        })
    }
}

impl Operation {
    pub(crate) fn is_sync(&self) -> bool {
        matches!(self.kind, Kind::Sync | Kind::SyncDir)
    }

    /// Whether two recordings did the same here.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        (self.kind, &self.path, &self.effect) == (other.kind, &other.path, &other.effect)
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Entry::Operation(operation) => operation.fmt(f),
            Entry::Added(_) => f.write_str("a new file or directory"),
            Entry::Acked => f.write_str("an acknowledgement"),
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use super::image::Change;
        let path = self.path.display();
        match (self.kind, &self.effect) {
            (Kind::Write, Some(Effect::Change(Change::Write { offset, data, .. }))) => {
                write!(f, "write {} bytes at {offset} of {path}", data.len())
            }
            (Kind::SetLen, Some(Effect::Change(Change::SetLen { len, .. }))) => {
                write!(f, "set the length of {path} to {len}")
            }
            (Kind::Write, Some(Effect::Torn(Change::Write { offset, data, .. }))) => {
                write!(f, "write {} bytes at {offset} of {path}, then crash", data.len())
            }
            (Kind::Write, _) => write!(f, "write to {path}"),
            (Kind::SetLen, _) => write!(f, "set the length of {path}"),
            (Kind::Create, _) => write!(f, "create {path}"),
            (Kind::Sync | Kind::SyncDir, None) => write!(f, "sync {path} (a lie)"),
            (Kind::Sync, Some(Effect::Forget(_))) => write!(f, "sync {path} (failed)"),
            (Kind::Sync, _) => write!(f, "sync {path}"),
            (Kind::SyncDir, _) => write!(f, "sync the directory {path}"),
            (Kind::CreateDir, _) => write!(f, "create the directory {path}"),
            (Kind::Link, _) => write!(f, "link to {path}"),
            (Kind::Rename, Some(Effect::Change(Change::Rename { from: (_, name), .. }))) => {
                write!(f, "rename {} to {path}", Path::new(name).display())
            }
            (Kind::Rename, _) => write!(f, "rename to {path}"),
            (Kind::Remove, _) => write!(f, "remove {path}"),
        }
    }
}
