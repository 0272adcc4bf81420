//! Put and get, over one member and three.

use crate::group::Group;
use failpoint_disk::Keep;

#[test]
fn one_member_puts_and_gets() {
    let mut group = Group::new(1);
    assert_eq!(group.get(1, "a"), None);
    assert_eq!(group.put(1, "a", "1"), 2);
    assert_eq!(group.put(1, "a", "2"), 3);
    let kv = group.get(1, "a").unwrap();
    assert_eq!(
        (kv.value.as_str(), kv.create_revision, kv.mod_revision, kv.version),
        ("2", 2, 3, 2)
    );
}

#[test]
fn any_of_three_members_serves() {
    let mut group = Group::new(3);
    for id in 1..=3 {
        group.put(id, "a", &format!("from {id}"));
        for reader in 1..=3 {
            assert_eq!(group.get(reader, "a").unwrap().value, format!("from {id}"));
        }
    }
    group.assert_equal();
}

#[test]
fn a_restart_finds_what_was_acknowledged() {
    let mut group = Group::new(3);
    for n in 0..30 {
        group.put(1 + n % 3, &format!("k{}", n % 7), &n.to_string());
    }
    for id in 1..=3 {
        group.crash(id, Keep::Synced);
    }
    for id in 1..=3 {
        group.start(id);
    }
    group.elect();
    assert_eq!(group.get(2, "k1").unwrap().value, "29");
    assert_eq!(group.node(2).status().revision, 31);
    group.assert_equal();
}
