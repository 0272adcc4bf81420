//! What is on a simulated disk: files and directories, and the changes that are made to them.

use super::contents::Contents;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::sync::Arc;
use twox_hash::XxHash3_128;

/// The number of a file or directory.
pub(crate) type Ino = usize;

/// A name in a directory.
pub(crate) type Name = Arc<OsStr>;

/// The directory at the top.
pub(crate) const ROOT: Ino = 0;

/// Copies share contents until one of them changes.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    nodes: Vec<Node>,
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) content: Content,
    /// How many names it has.
    pub(crate) links: u64,
}

#[derive(Clone, Debug)]
pub(crate) enum Content {
    File(Arc<Contents>),
    Directory(Arc<BTreeMap<Name, Ino>>),
}

/// One change. A crash may lose it until it was synced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Write {
        ino: Ino,
        offset: u64,
        data: Arc<[u8]>,
    },
    SetLen {
        ino: Ino,
        len: u64,
    },
    Link {
        dir: Ino,
        name: Name,
        ino: Ino,
    },
    Unlink {
        dir: Ino,
        name: Name,
        ino: Ino,
    },
    /// `replaced` had the new name before.
    Rename {
        from: (Ino, Name),
        to: (Ino, Name),
        ino: Ino,
        replaced: Option<Ino>,
    },
}

impl Change {
    /// The file or directory whose sync makes this change durable.
    pub(crate) fn synced_with(&self) -> Ino {
        match self {
            Change::Write { ino, .. } | Change::SetLen { ino, .. } => *ino,
            Change::Link { dir, .. } | Change::Unlink { dir, .. } => *dir,
            Change::Rename { to, .. } => to.0,
        }
    }

    /// The names that it makes or removes.
    pub(crate) fn names(&self) -> impl Iterator<Item = (Ino, &Name)> {
        let (one, other) = match self {
            Change::Write { .. } | Change::SetLen { .. } => (None, None),
            Change::Link { dir, name, .. } | Change::Unlink { dir, name, .. } => {
                (Some((*dir, name)), None)
            }
            Change::Rename { from, to, .. } => (Some((from.0, &from.1)), Some((to.0, &to.1))),
        };
        one.into_iter().chain(other)
    }

    /// What gets a name by it.
    pub(crate) fn named(&self) -> Option<Ino> {
        match self {
            Change::Link { ino, .. } | Change::Rename { ino, .. } => Some(*ino),
            _ => None,
        }
    }

    /// What gets or loses a name by it.
    pub(crate) fn gets_or_loses(&self) -> impl Iterator<Item = Ino> + use<> {
        self.named().into_iter().chain(self.removed())
    }

    /// The files and directories that it concerns.
    pub(crate) fn mentioned(&self) -> impl Iterator<Item = Ino> + use<> {
        let inos = match self {
            Change::Write { ino, .. } | Change::SetLen { ino, .. } => {
                [Some(*ino), None, None, None]
            }
            Change::Link { dir, ino, .. } | Change::Unlink { dir, ino, .. } => {
                [Some(*ino), Some(*dir), None, None]
            }
            Change::Rename { from, to, ino, replaced } => {
                [Some(*ino), Some(from.0), Some(to.0), *replaced]
            }
        };
        inos.into_iter().flatten()
    }

    /// What loses a name by it.
    pub(crate) fn removed(&self) -> Option<Ino> {
        match self {
            Change::Unlink { ino, .. } => Some(*ino),
            Change::Rename { replaced, .. } => *replaced,
            _ => None,
        }
    }

    /// How many bytes it holds.
    pub(crate) fn size(&self) -> usize {
        match self {
            Change::Write { data, .. } => data.len(),
            _ => 0,
        }
    }
}

impl Image {
    /// An empty directory.
    pub(crate) fn new() -> Self {
        let root = Node { content: Content::Directory(Arc::default()), links: 1 };
        Self { nodes: vec![root] }
    }

    pub(crate) fn node(&self, ino: Ino) -> &Node {
        &self.nodes[ino]
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// A new node that has no name yet.
    pub(crate) fn add(&mut self, content: Content) -> Ino {
        self.nodes.push(Node { content, links: 0 });
        self.nodes.len() - 1
    }

    /// A new node in place of one that can no longer be reached.
    pub(crate) fn add_at(&mut self, ino: Ino, content: Content) {
        self.nodes[ino] = Node { content, links: 0 };
    }

    pub(crate) fn data(&self, ino: Ino) -> Option<&Contents> {
        match &self.nodes[ino].content {
            Content::File(data) => Some(data),
            Content::Directory(_) => None,
        }
    }

    pub(crate) fn entries(&self, ino: Ino) -> Option<&BTreeMap<Name, Ino>> {
        match &self.nodes[ino].content {
            Content::Directory(entries) => Some(entries),
            Content::File(_) => None,
        }
    }

    fn data_mut(&mut self, ino: Ino) -> &mut Contents {
        match &mut self.nodes[ino].content {
            Content::File(data) => Arc::make_mut(data),
            Content::Directory(_) => unreachable!("a change of data names a file"),
        }
    }

    fn entries_mut(&mut self, ino: Ino) -> &mut BTreeMap<Name, Ino> {
        match &mut self.nodes[ino].content {
            Content::Directory(entries) => Arc::make_mut(entries),
            Content::File(_) => unreachable!("a change of names names a directory"),
        }
    }

    /// Frees the contents of a file or directory that can no longer be reached. What a directory named has one
    /// name less.
    pub(crate) fn free(&mut self, ino: Ino) {
        let named = match &mut self.nodes[ino].content {
            Content::File(data) => {
                *data = Arc::default();
                return;
            }
            Content::Directory(entries) => std::mem::take(entries),
        };
        for child in named.values() {
            self.nodes[*child].links -= 1;
        }
    }

    /// Returns what lost a name by it.
    pub(crate) fn apply(&mut self, change: &Change) -> Option<Ino> {
        match change {
            Change::Write { ino, offset, data } => {
                self.write(*ino, *offset, data);
                None
            }
            Change::SetLen { ino, len } => {
                self.data_mut(*ino).resize(index(*len));
                None
            }
            Change::Link { dir, name, ino } => self.link(*dir, name, *ino),
            Change::Unlink { dir, name, ino } => {
                self.unlink(*dir, name, *ino);
                Some(*ino)
            }
            Change::Rename { from, to, ino, .. } => {
                self.unlink(from.0, &from.1, *ino);
                self.link(to.0, &to.1, *ino)
            }
        }
    }

    /// Writes `data`; a gap before it becomes zeros.
    pub(crate) fn write(&mut self, ino: Ino, offset: u64, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        self.data_mut(ino).write(index(offset), data);
    }

    /// Makes a file at least so long.
    pub(crate) fn extend(&mut self, ino: Ino, len: u64) {
        let contents = self.data_mut(ino);
        if contents.len() < index(len) {
            contents.resize(index(len));
        }
    }

    fn link(&mut self, dir: Ino, name: &Name, ino: Ino) -> Option<Ino> {
        let replaced = self.entries_mut(dir).insert(name.clone(), ino);
        self.nodes[ino].links += 1;
        if let Some(replaced) = replaced {
            self.nodes[replaced].links -= 1;
        }
        replaced
    }

    /// Removes the name, if it still is that of `ino`.
    fn unlink(&mut self, dir: Ino, name: &Name, ino: Ino) {
        if self.entries(dir).is_some_and(|entries| entries.get(name) == Some(&ino)) {
            self.entries_mut(dir).remove(name);
            self.nodes[ino].links -= 1;
        }
    }

    /// How many bytes the files have that can be reached, and what cannot be reached.
    pub(crate) fn used(&self) -> (u64, Vec<Ino>) {
        let mut used = 0;
        let mut seen = vec![false; self.nodes.len()];
        seen[ROOT] = true;
        let mut directories = vec![ROOT];
        while let Some(directory) = directories.pop() {
            for &child in self.entries(directory).into_iter().flat_map(BTreeMap::values) {
                match &self.nodes[child].content {
                    Content::Directory(_) => directories.push(child),
                    Content::File(data) if !seen[child] => used += data.len() as u64,
                    Content::File(_) => {}
                }
                seen[child] = true;
            }
        }
        let unreachable = seen.iter().enumerate().filter(|(_, is_seen)| !**is_seen);
        (used, unreachable.map(|(ino, _)| ino).collect())
    }

    /// A hash of what can be reached. Equal images have equal hashes, whatever their numbers are. `buffer` is
    /// scratch space.
    pub(crate) fn hash(&self, buffer: &mut Vec<u8>) -> u128 {
        buffer.clear();
        self.spell(ROOT, buffer, &mut Vec::new());
        XxHash3_128::oneshot(buffer)
    }

    /// Writes the node and what is below it, so that different images give different bytes. `linked` has the
    /// files with several names, in the order in which they were found: two names of one file differ from two
    /// files with the same contents.
    fn spell(&self, ino: Ino, buffer: &mut Vec<u8>, linked: &mut Vec<Ino>) {
        let number =
            |buffer: &mut Vec<u8>, number: usize| buffer.extend((number as u64).to_le_bytes());
        match &self.nodes[ino].content {
            Content::File(data) => {
                let mut first = 0;
                if self.nodes[ino].links > 1 {
                    let found = linked.iter().position(|&seen| seen == ino);
                    first = 1 + found.unwrap_or(linked.len());
                    if found.is_none() {
                        linked.push(ino);
                    }
                }
                number(buffer, first * 2);
                number(buffer, data.len());
                data.spell(buffer);
            }
            Content::Directory(entries) => {
                number(buffer, 1);
                number(buffer, entries.len());
                for (name, child) in &**entries {
                    let name = name.as_encoded_bytes();
                    number(buffer, name.len());
                    buffer.extend_from_slice(name);
                    self.spell(*child, buffer, linked);
                }
            }
        }
    }
}

/// A length or offset in memory. The capacity of a disk is checked before, so this does not saturate.
fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
