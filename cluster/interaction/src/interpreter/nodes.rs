//! Commands about nodes and their time: add, crash, restart, disks, ticks.

use super::State;
use super::argument::{Kept, LeaseReads};
use crate::group::{Disk, MOST_NODES, NodeSettings};
use crate::script::{Arguments, ScriptError, Spanned, Step};
use crate::trace::Event;
use std::collections::BTreeSet;
use std::io;

/// The most ticks of one command.
const MOST_TICKS: u64 = 10_000;

/// The most append messages that a leader sends ahead. Room for them is made at once.
const MOST_INFLIGHT: usize = 4_096;

pub(super) fn add(
    state: &mut State,
    step: &Step,
    disks: &mut dyn FnMut(u64) -> io::Result<Box<dyn Disk>>,
) -> Result<(), ScriptError> {
    let mut arguments = step.arguments();
    let count = arguments.spanned::<u64>("the number of nodes")?;
    let voters = arguments.spanned_list::<u64>("voters")?;
    let learners = arguments.spanned_list::<u64>("learners")?;
    let index = arguments.spanned_key::<u64>("index")?;
    let content = arguments.spanned_key::<String>("content")?;
    let inflight = arguments.spanned_key::<usize>("inflight")?;
    let pre_vote = arguments.flag("prevote")?;
    let check_quorum = arguments.flag("checkquorum")?;
    let lease_reads = arguments.spanned_key::<LeaseReads>("read-only")?;
    let max_committed_size = arguments.key::<u64>("max-committed-size-per-ready")?;
    let snapshot_count = arguments.spanned_key::<u64>("snapshot-count")?;
    let catch_up_entries = arguments.spanned_key::<u64>("catch-up-entries")?;
    arguments.finish()?;
    let of_stores = [&snapshot_count, &catch_up_entries].into_iter().flatten().next();
    if state.is_store {
        let place = |is_given: bool, name: &str| is_given.then(|| name.to_owned());
        let of_raft = place(!learners.is_empty(), "learners")
            .or_else(|| place(index.is_some(), "index"))
            .or_else(|| place(content.is_some(), "content"))
            .or_else(|| place(inflight.is_some(), "inflight"))
            .or_else(|| place(lease_reads.is_some(), "read-only"))
            .or_else(|| place(max_committed_size.is_some(), "max-committed-size-per-ready"));
        if let Some(name) = of_raft {
            return Err(step.error(format!("stores have no `{name}`; their log starts at index 1")));
        }
    } else if let Some(place) = of_stores {
        return Err(place.error("this is for stores: `node raft-kv`"));
    }

    let present = state.group.members.len() as u64;
    if !(1..=MOST_NODES - present).contains(&count) {
        let room = MOST_NODES - present;
        return Err(count.error(format!(
            "a group has at most {MOST_NODES} nodes: 1 to {room} can be added here"
        )));
    }
    check_members(&voters, &learners)?;
    let is_empty = voters.is_empty() && learners.is_empty();
    match &index {
        Some(index) if is_empty && **index > 0 => {
            return Err(index.error("`index` is for nodes with `voters` or `learners`"));
        }
        None if !is_empty && !state.is_store => {
            return Err(step.error("nodes with `voters` or `learners` need `index=INDEX`"));
        }
        // The crate `raft` takes an entry before it for granted.
        Some(index) if !is_empty && **index < 2 => {
            return Err(index.error("`index` must be at least 2"));
        }
        Some(index) if **index > u64::MAX / 2 => {
            return Err(index.error(format!("`index` must be at most {}", u64::MAX / 2)));
        }
        _ => {}
    }
    if let (Some(content), true) = (&content, is_empty) {
        return Err(content.error("`content` is for nodes with `voters` or `learners`"));
    }
    if let Some(inflight) = &inflight
        && !(1..=MOST_INFLIGHT).contains(&inflight.value)
    {
        return Err(inflight.error(format!("`inflight` must be from 1 to {MOST_INFLIGHT}")));
    }
    if let Some(lease_reads) = &lease_reads
        && lease_reads.0
        && !check_quorum
    {
        return Err(lease_reads.error("`read-only=lease` needs `checkquorum`"));
    }

    let mut all = NodeSettings::new(1);
    all.snapshot_count = snapshot_count.map_or(all.snapshot_count, |count| count.value);
    all.catch_up_entries = catch_up_entries.map_or(all.catch_up_entries, |count| count.value);
    let settings = &mut all.raft;
    settings.voters = values(&voters);
    settings.learners = values(&learners);
    settings.index = index.map_or(0, |index| index.value);
    settings.content = content.map_or_else(Vec::new, |content| content.value.into_bytes());
    settings.pre_vote = pre_vote;
    settings.check_quorum = check_quorum;
    settings.lease_reads = lease_reads.is_some_and(|reads| reads.0);
    settings.inflight = inflight.map_or(settings.inflight, |inflight| inflight.value);
    if let Some(size) = max_committed_size {
        settings.max_committed_size_per_ready = size;
    }
    for id in present + 1..=present + *count {
        all.raft.id = id;
        let disk = disks(id)
            .map_err(|error| step.error(format!("there is no disk for node {id}: {error}")))?;
        if present > 0 {
            state.group.events.push(Event::Start { node: id });
        }
        state.group.add(all.clone(), disk);
    }
    Ok(())
}

fn check_members(voters: &[Spanned<u64>], learners: &[Spanned<u64>]) -> Result<(), ScriptError> {
    let mut seen = BTreeSet::new();
    for id in voters.iter().chain(learners) {
        if **id == 0 {
            return Err(id.error("a node is a number from 1"));
        }
        if !seen.insert(**id) {
            return Err(id.error(format!("node {} is given twice", **id)));
        }
    }
    match (voters, learners) {
        ([], [learner, ..]) => Err(learner.error("learners need a voter")),
        _ => Ok(()),
    }
}

fn values(ids: &[Spanned<u64>]) -> Vec<u64> {
    ids.iter().map(|id| id.value).collect()
}

pub(super) fn crash(
    state: &mut State,
    step: &Step,
    mut arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    let keep = arguments.spanned_key::<Kept>("keep")?;
    let id = state.running(&mut arguments)?;
    arguments.finish()?;
    let kept = keep.as_ref().map(|keep| &keep.0);
    state.group.crash(id, kept).map_err(|error| match &keep {
        Some(keep) => keep.error(error),
        None => step.error(error),
    })?;
    state.group.lose_delayed(id);
    Ok(())
}

pub(super) fn restart(
    state: &mut State,
    _: &Step,
    mut arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    let node = arguments.spanned_node()?;
    arguments.finish()?;
    let id = state.exists(&node)?;
    if state.group.node(id).is_some() {
        return Err(node.error(format!("node {id} runs; `crash {id}` lets it crash first")));
    }
    state.group.events.push(Event::Restart { node: id });
    state.group.start(id);
    Ok(())
}

pub(super) fn fsync(
    state: &mut State,
    step: &Step,
    mut arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    let id = state.node(&mut arguments)?;
    arguments.finish()?;
    let Some(member) = state.group.members.get_mut(&id) else { return Ok(()) };
    member.disk.sync().map_err(|error| step.error(error))
}

/// The points of a disk at which a sync can lie.
const SYNCS: [&str; 2] = ["disk.sync", "disk.sync_dir"];

pub(super) fn lie_sync(
    state: &mut State,
    step: &Step,
    mut arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    let id = state.node(&mut arguments)?;
    let off = arguments.flag("off")?;
    arguments.finish()?;
    if !state.group.members[&id].disk.can_lie() {
        return Err(
            step.error("the disk of this node cannot lie; `node raft-simdisk` has a disk that can")
        );
    }
    for point in SYNCS {
        let terms = if off { "off" } else { "return(lie)" };
        state.arm(id, point, terms).map_err(|error| step.error(error.to_string()))?;
    }
    Ok(())
}

pub(super) fn tick(
    state: &mut State,
    _: &Step,
    mut arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    let id = state.running(&mut arguments)?;
    let count = arguments.optional::<u64>()?;
    arguments.finish()?;
    if let Some(count) = &count
        && !(1..=MOST_TICKS).contains(&count.value)
    {
        return Err(count.error(format!("a node ticks 1 to {MOST_TICKS} times")));
    }
    state.tick(id, count.map_or(1, |count| count.value));
    Ok(())
}

pub(super) fn tick_election(
    state: &mut State,
    _: &Step,
    arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    let id = state.only_running(arguments)?;
    state.tick(id, state.group.members[&id].settings.raft.election_ticks as u64);
    Ok(())
}

pub(super) fn tick_heartbeat(
    state: &mut State,
    _: &Step,
    arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    let id = state.only_running(arguments)?;
    state.tick(id, state.group.members[&id].settings.raft.heartbeat_ticks as u64);
    Ok(())
}

impl State {
    fn tick(&mut self, id: u64, count: u64) {
        for _ in 0..count {
            if !self.group.tick(id) {
                break;
            }
        }
    }
}
