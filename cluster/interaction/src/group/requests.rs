//! What clients of a store have asked, and what they are told, as text.

use cluster_node::describe;
use raft_kv::{
    Event, EventKind, KeyValue, Member, OperationResponse, RangeResponse, RequestError, Response,
    WatchMessage,
};
use std::collections::BTreeMap;

/// What a client has asked.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    /// A value, as `propose` proposes it.
    Value(String),
    /// Something else, as the script says it.
    Request(String),
    /// A watch, with its name.
    Watch(String),
}

/// The requests that wait for answers, and the watches that are open.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    last: u64,
    /// By the node and the number of the request.
    open: BTreeMap<(u64, u64), Asked>,
}

impl Requests {
    /// Numbers a request to a node.
    pub(crate) fn ask(&mut self, node: u64, asked: Asked) -> u64 {
        self.last += 1;
        self.open.insert((node, self.last), asked);
        self.last
    }

    /// The number of the watch of this name, if the node has it.
    pub(crate) fn watch(&self, node: u64, name: &str) -> Option<u64> {
        let is_it = |asked: &Asked| matches!(asked, Asked::Watch(known) if known == name);
        self.open.iter().find(|((at, _), asked)| *at == node && is_it(asked)).map(|(key, _)| key.1)
    }

    /// A watch is closed, and tells nothing more.
    pub(crate) fn close(&mut self, node: u64, number: u64) {
        self.open.remove(&(node, number));
    }

    /// A node is down, and so are the connections to it.
    pub(super) fn forget(&mut self, node: u64) {
        self.open.retain(|(at, _), _| *at != node);
    }

    pub(super) fn answer(
        &mut self,
        node: u64,
        number: u64,
        entry: Option<(u64, u64)>,
        result: Result<Response, RequestError>,
    ) -> Vec<String> {
        let asked = self.open.remove(&(node, number));
        let asked = asked.unwrap_or(Asked::Request("a request that was not asked".to_owned()));
        let title = match &asked {
            Asked::Value(value) => match (&result, entry) {
                (Ok(_), Some((index, term))) => {
                    return vec![format!("acknowledged {term}/{index} {value}")];
                }
                _ => format!("propose {value}"),
            },
            Asked::Request(text) => text.clone(),
            Asked::Watch(name) => format!("watch {name}"),
        };
        if let (Asked::Watch(_), Ok(_)) = (&asked, &result) {
            self.open.insert((node, number), asked);
        }
        let mut lines = match &result {
            Ok(response) => response_text(response),
            Err(error) => vec![format!("error: {error}")],
        };
        let first = lines.remove(0);
        let mut all = vec![format!("node {node} answers {title}: {first}")];
        all.extend(lines.into_iter().map(|line| format!("  {line}")));
        all
    }

    pub(super) fn watched(&self, node: u64, number: u64, message: &WatchMessage) -> Vec<String> {
        let name = self.name(node, number);
        let mut lines = vec![format!("{name} on node {node}: up to revision {}", message.revision)];
        lines.extend(message.events.iter().map(|event| format!("  {}", event_text(event))));
        lines
    }

    pub(super) fn watch_ended(&mut self, node: u64, number: u64, error: &RequestError) -> String {
        let name = self.name(node, number);
        self.close(node, number);
        format!("{name} on node {node} has ended: {error}")
    }

    fn name(&self, node: u64, number: u64) -> String {
        match self.open.get(&(node, number)) {
            Some(Asked::Watch(name)) => format!("watch {name}"),
            _ => "a watch that was not opened".to_owned(),
        }
    }
}

/// An answer, one fact a line; at least one.
fn response_text(response: &Response) -> Vec<String> {
    let line = match response {
        Response::Put { revision } | Response::Compact { revision } => {
            format!("revision {revision}")
        }
        Response::Delete { revision, deleted } | Response::Revoke { revision, deleted } => {
            format!("revision {revision}, {deleted} deleted")
        }
        Response::Txn(txn) => {
            let branch = if txn.succeeded { "then" } else { "otherwise" };
            let mut lines = vec![format!("revision {}, {branch}", txn.revision)];
            lines.extend(txn.responses.iter().flat_map(operation_text));
            return lines;
        }
        Response::Lease { lease, ttl } => format!("lease {lease}, {ttl} ticks"),
        Response::Range(range) => return range_text(range),
        Response::TimeToLive { lease, ttl, remaining, keys } => {
            let keys: Vec<_> = keys.iter().map(|key| describe::data(key.as_bytes())).collect();
            let keys = if keys.is_empty() { "no keys".to_owned() } else { keys.join(" ") };
            format!("lease {lease}, {remaining} of {ttl} ticks, {keys}")
        }
        Response::Nothing { revision } => format!("revision {revision}"),
        Response::Watching { revision } => format!("open at revision {revision}"),
        Response::Hash { revision, hash, compacted } => {
            format!("{hash:016x} at revision {revision}, compacted {compacted}")
        }
        Response::Status(status) => format!(
            "{} of term {}, applied {}, snapshot {}, revision {}, compacted {}, {}",
            status.role,
            status.term,
            status.applied,
            status.snapshot_index,
            status.revision,
            status.compacted,
            members_text(&status.members)
        ),
        Response::Snapshot { revision, bytes } => {
            format!("a snapshot of revision {revision}, {} bytes", bytes.len())
        }
        Response::Members(members) => members_text(members),
        Response::LeaderAsked => "the leader was asked to hand over".to_owned(),
    };
    vec![line]
}

fn members_text(members: &[Member]) -> String {
    let ids: Vec<_> = members.iter().map(|member| member.id.to_string()).collect();
    format!("members {}", ids.join(" "))
}

fn operation_text(response: &OperationResponse) -> Vec<String> {
    match response {
        OperationResponse::Put => vec!["put".to_owned()],
        OperationResponse::Delete { deleted } => vec![format!("{deleted} deleted")],
        OperationResponse::Range(range) => range_text(range),
    }
}

fn range_text(range: &RangeResponse) -> Vec<String> {
    let what = match (range.kvs.len(), range.more) {
        (0, false) => ", no keys",
        (_, false) => "",
        (_, true) => ", and there are more keys",
    };
    let mut lines = vec![format!("revision {}{what}", range.revision)];
    lines.extend(range.kvs.iter().map(key_text));
    lines
}

fn event_text(event: &Event) -> String {
    match event.kind {
        EventKind::Put => format!("put {}", key_text(&event.kv)),
        EventKind::Delete => {
            let key = describe::data(event.kv.key.as_bytes());
            format!("delete {key} (modified {})", event.kv.mod_revision)
        }
    }
}

fn key_text(kv: &KeyValue) -> String {
    let (key, value) = (describe::data(kv.key.as_bytes()), describe::data(kv.value.as_bytes()));
    let lease = match kv.lease {
        0 => String::new(),
        lease => format!(", lease {lease}"),
    };
    let KeyValue { create_revision, mod_revision, version, .. } = kv;
    format!(
        "{key} = {value} (created {create_revision}, modified {mod_revision}, version \
         {version}{lease})"
    )
}
