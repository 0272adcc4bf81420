//! Every change that the real disk does not have yet, and what a program sees of it.

use super::held::Held;
use super::node::{Base, Content, Directory, File, Node};
use super::real::{self, Identity, identity};
use super::walk::Spot;
use crate::mirror::Metadata;
use crate::sim::image::{Change, Ino, Name};
use crate::sim::locks::Locks;
use crate::sim::medium::with_older_ones;
use crate::sim::state::{FileKind, Stat, mark};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How many nodes there may be without a look at which of them are needed.
const SLACK: usize = 32;

/// How many changes may wait for a sync, as on a simulated disk.
const MAX_PENDING: usize = 1 << 20;

pub(super) struct Overlay {
    pub(super) nodes: BTreeMap<Ino, Node>,
    next: Ino,
    pub(super) identities: HashMap<Identity, Ino>,
    /// What is not durable, in the order in which it was made.
    pub(super) pending: Vec<Change>,
    pub(super) locks: Locks,
    /// Ranges that cannot be read.
    bad: Vec<(Ino, u64, u64)>,
    /// How many bytes of memory the changes take, and the files whose names are not durable.
    held: usize,
    limit: usize,
    /// Whether changes are held back at all.
    is_volatile: bool,
    /// Whether it is still to be said that the limit was reached; `None` before that.
    warning: Option<bool>,
    /// The power is off: each operation fails.
    pub(super) is_off: bool,
    /// How many nodes were left when they were last looked at.
    swept: usize,
}

impl Overlay {
    pub(super) fn new(limit: usize, is_volatile: bool) -> Self {
        Self {
            nodes: BTreeMap::new(),
            next: 0,
            identities: HashMap::new(),
            pending: Vec::new(),
            locks: Locks::default(),
            bad: Vec::new(),
            held: 0,
            limit,
            is_volatile,
            warning: None,
            is_off: false,
            swept: 0,
        }
    }

    pub(super) fn check_power(&self) -> io::Result<()> {
        if self.is_off { Err(io::Error::other("the disk has crashed")) } else { Ok(()) }
    }

    pub(super) fn node(&self, ino: Ino) -> &Node {
        &self.nodes[&ino]
    }

    pub(super) fn node_mut(&mut self, ino: Ino) -> &mut Node {
        self.nodes.get_mut(&ino).expect("a node lives as long as a handle or a change names it")
    }

    pub(super) fn add(&mut self, node: Node) -> Ino {
        self.next += 1;
        if let Some(identity) = node.identity {
            self.identities.insert(identity, self.next);
        }
        self.nodes.insert(self.next, node);
        self.next
    }

    /// The node of what was found, which from now on is known.
    pub(super) fn node_of(&mut self, spot: &Spot) -> io::Result<Ino> {
        match spot {
            Spot::Node(ino) => Ok(*ino),
            Spot::Real(path, metadata) => self.node_at(path, metadata),
        }
    }

    pub(super) fn node_at(&mut self, path: &Path, metadata: &fs::Metadata) -> io::Result<Ino> {
        let known = self.identities.get(&identity(metadata)).copied();
        if let Some(ino) = known {
            let node = self.node_mut(ino);
            if !node.at.iter().any(|at| at == path) {
                node.at.push(path.to_owned());
            }
            return Ok(ino);
        }
        Ok(self.add(Node::real(path, metadata)?))
    }

    pub(super) fn metadata(&self, spot: &Spot) -> io::Result<Metadata> {
        match spot {
            Spot::Node(ino) => self.metadata_of(*ino),
            Spot::Real(_, metadata) => Ok(Metadata::real(metadata.clone())),
        }
    }

    pub(super) fn metadata_of(&self, ino: Ino) -> io::Result<Metadata> {
        let node = self.node(ino);
        let real = node.real_metadata()?;
        let mut attributes = node.attributes;
        if let (Some(real), false) = (&real, node.is_touched) {
            attributes.modified = real.modified()?;
        }
        let is_dir = node.directory().is_some();
        let len = match &real {
            Some(real) if node.file().is_none() => real.len(),
            _ => node.len()?,
        };
        let links = if is_dir { real.as_ref().map_or(2, real::links) } else { node.links };
        let kind = match &node.content {
            Content::Directory(_) => FileKind::Directory,
            Content::Symlink(_) => FileKind::Symlink,
            Content::File(_) | Content::Special => FileKind::File,
        };
        let stat = Stat { ino, kind, len, links, attributes };
        Ok(match real {
            Some(real) => Metadata::held(real, stat),
            None => Metadata::sim(stat),
        })
    }

    // Changes.

    /// Makes a change: the program sees it at once.
    pub(super) fn change(&mut self, change: Change) -> io::Result<()> {
        // Before it, so that nothing has changed where the real disk fails.
        if self.is_full(change.size()) {
            self.write_back_oldest(change.size())?;
        }
        self.show(&change)?;
        self.held += change.size();
        self.pending.push(change);
        // One change alone may be beyond the limit.
        if self.is_volatile && !self.is_full(0) {
            return Ok(());
        }
        let written = self.write_back();
        self.sweep();
        written
    }

    fn is_full(&self, more: usize) -> bool {
        self.held.saturating_add(more) > self.limit || self.pending.len() > MAX_PENDING
    }

    fn show(&mut self, change: &Change) -> io::Result<()> {
        let now = SystemTime::now();
        if let Change::Write { ino, .. } | Change::SetLen { ino, .. } = change {
            let node = self.node_mut(*ino);
            let new = match node.file() {
                Some(File { held: None, .. }) => Some(Held::new(node.durable_len()?)),
                _ => None,
            };
            node.is_touched = true;
            node.attributes.modified = now;
            let Some(file) = node.file_mut() else { return Ok(()) };
            file.held = new.or(file.held.take());
            let Some(held) = &mut file.held else { return Ok(()) };
            match change {
                Change::Write { offset, data, .. } => held.write(*offset, data),
                Change::SetLen { len, .. } => held.set_len(*len),
                _ => {}
            }
            return Ok(());
        }
        if let Some(removed) = change.removed() {
            self.node_mut(removed).links -= 1;
        }
        match change {
            Change::Link { dir, name, ino } => {
                self.node_mut(*ino).links += 1;
                self.show_name(*dir, name, Some(*ino), now);
            }
            Change::Unlink { dir, name, .. } => self.show_name(*dir, name, None, now),
            Change::Rename { from, to, ino, .. } => {
                self.show_name(from.0, &from.1, None, now);
                self.show_name(to.0, &to.1, Some(*ino), now);
            }
            Change::Write { .. } | Change::SetLen { .. } => {}
        }
        Ok(())
    }

    fn show_name(&mut self, dir: Ino, name: &Name, ino: Option<Ino>, now: SystemTime) {
        let node = self.node_mut(dir);
        node.is_touched = true;
        node.attributes.modified = now;
        if let Some(directory) = node.directory_mut() {
            directory.changed.insert(name.clone(), ino);
        }
        let seen_as = node.seen_as.join(&**name);
        if let Some(ino) = ino {
            self.node_mut(ino).seen_as = seen_as;
        }
    }

    /// Makes the contents of a file durable, or the names in a directory.
    pub(super) fn sync(&mut self, ino: Ino) -> io::Result<()> {
        self.check_power()?;
        let chosen = self.with_older_ones(|_, change| change.synced_with() == ino);
        self.settle(&chosen)?;
        self.sweep_at_times();
        let node = self.node(ino);
        match &node.content {
            Content::File(File { base: Base::Real(Some(file)), .. }) => file.sync_all(),
            Content::Directory(Directory { memory: None, .. }) => match node.at.first() {
                Some(path) => fs::File::open(path)?.sync_all(),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// The chosen changes, and those that must reach the disk before them.
    pub(super) fn with_older_ones(&self, choose: impl Fn(usize, &Change) -> bool) -> Vec<bool> {
        with_older_ones(&self.pending, |ino| self.node(ino).directory().is_some(), choose)
    }

    /// What was not durable of a file never will be. The program still sees it.
    pub(super) fn drop_changes(&mut self, ino: Ino) {
        let before = self.pending.len();
        self.pending.retain(|change| change.synced_with() != ino);
        if self.pending.len() < before {
            if let Some(file) = self.node_mut(ino).file_mut() {
                file.has_dropped = true;
            }
        }
        self.tidy(false);
    }

    /// Makes all changes durable.
    pub(super) fn write_back(&mut self) -> io::Result<()> {
        self.settle(&vec![true; self.pending.len()])
    }

    /// Makes the oldest changes durable, until there is room for `more` bytes and an eighth of the memory is
    /// free.
    fn write_back_oldest(&mut self, more: usize) -> io::Result<()> {
        self.warning.get_or_insert(true);
        let most = (self.limit - self.limit / 8).saturating_sub(more);
        let (mut held, mut oldest) = (self.held, 0);
        while oldest < self.pending.len()
            && (held > most || self.pending.len() - oldest >= MAX_PENDING)
        {
            held -= self.pending[oldest].size();
            oldest += 1;
        }
        let chosen: Vec<bool> = (0..self.pending.len()).map(|place| place < oldest).collect();
        self.settle(&chosen)
    }

    /// What is to be said once, if the limit was reached. Not while the lock is held: who logs may use files.
    pub(super) fn take_warning(&mut self) -> Option<String> {
        if self.warning != Some(true) {
            return None;
        }
        self.warning = Some(false);
        Some(format!(
            "FAILPOINT_DISK_LIMIT: more than {} bytes are not durable; from now on, the oldest ones are written \
             to the disk, so that a crash does not lose them",
            self.limit
        ))
    }

    /// Makes the chosen changes durable, in their order. After an error, the others are still held.
    pub(super) fn settle(&mut self, chosen: &[bool]) -> io::Result<()> {
        if !chosen.contains(&true) {
            return Ok(());
        }
        let mut result = Ok(());
        let pending = std::mem::take(&mut self.pending);
        let mut left = Vec::with_capacity(pending.len());
        // Those that come later must be known: what they name must be kept.
        // Contents alone need nothing of this, and are what is synced most often.
        let has_names =
            |(change, is_chosen): (&Change, &bool)| *is_chosen && change.names().next().is_some();
        let has_names = pending.iter().zip(chosen).any(has_names);
        let mut named: HashMap<Ino, usize> = HashMap::new();
        for ino in pending.iter().filter(|_| has_names).flat_map(Change::mentioned) {
            *named.entry(ino).or_default() += 1;
        }
        for (change, &is_chosen) in pending.into_iter().zip(chosen) {
            if is_chosen && result.is_ok() {
                result = self.make_durable(&change, &named);
                if result.is_ok() {
                    for ino in change.mentioned() {
                        named.entry(ino).and_modify(|by| *by -= 1);
                    }
                    continue;
                }
            }
            left.push(change);
        }
        self.pending = left;
        if has_names {
            self.forget_lost_directories();
        }
        self.tidy(has_names);
        result
    }

    /// Forgets differences that are none any more, after changes became durable: of contents, and of names.
    fn tidy(&mut self, has_names: bool) {
        let pending = self.pending.iter().filter(|_| has_names);
        let names: HashSet<(Ino, &Name)> = pending.flat_map(Change::names).collect();
        let mut files = HashSet::new();
        for change in &self.pending {
            if let Change::Write { ino, .. } | Change::SetLen { ino, .. } = change {
                files.insert(*ino);
            }
        }
        for (&ino, node) in &mut self.nodes {
            match &mut node.content {
                Content::Directory(directory) if has_names => {
                    directory.changed.retain(|name, _| names.contains(&(ino, name)));
                    node.is_touched &= !directory.changed.is_empty();
                }
                Content::File(file) if !file.has_dropped && !files.contains(&ino) => {
                    file.held = None;
                    node.is_touched = false;
                }
                _ => {}
            }
        }
        self.count();
    }

    /// No one syncs a directory that is gone for the program and on the disk, so its changes would wait for ever.
    fn forget_lost_directories(&mut self) {
        loop {
            let named: HashSet<Ino> = self.pending.iter().flat_map(Change::gets_or_loses).collect();
            let is_lost = |ino: &Ino| {
                let node = &self.nodes[ino];
                node.links == 0 && node.handles == 0 && !named.contains(ino)
            };
            let before = self.pending.len();
            self.pending.retain(|change| match change {
                Change::Link { dir, .. } | Change::Unlink { dir, .. } => !is_lost(dir),
                _ => true,
            });
            if self.pending.len() == before {
                return;
            }
        }
    }

    fn count(&mut self) {
        let changes: usize = self.pending.iter().map(Change::size).sum();
        self.held = changes + self.nodes.values().map(Node::size).sum::<usize>();
    }

    // Handles.

    pub(super) fn close(&mut self, ino: Ino) {
        let node = self.node_mut(ino);
        node.handles -= 1;
        if node.handles > 0 {
            return;
        }
        self.forget_unreachable(ino);
        self.sweep_at_times();
    }

    fn sweep_at_times(&mut self) {
        if self.nodes.len() > self.swept * 2 + SLACK {
            self.sweep();
        }
    }

    /// Changes of contents that can no longer be reached can no longer become durable.
    pub(super) fn forget_unreachable(&mut self, ino: Ino) {
        let Some(node) = self.nodes.get(&ino) else { return };
        if node.links > 0 || node.handles > 0 || node.file().is_none() {
            return;
        }
        let Some(file) = self.node_mut(ino).file_mut() else { return };
        if file.held.take().is_none() {
            return;
        }
        let mut freed = 0;
        self.pending.retain(|change| {
            let of_contents = matches!(change, Change::Write { .. } | Change::SetLen { .. });
            let is_kept = !of_contents || change.synced_with() != ino;
            freed += if is_kept { 0 } else { change.size() };
            is_kept
        });
        self.held -= freed;
    }

    /// Forgets nodes that are not open and have no changes.
    fn sweep(&mut self) {
        let mut needed: HashSet<Ino> = self.pending.iter().flat_map(Change::mentioned).collect();
        needed.extend(self.bad.iter().map(|(ino, ..)| *ino));
        let has_state = |node: &Node| {
            node.handles > 0 || node.file().is_some_and(|file| file.has_dropped && node.links > 0)
        };
        needed.extend(self.nodes.iter().filter(|(_, node)| has_state(node)).map(|(ino, _)| *ino));
        let mut todo: Vec<Ino> = needed.iter().copied().collect();
        while let Some(ino) = todo.pop() {
            let Some(directory) = self.nodes.get(&ino).and_then(Node::directory) else { continue };
            let changed = directory.changed.values().filter_map(|ino| *ino);
            let below =
                changed.chain(directory.memory.iter().flat_map(|names| names.values().copied()));
            todo.extend(below.filter(|ino| needed.insert(*ino)));
        }
        self.nodes.retain(|ino, _| needed.contains(ino));
        self.identities.retain(|_, ino| needed.contains(ino));
        self.swept = self.nodes.len();
        self.count();
    }

    // Contents.

    pub(super) fn read(&mut self, ino: Ino, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.check_power()?;
        let node = self.node(ino);
        let Some(file) = node.file() else { return Err(crate::errno::errno("EISDIR")) };
        let end = offset.saturating_add(buffer.len() as u64);
        if self.bad.iter().any(|&(bad, start, stop)| bad == ino && start < end && offset < stop) {
            return Err(crate::errno::errno("EIO"));
        }
        match (&file.held, &file.base) {
            (None, Base::Real(Some(real))) => real::read_at(real, buffer, offset),
            (None, Base::Memory(data)) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX).min(data.len());
                let read = buffer.len().min(data.len() - start);
                buffer[..read].copy_from_slice(&data[start..start + read]);
                Ok(read)
            }
            (Some(held), base) => held.read(buffer, offset, |buffer, at| match base {
                Base::Real(Some(real)) => real::read_fully(real, buffer, at),
                Base::Memory(data) => {
                    let at = at as usize;
                    buffer.copy_from_slice(&data[at..at + buffer.len()]);
                    Ok(())
                }
                Base::Real(None) => Err(io::ErrorKind::NotFound.into()),
            }),
            (None, Base::Real(None)) => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn write(&mut self, ino: Ino, offset: u64, data: &[u8]) -> io::Result<usize> {
        self.check_power()?;
        if data.is_empty() {
            return Ok(0);
        }
        let end = offset + data.len() as u64;
        self.bad.retain(|&(bad, start, stop)| bad != ino || start >= end || stop <= offset);
        self.change(Change::Write { ino, offset, data: data.into() })?;
        Ok(data.len())
    }

    pub(super) fn set_len(&mut self, ino: Ino, len: u64) -> io::Result<()> {
        self.check_power()?;
        self.bad.retain(|&(bad, start, _)| bad != ino || start < len);
        self.change(Change::SetLen { ino, len })
    }

    pub(super) fn mark_bad(&mut self, ino: Ino, offset: u64, len: u64) {
        mark(&mut self.bad, ino, offset, len);
    }

    // Modes.

    #[cfg(feature = "http")]
    pub(super) fn is_volatile(&self) -> bool {
        self.is_volatile
    }

    #[cfg(feature = "http")]
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// From now on, changes are held back, or go to the disk at once.
    pub(super) fn set_volatile(&mut self, is_volatile: bool) -> io::Result<()> {
        self.is_volatile = is_volatile;
        if is_volatile { Ok(()) } else { self.write_back() }
    }

    /// A durable name of the directory or of any parent of it changed.
    pub(super) fn moved(&mut self, from: &Path, to: &Path) {
        for node in self.nodes.values_mut() {
            for at in &mut node.at {
                if let Ok(below) = at.strip_prefix(from) {
                    *at = if below.as_os_str().is_empty() { to.to_owned() } else { to.join(below) };
                }
            }
        }
    }

    /// The directory on the real disk, unless it is in memory.
    pub(super) fn real_directory(&self, dir: Ino) -> Option<PathBuf> {
        let node = self.node(dir);
        match node.directory() {
            Some(Directory { memory: None, .. }) => node.at.first().cloned(),
            _ => None,
        }
    }
}
