//! Leases: expiry, renewal, revocation, and what a change of the leader does to them.

use crate::group::{Group, put};
use cluster_node::{Command as Raft, Input};
use failpoint_disk::Keep;
use raft_kv::{Read, Request, RequestError, Response, Write};

fn grant(group: &mut Group, node: u64, ttl: u64) -> u64 {
    let answer = group.write(node, Write::Grant { ttl });
    let Ok(Response::Lease { lease, ttl: granted }) = answer else { panic!("{answer:?}") };
    assert_eq!(granted, ttl);
    lease
}

/// The ticks that are left, and the keys.
fn time_to_live(group: &mut Group, node: u64, lease: u64) -> Option<(u64, Vec<String>)> {
    let read = Read::TimeToLive(lease);
    match group.call(node, Request::Read { read, stale: false }) {
        Ok(Response::TimeToLive { remaining, keys, .. }) => Some((remaining, keys)),
        Err(RequestError::LeaseNotFound(_)) => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_lease_expires_with_its_keys() {
    let mut group = Group::new(3);
    let lease = grant(&mut group, 2, 10);
    group.write(3, put("a", "1", lease)).unwrap();
    group.write(3, put("b", "1", lease)).unwrap();
    group.write(3, put("b", "2", 0)).unwrap();
    group.tick(9);
    assert_eq!(time_to_live(&mut group, 1, lease), Some((1, vec!["a".to_owned()])));
    group.tick(1);
    assert_eq!(time_to_live(&mut group, 1, lease), None);
    assert_eq!(group.get(2, "a"), None);
    assert_eq!(group.get(2, "b").unwrap().lease, 0, "it left the lease before");
    let late = group.write(1, put("a", "1", lease));
    assert_eq!(late, Err(RequestError::LeaseNotFound(lease)));
    group.assert_equal();
}

#[test]
fn a_renewed_lease_lives_on() {
    let mut group = Group::new(3);
    let lease = grant(&mut group, 1, 10);
    for _ in 0..5 {
        group.tick(8);
        let renewed = group.write(3, Write::KeepAlive(lease));
        assert_eq!(renewed, Ok(Response::Lease { lease, ttl: 10 }));
    }
    assert_eq!(time_to_live(&mut group, 2, lease).unwrap().0, 10);
    group.tick(10);
    assert_eq!(time_to_live(&mut group, 2, lease), None);
    let renewed = group.write(3, Write::KeepAlive(lease));
    assert_eq!(renewed, Err(RequestError::LeaseNotFound(lease)));
}

#[test]
fn a_lease_that_was_renewed_meanwhile_does_not_expire() {
    let mut group = Group::new(3);
    let lease = grant(&mut group, 1, 10);
    group.write(1, put("a", "1", lease)).unwrap();
    // The renewal is in the log before the leader counts to the end.
    let renewal = group.ask(1, Request::Write(Write::KeepAlive(lease)));
    for _ in 0..10 {
        group.step(1, Input::Tick);
    }
    group.run();
    assert!(matches!(group.answer(renewal), Some(Ok(_))));
    assert!(group.get(2, "a").is_some());
    assert_eq!(time_to_live(&mut group, 1, lease).unwrap().0, 10);
}

#[test]
fn a_lease_is_revoked_with_its_keys_at_one_revision() {
    let mut group = Group::new(3);
    let lease = grant(&mut group, 1, 100);
    group.write(1, put("b", "1", lease)).unwrap();
    group.write(1, put("a", "1", lease)).unwrap();
    let revoked = group.write(2, Write::Revoke(lease));
    assert_eq!(revoked, Ok(Response::Revoke { revision: 4, deleted: 2 }));
    assert_eq!(group.write(2, Write::Revoke(lease)), Err(RequestError::LeaseNotFound(lease)));
}

#[test]
fn a_new_leader_begins_again_with_the_full_time() {
    let mut group = Group::new(3);
    let lease = grant(&mut group, 1, 50);
    group.write(1, put("a", "1", lease)).unwrap();
    group.tick(45);
    group.raft(1, Raft::TransferLeader(2));
    group.tick(1);
    assert_eq!(group.elect(), 2);
    group.tick(40);
    assert!(group.get(3, "a").is_some(), "its time was 50 ticks under the new leader");
    group.tick(20);
    assert_eq!(group.get(3, "a"), None);
}

#[test]
fn a_lease_survives_restarts_and_snapshots() {
    let mut group = Group::with(3, |settings| {
        (settings.snapshot_count, settings.catch_up_entries) = (10, 5);
    });
    group.cut.insert(3);
    let lease = grant(&mut group, 1, 100);
    group.write(1, put("leased", "1", lease)).unwrap();
    for n in 0..20 {
        group.put(1, "a", &n.to_string());
    }
    group.cut.clear();
    group.tick(20);
    for id in [1, 2, 3] {
        group.crash(id, Keep::Synced);
        group.start(id);
    }
    group.elect();
    assert_eq!(time_to_live(&mut group, 3, lease).unwrap().1, ["leased"]);
    group.tick(130);
    assert_eq!(group.get(1, "leased"), None);
    group.assert_equal();
}
