//! A crash at every point, on every role that reaches it: nothing acknowledged is lost, and the members
//! agree.

use crate::group::{Group, member, put, settings};
use cluster_node::Command as Raft;
use failpoint_disk::Keep;
use raft_kv::{KeyRange, POINTS, Read, Request, Response, Role, Write};
use std::collections::BTreeMap;

/// A group in which one node crashes, and what its clients were told.
struct Crashing {
    group: Group,
    victim: u64,
    /// The member that clients ask, which does not crash.
    asked: u64,
    acknowledged: BTreeMap<String, String>,
}

impl Crashing {
    /// Asks, and waits for the answer as long as one may come.
    fn ask(&mut self, id: u64, request: Request) -> Option<Response> {
        let number = self.group.ask(id, request);
        self.group.run();
        for _ in 0..60 {
            if self.group.answer(number).is_some() || !self.group.is_running(id) {
                break;
            }
            self.group.tick(1);
        }
        self.group.answer(number)?.ok()
    }

    fn put(&mut self, count: u64) {
        for n in 0..count {
            let key = format!("k{}", n % 7);
            let value = format!("{}", self.group.trace.len());
            // A value that was not acknowledged may be there or not.
            self.acknowledged.remove(&key);
            if self.ask(self.asked, Request::Write(put(&key, &value, 0))).is_some() {
                self.acknowledged.insert(key, value);
            }
        }
    }

    fn restart(&mut self) {
        if !self.group.is_running(self.victim) {
            self.group.start(self.victim);
        }
        self.group.elect();
    }

    /// All that a node does, in turn.
    fn live(&mut self) {
        let (victim, asked) = (self.victim, self.asked);
        self.group.ask(victim, Request::Watch { keys: KeyRange::all(), first: 2 });
        self.put(25);
        self.restart();
        // One that has to be caught up.
        self.ask(victim, Request::Watch { keys: KeyRange::all(), first: 2 });
        self.restart();

        let granted = self.ask(asked, Request::Write(Write::Grant { ttl: 40 }));
        let Some(Response::Lease { lease, .. }) = granted else { panic!("{granted:?}") };
        self.ask(asked, Request::Write(put("leased", "1", lease)));
        self.ask(victim, Request::Write(Write::KeepAlive(lease)));
        self.restart();
        let read = Read::TimeToLive(lease);
        self.ask(victim, Request::Read { read, stale: false });
        self.restart();
        self.lead_again();
        self.group.tick(60);
        self.restart();

        let revision = self.group.node(asked).status().revision;
        self.ask(asked, Request::Write(Write::Compact(revision)));
        self.put(2);
        self.restart();

        if victim == 3 {
            self.group.cut.insert(victim);
            self.put(30);
            self.group.cut.clear();
            self.group.tick(30);
            self.put(2);
            self.restart();
        }
        self.group.place(settings(4));
        self.group.start(4);
        self.ask(asked, Request::AddMember(member(4)));
        self.group.tick(30);
        self.restart();
    }

    /// A victim that led before its crash leads again.
    fn lead_again(&mut self) {
        if self.victim == 1 && self.group.elect() != 1 {
            self.group.tick(10);
            self.group.raft(1, Raft::Campaign);
            self.group.tick(30);
            self.group.elect();
        }
    }
}

fn crash_at(point: &str, victim: u64) {
    let group = Group::with(3, |settings| {
        (settings.snapshot_count, settings.catch_up_entries, settings.batch) = (10, 5, 4);
    });
    group.arm(victim, point, "1*panic");
    let acknowledged = BTreeMap::new();
    let mut crashing = Crashing { group, victim, asked: 2, acknowledged };
    crashing.live();
    let fires = crashing.group.places[&victim].scope.fires(point).unwrap();
    assert_eq!(fires, 1, "{point} was not reached on node {victim}");
    crashing.put(3);
    crashing.group.tick(150);
    crashing.group.assert_equal();
    for (key, value) in &crashing.acknowledged {
        let found = crashing.group.get(victim, key).map(|kv| kv.value);
        assert_eq!(found.as_ref(), Some(value), "{point} on node {victim}: {key}");
    }
    assert_eq!(crashing.group.get(1, "leased"), None, "{point}: the lease has expired");
}

#[test]
fn a_crash_at_any_point_loses_nothing() {
    for point in POINTS {
        // Its action is to drop, not to crash.
        if point.name == "raftDropHeartbeat" {
            continue;
        }
        if point.role != Role::Follower {
            println!("{} on the leader", point.name);
            crash_at(point.name, 1);
        }
        if point.role != Role::Leader {
            println!("{} on a follower", point.name);
            crash_at(point.name, 3);
        }
    }
}

#[test]
fn a_follower_without_heartbeats_makes_an_election() {
    for pre_vote in [false, true] {
        let mut group = Group::with(3, |settings| settings.pre_vote = pre_vote);
        group.arm(2, "raftDropHeartbeat", "return");
        group.tick(40);
        group.places[&2].scope.disarm("raftDropHeartbeat").unwrap();
        group.elect();
        let lines = group.lines(2).join("\n");
        // With pre-votes it asks, and the others, which hear from the leader, refuse.
        assert_eq!(lines.contains("became pre-candidate"), pre_vote, "{lines}");
        assert_eq!(group.node(3).status().term > 1, !pre_vote, "{lines}");
    }
}

#[test]
fn followers_that_end_before_they_saved_have_acknowledged_nothing() {
    let mut group = Group::new(3);
    group.arm(2, "raftBeforeSave", "1*panic");
    group.arm(3, "raftBeforeSave", "1*panic");
    let write = group.ask(1, Request::Write(put("a", "1", 0)));
    group.run();
    assert!(!group.is_running(2) && !group.is_running(3));
    assert_eq!(group.answer(write), None, "one of three has it");
}

#[test]
fn an_entry_is_applied_once_whatever_a_restart_finds() {
    let mut group = Group::with(1, |settings| settings.snapshot_count = 10);
    group.put(1, "a", "1");
    // It ends with a state that is durable, and a log that does not know it.
    group.arm(1, "raftBeforeSaveSnap", "1*panic");
    for _ in 0..20 {
        group.ask(1, Request::Write(put("a", "2", 0)));
        group.run();
    }
    assert!(!group.is_running(1));
    group.start(1);
    group.elect();
    let kv = group.get(1, "a").unwrap();
    assert_eq!(kv.version, kv.mod_revision - 1);
    assert_eq!(kv.version, group.node(1).view().last_index() - 3, "one for each entry");
    for _ in 0..2 {
        let before = group.hash(1);
        group.stop(1);
        group.start(1);
        group.elect();
        assert_eq!(group.hash(1), before);
    }
    group.crash(1, Keep::All);
    group.start(1);
    group.elect();
    assert_eq!(group.get(1, "a").unwrap(), kv);
}
