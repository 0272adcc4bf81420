//! The list of points is the list of sites in the source.

use raft_kv::{POINTS, Role};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The names at the sites in the source below `path`.
fn sites(path: &Path, names: &mut BTreeSet<String>) {
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| sites(&entry.unwrap().path(), names));
        return;
    }
    let text = fs::read_to_string(path).unwrap();
    for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
        for start in ["fail_point!(\"", "fail_value!(\"", "fail_result!(\""] {
            let Some((_, rest)) = line.split_once(start) else { continue };
            names.insert(rest.split('"').next().unwrap().to_owned());
        }
    }
}

#[test]
fn every_point_is_listed_once() {
    let mut names = BTreeSet::new();
    let cluster = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for package in ["raft-kv", "node", "log"] {
        sites(&cluster.join(package).join("src"), &mut names);
    }
    let listed: BTreeSet<_> = POINTS.iter().map(|point| point.name.to_owned()).collect();
    assert_eq!(names, listed);
    assert_eq!(listed.len(), POINTS.len(), "a point is listed twice");
}

#[test]
fn the_points_of_the_ready_loop_simulate_the_same_everywhere() {
    for of_loop in cluster_node::POINTS {
        let point = POINTS.iter().find(|point| point.name == of_loop.name).unwrap();
        assert_eq!(point.simulates, of_loop.simulates);
    }
}

/// The pairs that etcd's functional tester was built around.
#[test]
fn the_six_pairs_are_there() {
    for (before, after) in [
        ("beforeCommit", "afterCommit"),
        ("raftBeforeFollowerSend", "raftAfterFollowerSend"),
        ("raftBeforeLeaderSend", "raftAfterLeaderSend"),
        ("raftBeforeSave", "raftAfterSave"),
        ("raftBeforeSaveSnap", "raftAfterSaveSnap"),
        ("raftBeforeApplySnap", "raftAfterApplySnap"),
    ] {
        let role = |name| POINTS.iter().find(|point| point.name == name).map(|point| point.role);
        assert!(role(before).is_some() && role(before) == role(after), "{before}, {after}");
        assert_eq!(role(before) == Some(Role::Leader), before.contains("Leader"));
    }
}
