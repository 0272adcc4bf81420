//! A change of the configuration, from the two forms in which a log holds one.

use protobuf::Message as _;
use raft::eraftpb::{ConfChange, ConfChangeSingle, ConfChangeV2, Entry, EntryType};

/// The change that a committed entry holds. The empty one ends a joint configuration.
pub(crate) fn conf_change(entry: &Entry) -> raft::Result<ConfChangeV2> {
    if entry.get_entry_type() == EntryType::EntryConfChangeV2 {
        return Ok(ConfChangeV2::parse_from_bytes(&entry.data)?);
    }
    let old = ConfChange::parse_from_bytes(&entry.data)?;
    let mut single = ConfChangeSingle::default();
    single.set_change_type(old.get_change_type());
    single.node_id = old.node_id;
    let mut change = ConfChangeV2::default();
    change.set_context(old.context);
    change.mut_changes().push(single);
    Ok(change)
}
