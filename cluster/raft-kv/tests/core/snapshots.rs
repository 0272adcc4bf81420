//! Snapshots: made here, sent to a slow follower, restored from a file.

use crate::group::{Group, member, settings};
use cluster_node::Input;
use failpoint_disk::Keep;
use raft::eraftpb::{Message, MessageType};
use raft_kv::{Put, Request, Response, Settings, Write};

fn small(settings: &mut Settings) {
    (settings.snapshot_count, settings.catch_up_entries) = (10, 5);
}

#[test]
fn a_node_makes_snapshots_and_forgets_the_log() {
    let mut group = Group::with(1, small);
    for n in 0..25 {
        group.put(1, "a", &n.to_string());
    }
    // Entry 1 is the start, entry 2 that of the leader.
    let lines = group.lines(1);
    for line in ["saved snapshot index=11", "compacted raft log index=6", "saved snapshot index=21"]
    {
        assert!(lines.iter().any(|have| have == line), "{line}: {lines:?}");
    }
    let view = group.node(1).view();
    assert_eq!((view.compacted.0, view.last_index()), (16, 27));
    group.crash(1, Keep::Synced);
    group.start(1);
    group.elect();
    assert_eq!(group.get(1, "a").unwrap().version, 25);
}

#[test]
fn a_slow_follower_gets_a_snapshot() {
    let mut group = Group::with(3, small);
    group.put(1, "a", "old");
    group.cut.insert(3);
    for n in 0..30 {
        group.put(1, &format!("k{n}"), &n.to_string());
    }
    assert_eq!(group.stale(3, "k1"), None);
    group.lines(3);
    group.cut.clear();
    group.tick(20);
    assert_eq!(group.stale(3, "k29").unwrap(), "29");
    let lines = group.lines(3);
    let received = lines.iter().find(|line| line.starts_with("received snapshot"));
    assert_eq!(received.unwrap(), "received snapshot index=33 from=1", "{lines:?}");
    group.assert_equal();

    // What it received survives, also what came after it.
    group.put(2, "after", "1");
    group.crash(3, Keep::Synced);
    group.start(3);
    group.tick(20);
    group.assert_equal();
}

#[test]
fn a_leader_that_steps_down_sends_a_whole_snapshot() {
    let mut group = Group::with(3, small);
    group.cut.insert(3);
    for n in 0..30 {
        group.put(1, &format!("k{n}"), &n.to_string());
    }
    group.cut.clear();
    let (term, view) = (group.node(1).status().term, group.node(1).view());
    let message = |kind, from, term| {
        let mut message = Message::default();
        message.set_msg_type(kind);
        (message.from, message.to, message.term) = (from, 1, term);
        message
    };
    // Node 3 lacks entries that node 1 has forgotten. Before that snapshot leaves, node 1 hears of a leader
    // of a later term.
    let mut refused = message(MessageType::MsgAppendResponse, 3, term);
    (refused.reject, refused.index, refused.reject_hint) = (true, view.last_index(), 1);
    group.step(1, Input::Message(refused));
    group.step(1, Input::Message(message(MessageType::MsgHeartbeat, 2, term + 1)));
    group.step(1, Input::Proceed);
    let snapshot = group.messages().find(|message| message.has_snapshot());
    assert!(!snapshot.expect("it was on its way").get_snapshot().get_data().is_empty());
    group.run();
    assert_eq!(group.stale(3, "k29").unwrap(), "29");
    group.elect();
    group.put(1, "after", "1");
    group.tick(20);
    group.assert_equal();
}

#[test]
fn a_snapshot_starts_a_new_cluster() {
    let mut group = Group::with(3, small);
    for n in 0..15 {
        group.put(1, &format!("k{n}"), &n.to_string());
    }
    let Ok(Response::Snapshot { revision, bytes }) = group.call(2, Request::Snapshot) else {
        panic!()
    };
    assert_eq!(revision, 16);
    let old = group.hash(2);

    let mut restored = Group::default();
    restored.place(settings(7));
    restored.in_scope(7, |path| raft_kv::restore(path, &bytes, member(7)).unwrap());
    restored.start(7);
    assert_eq!(restored.elect(), 7);
    assert_eq!(restored.hash(7), old);
    assert_eq!(restored.node(7).members(), [member(7)]);
    assert_eq!(restored.put(7, "new", "1"), 17);
    // Another one joins, and gets the state.
    restored.place(settings(8));
    restored.start(8);
    let added = restored.call(7, Request::AddMember(member(8)));
    assert_eq!(added, Ok(Response::Members(vec![member(7), member(8)])));
    restored.tick(20);
    assert_eq!(restored.stale(8, "k14").unwrap(), "14");
    restored.assert_equal();

    let again = restored.in_scope(7, |path| raft_kv::restore(path, &bytes, member(7)));
    assert_eq!(again.unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
}

#[test]
fn a_damaged_snapshot_is_refused() {
    let mut group = Group::new(1);
    let put = Put { key: "a".into(), value: "1".into(), lease: 0 };
    group.write(1, Write::Put(put)).unwrap();
    let Ok(Response::Snapshot { bytes, .. }) = group.call(1, Request::Snapshot) else { panic!() };
    group.place(settings(2));
    group.in_scope(2, |path| {
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let error = raft_kv::restore(path, &damaged, member(2)).unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
        }
        raft_kv::restore(path, &bytes, member(2)).unwrap();
    });
}
