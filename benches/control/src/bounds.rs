//! Checks the limits of the control plane over loopback, with client and server in one process.

use crate::client::Client;
use crate::usage;
use failpoint::fail_point;
use failpoint_bench_support::{Bound, time};
use std::time::{Duration, Instant};

const PUTS: usize = 20_000;
const LISTS: usize = 101;
const WAITS: usize = 1_000;
const ROUNDS: usize = 11;

pub(crate) fn measure() -> Vec<Bound> {
    let control = failpoint_http::serve("127.0.0.1:0").expect("it listens");
    let address = control.address().expect("an address").to_string();
    let mut client = Client::connect(&address);
    let mut bounds = put(&mut client);
    bounds.push(list(&mut client));
    bounds.push(waits(&address, &mut client));
    bounds
}

/// One keep-alive connection; each arming is seen by an evaluation.
fn put(client: &mut Client) -> Vec<Bound> {
    let request = "PUT /figures/put HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\noff";
    let delete = "DELETE /figures/put HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let hits = || failpoint::point("figures/put").expect("it is declared").hits;
    let mut visible = Vec::new();
    for _ in 0..1_000 {
        let start = Instant::now();
        client.ask(request);
        fail_point!("figures/put");
        visible.push(start.elapsed());
        assert_eq!(hits(), 1, "it was seen");
        client.ask(delete);
    }
    let seen = within("a `PUT` is seen by an evaluation within 1 ms", visible, 1);

    let start = Instant::now();
    (0..PUTS).for_each(|_| drop(client.ask(request)));
    let rate = PUTS as f64 / start.elapsed().as_secs_f64();
    client.ask(delete);
    let rate = Bound {
        what: "one connection has 5,000 `PUT`s a second, each awaited".to_owned(),
        is: format!("{rate:.0}"),
        holds: rate >= 5_000.0,
    };
    vec![seen, rate]
}

/// All of the points are armed, which takes more than to list idle ones.
fn list(client: &mut Client) -> Bound {
    let body = r#"{"terms":"1*off"}"#;
    let length = body.len();
    let head = "PUT /v1/points?match=declared/* HTTP/1.1\r\nHost: localhost\r\nContent-Length:";
    client.ask(&format!("{head} {length}\r\n\r\n{body}"));
    let get = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let core = usage::control_time();
    let times = (0..LISTS).map(|_| {
        let start = Instant::now();
        client.ask(get);
        start.elapsed()
    });
    let mut bound = within("`GET /` lists 10,000 armed points within 10 ms", times.collect(), 10);
    let core = (usage::control_time() - core).as_nanos() as f64 / LISTS as f64;
    bound.is = format!("{}; of a core: {}", bound.is, time(core));
    bound
}

fn waits(address: &str, client: &mut Client) -> Bound {
    let request =
        "GET /v1/points/figures/waited/wait?timeout=1m HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut waiting: Vec<Client> = (0..WAITS).map(|_| Client::connect(address)).collect();
    let times = (0..ROUNDS)
        .map(|_| {
            let put =
                "PUT /figures/waited HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\noff";
            client.ask(put);
            waiting.iter_mut().for_each(|client| client.send(request));
            let metrics = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
            let all = format!("failpoint_held_open{{kind=\"wait\"}} {WAITS}\n");
            while !String::from_utf8_lossy(&client.ask(metrics)).contains(&all) {
                std::thread::yield_now();
            }
            let start = Instant::now();
            fail_point!("figures/waited");
            for client in &mut waiting {
                assert!(String::from_utf8_lossy(&client.answer()).contains("reached"));
            }
            start.elapsed()
        })
        .collect();
    // The time of the same number of answers without waits, most of which is the system's.
    let mut plain: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            let health = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
            waiting.iter_mut().for_each(|client| client.send(health));
            waiting.iter_mut().for_each(|client| drop(client.answer()));
            start.elapsed()
        })
        .collect();
    plain.sort_unstable();
    let plain = time(plain[ROUNDS / 2].as_nanos() as f64);
    let mut bound = within("1,000 long polls are answered within 50 ms of the fire", times, 50);
    bound.is = format!("{}; as many plain requests: {plain}", bound.is);
    bound
}

/// Of their median, in milliseconds.
fn within(what: &str, mut times: Vec<Duration>, most: u64) -> Bound {
    times.sort_unstable();
    let median = times[times.len() / 2];
    let is = time(median.as_nanos() as f64);
    Bound { what: what.to_owned(), is, holds: median < Duration::from_millis(most) }
}
