//! Commands that look at nodes and change nothing.

use super::{State, store};
use crate::script::{Arguments, ScriptError, Step};
use cluster_node::{Role, View, describe};
use raft::eraftpb::Entry;
use std::fmt::Write as _;

impl State {
    fn view(&self, id: u64) -> Option<View> {
        self.group.node(id).map(|node| node.view())
    }
}

pub(super) fn raft_log(
    state: &mut State,
    _: &Step,
    arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    let id = state.only_running(arguments)?;
    let Some(view) = state.view(id) else { return Ok(()) };
    if view.entries.is_empty() {
        let (index, term) = view.compacted;
        state.group.output.always(&format!("the log is empty after {term}/{index}"));
    }
    let data = state.group.data;
    view.entries.iter().for_each(|entry| state.group.output.always(&describe::entry(entry, data)));
    Ok(())
}

/// All logs as a table: a row for each node that runs, a column for each index. What was compacted is blank.
pub(super) fn raft_logs(
    state: &mut State,
    _: &Step,
    arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    arguments.finish()?;
    let views = state.group.views();
    let first = views.iter().map(|view| view.compacted.0 + 1).min().unwrap_or(1);
    let entries = || views.iter().flat_map(|view| &view.entries);
    let width = entries().map(|entry| cell(entry).len()).max().unwrap_or(0);
    let widest = views.iter().map(|view| view.id.to_string().len()).max().unwrap_or(0);
    for view in &views {
        let mut line = format!("{:widest$}:", view.id);
        if view.entries.is_empty() {
            let (index, term) = view.compacted;
            let _ = write!(line, " empty after ({term},{index})");
        }
        let blank = (view.compacted.0 + 1 - first) as usize * (width + 1);
        line.extend(std::iter::repeat_n(' ', blank));
        for entry in &view.entries {
            let _ = write!(line, " {:width$}", cell(entry));
        }
        state.group.output.always(line.trim_end());
    }
    if views.is_empty() {
        state.group.output.always("no node runs");
    }
    Ok(())
}

/// An entry in the table of all logs: its term and its index.
fn cell(entry: &Entry) -> String {
    format!("({},{})", entry.term, entry.index)
}

pub(super) fn raft_state(
    state: &mut State,
    _: &Step,
    arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    arguments.finish()?;
    for (id, member) in &state.group.members {
        let line = match member.node() {
            Some(node) => describe::state(&node.view()),
            None => format!("{id}: {}", member.down),
        };
        state.group.output.always(&line);
    }
    Ok(())
}

pub(super) fn status(
    state: &mut State,
    _: &Step,
    arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    let id = state.only_running(arguments)?;
    let Some(view) = state.view(id) else { return Ok(()) };
    if view.role != Role::Leader {
        let role = view.role;
        state.group.output.always(&format!("node {id} is a {role}; a leader knows its members"));
    }
    describe::status(&view).iter().for_each(|line| state.group.output.always(line));
    Ok(())
}

pub(super) fn show(
    state: &mut State,
    _: &Step,
    arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    let id = state.only_running(arguments)?;
    let Some(node) = state.group.node(id) else { return Ok(()) };
    let Some(content) = node.content().map(<[u8]>::to_vec) else {
        return store::show(state, id);
    };
    if content.is_empty() {
        state.group.output.always("nothing");
        return Ok(());
    }
    for value in content.split(|byte| *byte == b'\n') {
        state.group.output.always(&describe::data(value));
    }
    Ok(())
}

pub(super) fn check(
    state: &mut State,
    _: &Step,
    arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    arguments.finish()?;
    let views = state.group.views();
    let output = &mut state.group.output;
    let Some(first) = views.first() else {
        output.always("no node runs");
        return Ok(());
    };
    let ids: Vec<_> = views.iter().map(|view| view.id.to_string()).collect();
    let ids = ids.join(" ");
    let mut are_equal = true;
    for view in &views[1..] {
        if let Some(index) = first_difference(first, view) {
            are_equal = false;
            output.always(&format!("the logs of {} and {} differ at {index}", first.id, view.id));
        }
    }
    if are_equal {
        let last = first.last_index();
        let term = first.term_at(last).unwrap_or_default();
        output.always(&format!("the logs of {ids} are equal; their last entry is {term}/{last}"));
    }
    let acknowledged = state.group.acknowledged();
    let mut lost = Vec::new();
    for (index, term) in acknowledged {
        let has = |view: &&View| *index <= view.compacted.0 || view.term_at(*index) == Some(*term);
        let without: Vec<_> =
            views.iter().filter(|view| !has(view)).map(|view| view.id.to_string()).collect();
        if !without.is_empty() {
            lost.push(format!("acknowledged {term}/{index} is not on {}", without.join(" ")));
        }
    }
    let count = acknowledged.len();
    let is_kept = lost.is_empty();
    let output = &mut state.group.output;
    lost.iter().for_each(|line| output.always(line));
    if is_kept {
        output.always(&match count {
            0 => "nothing was acknowledged".to_owned(),
            1 => format!("the acknowledged entry is on {ids}"),
            _ => format!("all {count} acknowledged entries are on {ids}"),
        });
    }
    Ok(())
}

/// The first index at which two logs differ, of those that neither has compacted.
fn first_difference(one: &View, other: &View) -> Option<u64> {
    let first = one.compacted.0.max(other.compacted.0) + 1;
    let last = one.last_index().max(other.last_index());
    (first..=last).find(|index| one.entry(*index) != other.entry(*index))
}
