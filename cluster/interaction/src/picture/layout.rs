//! The row of each event.
//!
//! Events keep their order. Events on different nodes share a row, and so do messages that one node
//! sends to several; all others begin a new row. A message arrives below the row that sent it. So
//! at most one thing ends in a row of a lane, and no two labels overlap.

use crate::trace::Event;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

#[derive(Debug, Default)]
pub(super) struct Layout {
    /// The nodes, one a lane, in order.
    pub(super) nodes: Vec<u64>,
    pub(super) rows: usize,
    pub(super) commands: Vec<Command>,
    pub(super) messages: Vec<Message>,
    pub(super) marks: Vec<Mark>,
    /// Where a lane has a leader.
    pub(super) leaders: Vec<Leader>,
    /// Where a lane is not a running node: before its start, and between a crash and a restart.
    pub(super) absent: Vec<Absent>,
    pub(super) partitions: Vec<Partition>,
}

#[derive(Debug)]
pub(super) struct Command {
    pub(super) row: usize,
    pub(super) line: usize,
    pub(super) text: String,
}

#[derive(Debug)]
pub(super) struct Message {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) row: usize,
    pub(super) label: String,
    pub(super) ends: Vec<End>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub(super) row: usize,
    pub(super) lost: bool,
}

#[derive(Debug)]
pub(super) struct Mark {
    pub(super) lane: usize,
    pub(super) row: usize,
    pub(super) kind: MarkKind,
}

#[derive(Debug)]
pub(super) enum MarkKind {
    Start,
    Crash,
    Restart,
    StepDown,
    Leader(u64),
    Commit(u64),
    Apply(u64),
    Note(String),
}

#[derive(Debug)]
pub(super) struct Leader {
    pub(super) lane: usize,
    pub(super) term: u64,
    pub(super) rows: Range<usize>,
}

#[derive(Debug)]
pub(super) struct Absent {
    pub(super) lane: usize,
    pub(super) rows: Range<usize>,
    pub(super) crashed: bool,
}

#[derive(Debug)]
pub(super) struct Partition {
    pub(super) rows: Range<usize>,
    /// The number of each lane's group.
    pub(super) groups: Vec<usize>,
    pub(super) healed: bool,
}

impl Layout {
    pub(super) fn new(events: &[Event]) -> Layout {
        let nodes: Vec<u64> = nodes(events).into_iter().collect();
        let mut placer = Placer {
            ended: events
                .iter()
                .filter_map(|event| match event {
                    Event::Receive { id } | Event::Drop { id } => Some(*id),
                    _ => None,
                })
                .collect(),
            uses: vec![Use::Free; nodes.len()],
            layout: Layout { nodes, ..Layout::default() },
            ..Placer::default()
        };
        for event in events {
            placer.place(event);
        }
        placer.finish()
    }
}

fn nodes(events: &[Event]) -> BTreeSet<u64> {
    let mut nodes = BTreeSet::new();
    for event in events {
        match event {
            Event::Send { from, to, .. } => nodes.extend([*from, *to]),
            Event::Start { node }
            | Event::Crash { node }
            | Event::Restart { node }
            | Event::Leader { node, .. }
            | Event::StepDown { node }
            | Event::Commit { node, .. }
            | Event::Apply { node, .. }
            | Event::Note { node, .. } => _ = nodes.insert(*node),
            Event::Partition { groups } => nodes.extend(groups.iter().flatten()),
            Event::Command { .. } | Event::Receive { .. } | Event::Drop { .. } | Event::Heal => {}
        }
    }
    nodes
}

/// What a lane has in the current row.
#[derive(Clone)]
enum Use {
    Free,
    /// Messages to these lanes.
    Sends(Vec<usize>),
    Full,
}

#[derive(Default)]
struct Placer {
    layout: Layout,
    row: usize,
    uses: Vec<Use>,
    /// Whether the margin of the current row has a command.
    commanded: bool,
    /// Whether the next event begins a new row.
    closed: bool,
    /// The messages that arrive or are lost.
    ended: BTreeSet<u64>,
    /// By their ids, the messages that were sent.
    sent: BTreeMap<u64, usize>,
    /// By their lanes, the leaders and the nodes that are not there.
    leaders: BTreeMap<usize, usize>,
    absent: BTreeMap<usize, usize>,
    partitioned: bool,
}

impl Placer {
    fn place(&mut self, event: &Event) {
        match event {
            Event::Command { line, text } => {
                if self.commanded || self.is_used() {
                    self.begin_row(self.row + 1);
                }
                self.commanded = true;
                let (row, line, text) = (self.row, *line, text.clone());
                self.layout.commands.push(Command { row, line, text });
            }
            Event::Send { id, from, to, label } => {
                let (from, to) = (self.lane(*from), self.lane(*to));
                let ends = self.ended.contains(id);
                let row = self.send(from, to, ends);
                self.sent.insert(*id, self.layout.messages.len());
                let label = label.clone();
                self.layout.messages.push(Message { from, to, row, label, ends: Vec::new() });
            }
            Event::Receive { id } => self.end(*id, false),
            Event::Drop { id } => self.end(*id, true),
            Event::Start { node } => {
                let lane = self.lane(*node);
                let row = self.mark(lane, MarkKind::Start);
                if !self.layout.absent.iter().any(|absent| absent.lane == lane) {
                    self.layout.absent.push(Absent { lane, rows: 0..row, crashed: false });
                }
            }
            Event::Crash { node } => {
                let lane = self.lane(*node);
                let row = self.mark(lane, MarkKind::Crash);
                self.end_leader(lane, row);
                if let std::collections::btree_map::Entry::Vacant(entry) = self.absent.entry(lane) {
                    entry.insert(self.layout.absent.len());
                    let rows = row..usize::MAX;
                    self.layout.absent.push(Absent { lane, rows, crashed: true });
                }
            }
            Event::Restart { node } => {
                let lane = self.lane(*node);
                let row = self.mark(lane, MarkKind::Restart);
                if let Some(at) = self.absent.remove(&lane) {
                    self.layout.absent[at].rows.end = row;
                }
            }
            Event::Leader { node, term } => {
                let lane = self.lane(*node);
                let row = self.mark(lane, MarkKind::Leader(*term));
                self.end_leader(lane, row);
                self.leaders.insert(lane, self.layout.leaders.len());
                let rows = row..usize::MAX;
                self.layout.leaders.push(Leader { lane, term: *term, rows });
            }
            Event::StepDown { node } => {
                let lane = self.lane(*node);
                let row = self.mark(lane, MarkKind::StepDown);
                self.end_leader(lane, row);
            }
            Event::Commit { node, index } => {
                self.mark(self.lane(*node), MarkKind::Commit(*index));
            }
            Event::Apply { node, index } => {
                self.mark(self.lane(*node), MarkKind::Apply(*index));
            }
            Event::Note { node, text } => {
                self.mark(self.lane(*node), MarkKind::Note(text.clone()));
            }
            Event::Partition { groups } => {
                let row = self.whole_row();
                self.heal(row);
                let mut alone = groups.len();
                let lanes = self.layout.nodes.iter().map(|node| {
                    groups.iter().position(|group| group.contains(node)).unwrap_or_else(|| {
                        alone += 1;
                        alone - 1
                    })
                });
                let groups = lanes.collect();
                let rows = row..usize::MAX;
                self.layout.partitions.push(Partition { rows, groups, healed: false });
                self.partitioned = true;
            }
            Event::Heal => {
                let row = self.whole_row();
                let was_partitioned = self.partitioned;
                self.heal(row);
                if let (true, Some(last)) = (was_partitioned, self.layout.partitions.last_mut()) {
                    last.healed = true;
                }
            }
        }
    }

    fn finish(mut self) -> Layout {
        self.layout.rows = self.row + 1;
        let rows = self.layout.rows;
        let ends = self.layout.leaders.iter_mut().map(|leader| &mut leader.rows.end);
        let ends = ends.chain(self.layout.absent.iter_mut().map(|absent| &mut absent.rows.end));
        let ends = ends.chain(self.layout.partitions.iter_mut().map(|part| &mut part.rows.end));
        ends.for_each(|end| *end = rows.min(*end));
        self.layout
    }

    /// All nodes of all events have a lane.
    fn lane(&self, node: u64) -> usize {
        self.layout.nodes.partition_point(|&other| other < node)
    }

    fn is_used(&self) -> bool {
        self.closed || self.uses.iter().any(|used| !matches!(used, Use::Free))
    }

    fn begin_row(&mut self, row: usize) {
        self.row = row;
        self.commanded = false;
        self.closed = false;
        self.uses.fill(Use::Free);
    }

    /// The row of an event that takes a lane, from `least` on.
    fn take(&mut self, lane: usize, least: usize) -> usize {
        if self.closed || !matches!(self.uses[lane], Use::Free) || self.row < least {
            self.begin_row(least.max(self.row + 1));
        }
        self.uses[lane] = Use::Full;
        self.row
    }

    /// The row of an event that takes all lanes.
    fn whole_row(&mut self) -> usize {
        if self.is_used() {
            self.begin_row(self.row + 1);
        }
        self.closed = true;
        self.row
    }

    fn send(&mut self, from: usize, to: usize, ends: bool) -> usize {
        if let (false, Use::Sends(targets)) = (self.closed, &mut self.uses[from])
            && ends
            && !targets.contains(&to)
        {
            targets.push(to);
            return self.row;
        }
        let row = self.take(from, 0);
        if ends {
            self.uses[from] = Use::Sends(vec![to]);
        }
        row
    }

    fn end(&mut self, id: u64, lost: bool) {
        // A message that was never sent is not drawn.
        let Some(&at) = self.sent.get(&id) else { return };
        let Message { to, row, .. } = self.layout.messages[at];
        let row = self.take(to, row + 1);
        self.layout.messages[at].ends.push(End { row, lost });
    }

    fn mark(&mut self, lane: usize, kind: MarkKind) -> usize {
        // These have text beside the lane.
        let row = match kind {
            MarkKind::Crash | MarkKind::Restart | MarkKind::Note(_) => self.whole_row(),
            _ => self.take(lane, 0),
        };
        self.layout.marks.push(Mark { lane, row, kind });
        row
    }

    fn end_leader(&mut self, lane: usize, row: usize) {
        if let Some(at) = self.leaders.remove(&lane) {
            self.layout.leaders[at].rows.end = row;
        }
    }

    fn heal(&mut self, row: usize) {
        if let (true, Some(last)) = (self.partitioned, self.layout.partitions.last_mut()) {
            last.rows.end = row;
        }
        self.partitioned = false;
    }
}
