//! A hundred threads stand at a point, and control answers. Needs its own process: it measures.
#![cfg(feature = "failpoints")]

mod common;

use common::{Client, PATIENCE};
use failpoint::fail_point;
use std::thread;
use std::time::{Duration, Instant};

const THREADS: usize = 100;
const ROUNDS: usize = 101;
const RESETS: usize = 11;
/// The median of each kind of request, which takes less than a millisecond on an idle machine. Whoever
/// waited for the callers would wait for a minute.
const BOUND: Duration = Duration::from_secs(1);

fn pass() {
    fail_point!("wedged/held");
    fail_point!("wedged/other");
}

#[test]
fn control_answers_while_everybody_sleeps_or_is_paused() {
    let control = failpoint_http::serve("127.0.0.1:0").unwrap();
    let address = control.address().unwrap().to_string();
    // Somebody holds half a PUT open all the while; another one half a head.
    let mut half = Client::connect(&address);
    half.send("PUT /wedged/other HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nsle");
    let mut less = Client::connect(&address);
    less.send("PUT /wedged/other HT");

    let mut client = Client::connect(&address);
    for terms in ["sleep(60s)", "pause"] {
        assert_eq!(client.ask("PUT", "/wedged/held", terms).status, 204);
        let callers: Vec<_> = (0..THREADS).map(|_| thread::spawn(pass)).collect();
        let deadline = Instant::now() + PATIENCE;
        while failpoint::point("wedged/held").unwrap().hits < THREADS as u64 {
            assert!(Instant::now() < deadline, "they all come by");
            thread::yield_now();
        }

        let mut times = [const { Vec::new() }; 4];
        for _ in 0..ROUNDS {
            let mut timed = |kind: usize, method: &str, path: &str, body: &str, status: u16| {
                let start = Instant::now();
                assert_eq!(client.ask(method, path, body).status, status, "{method} {path}");
                times[kind].push(start.elapsed());
            };
            timed(0, "GET", "/", "", 200);
            timed(1, "PUT", "/wedged/other", "off", 204);
            timed(2, "DELETE", "/wedged/other", "", 204);
            timed(3, "PUT", "/failpoints", "wedged/other=off", 204);
        }
        for (kind, times) in ["list", "arm", "disarm", "arm several"].iter().zip(&mut times) {
            times.sort();
            let median = times[ROUNDS / 2];
            println!("{terms}: {kind}: median {median:?}, worst {:?}", times[ROUNDS - 1]);
            assert!(median < BOUND, "{kind} takes {median:?}");
        }
        assert_eq!(
            failpoint::point("wedged/held").unwrap().hits,
            THREADS as u64,
            "they still stand"
        );

        // What frees them, too.
        assert_eq!(client.ask("DELETE", "/wedged/held", "").status, 204);
        callers.into_iter().for_each(|caller| caller.join().unwrap());
    }

    let mut times: Vec<Duration> = (0..RESETS)
        .map(|_| {
            assert_eq!(client.ask("PUT", "/wedged/held", "pause").status, 204);
            let callers: Vec<_> = (0..THREADS).map(|_| thread::spawn(pass)).collect();
            let deadline = Instant::now() + PATIENCE;
            while failpoint::point("wedged/held").unwrap().paused < THREADS as u64 {
                assert!(Instant::now() < deadline, "they all stand");
                thread::yield_now();
            }
            let start = Instant::now();
            let answer = client.ask("DELETE", "/v1/points", "");
            let took = start.elapsed();
            assert_eq!(answer.status, 200);
            assert!(
                answer.body.contains(r#"{"name":"wedged/held","terms":"pause","hits":100"#),
                "{}",
                answer.body
            );
            callers.into_iter().for_each(|caller| caller.join().unwrap());
            took
        })
        .collect();
    times.sort();
    println!("reset what {THREADS} hold: median {:?}", times[RESETS / 2]);
    assert!(times[RESETS / 2] < BOUND, "reset takes {:?}", times[RESETS / 2]);

    // The half request was never answered, nor forgotten.
    half.send(&format!("ep(1){}", " ".repeat(92)));
    assert_eq!(half.answer().unwrap().status, 204);
    less.send("TP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\n\r\noff");
    assert_eq!(less.answer().unwrap().status, 204);
}
