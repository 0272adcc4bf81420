//! Tests that the control plane answers while a hundred threads are blocked at a point. Needs its
//! own process: it resets all points.
//!
//! With `-- --nocapture` it prints the duration of the answers.
#![cfg(feature = "failpoints")]

mod common;

use common::{Client, until};
use failpoint::fail_point;
use std::thread;
use std::time::{Duration, Instant};

const THREADS: usize = 100;
const ROUNDS: usize = 51;
const RESETS: usize = 5;

fn pass() {
    fail_point!("wedged/held");
    fail_point!("wedged/other");
}

#[test]
fn control_answers_while_all_threads_sleep_or_are_paused() {
    let control = failpoint_http::serve("127.0.0.1:0").unwrap();
    let address = control.address().unwrap().to_string();
    let mut client = Client::connect(&address);
    // If the control plane waited for the callers, it would answer in an hour or never.
    for terms in ["sleep(1h)", "pause(never)"] {
        assert_eq!(client.ask("PUT", "/wedged/held", terms).status, 204);
        let callers: Vec<_> = (0..THREADS).map(|_| thread::spawn(pass)).collect();
        until("all have hit the point", || {
            failpoint::point("wedged/held").unwrap().hits == THREADS as u64
        });

        // One client has sent half a PUT, and another half a head.
        let mut half = Client::connect(&address);
        half.send(
            "PUT /wedged/other HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nsle",
        );
        let mut less = Client::connect(&address);
        less.send("PUT /wedged/other HT");
        assert_eq!(client.ask("GET", "/", "").status, 200);
        // Neither was answered or closed.
        half.send(&format!("ep(1){}", " ".repeat(92)));
        assert_eq!(half.answer().unwrap().status, 204);
        less.send("TP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\n\r\noff");
        assert_eq!(less.answer().unwrap().status, 204);
        let mut half = Client::connect(&address);
        half.send(
            "PUT /wedged/other HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nsle",
        );

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
            let (median, worst) = (times[ROUNDS / 2], times[ROUNDS - 1]);
            println!("{terms}: {kind}: median {median:?}, worst {worst:?}");
        }
        assert!(callers.iter().all(|caller| !caller.is_finished()), "they still wait there");

        // Disarming, which releases them, too.
        assert_eq!(client.ask("DELETE", "/wedged/held", "").status, 204);
        callers.into_iter().for_each(|caller| caller.join().unwrap());
    }

    let mut times: Vec<Duration> = (0..RESETS)
        .map(|_| {
            assert_eq!(client.ask("PUT", "/wedged/held", "pause").status, 204);
            let callers: Vec<_> = (0..THREADS).map(|_| thread::spawn(pass)).collect();
            until("all are paused", || {
                failpoint::point("wedged/held").unwrap().paused == THREADS as u64
            });
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
}
