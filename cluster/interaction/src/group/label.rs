//! What the picture of a run calls a message.

use raft::eraftpb::{Message, MessageType};

/// The type of a message and the one number that tells it from others of the type.
pub(super) fn label(message: &Message) -> String {
    let kind = message.get_msg_type();
    let name = format!("{kind:?}");
    let name = name.strip_prefix("Msg").unwrap_or(&name);
    let fact = match kind {
        MessageType::MsgAppend => match (message.entries.first(), message.entries.last()) {
            (Some(first), Some(last)) if first.index < last.index => {
                format!("{}-{}", first.index, last.index)
            }
            (Some(only), _) => only.index.to_string(),
            _ => format!("commit {}", message.commit),
        },
        MessageType::MsgRequestVote | MessageType::MsgRequestPreVote => {
            format!("term {}", message.term)
        }
        MessageType::MsgSnapshot => message.get_snapshot().get_metadata().index.to_string(),
        _ if message.reject => "no".into(),
        MessageType::MsgAppendResponse => message.index.to_string(),
        _ => return name.to_owned(),
    };
    format!("{name} {fact}")
}
