//! What clients ask: transactions, ranges, deletes, reads at a revision, compaction, and refusals.

use crate::group::{Answer, Group, put};
use cluster_node::{Command as Raft, Node as _};
use raft_kv::{
    Compare, Comparison, KeyRange, Operation, OperationResponse, Put, Range, Read, Request,
    RequestError, Response, Target, Txn, TxnResponse, Write,
};

fn keys(from: &str, to: &str) -> KeyRange {
    KeyRange { from: from.into(), to: Some(to.into()) }
}

fn operation(key: &str, value: &str) -> Operation {
    Operation::Put(Put { key: key.into(), value: value.into(), lease: 0 })
}

fn bad(answer: &Answer) -> bool {
    matches!(answer, Err(RequestError::BadRequest(_)))
}

#[test]
fn ranges_are_read_in_order_with_a_limit_and_at_a_revision() {
    let mut group = Group::new(3);
    for key in ["b", "a", "c", "ab"] {
        group.put(1, key, "1");
    }
    group.put(1, "a", "2");
    let deleted = group.write(2, Write::Delete(keys("b", "c")));
    assert_eq!(deleted, Ok(Response::Delete { revision: 7, deleted: 1 }));
    let nothing = group.write(2, Write::Delete(keys("b", "c")));
    assert_eq!(nothing, Ok(Response::Delete { revision: 7, deleted: 0 }));

    let mut read = |range: Range| {
        let found = group.range(3, range, false);
        let kvs: Vec<_> = found.kvs.iter().map(|kv| format!("{}={}", kv.key, kv.value)).collect();
        (kvs.join(" "), found.more, found.revision)
    };
    let all = Range { keys: KeyRange::all(), ..Range::default() };
    assert_eq!(read(all.clone()), ("a=2 ab=1 c=1".into(), false, 7));
    assert_eq!(read(Range { limit: 2, ..all.clone() }), ("a=2 ab=1".into(), true, 7));
    assert_eq!(read(Range { limit: 3, ..all.clone() }), ("a=2 ab=1 c=1".into(), false, 7));
    assert_eq!(
        read(Range { revision: Some(5), ..all.clone() }),
        ("a=1 ab=1 b=1 c=1".into(), false, 7)
    );
    assert_eq!(read(Range { revision: Some(2), ..all.clone() }), ("b=1".into(), false, 7));
    assert_eq!(read(Range { keys: keys("ab", "c"), ..all }), ("ab=1".into(), false, 7));
}

#[test]
fn a_transaction_compares_and_writes_once() {
    let mut group = Group::new(3);
    group.put(1, "a", "1");
    let swap = |is, target, value: &str| {
        let compare = vec![Compare { key: "a".into(), is, target }];
        let then = vec![operation("a", value), operation("b", value)];
        let read = Range { keys: KeyRange::all(), ..Range::default() };
        Write::Txn(Txn { compare, then, otherwise: vec![Operation::Range(read)] })
    };
    let answer = group.write(2, swap(Comparison::Equal, Target::Value("1".into()), "2"));
    let Ok(Response::Txn(txn)) = answer else { panic!("{answer:?}") };
    assert!(txn.succeeded);
    assert_eq!(txn.revision, 3);
    assert_eq!(txn.responses, [OperationResponse::Put, OperationResponse::Put]);
    let answer = group.write(3, swap(Comparison::Equal, Target::Value("1".into()), "3"));
    let Ok(Response::Txn(txn)) = answer else { panic!("{answer:?}") };
    assert_eq!((txn.succeeded, txn.revision), (false, 3));
    let [OperationResponse::Range(found)] = &txn.responses[..] else { panic!("{txn:?}") };
    assert_eq!(found.kvs.iter().map(|kv| kv.mod_revision).collect::<Vec<_>>(), [3, 3]);
    for (is, target) in [
        (Comparison::Equal, Target::ModRevision(3)),
        (Comparison::Equal, Target::CreateRevision(2)),
        (Comparison::Equal, Target::Version(4)),
        (Comparison::Less, Target::Version(6)),
        (Comparison::Greater, Target::Version(5)),
        (Comparison::NotEqual, Target::Lease(1)),
    ] {
        let answer = group.write(1, swap(is, target, "4"));
        assert!(matches!(&answer, Ok(Response::Txn(txn)) if txn.succeeded), "{answer:?}");
    }
    group.assert_equal();
}

#[test]
fn what_no_store_can_do_is_refused() {
    let mut group = Group::new(1);
    let txn = |then| Write::Txn(Txn { then, ..Txn::default() });
    for write in [
        put("", "1", 0),
        Write::Delete(keys("b", "a")),
        Write::Grant { ttl: 0 },
        txn(vec![operation("a", "1"), operation("a", "2")]),
        txn(vec![operation("a", "1"), Operation::Delete(keys("a", "b"))]),
    ] {
        assert!(bad(&group.write(1, write.clone())), "{write:?}");
    }
    let large = group.write(1, put("a", &"x".repeat(1 << 20), 0));
    assert!(matches!(large, Err(RequestError::TooLarge { limit: 0x10_0000, .. })), "{large:?}");
    let answer = group.write(1, put("a", "1", 99));
    assert_eq!(answer, Err(RequestError::LeaseNotFound(99)));
    let refused = txn(vec![
        operation("b", "1"),
        Operation::Put(Put { key: "a".into(), value: "1".into(), lease: 9 }),
    ]);
    assert_eq!(group.write(1, refused), Err(RequestError::LeaseNotFound(9)));
    assert_eq!(group.node(1).status().revision, 1, "nothing has changed");
}

#[test]
fn compacted_revisions_are_gone_and_the_rest_stays() {
    let mut group = Group::with(3, |settings| settings.batch = 2);
    for n in 0..10 {
        group.put(1, "a", &n.to_string());
    }
    group.put(1, "gone", "1");
    group.write(1, Write::Delete(KeyRange::key("gone"))).unwrap();
    let before = group.hash(1);
    assert_eq!(group.write(2, Write::Compact(13)), Ok(Response::Compact { revision: 13 }));
    assert!(group.ids().iter().all(|id| !group.node(*id).is_ready()));
    assert_ne!(group.hash(1), before, "hashes with other compactions are not compared");
    group.assert_equal();
    let at = |revision| Request::Read {
        read: Read::Range(Range { revision: Some(revision), ..Range::default() }),
        stale: false,
    };
    assert_eq!(group.call(1, at(12)), Err(RequestError::Compacted(13)));
    assert_eq!(group.call(1, at(14)), Err(RequestError::FutureRevision(13)));
    let Ok(Response::Range(found)) = group.call(1, at(13)) else { panic!() };
    assert_eq!(found.kvs.iter().map(|kv| kv.value.as_str()).collect::<Vec<_>>(), ["9"]);
    assert_eq!(group.write(2, Write::Compact(13)), Err(RequestError::Compacted(13)));
    assert_eq!(group.write(2, Write::Compact(14)), Err(RequestError::FutureRevision(13)));
}

#[test]
fn without_a_quorum_reads_fail_and_writes_are_unknown() {
    let mut group = Group::new(3);
    group.put(1, "a", "1");
    group.cut.extend([2, 3]);
    let write = group.ask(1, Request::Write(put("a", "2", 0)));
    let read = group.ask(1, Request::Read { read: Read::Nothing, stale: false });
    group.tick(10);
    assert_eq!(group.answer(write), None);
    assert_eq!(group.stale(1, "a").unwrap(), "1");
    group.tick(250);
    assert_eq!(group.answer(write), Some(Err(RequestError::Unknown)));
    assert_eq!(group.answer(read), Some(Err(RequestError::NoLeader)));
    // It has stepped down by now.
    let write = group.ask(1, Request::Write(put("a", "3", 0)));
    assert_eq!(group.answer(write), Some(Err(RequestError::NoLeader)));
    assert_eq!(group.node(1).status().leader, 0);
}

#[test]
fn a_leader_that_was_deposed_serves_no_old_value() {
    let mut group = Group::new(3);
    group.put(1, "a", "old");
    group.cut.insert(1);
    let read = group.ask(1, Request::Read { read: Read::Nothing, stale: false });
    group.raft(2, Raft::Campaign);
    group.run();
    group.tick(30);
    assert_eq!(group.elect(), 2);
    group.put(2, "a", "new");
    assert_eq!(group.stale(1, "a").unwrap(), "old");
    assert_eq!(group.answer(read), None, "no quorum has said that 1 leads");
    group.cut.clear();
    group.tick(20);
    assert!(matches!(group.answer(read), Some(Ok(Response::Nothing { revision: 3 }))));
    assert_eq!(group.get(1, "a").unwrap().value, "new");
}

#[test]
fn too_many_requests_are_refused() {
    let mut group = Group::with(3, |settings| settings.max_requests = 2);
    group.cut.extend([2, 3]);
    let waiting: Vec<_> = (0..3).map(|_| group.ask(1, Request::Write(put("a", "1", 0)))).collect();
    let read = group.ask(1, Request::Read { read: Read::Nothing, stale: false });
    assert_eq!(group.answer(waiting[1]), None);
    assert_eq!(group.answer(waiting[2]), Some(Err(RequestError::TooManyRequests)));
    assert_eq!(group.answer(read), Some(Err(RequestError::TooManyRequests)));

    let mut group = Group::with(1, |settings| settings.max_request_bytes = 100);
    let large = group.ask(1, Request::Write(put("a", &"x".repeat(200), 0)));
    assert_eq!(group.answer(large), Some(Err(RequestError::TooManyRequests)));
}

#[test]
fn an_answer_names_its_entry() {
    let mut group = Group::new(3);
    let request = group.ask(2, Request::Write(put("a", "1", 0)));
    group.run();
    assert_eq!(group.entry(request), (3, 1));
    assert_eq!(group.leader(), 1);
}

/// Each member applies a transaction in one step, and again after each restart.
#[test]
fn a_transaction_has_a_bounded_number_of_parts() {
    let mut group = Group::new(1);
    let compare = |key: usize| Compare {
        key: format!("k{key}"),
        is: Comparison::Equal,
        target: Target::Version(0),
    };
    let read = || Operation::Range(Range { keys: KeyRange::all(), ..Range::default() });
    let most = Txn {
        compare: (0..128).map(compare).collect(),
        then: (0..128).map(|key| operation(&format!("k{key}"), "x")).collect(),
        otherwise: (0..128).map(|_| read()).collect(),
    };
    let mut refused = vec![most.clone(), most.clone(), most.clone()];
    refused[0].compare.push(compare(128));
    refused[1].then.push(read());
    refused[2].otherwise.push(read());
    for txn in refused {
        let answer = group.write(1, Write::Txn(txn));
        assert!(bad(&answer), "{answer:?}");
    }
    let answer = group.write(1, Write::Txn(most));
    assert!(matches!(answer, Ok(Response::Txn(TxnResponse { succeeded: true, .. }))), "{answer:?}");
}
