//! Watches: from now, from the past, from the future, compacted, and after a snapshot.

use crate::group::{Answer, Group};
use raft_kv::{
    Command, EventKind, KeyRange, Operation, Put, Request, RequestError, Response, Settings, Txn,
    WatchMessage, Write,
};

fn small(settings: &mut Settings) {
    (settings.snapshot_count, settings.catch_up_entries) = (10, 5);
}

/// Opens a watch of `from <= key < to`.
fn watch(group: &mut Group, node: u64, keys: KeyRange, first: u64) -> (u64, Answer) {
    let id = group.ask(node, Request::Watch { keys, first });
    let answer = group.answer(id).expect("it is answered at once");
    group.run();
    (id, answer)
}

fn messages(group: &mut Group, id: u64) -> Vec<WatchMessage> {
    group.watched.remove(&id).unwrap_or_default()
}

/// The revisions of all events.
fn revisions(messages: &[WatchMessage]) -> Vec<u64> {
    messages.iter().flat_map(|message| &message.events).map(|event| event.kv.mod_revision).collect()
}

#[test]
fn a_watch_gets_what_happens_from_now_on() {
    let mut group = Group::new(3);
    group.put(1, "a", "1");
    let (id, answer) = watch(&mut group, 3, KeyRange::key("a"), 0);
    assert_eq!(answer, Ok(Response::Watching { revision: 2 }));
    assert!(messages(&mut group, id).is_empty());
    group.put(1, "a", "2");
    group.put(1, "b", "2");
    group.write(2, Write::Delete(KeyRange::all())).unwrap();
    let messages = messages(&mut group, id);
    let [put, delete] = &messages[..] else { panic!("{messages:?}") };
    assert_eq!(put.revision, 3);
    assert_eq!(put.events[0].kind, EventKind::Put);
    assert_eq!(put.events[0].previous.as_ref().unwrap().value, "1");
    assert_eq!((delete.revision, delete.events.len()), (5, 1));
    assert_eq!(delete.events[0].kind, EventKind::Delete);
    assert_eq!(delete.events[0].kv.mod_revision, 5);
    assert_eq!(delete.events[0].previous.as_ref().unwrap().value, "2");
}

#[test]
fn a_watch_from_the_past_is_caught_up_in_batches() {
    let mut group = Group::with(1, |settings| settings.batch = 3);
    for n in 0..7 {
        let put =
            |key: &str| Operation::Put(Put { key: key.into(), value: n.to_string(), lease: 0 });
        let then = vec![put("b"), put("a")];
        group.write(1, Write::Txn(Txn { then, ..Txn::default() })).unwrap();
    }
    let (id, _) = watch(&mut group, 1, KeyRange::all(), 3);
    let messages = messages(&mut group, id);
    let ends: Vec<_> = messages.iter().map(|message| message.revision).collect();
    assert_eq!(ends, [5, 8], "a revision is in one message");
    assert_eq!(revisions(&messages), [3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8]);
    let keys: Vec<_> = messages[0].events.iter().map(|event| event.kv.key.as_str()).collect();
    assert_eq!(keys, ["b", "a", "b", "a", "b", "a"], "in the order of the writes");
    assert_eq!(messages[0].events[0].previous.as_ref().unwrap().mod_revision, 2);

    // It is synced now, and gets new events.
    group.put(1, "a", "new");
    assert_eq!(revisions(&group.watched[&id]), [9]);
    group.watched.clear();
    group.step(1, cluster_node::Input::Command(Command::CancelWatch { id }));
    group.put(1, "a", "newer");
    assert!(group.watched.is_empty());
}

#[test]
fn a_watch_from_the_future_waits() {
    let mut group = Group::new(1);
    let (id, answer) = watch(&mut group, 1, KeyRange::all(), 4);
    assert_eq!(answer, Ok(Response::Watching { revision: 1 }));
    for n in 0..5 {
        group.put(1, "a", &n.to_string());
    }
    assert_eq!(revisions(&messages(&mut group, id)), [4, 5, 6]);
}

#[test]
fn a_watch_below_the_compacted_revision_ends() {
    let mut group = Group::with(1, |settings| settings.batch = 1);
    for n in 0..9 {
        group.put(1, "a", &n.to_string());
    }
    // This one is overtaken while it is caught up.
    let id = group.ask(1, Request::Watch { keys: KeyRange::all(), first: 2 });
    group.ask(1, Request::Write(Write::Compact(8)));
    group.run();
    assert_eq!(group.ended.get(&id), Some(&RequestError::Compacted(8)));
    let sent = revisions(&messages(&mut group, id));
    assert_eq!(sent, (2..2 + sent.len() as u64).collect::<Vec<_>>());

    let (_, answer) = watch(&mut group, 1, KeyRange::all(), 7);
    assert_eq!(answer, Err(RequestError::Compacted(8)));
    let (id, _) = watch(&mut group, 1, KeyRange::all(), 8);
    let messages = messages(&mut group, id);
    assert_eq!(revisions(&messages), [8, 9, 10]);
    let previous = |n: usize| messages[n].events[0].previous.as_ref().map(|kv| kv.mod_revision);
    assert_eq!([previous(0), previous(1), previous(2)], [None, Some(8), Some(9)]);
}

/// etcd's TestV3WatchRestoreSnapshotUnsync: the watch of a member that gets a snapshot has the events that
/// the snapshot skipped.
#[test]
fn a_watch_goes_on_after_a_snapshot() {
    let mut group = Group::with(3, small);
    let (id, _) = watch(&mut group, 3, KeyRange::all(), 5);
    let (future, _) = watch(&mut group, 3, KeyRange::all(), 18);
    let (begun, _) = watch(&mut group, 3, KeyRange::all(), 0);
    group.put(1, "a", "first");
    group.cut.insert(3);
    for n in 1..15 {
        group.put(1, "a", &n.to_string());
    }
    assert!(!group.watched.contains_key(&id));
    group.cut.clear();
    group.tick(20);
    assert!(group.lines(3).iter().any(|line| line.starts_with("received snapshot")));
    let sent = messages(&mut group, id);
    assert_eq!(revisions(&sent), (5..=16).collect::<Vec<_>>());
    assert_eq!(sent.len(), 1, "in one message");
    assert_eq!(revisions(&messages(&mut group, begun)), (2..=16).collect::<Vec<_>>(), "each once");
    group.put(1, "a", "17");
    assert_eq!(revisions(&messages(&mut group, id)), [17]);
    assert!(!group.watched.contains_key(&future), "it waits for revision 18");
    group.put(1, "a", "18");
    assert_eq!(revisions(&messages(&mut group, future)), [18]);
}

#[test]
fn a_watch_without_events_tells_its_revision() {
    let mut group = Group::with(1, |settings| settings.progress_ticks = 5);
    let (id, _) = watch(&mut group, 1, KeyRange::key("quiet"), 0);
    group.put(1, "other", "1");
    group.tick(12);
    let empty = WatchMessage { revision: 2, events: Vec::new() };
    assert_eq!(messages(&mut group, id), [empty.clone(), empty]);
}
