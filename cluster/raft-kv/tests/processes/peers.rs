//! The port for peers, as a peer uses it that does not do what members do.

use crate::support::{Cluster, PATIENCE, write};
use protobuf::{Message as _, ProtobufEnum as _};
use raft::eraftpb::{Entry, Message, MessageType};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The number under which the peer calls. The cluster has no such member.
const PEER: u64 = 9;

/// A connection to the first member.
struct Peer(TcpStream);

impl Peer {
    /// Connects, and says who it is.
    async fn greet(cluster: &Cluster) -> Self {
        let mut peer = Self(TcpStream::connect(&cluster.members[0].peer).await.unwrap());
        peer.send(format!("raft-kv/1 {PEER} 1 {}", cluster.name()).as_bytes()).await;
        let mut answer = [0; 8];
        peer.0.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer[..4], [0; 4], "the member takes the call");
        peer
    }

    async fn send(&mut self, payload: &[u8]) {
        let mut frame = (payload.len() as u32).to_le_bytes().to_vec();
        frame.extend(crc32fast::hash(payload).to_le_bytes());
        frame.extend(payload);
        self.0.write_all(&frame).await.unwrap();
    }

    /// Waits until the member closes the connection.
    async fn is_closed(&mut self) {
        let ended = timeout(PATIENCE, self.0.read(&mut [0])).await;
        assert!(!matches!(ended, Ok(Ok(1..))), "members say nothing after the handshake");
        assert!(ended.is_ok(), "the member keeps the connection");
    }
}

fn message(kind: MessageType, change: impl FnOnce(&mut Message)) -> Message {
    let mut message = Message { from: PEER, to: 1, ..Message::default() };
    message.set_msg_type(kind);
    if !matches!(kind, MessageType::MsgPropose | MessageType::MsgReadIndex) {
        message.term = 1;
    }
    change(&mut message);
    message
}

/// What no member sends, and what the log says of it.
fn faults() -> Vec<(Message, &'static str)> {
    use MessageType::*;
    let entry = |index, term| Entry { index, term, ..Entry::default() };
    let mut faults = vec![
        (message(MsgPropose, |_| {}), "a MsgPropose that has no entries"),
        (
            message(MsgPropose, |message| {
                message.term = 1;
                message.entries = vec![entry(0, 0)].into();
            }),
            "a MsgPropose that has a term",
        ),
        (message(MsgReadIndex, |_| {}), "a MsgReadIndex that has not exactly one entry"),
        (message(MsgReadIndexResp, |_| {}), "a MsgReadIndexResp that has not exactly one entry"),
        (
            message(MsgAppend, |message| message.entries = vec![entry(0, 1)].into()),
            "a MsgAppend that has entries that do not follow one another",
        ),
        (
            message(MsgAppend, |message| message.entries = vec![entry(1, 2)].into()),
            "a MsgAppend that has entries that do not follow one another",
        ),
        (
            message(MsgAppendResponse, |message| message.reject_hint = u64::MAX),
            "a MsgAppendResponse that has a number that is too large",
        ),
        (message(MsgSnapshot, |_| {}), "a MsgSnapshot that has no index or no term of a snapshot"),
    ];
    for voters in [vec![], vec![1, 1], vec![0]] {
        let snapshot = message(MsgSnapshot, |message| {
            let metadata = message.mut_snapshot().mut_metadata();
            (metadata.index, metadata.term) = (9, 1);
            metadata.mut_conf_state().voters = voters;
        });
        faults.push((snapshot, "a MsgSnapshot that has a configuration that no store has"));
    }
    for &kind in MessageType::values() {
        faults.push((message(kind, |message| message.to = 2), "that is for member 2"));
        match kind {
            MsgHup | MsgBeat | MsgUnreachable | MsgSnapStatus | MsgCheckQuorum => {
                faults.push((message(kind, |_| {}), "that stays inside a member"));
            }
            // They name who asked first, or who is to lead.
            MsgPropose | MsgReadIndex | MsgTransferLeader => {}
            _ => {
                let from = message(kind, |message| message.from = 1);
                faults.push((from, "that says that it is from member 1"));
                faults.push((message(kind, |message| message.term = 0), "that has no term"));
            }
        }
    }
    faults
}

#[tokio::test]
async fn a_message_that_no_member_sends_ends_its_connection_alone() {
    let cluster = Cluster::start(1, &[]).await;
    let log = cluster.members[0].log();
    for (message, why) in faults() {
        let mut peer = Peer::greet(&cluster).await;
        peer.send(&message.write_to_bytes().unwrap()).await;
        peer.is_closed().await;
        let why = why
            .strip_prefix("that")
            .map_or(why.to_owned(), |rest| format!("a {:?} that{rest}", message.get_msg_type()));
        log.wait_line(&format!("refused a message of member {PEER}: {why}"));
    }
    // What a peer may send does not end its connection, although nothing comes of it.
    let mut peer = Peer::greet(&cluster).await;
    for &kind in &[MessageType::MsgHeartbeatResponse, MessageType::MsgTransferLeader] {
        peer.send(&message(kind, |_| {}).write_to_bytes().unwrap()).await;
    }
    write(&cluster.client(), "k", "v").await;
    assert_eq!(peer.0.try_read(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

/// A connection whose other end has vanished would otherwise keep its place forever.
#[tokio::test]
async fn a_new_connection_of_a_member_replaces_its_old_one() {
    let cluster = Cluster::start(1, &[]).await;
    let mut last = Peer::greet(&cluster).await;
    // More than there are places for.
    for _ in 0..300 {
        let mut old = std::mem::replace(&mut last, Peer::greet(&cluster).await);
        old.is_closed().await;
    }
}
