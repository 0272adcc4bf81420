//! Raft's data as text, one fact a line, in the style of etcd's scripts.
//!
//! The texts are stable: they do not depend on the order of a hash.

use crate::conf_change::conf_change;
use crate::{Role, View};
use raft::eraftpb::{
    ConfChangeType, ConfChangeV2, ConfState, Entry, EntryType, HardState, Message, MessageType,
    Snapshot,
};
use raft::{LightReady, Ready};
use std::fmt::Write as _;

/// What turns the data of an entry into text: [`data`], or what a [state machine](crate::StateMachine) says.
pub type DataText = fn(&[u8]) -> String;

/// An entry: its term and index, its type, and what it holds.
pub fn entry(entry: &Entry, data: DataText) -> String {
    let head = format!("{}/{}", entry.term, entry.index);
    match entry.get_entry_type() {
        EntryType::EntryNormal if entry.data.is_empty() => format!("{head} EntryNormal \"\""),
        EntryType::EntryNormal => format!("{head} EntryNormal {}", data(&entry.data)),
        kind @ (EntryType::EntryConfChange | EntryType::EntryConfChangeV2) => {
            let change = conf_change(entry).map(|change| conf_change_text(&change));
            let change = change.unwrap_or_else(|error| format!("(unreadable: {error})"));
            format!("{head} {kind:?} {change}").trim_end().to_string()
        }
    }
}

/// A change of the configuration: `v3` adds a voter, `l3` a learner, `r3` removes.
pub fn conf_change_text(change: &ConfChangeV2) -> String {
    let changes: Vec<_> = change
        .changes
        .iter()
        .map(|single| {
            let letter = match single.get_change_type() {
                ConfChangeType::AddNode => 'v',
                ConfChangeType::RemoveNode => 'r',
                ConfChangeType::AddLearnerNode => 'l',
            };
            format!("{letter}{}", single.node_id)
        })
        .collect();
    changes.join(" ")
}

/// The text in quotes, with what cannot be shown escaped.
pub fn data(bytes: &[u8]) -> String {
    format!("\"{}\"", bytes.escape_ascii())
}

/// A configuration: its voters, and what else there is of it.
pub fn configuration(state: &ConfState) -> String {
    let mut text = format!("Voters:{}", numbers(&state.voters));
    for (name, ids) in [
        ("VotersOutgoing", &state.voters_outgoing),
        ("Learners", &state.learners),
        ("LearnersNext", &state.learners_next),
    ] {
        if !ids.is_empty() {
            let _ = write!(text, " {name}:{}", numbers(ids));
        }
    }
    if state.auto_leave {
        text.push_str(" AutoLeave:true");
    }
    text
}

fn numbers(ids: &[u64]) -> String {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    let ids: Vec<_> = ids.iter().map(u64::to_string).collect();
    format!("[{}]", ids.join(" "))
}

/// A hard state.
pub fn hard_state(state: &HardState) -> String {
    let mut text = format!("Term:{}", state.term);
    if state.vote != 0 {
        let _ = write!(text, " Vote:{}", state.vote);
    }
    let _ = write!(text, " Commit:{}", state.commit);
    text
}

/// A snapshot without its state.
pub fn snapshot(snapshot: &Snapshot) -> String {
    let meta = snapshot.get_metadata();
    format!(
        "Index:{} Term:{} ConfState:{}",
        meta.index,
        meta.term,
        configuration(meta.get_conf_state())
    )
}

/// A message: from whom, to whom, its type, and every field that is set.
pub fn message(message: &Message, data: DataText) -> String {
    let kind = format!("{:?}", message.get_msg_type());
    let mut text = format!("{}->{} {kind}", message.from, message.to);
    let mut field = |name: &str, value: u64| {
        if value != 0 {
            let _ = write!(text, " {name}:{value}");
        }
    };
    field("Term", message.term);
    let is_append = matches!(
        message.get_msg_type(),
        MessageType::MsgAppend | MessageType::MsgRequestVote | MessageType::MsgRequestPreVote
    );
    if is_append || message.log_term != 0 || message.index != 0 {
        let _ = write!(text, " Log:{}/{}", message.log_term, message.index);
    }
    if message.reject {
        let _ = write!(text, " Rejected (Hint: {})", message.reject_hint);
    }
    if message.commit != 0 {
        let _ = write!(text, " Commit:{}", message.commit);
    }
    if message.request_snapshot != 0 {
        let _ = write!(text, " RequestSnapshot:{}", message.request_snapshot);
    }
    if !message.context.is_empty() {
        let _ = write!(text, " Context:{}", self::data(&message.context));
    }
    if !message.entries.is_empty() {
        let entries: Vec<_> = message.entries.iter().map(|held| entry(held, data)).collect();
        let _ = write!(text, " Entries:[{}]", entries.join(", "));
    }
    if !message.get_snapshot().is_empty() {
        let _ = write!(text, " Snapshot: {}", snapshot(message.get_snapshot()));
    }
    text
}

/// The title of messages that must not leave before the node has saved.
const AFTER: &str = "Messages after it saved:";

/// What a node has to do, one fact a line. With `saves_first`, no message leaves before the node has saved.
pub fn ready(ready: &Ready, saves_first: bool, data: DataText) -> Vec<String> {
    let entry = |held: &Entry| entry(held, data);
    let mut lines = vec![format!("Ready MustSync={}:", ready.must_sync())];
    if let Some(state) = ready.ss() {
        lines.push(format!("Lead:{} State:{}", state.leader_id, Role::from(state.raft_state)));
    }
    if let Some(state) = ready.hs() {
        lines.push(format!("HardState {}", hard_state(state)));
    }
    for read in ready.read_states() {
        lines.push(format!("ReadState {} {}", read.index, self::data(&read.request_ctx)));
    }
    list(&mut lines, "Entries:", ready.entries(), entry);
    if !ready.snapshot().is_empty() {
        lines.push(format!("Snapshot {}", snapshot(ready.snapshot())));
    }
    list(&mut lines, "CommittedEntries:", ready.committed_entries(), entry);
    let title = if saves_first { AFTER } else { "Messages:" };
    messages(&mut lines, title, ready.messages(), data);
    messages(&mut lines, AFTER, ready.persisted_messages(), data);
    lines
}

/// What a node has to do after it saved, one fact a line; nothing if that is nothing.
pub fn light_ready(ready: &LightReady, data: DataText) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(index) = ready.commit_index() {
        lines.push(format!("Commit:{index}"));
    }
    list(&mut lines, "CommittedEntries:", ready.committed_entries(), |held| entry(held, data));
    messages(&mut lines, "Messages:", ready.messages(), data);
    if !lines.is_empty() {
        lines.insert(0, "After it saved:".into());
    }
    lines
}

fn messages(lines: &mut Vec<String>, title: &str, messages: &[Message], data: DataText) {
    let mut sorted: Vec<_> = messages.iter().collect();
    sorted.sort_by_key(|message| message.to);
    list(lines, title, &sorted, |sent| message(sent, data));
}

fn list<T>(lines: &mut Vec<String>, title: &str, items: &[T], text: impl Fn(&T) -> String) {
    if !items.is_empty() {
        lines.push(title.into());
        lines.extend(items.iter().map(text));
    }
}

/// The state of a node in a line, with the configuration as long as that is a joint one.
pub fn state(view: &View) -> String {
    let View { id, role, term, leader, configuration: state, .. } = view;
    // In a joint configuration, those that leave it vote until they have left.
    let is_voter = state.voters.contains(id) || state.voters_outgoing.contains(id);
    let voter = if is_voter { "Voter" } else { "Non-Voter" };
    let mut text = format!("{id}: {role} ({voter}) Term:{term} Lead:{leader}");
    if !state.voters_outgoing.is_empty() {
        let _ = write!(text, " {}", configuration(state));
    }
    text
}

/// What a leader knows of its members, one a line.
pub fn status(view: &View) -> Vec<String> {
    let line = |follower: &crate::Follower| {
        let mut text = format!(
            "{}: {} match={} next={}",
            follower.id, follower.state, follower.matched, follower.next
        );
        for (is_set, word) in [
            (follower.is_learner, " learner".to_string()),
            (follower.is_paused, " paused".to_string()),
            (follower.snapshot != 0, format!(" pendingSnap={}", follower.snapshot)),
            // It does not hear from itself.
            (!follower.is_active && follower.id != view.id, " inactive".to_string()),
            (follower.inflight != 0, format!(" inflight={}", follower.inflight)),
        ] {
            if is_set {
                text.push_str(&word);
            }
        }
        text
    };
    view.followers.iter().map(line).collect()
}
