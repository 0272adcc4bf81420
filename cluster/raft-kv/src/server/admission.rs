//! Which messages does a member take from a peer?
//!
//! The crate `raft` trusts its callers: some messages that no member sends would end the process. Those are
//! told apart here by what the message alone says. A message that contradicts the log still ends it: a member
//! that has lost its data must not vote.

use raft::eraftpb::{Message, MessageType, Snapshot};

/// No term and no index of a cluster gets so large. Raft adds to them without looking.
const LARGEST: u64 = u64::MAX / 2;

/// Why member `to` takes a message from member `from` as a mistake; `None` if it does not.
pub(super) fn fault(message: &Message, from: u64, to: u64) -> Option<String> {
    let kind = message.get_msg_type();
    let why = if message.to != to {
        format!("is for member {}", message.to)
    } else if is_local(kind) {
        "stays inside a member".to_owned()
    } else if message.from != from && !is_passed_on(kind) {
        format!("says that it is from member {}", message.from)
    } else {
        malformed(message)?.to_owned()
    };
    Some(format!("refused a message of member {from}: a {kind:?} that {why}"))
}

/// Whether raft sends such messages to itself only.
fn is_local(kind: MessageType) -> bool {
    use MessageType::{MsgBeat, MsgCheckQuorum, MsgHup, MsgSnapStatus, MsgUnreachable};
    matches!(kind, MsgHup | MsgBeat | MsgUnreachable | MsgSnapStatus | MsgCheckQuorum)
}

/// Whether a member passes such messages on to the leader. They still name who asked first, or the member
/// that is to lead.
fn is_passed_on(kind: MessageType) -> bool {
    use MessageType::{MsgPropose, MsgReadIndex, MsgTransferLeader};
    matches!(kind, MsgPropose | MsgReadIndex | MsgTransferLeader)
}

/// What is wrong with the contents of a message that a peer may send.
fn malformed(message: &Message) -> Option<&'static str> {
    let kind = message.get_msg_type();
    let has_term = !matches!(kind, MessageType::MsgPropose | MessageType::MsgReadIndex);
    let numbers =
        [message.term, message.index, message.log_term, message.commit, message.reject_hint];
    if has_term != (message.term > 0) {
        return Some(if has_term { "has no term" } else { "has a term" });
    }
    if numbers.iter().any(|number| *number > LARGEST) {
        return Some("has a number that is too large");
    }
    match kind {
        MessageType::MsgPropose if message.entries.is_empty() => Some("has no entries"),
        MessageType::MsgReadIndex | MessageType::MsgReadIndexResp if message.entries.len() != 1 => {
            Some("has not exactly one entry")
        }
        MessageType::MsgAppend if !follow(message) => {
            Some("has entries that do not follow one another")
        }
        MessageType::MsgSnapshot => malformed_snapshot(message.get_snapshot()),
        _ => None,
    }
}

/// Whether the indexes and the terms of the entries go on where the message says.
fn follow(message: &Message) -> bool {
    let mut term = message.log_term;
    (message.index + 1..).zip(&message.entries).all(|(index, entry)| {
        let follows = entry.index == index && (term..=message.term).contains(&entry.term);
        term = entry.term;
        follows
    })
}

/// A store changes one member at a time, and all its members vote.
fn malformed_snapshot(snapshot: &Snapshot) -> Option<&'static str> {
    let metadata = snapshot.get_metadata();
    let configuration = metadata.get_conf_state();
    let mut voters = configuration.get_voters().to_vec();
    voters.sort_unstable();
    voters.dedup();
    let is_simple = configuration.get_learners().is_empty()
        && configuration.get_learners_next().is_empty()
        && configuration.get_voters_outgoing().is_empty()
        && !configuration.get_auto_leave();
    if metadata.index == 0 || metadata.term == 0 || metadata.index.max(metadata.term) > LARGEST {
        Some("has no index or no term of a snapshot")
    } else if !is_simple
        || voters.len() != configuration.get_voters().len()
        || voters.first().is_none_or(|least| *least == 0)
    {
        Some("has a configuration that no store has")
    } else {
        None
    }
}
