//! Commands to one node: what a client or an operator asks of it.

use super::State;
use super::argument::{Change, Transition};
use crate::script::{Arguments, FromWord, ScriptError, Spanned, Step};
use cluster_node::{Command, Input, Role};
use raft::eraftpb::{ConfChange, ConfChangeSingle, ConfChangeTransition, ConfChangeV2};

impl State {
    fn command(&mut self, id: u64, command: Command) {
        self.group.step(id, Input::Command(raft_kv::Command::Raft(command)));
    }
}

pub(super) fn campaign(
    state: &mut State,
    _: &Step,
    arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    let id = state.only_running(arguments)?;
    state.command(id, Command::Campaign);
    Ok(())
}

pub(super) fn propose(
    state: &mut State,
    _: &Step,
    mut arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    let id = state.running(&mut arguments)?;
    let data = arguments.text("what is proposed")?;
    arguments.finish()?;
    if state.is_store {
        state.propose_to_store(id, data);
    } else {
        state.command(id, Command::Propose(data.as_bytes().to_vec()));
    }
    Ok(())
}

pub(super) fn read(
    state: &mut State,
    _: &Step,
    mut arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    let id = state.running(&mut arguments)?;
    let context = arguments.text("a text that its answer carries")?;
    arguments.finish()?;
    state.command(id, Command::Read(context.as_bytes().to_vec()));
    Ok(())
}

pub(super) fn compact(
    state: &mut State,
    _: &Step,
    mut arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    let id = state.running(&mut arguments)?;
    let index = arguments.spanned::<u64>("an index")?;
    arguments.finish()?;
    let Some(view) = state.group.node(id).map(|node| node.view()) else { return Ok(()) };
    if *index > view.applied {
        let applied = view.applied;
        return Err(index.error(format!("node {id} has applied entries up to {applied} only")));
    }
    state.command(id, Command::Compact(*index));
    Ok(())
}

pub(super) fn send_snapshot(
    state: &mut State,
    _: &Step,
    mut arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    let from = arguments.spanned_node()?;
    let to = state.node(&mut arguments)?;
    arguments.finish()?;
    let id = state.runs(&from)?;
    // A node takes the sender of a snapshot for its leader.
    if state.group.node(id).is_some_and(|node| node.view().role != Role::Leader) {
        return Err(
            from.error(format!("node {id} is not a leader, and only leaders send snapshots"))
        );
    }
    state.command(id, Command::SendSnapshot(to));
    Ok(())
}

pub(super) fn report_unreachable(
    state: &mut State,
    _: &Step,
    mut arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    let id = state.running(&mut arguments)?;
    let other = state.node(&mut arguments)?;
    arguments.finish()?;
    state.command(id, Command::ReportUnreachable(other));
    Ok(())
}

pub(super) fn transfer_leadership(
    state: &mut State,
    step: &Step,
    mut arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    let mut node = |name: &str| {
        let node = arguments.spanned_key::<u64>(name)?;
        node.ok_or_else(|| step.error(format!("`{}` needs `{name}=NODE`", *step.command)))
    };
    let (from, to) = (node("from")?, node("to")?);
    arguments.finish()?;
    let (from, to) = (state.runs(&from)?, state.exists(&to)?);
    state.command(from, Command::TransferLeader(to));
    Ok(())
}

pub(super) fn set_election_timeout(
    state: &mut State,
    step: &Step,
    mut arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    let id = state.running(&mut arguments)?;
    let timeout = arguments.spanned_key::<usize>("timeout")?;
    arguments.finish()?;
    let Some(timeout) = timeout else {
        return Err(step.error(format!("`{}` needs `timeout=TICKS`", *step.command)));
    };
    let least = state.group.members[&id].settings.raft.election_ticks;
    if !(least..2 * least).contains(&timeout) {
        let most = 2 * least - 1;
        return Err(timeout.error(format!("`timeout` must be from {least} to {most} ticks")));
    }
    state.command(id, Command::SetElectionTimeout(*timeout));
    Ok(())
}

pub(super) fn propose_conf_change(
    state: &mut State,
    step: &Step,
    mut arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    let is_v1 = arguments.flag("v1")?;
    let transition = arguments.spanned_key::<Transition>("transition")?;
    let id = state.running(&mut arguments)?;
    arguments.finish()?;
    let mut change = ConfChangeV2::default();
    for line in &step.input {
        for word in words(line) {
            let Change(kind, node) = Change::from_word(&word)
                .map_err(|expected| word.error(format!("this must be {expected}")))?;
            let mut single = ConfChangeSingle::default();
            single.set_change_type(kind);
            single.node_id = node;
            change.mut_changes().push(single);
        }
    }
    if is_v1 {
        if let Some(transition) = transition {
            return Err(transition.error("a change with `v1` has no transition"));
        }
        let [single] = &*change.changes else {
            let count = change.changes.len();
            return Err(step.error(format!("`v1` takes one change, and there are {count}")));
        };
        let mut old = ConfChange::default();
        old.set_change_type(single.get_change_type());
        old.node_id = single.node_id;
        state.command(id, Command::ProposeConfChangeV1(old));
        return Ok(());
    }
    let auto = ConfChangeTransition::Auto;
    change.set_transition(transition.map_or(auto, |transition| transition.0));
    state.command(id, Command::ProposeConfChange(change));
    Ok(())
}

/// The words of a line, each with its place.
fn words(line: &Spanned<String>) -> Vec<Spanned<String>> {
    let base = line.as_ptr() as usize;
    line.split_whitespace()
        .map(|word| {
            let start = word.as_ptr() as usize - base;
            Spanned { value: word.to_owned(), span: line.span.part(start..start + word.len()) }
        })
        .collect()
}
