//! The commands that a script has, and what each does.

mod argument;
mod look;
mod network;
mod nodes;
mod points;
mod raft;
mod store;

use crate::group::{
    Disk, Group, GroupNode, InMemory, NodeSettings, Real, Simulated, start_raft, start_store,
};
use crate::runner::{Interpreter, NodeKind};
use crate::script::{Arguments, ScriptError, Spanned, Step, nearest};
use crate::trace::Event;
use cluster_node::{LogLines, Logged, StepError, describe};
use std::io;
use std::path::Path;

/// The interpreter for a kind of node.
///
/// # Errors
///
/// There is no interpreter for it.
pub fn interpreter(kind: &Spanned<NodeKind>) -> Result<Box<dyn Interpreter>, ScriptError> {
    let disk: fn() -> io::Result<Box<dyn Disk>> = match kind.value {
        NodeKind::RaftMemory => || Ok(Box::new(InMemory::default())),
        NodeKind::RaftLog => || Ok(Box::new(Real::new()?)),
        NodeKind::RaftSimdisk => || Ok(Box::new(Simulated::new(raft_in_files))),
        NodeKind::RaftKv => || Ok(Box::new(Simulated::new(start_store))),
    };
    let mut interpreter = GroupInterpreter::new(move |_| disk());
    if kind.value == NodeKind::RaftKv {
        interpreter.state.group.data = raft_kv::describe_entry;
        interpreter.state.is_store = true;
    }
    Ok(Box::new(interpreter))
}

fn raft_in_files(
    directory: &Path,
    settings: &NodeSettings,
    log: &LogLines,
) -> Result<Box<dyn GroupNode>, StepError> {
    start_raft(directory, &Logged::open, settings, log)
}

/// Runs scripts over a group of raft nodes.
pub struct GroupInterpreter<F> {
    state: State,
    /// Makes the disk of a new node.
    disks: F,
}

/// What the commands work on.
struct State {
    group: Group,
    /// Whether the nodes are stores.
    is_store: bool,
    /// Whether the script shows a broken promise on purpose.
    expects_broken: bool,
    /// How many of the broken promises the script knows.
    known_broken: usize,
}

/// What a command does.
type Run = fn(&mut State, &Step, Arguments<'_>) -> Result<(), ScriptError>;

/// All commands but `add-nodes`, which makes disks.
const COMMANDS: &[(&str, Run)] = &[
    ("_breakpoint", breakpoint),
    ("campaign", raft::campaign),
    ("cancel-watch", store::cancel_watch),
    ("check", look::check),
    ("compact", raft::compact),
    ("compact-revisions", store::compact_revisions),
    ("crash", nodes::crash),
    ("delete", store::delete),
    ("deliver-msgs", network::deliver),
    ("expect-broken", expect_broken),
    ("failpoint", points::failpoint),
    ("failpoints", points::failpoints),
    ("fsync", nodes::fsync),
    ("get", store::get),
    ("hash", store::hash),
    ("heal", network::heal),
    ("lease-grant", store::lease_grant),
    ("lease-keep-alive", store::lease_keep_alive),
    ("lease-revoke", store::lease_revoke),
    ("lease-time-to-live", store::lease_time_to_live),
    ("lie-sync", nodes::lie_sync),
    ("log-level", log_level),
    ("member-add", store::member_add),
    ("member-remove", store::member_remove),
    ("partition", network::partition),
    ("process-ready", network::process_ready),
    ("propose", raft::propose),
    ("propose-conf-change", raft::propose_conf_change),
    ("put", store::put),
    ("raft-log", look::raft_log),
    ("raft-logs", look::raft_logs),
    ("raft-state", look::raft_state),
    ("read", raft::read),
    ("report-unreachable", raft::report_unreachable),
    ("restart", nodes::restart),
    ("send-snapshot", raft::send_snapshot),
    ("set-randomized-election-timeout", raft::set_election_timeout),
    ("show", look::show),
    ("stabilize", network::stabilize),
    ("status", look::status),
    ("store-status", store::store_status),
    ("tick", nodes::tick),
    ("tick-election", nodes::tick_election),
    ("tick-heartbeat", nodes::tick_heartbeat),
    ("transfer-leadership", raft::transfer_leadership),
    ("txn", store::txn),
    ("watch", store::watch),
];

const ADD_NODES: &str = "add-nodes";

/// The commands that take lines before `----`.
const WITH_INPUT: [&str; 2] = ["propose-conf-change", "txn"];

impl<F: FnMut(u64) -> io::Result<Box<dyn Disk>>> GroupInterpreter<F> {
    /// An interpreter whose nodes have the disks that `disks` makes. It is given the number of the node.
    ///
    /// It [seeds](failpoint::seed) the chances of the process, so that a script gives the same each time.
    pub fn new(disks: F) -> Self {
        failpoint::seed(0);
        let state = State {
            group: Group::new(describe::data),
            is_store: false,
            expects_broken: false,
            known_broken: 0,
        };
        Self { state, disks }
    }

    fn dispatch(&mut self, step: &Step) -> Result<(), ScriptError> {
        if *step.command == ADD_NODES {
            return nodes::add(&mut self.state, step, &mut self.disks);
        }
        let Some((_, run)) = COMMANDS.iter().find(|(name, _)| *name == *step.command) else {
            return Err(unknown_command(step));
        };
        if let (Some(input), false) =
            (step.input.first(), WITH_INPUT.contains(&step.command.as_str()))
        {
            let message = format!("`{}` takes no input; `----` must stand here", *step.command);
            return Err(input.error(message));
        }
        run(&mut self.state, step, step.arguments())
    }
}

impl<F: FnMut(u64) -> io::Result<Box<dyn Disk>>> Interpreter for GroupInterpreter<F> {
    fn run(&mut self, step: &Step) -> Result<String, ScriptError> {
        let done = self.dispatch(step);
        let output = self.state.group.output.take();
        self.state.refuse_broken(step)?;
        done.map(|()| output)
    }

    fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.state.group.events)
    }
}

impl State {
    /// A broken promise is an error of the script, unless it says that it expects one.
    fn refuse_broken(&mut self, step: &Step) -> Result<(), ScriptError> {
        let broken = self.group.broken();
        let new = &broken[self.known_broken..];
        self.known_broken = broken.len();
        match new.first() {
            Some(first) if !self.expects_broken => Err(step.error(format!(
                "{first}; a script that shows this on purpose says `expect-broken` at its beginning"
            ))),
            _ => Ok(()),
        }
    }
}

fn unknown_command(step: &Step) -> ScriptError {
    let names = COMMANDS.iter().map(|(name, _)| *name).chain([ADD_NODES]);
    let name = &*step.command;
    step.error(match nearest(name, names.clone()) {
        Some(near) => format!("there is no command `{name}`; did you mean `{near}`?"),
        None => {
            let mut names: Vec<_> = names.collect();
            names.sort_unstable();
            format!("there is no command `{name}`; the commands are {}", names.join(", "))
        }
    })
}

/// A place for a breakpoint of a debugger.
fn breakpoint(_: &mut State, _: &Step, arguments: Arguments<'_>) -> Result<(), ScriptError> {
    arguments.finish()
}

fn expect_broken(state: &mut State, _: &Step, arguments: Arguments<'_>) -> Result<(), ScriptError> {
    arguments.finish()?;
    state.expects_broken = true;
    Ok(())
}

fn log_level(state: &mut State, _: &Step, mut arguments: Arguments<'_>) -> Result<(), ScriptError> {
    let level = arguments.spanned::<argument::LogLevel>("a level")?;
    arguments.finish()?;
    state.group.output.set_level(level.0);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{ADD_NODES, COMMANDS};

    /// Users read the table of the crate docs.
    #[test]
    fn the_docs_list_all_commands() {
        let mut commands: Vec<_> = COMMANDS.iter().map(|(name, _)| *name).collect();
        assert!(commands.is_sorted(), "a command is easy to find");
        commands.push(ADD_NODES);
        commands.sort_unstable();
        let rows =
            include_str!("../lib.rs").lines().filter_map(|line| line.strip_prefix("//! | `"));
        // A row may have several commands of a kind.
        let row = |row: &'static str| row.split("|").next().unwrap_or_default().split("`, `");
        let mut listed: Vec<_> =
            rows.flat_map(row).filter_map(|command| command.split([' ', '`']).next()).collect();
        listed.sort_unstable();
        assert_eq!(listed, commands);
    }
}
