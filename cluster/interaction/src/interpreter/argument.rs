//! The types of the arguments that commands have.

use super::State;
use crate::script::{Argument, Arguments, FromWord, ScriptError, Spanned, Value, nearest};
use cluster_node::Level;
use failpoint_disk::Keep;
use raft::eraftpb::{ConfChangeTransition, ConfChangeType};

/// A level of log lines, or `none`.
pub(super) struct LogLevel(pub(super) Option<Level>);

impl FromWord for LogLevel {
    fn from_word(word: &str) -> Result<Self, String> {
        Ok(LogLevel(match word.to_ascii_lowercase().as_str() {
            "none" => None,
            "error" => Some(Level::Error),
            "warn" => Some(Level::Warn),
            "info" => Some(Level::Info),
            "debug" => Some(Level::Debug),
            _ => return Err("none, error, warn, info or debug".into()),
        }))
    }
}

/// How reads are made safe.
pub(super) struct LeaseReads(pub(super) bool);

impl FromWord for LeaseReads {
    fn from_word(word: &str) -> Result<Self, String> {
        match word {
            "safe" => Ok(LeaseReads(false)),
            "lease" => Ok(LeaseReads(true)),
            _ => Err("safe or lease".into()),
        }
    }
}

/// What survives a crash.
pub(super) struct Kept(pub(super) Keep);

impl FromWord for Kept {
    fn from_word(word: &str) -> Result<Self, String> {
        match word {
            "synced" => Ok(Kept(Keep::Synced)),
            "all" => Ok(Kept(Keep::All)),
            seed => match seed.parse() {
                Ok(seed) => Ok(Kept(Keep::Random(seed))),
                Err(_) => Err("synced, all, or a number that chooses by chance".into()),
            },
        }
    }
}

/// How a change of the configuration passes through a joint one.
pub(super) struct Transition(pub(super) ConfChangeTransition);

impl FromWord for Transition {
    fn from_word(word: &str) -> Result<Self, String> {
        match word {
            "auto" => Ok(Transition(ConfChangeTransition::Auto)),
            "implicit" => Ok(Transition(ConfChangeTransition::Implicit)),
            "explicit" => Ok(Transition(ConfChangeTransition::Explicit)),
            _ => Err("auto, implicit or explicit".into()),
        }
    }
}

/// One change of a configuration, such as `v3`.
pub(super) struct Change(pub(super) ConfChangeType, pub(super) u64);

impl FromWord for Change {
    fn from_word(word: &str) -> Result<Self, String> {
        let expected = || "`v3` (add a voter), `l3` (add a learner) or `r3` (remove)".to_owned();
        let mut letters = word.chars();
        let kind = match letters.next() {
            Some('v') => ConfChangeType::AddNode,
            Some('l') => ConfChangeType::AddLearnerNode,
            Some('r') => ConfChangeType::RemoveNode,
            _ => return Err(expected()),
        };
        match letters.as_str().parse() {
            Ok(id) if id > 0 => Ok(Change(kind, id)),
            _ => Err(expected()),
        }
    }
}

/// The types of messages between nodes.
const MESSAGES: [&str; 14] = [
    "MsgPropose",
    "MsgAppend",
    "MsgAppendResponse",
    "MsgRequestVote",
    "MsgRequestVoteResponse",
    "MsgSnapshot",
    "MsgHeartbeat",
    "MsgHeartbeatResponse",
    "MsgTransferLeader",
    "MsgTimeoutNow",
    "MsgReadIndex",
    "MsgReadIndexResp",
    "MsgRequestPreVote",
    "MsgRequestPreVoteResponse",
];

/// The type of a message.
pub(super) struct MessageName(pub(super) String);

impl FromWord for MessageName {
    fn from_word(word: &str) -> Result<Self, String> {
        if MESSAGES.contains(&word) {
            return Ok(MessageName(word.to_owned()));
        }
        Err(match nearest(word, MESSAGES) {
            Some(near) => format!("a type of message, such as `{near}`"),
            None => format!("a type of message: {}", MESSAGES.join(", ")),
        })
    }
}

impl State {
    /// The next argument: a node of the group.
    pub(super) fn node(&self, arguments: &mut Arguments<'_>) -> Result<u64, ScriptError> {
        let node = arguments.spanned_node()?;
        self.exists(&node)
    }

    /// The next argument: a node that runs.
    pub(super) fn running(&self, arguments: &mut Arguments<'_>) -> Result<u64, ScriptError> {
        let node = arguments.spanned_node()?;
        self.runs(&node)
    }

    /// The only argument: a node that runs.
    pub(super) fn only_running(&self, mut arguments: Arguments<'_>) -> Result<u64, ScriptError> {
        let id = self.running(&mut arguments)?;
        arguments.finish()?;
        Ok(id)
    }

    /// The arguments that are left: nodes that run. Without one, all of them.
    pub(super) fn all_running(
        &self,
        arguments: &mut Arguments<'_>,
    ) -> Result<Vec<u64>, ScriptError> {
        let mut ids = Vec::new();
        while let Some(node) = arguments.optional::<u64>()? {
            ids.push(self.runs(&node)?);
        }
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    /// Refuses a number that no node has.
    pub(super) fn exists(&self, node: &Spanned<u64>) -> Result<u64, ScriptError> {
        let group = &self.group;
        if group.members.contains_key(node) {
            return Ok(node.value);
        }
        let ids: Vec<_> = group.ids().iter().map(u64::to_string).collect();
        Err(node.error(match &ids[..] {
            [] => format!("there is no node {}; `add-nodes` adds nodes", node.value),
            [id] => format!("there is no node {}; there is node {id}", node.value),
            _ => format!("there is no node {}; the nodes are {}", node.value, ids.join(", ")),
        }))
    }

    /// Refuses a node that does not run.
    pub(super) fn runs(&self, node: &Spanned<u64>) -> Result<u64, ScriptError> {
        let id = self.exists(node)?;
        match self.group.members.get(&id) {
            Some(member) if member.node.is_none() => {
                Err(node.error(format!("node {id} has {}; `restart {id}` starts it", member.down)))
            }
            _ => Ok(id),
        }
    }
}

/// An argument that is one word without a key.
pub(super) fn plain_word(argument: &Argument) -> Option<&Spanned<String>> {
    match (&argument.key, &argument.value) {
        (None, Value::Word(word)) => Some(word),
        _ => None,
    }
}
