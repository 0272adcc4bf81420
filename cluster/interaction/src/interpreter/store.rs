//! Commands to a store: what its clients ask.

use super::State;
use crate::group::{Asked, member};
use crate::script::{Arguments, ScriptError, Spanned, Step, read_arguments};
use cluster_node::{Input, describe};
use raft_kv::{
    Command, Compare, Comparison, KeyRange, Operation, Put, Range, Read, Request, Target, Txn,
    Write,
};

impl State {
    /// A client asks something of a node.
    fn ask(&mut self, node: u64, asked: Asked, request: Request) {
        let id = self.group.requests.ask(node, asked);
        self.group.step(node, Input::Command(Command::Request { id, request }));
    }

    /// The same of a request with one answer, which repeats `text`.
    fn request(&mut self, node: u64, text: String, request: Request) {
        self.ask(node, Asked::Request(text), request);
    }

    /// Refuses a command to a node that is no store.
    fn store(&self, step: &Step, arguments: &mut Arguments<'_>) -> Result<u64, ScriptError> {
        if !self.is_store {
            let command = &*step.command;
            return Err(step.error(format!(
                "`{command}` asks a store; a script of `node raft-kv` has stores"
            )));
        }
        self.running(arguments)
    }

    /// Proposes a value, and is answered when it is applied: as a key without a value.
    pub(super) fn propose_to_store(&mut self, id: u64, value: &str) {
        let put = Put { key: value.to_owned(), ..Put::default() };
        self.ask(id, Asked::Value(quoted(value)), Request::Write(Write::Put(put)));
    }
}

fn quoted(text: &str) -> String {
    describe::data(text.as_bytes())
}

/// The keys of `KEY` or `FROM TO`, and how the script names them. The text `*` is all keys.
fn keys(arguments: &mut Arguments<'_>) -> Result<(KeyRange, String), ScriptError> {
    let from = arguments.text("a key, or `*`")?;
    let to = arguments.optional::<String>()?;
    Ok(match to {
        Some(to) => {
            let text = format!("{} to {}", quoted(from), quoted(&to));
            (KeyRange { from: from.value.clone(), to: Some(to.value) }, text)
        }
        None if from.value == "*" => (KeyRange::all(), "all keys".to_owned()),
        None => (KeyRange::key(from), quoted(from)),
    })
}

pub(super) fn put(
    state: &mut State,
    step: &Step,
    mut arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    let id = state.store(step, &mut arguments)?;
    let put = read_put(&mut arguments)?;
    arguments.finish()?;
    let text = format!("put {}", quoted(&put.key));
    state.request(id, text, Request::Write(Write::Put(put)));
    Ok(())
}

fn read_put(arguments: &mut Arguments<'_>) -> Result<Put, ScriptError> {
    let lease = arguments.key::<u64>("lease")?.unwrap_or_default();
    let key = arguments.text("a key")?.value.clone();
    let value = arguments.text("a value")?.value.clone();
    Ok(Put { key, value, lease })
}

pub(super) fn get(
    state: &mut State,
    step: &Step,
    mut arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    let stale = arguments.flag("stale")?;
    let revision = arguments.key::<u64>("revision")?;
    let limit = arguments.key::<u64>("limit")?.unwrap_or_default();
    let id = state.store(step, &mut arguments)?;
    let (keys, text) = keys(&mut arguments)?;
    arguments.finish()?;
    let read = Read::Range(Range { keys, revision, limit });
    state.request(id, format!("get {text}"), Request::Read { read, stale });
    Ok(())
}

pub(super) fn delete(
    state: &mut State,
    step: &Step,
    mut arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    let id = state.store(step, &mut arguments)?;
    let (keys, text) = keys(&mut arguments)?;
    arguments.finish()?;
    state.request(id, format!("delete {text}"), Request::Write(Write::Delete(keys)));
    Ok(())
}

/// Lines of `if KEY version=0`, `then put KEY VALUE`, `else delete KEY`.
pub(super) fn txn(
    state: &mut State,
    step: &Step,
    mut arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    let id = state.store(step, &mut arguments)?;
    arguments.finish()?;
    let mut txn = Txn::default();
    for line in &step.input {
        let line = as_step(line)?;
        let mut arguments = line.arguments();
        match line.command.as_str() {
            "if" => {
                let compare = compare(&line, &mut arguments)?;
                txn.compare.push(compare);
            }
            "then" => txn.then.push(operation(&mut arguments)?),
            "else" => txn.otherwise.push(operation(&mut arguments)?),
            _ => return Err(line.error("a line of `txn` begins with `if`, `then` or `else`")),
        }
        arguments.finish()?;
    }
    state.request(id, "txn".to_owned(), Request::Write(Write::Txn(txn)));
    Ok(())
}

/// A line of the input, as a command with arguments.
fn as_step(line: &Spanned<String>) -> Result<Step, ScriptError> {
    let length = line.find(char::is_whitespace).unwrap_or(line.len());
    let command = Spanned { value: line[..length].to_owned(), span: line.span.part(0..length) };
    Ok(Step {
        command,
        arguments: read_arguments(&line.span.part(length..line.len()))?,
        input: Vec::new(),
        expected: String::new(),
        line: line.clone(),
        block: 0..0,
    })
}

fn compare(line: &Step, arguments: &mut Arguments<'_>) -> Result<Compare, ScriptError> {
    let value = arguments.key::<String>("value")?.map(Target::Value);
    let create = arguments.key("create-revision")?.map(Target::CreateRevision);
    let modified = arguments.key("mod-revision")?.map(Target::ModRevision);
    let version = arguments.key("version")?.map(Target::Version);
    let key = arguments.text("a key")?.value.clone();
    let mut targets = [value, create, modified, version].into_iter().flatten();
    match (targets.next(), targets.next()) {
        (Some(target), None) => Ok(Compare { key, is: Comparison::Equal, target }),
        _ => Err(line.error(
            "`if` compares one of `value=`, `version=`, `create-revision=` and `mod-revision=`",
        )),
    }
}

fn operation(arguments: &mut Arguments<'_>) -> Result<Operation, ScriptError> {
    let word = arguments.word("`put`, `delete` or `get`")?;
    Ok(match word.as_str() {
        "put" => Operation::Put(read_put(arguments)?),
        "delete" => Operation::Delete(keys(arguments)?.0),
        "get" => {
            let (keys, _) = keys(arguments)?;
            Operation::Range(Range { keys, ..Range::default() })
        }
        _ => return Err(word.error("this must be `put`, `delete` or `get`")),
    })
}

pub(super) fn watch(
    state: &mut State,
    step: &Step,
    mut arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    let first = arguments.key::<u64>("revision")?.unwrap_or_default();
    let id = state.store(step, &mut arguments)?;
    let name = arguments.text("a name for the watch")?;
    let (keys, _) = keys(&mut arguments)?;
    arguments.finish()?;
    if state.group.requests.watch(id, name).is_some() {
        return Err(name.error(format!("node {id} has a watch of this name")));
    }
    state.ask(id, Asked::Watch(name.value.clone()), Request::Watch { keys, first });
    Ok(())
}

pub(super) fn cancel_watch(
    state: &mut State,
    step: &Step,
    mut arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    let id = state.store(step, &mut arguments)?;
    let name = arguments.text("the name of a watch")?;
    arguments.finish()?;
    let Some(number) = state.group.requests.watch(id, name) else {
        return Err(name.error(format!("node {id} has no watch of this name")));
    };
    state.group.requests.close(id, number);
    state.group.step(id, Input::Command(Command::CancelWatch { id: number }));
    Ok(())
}

pub(super) fn lease_grant(
    state: &mut State,
    step: &Step,
    mut arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    let id = state.store(step, &mut arguments)?;
    let ttl = arguments.number("the ticks that it lives")?;
    arguments.finish()?;
    state.request(id, "lease-grant".to_owned(), Request::Write(Write::Grant { ttl }));
    Ok(())
}

/// A command about one lease.
fn lease(
    state: &mut State,
    step: &Step,
    mut arguments: Arguments<'_>,
    request: impl FnOnce(u64) -> Request,
) -> Result<(), ScriptError> {
    let id = state.store(step, &mut arguments)?;
    let lease = arguments.number("a lease")?;
    arguments.finish()?;
    state.request(id, format!("{} {lease}", *step.command), request(lease));
    Ok(())
}

pub(super) fn lease_keep_alive(
    state: &mut State,
    step: &Step,
    arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    lease(state, step, arguments, |lease| Request::Write(Write::KeepAlive(lease)))
}

pub(super) fn lease_revoke(
    state: &mut State,
    step: &Step,
    arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    lease(state, step, arguments, |lease| Request::Write(Write::Revoke(lease)))
}

pub(super) fn lease_time_to_live(
    state: &mut State,
    step: &Step,
    arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    let read = |lease| Request::Read { read: Read::TimeToLive(lease), stale: true };
    lease(state, step, arguments, read)
}

pub(super) fn compact_revisions(
    state: &mut State,
    step: &Step,
    mut arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    let id = state.store(step, &mut arguments)?;
    let revision = arguments.number("a revision")?;
    arguments.finish()?;
    let text = format!("compact-revisions {revision}");
    state.request(id, text, Request::Write(Write::Compact(revision)));
    Ok(())
}

pub(super) fn hash(
    state: &mut State,
    step: &Step,
    mut arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    let revision = arguments.key::<u64>("revision")?;
    let id = state.store(step, &mut arguments)?;
    arguments.finish()?;
    state.request(id, "hash".to_owned(), Request::Hash { revision });
    Ok(())
}

pub(super) fn store_status(
    state: &mut State,
    step: &Step,
    mut arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    let id = state.store(step, &mut arguments)?;
    arguments.finish()?;
    state.request(id, "store-status".to_owned(), Request::Status);
    Ok(())
}

/// A command about one member.
fn one_member(
    state: &mut State,
    step: &Step,
    mut arguments: Arguments<'_>,
    request: impl FnOnce(u64) -> Request,
) -> Result<(), ScriptError> {
    let id = state.store(step, &mut arguments)?;
    let member = arguments.node()?;
    arguments.finish()?;
    state.request(id, format!("{} {member}", *step.command), request(member));
    Ok(())
}

pub(super) fn member_add(
    state: &mut State,
    step: &Step,
    arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    one_member(state, step, arguments, |id| Request::AddMember(member(id)))
}

pub(super) fn member_remove(
    state: &mut State,
    step: &Step,
    arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    one_member(state, step, arguments, Request::RemoveMember)
}

/// The keys that a node has, and their values.
pub(super) fn show(state: &mut State, id: u64) -> Result<(), ScriptError> {
    let read = Read::Range(Range::default());
    state.request(id, "show".to_owned(), Request::Read { read, stale: true });
    Ok(())
}
