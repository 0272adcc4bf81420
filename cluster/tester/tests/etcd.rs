//! The driver `etcd`, against a real one of one member.

use std::time::Duration;

use failpoint_tester::agent::Operation;
use failpoint_tester::driver::{Client, Driver, Hash};
use failpoint_tester::history::{Change, Compare, Event, Outcome, Request, Response, Revision};
use support::{Cluster, PATIENCE, has_etcd};

#[path = "support/etcd.rs"]
mod support;

fn put(key: &str, value: &str) -> Request {
    Request::Put { key: key.into(), value: value.into() }
}

fn get(key: &str) -> Request {
    Request::Get { key: key.into(), stale: false }
}

async fn done(client: &dyn Client, request: &Request) -> (Response, Revision) {
    let answer = client.execute(request, PATIENCE).await;
    match answer.outcome {
        Outcome::Done { response, revision: Some(revision) } => (response, revision),
        _ => panic!("{request}: {answer:?}"),
    }
}

#[tokio::test]
async fn requests_are_answered_with_the_revision_of_the_state() {
    if !has_etcd() {
        return;
    }
    let cluster = Cluster::start(1).await;
    let client = cluster.driver.client(0);
    let start = cluster.driver.health(0).await.expect("it runs").revision.expect("etcd has them");
    let ask = async |request: &Request| {
        let (response, revision) = done(&*client, request).await;
        (response, revision - start)
    };

    let value = "a\0\"\u{7f}\n→ é";
    assert_eq!(ask(&put("k", value)).await, (Response::Put, 1));
    assert_eq!(ask(&get("k")).await, (Response::Value(Some(value.into())), 1));
    assert_eq!(ask(&get("none")).await, (Response::Value(None), 1));
    let stale = Request::Get { key: "k".into(), stale: true };
    assert_eq!(ask(&stale).await, (Response::Value(Some(value.into())), 1));
    assert_eq!(ask(&put("l", "")).await, (Response::Put, 2));

    let range =
        |from: &str, to: &str| Request::Range { from: from.into(), to: to.into(), stale: false };
    let both = vec![("k".to_owned(), value.to_owned()), ("l".to_owned(), String::new())];
    assert_eq!(ask(&range("", "m")).await, (Response::Values(both.clone()), 2));
    assert_eq!(ask(&range("k", "l")).await, (Response::Values(both[..1].to_vec()), 2));
    for (from, to) in [("k", "k"), ("l", "k"), ("", ""), ("k", ""), ("", "\0")] {
        assert_eq!(ask(&range(from, to)).await, (Response::Values(vec![]), 2), "{from:?}..{to:?}");
        let delete = Request::DeleteRange { from: from.into(), to: to.into() };
        assert_eq!(ask(&delete).await, (Response::Deleted(0), 2), "{from:?}..{to:?}");
    }

    assert_eq!(ask(&Request::Delete { key: "none".into() }).await, (Response::Deleted(0), 2));
    let delete = Request::DeleteRange { from: "k".into(), to: "m".into() };
    assert_eq!(ask(&delete).await, (Response::Deleted(2), 3));

    // A transaction sees its own writes, and its branches are known apart.
    assert_eq!(ask(&put("k", "1")).await, (Response::Put, 4));
    let write = |compare: Vec<Compare>| Request::Txn {
        compare,
        then: vec![put("k", "2"), get("k"), Request::Delete { key: "none".into() }],
        otherwise: vec![range("k", "l")],
    };
    let value = |key: &str, equals: Option<&str>| Compare::Value {
        key: key.into(),
        equals: equals.map(str::to_owned),
    };
    let written = |key: &str, equals| Compare::ModRevision { key: key.into(), equals };
    let not_taken = Response::Txn {
        succeeded: false,
        responses: vec![Response::Values(vec![("k".into(), "1".into())])],
    };
    for wrong in [
        value("k", Some("2")),
        value("k", None),
        value("none", Some("")),
        written("k", start + 3),
        written("k", 0),
    ] {
        assert_eq!(ask(&write(vec![wrong.clone()])).await, (not_taken.clone(), 4), "{wrong:?}");
    }
    let right = vec![
        value("k", Some("1")),
        value("none", None),
        written("k", start + 4),
        written("none", 0),
    ];
    let taken = Response::Txn {
        succeeded: true,
        responses: vec![Response::Put, Response::Value(Some("2".into())), Response::Deleted(0)],
    };
    assert_eq!(ask(&write(right)).await, (taken, 5));
    let inner = Request::Txn { compare: vec![], then: vec![get("k")], otherwise: vec![] };
    let outer = Request::Txn { compare: vec![], then: vec![inner], otherwise: vec![] };
    let read =
        Response::Txn { succeeded: true, responses: vec![Response::Value(Some("2".into()))] };
    let nested = Response::Txn { succeeded: true, responses: vec![read] };
    assert_eq!(ask(&outer).await, (nested, 5));
}

#[tokio::test]
async fn a_watch_shows_each_revision_once_and_in_order() {
    if !has_etcd() {
        return;
    }
    let cluster = Cluster::start(1).await;
    let client = cluster.driver.client(0);
    let mut first = 0;
    // So many that the watch gets them in several messages, of which some come in pieces.
    let large = "x".repeat(100_000);
    let mut expected = Vec::new();
    for number in 0..30 {
        let then =
            (0..3).map(|key| put(&format!("k{key}"), &format!("{number} {large}"))).collect();
        let request = Request::Txn { compare: vec![], then, otherwise: vec![] };
        let (_, revision) = done(&*client, &request).await;
        if number == 0 {
            first = revision;
        }
        let events = (0..3)
            .map(|key| Event::Put { key: format!("k{key}"), value: format!("{number} {large}") })
            .collect();
        expected.push(Change { revision, events });
    }
    let mut watch = client.watch("k", Some("l"), first).await.expect("a watch");
    let mut seen = Vec::new();
    while seen.len() < expected.len() {
        let message = tokio::time::timeout(PATIENCE, watch.next()).await.expect("it is there");
        seen.extend(message.expect("the member runs").changes);
    }
    assert!(seen == expected, "{} changes", seen.len());

    // It goes on with what is written now; other keys are not in it.
    done(&*client, &put("m", "other")).await;
    let (_, revision) = done(&*client, &Request::Delete { key: "k1".into() }).await;
    let message = tokio::time::timeout(PATIENCE, watch.next()).await.expect("it is there");
    let message = message.expect("the member runs");
    let events = vec![Event::Delete { key: "k1".into() }];
    assert_eq!(message.changes, [Change { revision, events }]);
    assert!(message.revision >= revision);

    // Nothing changes when the file is rewritten.
    cluster.driver.defragment(0).await.expect("it rewrites its file");

    // What is compacted cannot be watched, and hashes are those of one revision.
    let (_, last) = done(&*client, &put("k", "last")).await;
    let hash = async |at| cluster.driver.hash(0, at).await.expect("a hash");
    let before = hash(Some(revision)).await;
    assert_eq!(before.revision, Some(revision));
    assert_eq!(before.compacted, None);
    let now = hash(None).await;
    assert_ne!(now.hash, before.hash);
    assert_eq!(now, hash(Some(last)).await);
    cluster.driver.compact(0, revision).await.expect("it compacts");
    cluster.driver.compact(0, revision).await.expect("it is compacted already");
    let Hash { revision: at, compacted, .. } = hash(Some(last)).await;
    assert_eq!((at, compacted), (Some(last), Some(revision)));
    let mut late = client.watch("", None, first).await.expect("a watch");
    let error = tokio::time::timeout(PATIENCE, late.next()).await.expect("an error");
    assert_eq!(
        error.expect_err("it is compacted").to_string(),
        format!(
            "etcd1: the watch asks for revisions that are compacted; the first one that is left is \
             {revision}"
        )
    );
    let error = cluster.driver.hash(0, Some(first)).await.expect_err("it is compacted");
    assert!(error.message.contains("required revision has been compacted"), "{error}");
}

#[tokio::test]
async fn errors_say_whether_a_request_may_have_taken_effect() {
    if !has_etcd() {
        return;
    }
    let mut cluster = Cluster::start(1).await;
    let client = cluster.driver.client(0);

    // etcd refuses these.
    for (request, message) in [
        (put("", "1"), "etcdserver: key is not provided"),
        (put("k", &"x".repeat(2_000_000)), "etcdserver: request is too large"),
        (
            Request::Txn {
                compare: vec![],
                then: vec![put("k", "1"), put("k", "2")],
                otherwise: vec![],
            },
            "etcdserver: duplicate key given in txn request",
        ),
    ] {
        let answer = client.execute(&request, PATIENCE).await;
        assert_eq!(answer.outcome, Outcome::Failed, "{message}");
        assert_eq!(answer.error.as_deref(), Some(message));
    }

    // The limit ends it: only a read has certainly no effect.
    let answer = client.execute(&put("k", "1"), Duration::ZERO).await;
    assert_eq!(answer.outcome, Outcome::Unknown, "{answer:?}");
    let answer = client.execute(&get("k"), Duration::ZERO).await;
    assert_eq!(answer.outcome, Outcome::Failed, "{answer:?}");

    // There is a connection from before. Then there is none.
    done(&*client, &put("k", "1")).await;
    let mut watch = client.watch("", None, 1).await.expect("a watch");
    cluster.operate(0, Operation::SigkillEtcd, None).await;
    while tokio::time::timeout(PATIENCE, watch.next()).await.expect("it ends").is_ok() {}
    let mut outcomes = Vec::new();
    while outcomes.last() != Some(&Outcome::Failed) && outcomes.len() < 10 {
        outcomes.push(client.execute(&put("k", "2"), PATIENCE).await.outcome);
    }
    assert_eq!(outcomes.last(), Some(&Outcome::Failed), "nothing listens there");
    cluster.driver.health(0).await.expect_err("it does not run");
    client.watch("", None, 1).await.err().expect("it does not run");
}

#[tokio::test]
async fn leases_hold_keys_locks_and_elections() {
    if !has_etcd() {
        return;
    }
    let cluster = Cluster::start(1).await;
    let client = cluster.driver.client(0);
    let leases = client.leases().expect("etcd has them");
    let long = Duration::from_secs(3_000);
    let lease = leases.grant(long, PATIENCE).await.expect("a lease");
    let written = leases.put("k", "1", lease, PATIENCE).await;
    assert!(matches!(written.outcome, Outcome::Done { .. }), "{written:?}");
    assert_eq!(leases.keep_alive(lease, PATIENCE).await, Ok(long));
    let (left, keys) =
        leases.time_to_live(lease, PATIENCE).await.expect("an answer").expect("a lease");
    assert!(left <= long, "{left:?}");
    assert_eq!(keys, ["k"]);

    // A second one waits for the lock.
    let second = leases.grant(long, PATIENCE).await.expect("a lease");
    let key = leases.lock("lock", lease, PATIENCE).await.expect("the lock is free");
    leases.lock("lock", second, Duration::from_millis(50)).await.expect_err("it is held");
    leases.unlock(&key, PATIENCE).await.expect("it was held");
    let key = leases.lock("lock", second, PATIENCE).await.expect("the lock is free");
    leases.unlock(&key, PATIENCE).await.expect("it was held");

    assert_eq!(leases.leader("election", PATIENCE).await, Ok(None));
    let leadership =
        leases.campaign("election", "é", lease, PATIENCE).await.expect("there is no other");
    assert_eq!((&*leadership.name, leadership.lease), ("election", lease));
    assert_eq!(leases.leader("election", PATIENCE).await, Ok(Some("é".into())));
    leases.resign(&leadership, PATIENCE).await.expect("it was elected");
    assert_eq!(leases.leader("election", PATIENCE).await, Ok(None));

    // A lease takes its keys with it, and cannot be used afterwards.
    leases.revoke(lease, PATIENCE).await.expect("there is one");
    assert_eq!(done(&*client, &get("k")).await.0, Response::Value(None));
    assert_eq!(leases.time_to_live(lease, PATIENCE).await, Ok(None));
    assert_eq!(leases.keep_alive(lease, PATIENCE).await, Ok(Duration::ZERO));
    let error = leases.revoke(lease, PATIENCE).await.expect_err("there is none");
    assert_eq!(error.to_string(), "etcd1: etcdserver: requested lease not found");
    let refused = leases.put("k", "2", lease, PATIENCE).await;
    assert_eq!(refused.outcome, Outcome::Failed, "{refused:?}");
}
