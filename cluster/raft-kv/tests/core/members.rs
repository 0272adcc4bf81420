//! Changes of the members.

use crate::group::{Group, member, settings};
use cluster_node::{Command as Raft, Input, LogLines, Node as _, Outputs, StepClock, StepError};
use failpoint_disk::Keep;
use raft_kv::{Command, Member, Node, Request, RequestError, Response};

#[test]
fn a_member_joins_and_leaves() {
    let mut group = Group::new(3);
    group.put(1, "a", "1");
    group.place(settings(4));
    group.start(4);
    let added = group.call(2, Request::AddMember(member(4)));
    assert_eq!(added, Ok(Response::Members((1..=4).map(member).collect())));
    group.tick(20);
    assert_eq!(group.get(4, "a").unwrap().value, "1");
    assert_eq!(group.node(4).members().len(), 4);
    let again = group.call(2, Request::AddMember(member(4)));
    assert_eq!(again, Err(RequestError::MemberExists(4)));

    // It serves and votes.
    group.cut.extend([2]);
    group.put(4, "a", "2");
    group.cut.clear();

    let removed = group.call(2, Request::RemoveMember(4));
    assert_eq!(removed, Ok(Response::Members((1..=3).map(member).collect())));
    let again = group.call(2, Request::RemoveMember(4));
    assert_eq!(again, Err(RequestError::MemberNotFound(4)));
    group.crash(4, Keep::Synced);
    group.put(1, "a", "3");
    group.assert_equal();
}

#[test]
fn a_leader_hands_over_before_it_is_removed() {
    for asked in 1..=3 {
        let mut group = Group::new(3);
        group.put(1, "a", "1");
        let removed = group.call(asked, Request::RemoveMember(1));
        assert_eq!(removed, Ok(Response::Members(vec![member(2), member(3)])), "asked {asked}");
        group.tick(20);
        assert_ne!(group.node(2).status().leader, 1);
        assert_eq!(group.put(3, "a", "2"), 3);
        let is_removed = [1, 2, 3].map(|id| group.node(id).is_removed());
        assert!(!is_removed[1] && !is_removed[2]);
    }
}

/// The way that a hand-over is meant to avoid: it costs an election, and no panic.
#[test]
fn a_leader_that_applies_its_own_removal_steps_down() {
    use raft::eraftpb::{ConfChangeSingle, ConfChangeType, ConfChangeV2};
    let mut group = Group::new(3);
    let mut single = ConfChangeSingle::default();
    single.set_change_type(ConfChangeType::RemoveNode);
    single.node_id = 1;
    let mut change = ConfChangeV2::default();
    change.mut_changes().push(single);
    group.raft(1, Raft::ProposeConfChange(change));
    group.run();
    assert!(group.node(1).is_removed());
    group.tick(40);
    assert_eq!(group.put(2, "a", "1"), 2);
    assert_eq!(group.node(2).members(), [member(2), member(3)]);
}

#[test]
fn changes_of_members_survive_a_restart() {
    let mut group = Group::new(1);
    group.place(settings(2));
    group.start(2);
    group.call(1, Request::AddMember(member(2))).unwrap();
    group.tick(5);
    for id in [1, 2] {
        group.crash(id, Keep::Synced);
        group.start(id);
        assert_eq!(group.node(id).members(), [member(1), member(2)]);
    }
    group.elect();
    assert_eq!(group.put(2, "a", "1"), 2);
    group.assert_equal();
}

#[test]
fn what_cannot_be_is_refused() {
    let mut group = Group::new(1);
    let last = group.call(1, Request::RemoveMember(1));
    assert!(matches!(last, Err(RequestError::BadRequest(_))), "{last:?}");
    let nameless =
        group.call(1, Request::AddMember(raft_kv::Member { id: 2, ..Default::default() }));
    assert!(matches!(nameless, Err(RequestError::BadRequest(_))), "{nameless:?}");
    assert_eq!(group.call(1, Request::MoveLeader(9)), Err(RequestError::MemberNotFound(9)));
    // The second one needs two of two, and the first one waits for that.
    group.call(1, Request::AddMember(member(2))).unwrap();
    let waits = group.ask(1, Request::AddMember(member(3)));
    group.run();
    let second = group.call(1, Request::AddMember(member(4)));
    assert!(matches!(second, Err(RequestError::Failed(_))), "{second:?}");
    assert_eq!(group.answer(waits), None);
}

#[test]
fn leadership_moves() {
    let mut group = Group::new(3);
    for (asked, to) in [(1, 2), (1, 3), (3, 3), (2, 1)] {
        assert_eq!(group.call(asked, Request::MoveLeader(to)), Ok(Response::LeaderAsked));
        group.tick(1);
        assert_eq!(group.leader(), to);
    }
}

/// It would vote again in a term in which its owner has voted, and count twice in a quorum.
#[test]
fn a_node_refuses_the_data_of_another_member() {
    let directory = tempfile::tempdir().unwrap();
    let start = |directory, id| {
        let mut settings = settings(id);
        settings.members = (1..=3).map(member).collect();
        Node::start(&settings, directory, &LogLines::default())
    };
    drop(start(directory.path(), 1).unwrap());
    let error = start(directory.path(), 2).unwrap_err().to_string();
    assert!(error.contains("the data of member 1, not of member 2"), "{error}");
    drop(start(directory.path(), 1).unwrap());

    let mut one = Group::new(1);
    let Ok(Response::Snapshot { bytes, .. }) = one.call(1, Request::Snapshot) else { panic!() };
    let restored = directory.path().join("restored");
    raft_kv::restore(&restored, &bytes, member(3)).unwrap();
    let error = start(&restored, 1).unwrap_err().to_string();
    assert!(error.contains("the data of member 3, not of member 1"), "{error}");
    drop(start(&restored, 3).unwrap());
}

#[test]
fn a_node_whose_data_are_gone_does_not_start_as_a_new_one() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut settings = settings(1);
    settings.members = vec![member(1)];
    let log = LogLines::default();
    let start = || {
        let mut node = Node::start(&settings, &data, &log)?;
        let mut outputs = Outputs::new(&StepClock::default());
        node.step(Input::Command(Command::Raft(Raft::Campaign)), &mut outputs)?;
        while node.is_ready() {
            node.step(Input::Proceed, &mut outputs)?;
        }
        Ok::<_, StepError>(node.status().applied)
    };
    assert_eq!(start().unwrap(), 2);
    assert_eq!(start().unwrap(), 3);

    // The state alone, synced by the start before.
    let moved = directory.path().join("log");
    std::fs::rename(data.join("log"), &moved).unwrap();
    let error = start().unwrap_err().to_string();
    assert!(error.contains("entries of the log are missing"), "{error}");
    std::fs::remove_dir_all(data.join("log")).unwrap();
    std::fs::rename(&moved, data.join("log")).unwrap();
    assert_eq!(start().unwrap(), 4);

    // Nothing at all, while the owner of the node still runs.
    std::fs::remove_dir_all(&data).unwrap();
    let error = Node::start_again(&settings, &data, &log).unwrap_err().to_string();
    assert!(error.contains("was removed"), "{error}");
    assert!(!data.exists());
}

/// Messages to one of them would reach the other, and the cluster would have a member that never answers.
#[test]
fn two_members_do_not_have_the_same_address() {
    let mut group = Group::new(3);
    let new = Member { id: 4, ..member(2) };
    let answer = group.call(1, Request::AddMember(new));
    let Err(RequestError::BadRequest(why)) = answer else { panic!("{answer:?}") };
    assert_eq!(why, "member 2 has the address peer-2 already");
    assert_eq!(group.node(1).members().len(), 3);
}
