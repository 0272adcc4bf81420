//! Tests `/metrics` with a parser of Prometheus' format. Needs its own process: it counts all
//! points.
#![cfg(feature = "failpoints")]

use failpoint::fail_point;
use failpoint_http::respond;
use prometheus_parse::{Scrape, Value};

fn pass() {
    fail_point!("metrics/some:name-1.x");
    fail_point!("metrics/idle");
}

fn scrape() -> Scrape {
    let reply = respond("GET", "/metrics", &[], b"");
    assert_eq!(reply.status, 200);
    let media_type = "text/plain; version=0.0.4; charset=utf-8".to_owned();
    assert_eq!(reply.headers[0], ("content-type", media_type));
    let text = String::from_utf8(reply.body).unwrap();
    Scrape::parse(text.lines().map(|line| Ok(line.to_owned()))).unwrap()
}

/// The one sample of this name, of a point or of the process.
#[track_caller]
fn sample(scrape: &Scrape, name: &str, point: Option<&str>) -> Value {
    let is_it = |sample: &&prometheus_parse::Sample| {
        sample.metric == name && sample.labels.get("point") == point
    };
    let found: Vec<_> = scrape.samples.iter().filter(is_it).collect();
    assert_eq!(found.len(), 1, "{name} of {point:?}: {found:?}");
    found[0].value.clone()
}

#[test]
fn counters_are_sums_over_armings_and_never_go_back() {
    const POINT: Option<&str> = Some("metrics/some:name-1.x");
    let before = scrape();
    assert_eq!(sample(&before, "failpoint_points", None), Value::Gauge(2.0));
    let of_points = |scrape: &Scrape| {
        scrape.samples.iter().filter(|sample| sample.labels.get("point").is_some()).count()
    };
    assert_eq!(of_points(&before), 0, "none was ever armed");

    // Two armings, one of which fires half the time, and one that is over.
    let put = |terms: &[u8]| respond("PUT", "/metrics/some:name-1.x", &[], terms).status;
    assert_eq!(put(b"every(2):off"), 204);
    (0..4).for_each(|_| pass());
    let check = |hits: f64, fires: f64, armed: f64| {
        let now = scrape();
        assert_eq!(sample(&now, "failpoint_hits_total", POINT), Value::Counter(hits));
        assert_eq!(sample(&now, "failpoint_fires_total", POINT), Value::Counter(fires));
        assert_eq!(sample(&now, "failpoint_armed", POINT), Value::Gauge(armed));
        assert_eq!(sample(&now, "failpoint_paused", POINT), Value::Gauge(0.0));
        assert_eq!(of_points(&now), 4, "only one point was ever armed");
    };
    check(4.0, 2.0, 1.0);
    assert_eq!(put(b"off"), 204);
    check(4.0, 2.0, 1.0);
    (0..3).for_each(|_| pass());
    check(7.0, 5.0, 1.0);
    assert_eq!(respond("DELETE", "/v1/points", &[], b"").status, 200);
    pass();
    check(7.0, 5.0, 0.0);
    let revision = sample(&scrape(), "failpoint_revision", None);
    assert_eq!(revision, Value::Gauge(3.0));

    // What is armed only for a scope is not listed.
    let scope = failpoint::Scope::new();
    scope.arm("metrics/idle", "off").unwrap();
    let _in = scope.enter();
    pass();
    check(7.0, 5.0, 0.0);
}
