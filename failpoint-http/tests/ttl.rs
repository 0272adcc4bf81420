//! Tests that a ttl disarms a point. Each test uses its own names of points.
#![cfg(feature = "failpoints")]

use failpoint::fail_point;
use failpoint_http::respond;
use std::thread;
use std::time::{Duration, Instant};

fn put(path: &str, body: &str) -> u16 {
    respond("PUT", path, &[], body.as_bytes()).status
}

#[test]
fn its_end_releases_who_is_paused() {
    fn pass() {
        fail_point!("ttl/paused");
    }
    let start = Instant::now();
    assert_eq!(put("/ttl/paused?ttl=100ms", "pause"), 204);
    // Nothing else frees it: the limit of `pause` is minutes.
    thread::spawn(pass).join().expect("it passes");
    assert!(start.elapsed() >= Duration::from_millis(100));
    assert_eq!(respond("GET", "/ttl/paused", &[], b"").status, 404);
}

#[test]
fn a_longer_one_from_before_does_not_hold_up_a_shorter_one() {
    fn pass() {
        fail_point!("ttl/long");
        fail_point!("ttl/short");
    }
    assert_eq!(put("/ttl/long?ttl=1h", "off"), 204);
    assert_eq!(put("/failpoints?ttl=50", "ttl/short=pause"), 204);
    thread::spawn(pass).join().expect("it passes");
    assert_eq!(respond("GET", "/ttl/long", &[], b"").status, 200);
}

#[test]
fn it_ends_the_arming_that_it_came_with_and_no_other() {
    fn pass() {
        fail_point!("ttl/anew");
        fail_point!("ttl/anew-clock");
    }
    assert_eq!(put("/ttl/anew?ttl=50ms", "sleep(1)"), 204);
    assert_eq!(put("/ttl/anew", "off"), 204);
    // A ttl that expires after the first one shows when that one has passed.
    assert_eq!(put("/ttl/anew-clock?ttl=60ms", "pause"), 204);
    thread::spawn(pass).join().expect("it passes");
    assert_eq!(respond("GET", "/ttl/anew", &[], b"").body, b"off\n");
}

#[test]
fn a_ttl_of_more_than_a_hundred_years_is_refused() {
    fn pass() {
        fail_point!("ttl/ever");
    }
    pass();
    let expected = "expected a duration of at most 876000h; omit ttl for an arming without an end";
    for ttl in ["876001h", "5000000000h", "999999999999999h"] {
        let reply = respond("PUT", &format!("/ttl/ever?ttl={ttl}"), &[], b"off");
        let body = String::from_utf8(reply.body).unwrap();
        assert_eq!(reply.status, 400, "{ttl}: {body}");
        assert!(body.contains(expected), "{ttl}: {body}");
        let json = format!(r#"{{"terms":"off","ttl":"{ttl}"}}"#);
        let reply = respond("PUT", "/v1/points/ttl/ever", &[], json.as_bytes());
        let body = String::from_utf8(reply.body).unwrap();
        assert_eq!(reply.status, 400, "{ttl}: {body}");
        assert!(body.contains(expected), "{ttl}: {body}");
    }
    assert_eq!(respond("GET", "/ttl/ever", &[], b"").status, 404, "nothing was armed");
    assert_eq!(put("/ttl/ever?ttl=876000h", "off"), 204);
}
