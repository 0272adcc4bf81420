//! Every operation on a simulated disk since it was mounted, for those who replay it.

use super::image::Content;
use super::medium::Effect;
use super::state::Caller;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

#[derive(Clone, Debug, Default)]
pub(crate) struct Journal {
    pub(crate) entries: Vec<Entry>,
}

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
    pub(crate) fn record(&mut self, kind: Kind, path: &Arc<Path>, caller: Caller, effect: Effect) {
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
