//! Messages that raft would not survive.

use crate::group::Group;
use cluster_node::Input;
use raft::eraftpb::{Message, MessageType};

/// Raft passes it on as it was, and panics because it has a term.
#[test]
fn a_follower_does_not_pass_on_the_request_of_a_peer_to_transfer_the_leader() {
    let mut group = Group::new(3);
    let term = group.node(1).status().term;
    let mut transfer = Message { from: 3, to: 2, term, ..Message::default() };
    transfer.set_msg_type(MessageType::MsgTransferLeader);
    group.step(2, Input::Message(transfer));
    group.run();
    assert_eq!(group.leader(), 1);
    group.put(1, "a", "1");
    group.assert_equal();
}
