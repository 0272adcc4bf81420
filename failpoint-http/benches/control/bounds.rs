//! Does the control plane keep its bounds?
//!
//! Over loopback, client and server in one process.

use crate::client::Client;
use crate::rates::MANY;
use failpoint::fail_point;
use std::time::{Duration, Instant};

const PUTS: usize = 20_000;
const LISTS: usize = 101;
const WAITS: usize = 1_000;
const ROUNDS: usize = 11;

/// Prints each figure, and says whether all are within their bounds.
pub(crate) fn hold() -> bool {
    let control = failpoint_http::serve("127.0.0.1:0").expect("it listens");
    let address = control.address().expect("an address").to_string();
    let mut client = Client::connect(&address);
    let mut holds = put(&mut client);
    holds &= list(&mut client);
    holds &= waits(&address, &mut client);
    holds
}

/// One keep-alive connection; each arming is seen by an evaluation.
fn put(client: &mut Client) -> bool {
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
    let mut holds = within("PUT until an evaluation sees it", &mut visible, 1);

    let start = Instant::now();
    (0..PUTS).for_each(|_| drop(client.ask(request)));
    let rate = PUTS as f64 / start.elapsed().as_secs_f64();
    println!("PUTs on one connection, each awaited: {rate:.0} a second");
    client.ask(delete);
    holds &= rate >= 5_000.0;
    holds
}

/// All of the points are armed, which takes more than to list idle ones.
fn list(client: &mut Client) -> bool {
    let body = r#"{"terms":"1*off"}"#;
    let length = body.len();
    let head = "PUT /v1/points?match=declared/* HTTP/1.1\r\nHost: localhost\r\nContent-Length:";
    client.ask(&format!("{head} {length}\r\n\r\n{body}"));
    let mut get = |path: &str, most: u64| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let mut times: Vec<Duration> = (0..LISTS)
            .map(|_| {
                let start = Instant::now();
                client.ask(&request);
                start.elapsed()
            })
            .collect();
        within(&format!("GET {path} of {MANY} points"), &mut times, most)
    };
    // For the others no bound is promised.
    get("/", 10) & get("/v1/points", 1000) & get("/metrics", 1000)
}

fn waits(address: &str, client: &mut Client) -> bool {
    let request =
        "GET /v1/points/figures/waited/wait?timeout=1m HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut waiting: Vec<Client> = (0..WAITS).map(|_| Client::connect(address)).collect();
    let mut times: Vec<Duration> = (0..ROUNDS)
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
    // What the same number of answers takes where nobody waits: the most of it is the system's.
    let mut plain: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            let health = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
            waiting.iter_mut().for_each(|client| client.send(health));
            waiting.iter_mut().for_each(|client| drop(client.answer()));
            start.elapsed()
        })
        .collect();
    within(&format!("{WAITS} plain requests on the same connections"), &mut plain, 1000);
    within(&format!("{WAITS} long polls, from the fire to the last answer"), &mut times, 50)
}

/// Prints the median, and says whether it is within `most` milliseconds.
fn within(what: &str, times: &mut [Duration], most: u64) -> bool {
    times.sort();
    let median = times[times.len() / 2];
    println!("{what}: median {median:?} of {}, best {:?}", times.len(), times[0]);
    median < Duration::from_millis(most)
}
