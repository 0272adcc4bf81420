//! What clients are answered, and by whom.

use crate::support::{Cluster, PATIENCE, eventually, write};
use raft_kv::client::{ClientError, Election, Lock, ReadOptions, Session};
use raft_kv::{Compare, Comparison, EventKind, KeyRange, Operation, Put, Range, Target, Txn};
use std::time::Duration;
use tokio::time::timeout;

#[tokio::test]
async fn every_member_serves_what_every_member_wrote() {
    let cluster = Cluster::start(3, &[]).await;
    for (i, writer) in cluster.members.iter().enumerate() {
        let key = format!("key/{i} with blanks?");
        writer.client().put(&key, &format!("value {i}")).await.unwrap();
        for reader in &cluster.members {
            let found = reader.client().get(&key).await.unwrap().unwrap();
            assert_eq!((found.value, found.version), (format!("value {i}"), 1));
        }
    }
    let all = cluster.client().range("key/", Some("key0"), ReadOptions::default()).await.unwrap();
    assert_eq!(all.kvs.len(), 3);
    assert!(all.kvs.is_sorted_by_key(|kv| &kv.key));
    assert_eq!(all.revision, 4, "the empty store is at revision 1");

    let deleted = cluster.members[1].client().delete("key/0 with blanks?").await.unwrap();
    assert_eq!((deleted.deleted, deleted.revision), (1, 5));
    assert_eq!(cluster.members[2].client().get("key/0 with blanks?").await.unwrap(), None);
    let past = ReadOptions { revision: Some(4), ..ReadOptions::default() };
    let before = cluster.members[2].client().get_with("key/0 with blanks?", past).await.unwrap();
    assert_eq!(before.kv.unwrap().value, "value 0");
}

#[tokio::test]
async fn a_transaction_takes_one_of_two_branches() {
    let cluster = Cluster::start(1, &[]).await;
    let client = cluster.client();
    let put = |value: &str| Operation::Put(Put { key: "k".into(), value: value.into(), lease: 0 });
    let read = Operation::Range(Range { keys: KeyRange::key("k"), ..Range::default() });
    let is_new =
        Compare { key: "k".into(), is: Comparison::Equal, target: Target::CreateRevision(0) };
    let txn = Txn { compare: vec![is_new], then: vec![put("first")], otherwise: vec![read] };
    let done = client.txn(&txn).await.unwrap();
    assert!(done.succeeded);
    assert_eq!(done.revision, 2);
    let done = client.txn(&txn).await.unwrap();
    assert!(!done.succeeded);
    let raft_kv::OperationResponse::Range(found) = &done.responses[0] else { panic!("{done:?}") };
    assert_eq!(found.kvs[0].value, "first");
}

#[tokio::test]
async fn a_watch_goes_on_when_the_leader_changes() {
    let mut cluster = Cluster::start(3, &[]).await;
    let client = cluster.client();
    client.put("w/1", "before").await.unwrap();
    let mut watch = client.watch("w/", Some("w0"), Some(2)).await.unwrap();
    let mut seen = Vec::new();
    for round in 0..2 {
        for i in 0..5 {
            write(&client, &format!("w/{round}/{i}"), "x").await;
        }
        if round == 0 {
            let leader = cluster.leader().await;
            cluster.members[leader].kill();
            cluster.leader().await;
        }
    }
    let mut last = String::new();
    while last != "w/1/4" {
        let message = timeout(PATIENCE, watch.next()).await.unwrap().unwrap();
        for event in message.events {
            seen.push(event.kv.mod_revision);
            last = event.kv.key;
        }
    }
    let all: Vec<_> = (2..2 + seen.len() as u64).collect();
    assert_eq!(seen, all, "every event once, in order");
    assert!(seen.len() >= 11, "{seen:?}");
}

#[tokio::test]
async fn a_watch_below_the_compacted_revision_says_so() {
    let cluster = Cluster::start(1, &[]).await;
    let client = cluster.client();
    for i in 0..5 {
        client.put("k", &i.to_string()).await.unwrap();
    }
    client.compact(5).await.unwrap();
    let opened = client.watch("k", None, Some(2)).await;
    let error = match opened {
        Ok(mut watch) => timeout(PATIENCE, watch.next()).await.unwrap().unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(error.code(), Some("compacted"), "{error}");
}

#[tokio::test]
async fn a_lease_that_is_not_renewed_takes_its_keys_along() {
    let cluster = Cluster::start(3, &[]).await;
    let client = cluster.client();
    let mut watch = client.watch("leased/", Some("leased0"), None).await.unwrap();
    let session = Session::start(&client, Duration::from_secs(1)).await.unwrap();
    let left = client.grant(Duration::from_secs(1)).await.unwrap();
    client.put_with_lease("leased/kept", "x", session.lease()).await.unwrap();
    client.put_with_lease("leased/left", "x", left.id).await.unwrap();
    assert_eq!(client.lease(left.id).await.unwrap().keys, ["leased/left"]);

    let mut removed = None;
    while removed.is_none() {
        let message = timeout(PATIENCE, watch.next()).await.unwrap().unwrap();
        removed = message.events.into_iter().find(|event| event.kind == EventKind::Delete);
    }
    assert_eq!(removed.unwrap().kv.key, "leased/left");
    let gone = client.keep_alive(left.id).await.unwrap_err();
    assert_eq!(gone.code(), Some("lease-not-found"), "{gone}");
    assert!(client.get("leased/kept").await.unwrap().is_some());
    session.end().await.unwrap();
    assert!(client.get("leased/kept").await.unwrap().is_none());
    let unknown = client.put_with_lease("leased/never", "x", left.id).await.unwrap_err();
    assert_eq!(unknown.code(), Some("lease-not-found"), "{unknown}");
}

#[tokio::test]
async fn clients_take_turns() {
    let cluster = Cluster::start(1, &[]).await;
    let client = cluster.client();
    let ttl = Duration::from_secs(60);
    let (first, second) =
        (Session::start(&client, ttl).await.unwrap(), Session::start(&client, ttl).await.unwrap());
    let lock = Lock::acquire(&first, "l").await.unwrap();
    let waiting = Lock::acquire(&second, "l");
    tokio::pin!(waiting);
    // Its place in the queue is there, and it still waits.
    eventually("the second place", async || {
        tokio::select! {
            biased;
            taken = &mut waiting => panic!("two clients hold the lock: {taken:?}"),
            found = client.range("lock/l/", Some("lock/l0"), ReadOptions::default()) => {
                (found.unwrap().kvs.len() == 2).then_some(())
            }
        }
    })
    .await;
    let before = lock.revision();
    lock.release().await.unwrap();
    let lock = timeout(PATIENCE, waiting).await.unwrap().unwrap();
    assert!(lock.revision() > before);

    let elected = Election::campaign(&first, "e", "me").await.unwrap();
    let leader = Election::leader(&client, "e").await.unwrap().unwrap();
    assert_eq!((leader.key.as_str(), leader.value.as_str()), (elected.key(), "me"));
    // The end of the session is the end of what stands on it.
    first.end().await.unwrap();
    assert_eq!(Election::leader(&client, "e").await.unwrap(), None);
}

#[tokio::test]
async fn a_client_without_members_says_that_nothing_happened() {
    let [port] = raft_kv::server::free_ports().unwrap();
    let client = raft_kv::client::Client::new([format!("127.0.0.1:{port}")]).unwrap();
    let client = client.limit(Duration::from_millis(50));
    let error = client.put("k", "v").await.unwrap_err();
    assert!(matches!(error, ClientError::Failed { .. }), "{error:?}");
}
