//! Tests the blocking client on plain threads and inside a runtime.
#![cfg(all(feature = "client", feature = "failpoints"))]

use failpoint::fail_point;
use failpoint_http::blocking::{Client, ClientSet};
use failpoint_http::wire::EventKind;
use failpoint_http::{Arming, ClientError, Control, Events, Received};
use failpoint_test_support::{PATIENCE, own_loopback, until};
use std::time::Duration;

fn served() -> (Control, Client) {
    let control = failpoint_http::serve("127.0.0.1:0").unwrap();
    let client = Client::new(&control.address().unwrap().to_string()).unwrap();
    (control, client)
}

/// Drops `guard`, and waits until the point `name` is idle.
fn drop_and_wait<T>(guard: T, name: &str) {
    drop(guard);
    until("it is idle", || failpoint::point(name).unwrap().terms.is_none());
}

fn session(client: &Client, name: &str) {
    let armed = client.arm(name, Arming::new("off").ttl(Duration::from_secs(60))).unwrap();
    assert_eq!((armed.name(), armed.hits().unwrap()), (name, 0));
    assert_eq!(client.get(name).unwrap().terms.as_deref(), Some("off"));
    drop_and_wait(armed, name);
    let armed = client.arm(name, "off").unwrap();
    assert!(armed.disarm().unwrap());
    client.arm_all([(name, "off")]).unwrap().into_iter().for_each(|one| one.keep());
    assert_eq!(client.disarm(name).unwrap().was.as_deref(), Some("off"));
    assert_eq!(client.gofail().get(name).unwrap(), None);
    client.healthz().unwrap();
}

#[test]
fn on_a_thread() {
    fn declared() {
        fail_point!("blocking/thread");
    }
    declared();
    let (_control, client) = served();
    session(&client, "blocking/thread");
}

#[tokio::test]
async fn within_a_runtime() {
    fn declared() {
        fail_point!("blocking/runtime");
    }
    declared();
    let (_control, client) = served();
    session(&client, "blocking/runtime");
}

#[test]
fn from_many_threads_at_once() {
    fn declared() {
        fail_point!("blocking/many");
    }
    declared();
    let (_control, client) = served();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10 {
                    drop(client.arm("blocking/many", "off").unwrap());
                }
            });
        }
    });
    until("it is idle", || !client.get("blocking/many").unwrap().armed);
}

#[test]
fn a_set() {
    fn declared() {
        fail_point!("blocking/set");
    }
    declared();
    // No other test takes the port when this server is gone.
    let control = failpoint_http::serve(&own_loopback()).unwrap();
    let here = control.address().unwrap().to_string();
    let set = ClientSet::new([&here]).unwrap();
    let armed = set.arm("blocking/set", "off").unwrap();
    assert_eq!((armed.len(), armed[0].address()), (1, here.as_str()));
    drop_and_wait(armed, "blocking/set");
    let points = set.list().unwrap().remove(0).1.unwrap().points;
    assert!(points.iter().any(|point| point.name == "blocking/set" && !point.armed));
    drop(control);
    let gone = set.disarm("blocking/set").unwrap().remove(0);
    assert_eq!(gone.0, here);
    assert!(matches!(gone.1, Err(ClientError::NotReachable { .. })));
}

#[test]
fn waits_and_events() {
    fn pass() {
        fail_point!("blocking/waits");
    }
    pass();
    let (control, client) = served();
    let mut events = client.events(&Events::matching("blocking/waits")).unwrap();
    assert_eq!(events.recv_timeout(Duration::from_millis(1)).unwrap(), None);
    let armed = client.arm("blocking/waits", "pause").unwrap();
    let timed_out = armed.wait_hits(1, Duration::from_millis(1)).unwrap_err();
    assert!(matches!(timed_out, ClientError::TimedOut { .. }), "{timed_out}");
    let caller = std::thread::spawn(pass);
    assert_eq!(armed.wait_paused(1, PATIENCE).unwrap().paused, 1);
    assert_eq!(armed.wait_fires(1, PATIENCE).unwrap().fires, 1);
    assert_eq!(armed.resume(1).unwrap().resumed, 1);
    caller.join().unwrap();
    drop(armed);

    let mut kinds = Vec::new();
    while kinds.last() != Some(&EventKind::Disarmed) {
        match events.next().unwrap().unwrap() {
            Received::Event(event) => kinds.push(event.kind),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(kinds.first(), Some(&EventKind::Armed));
    drop(control);
    assert!(events.next().unwrap().is_err());
    assert!(events.next().is_none());
}
