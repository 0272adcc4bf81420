//! Tests handlers of extensions that block. Needs its own process: it uses up the threads for them.
#![cfg(feature = "failpoints")]

mod common;

use common::{Client, until};
use failpoint::fail_point;
use failpoint_http::ext::{Reply, Route};
use failpoint_http::wire::Problem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

/// How many handlers may run at once, as `ext` says.
const THREADS: usize = 16;

fn point() {
    fail_point!("extension/point");
}

#[test]
fn handlers_that_block_delay_no_other_request() {
    let (let_go, blocked) = channel::<()>();
    let blocked: Mutex<Receiver<()>> = Mutex::new(blocked);
    let (begun, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counts = (begun.clone(), ended.clone());
    let blocks = move |_: &_| {
        counts.0.fetch_add(1, Ordering::SeqCst);
        // The sender is dropped to let all of them go. A point here is passed by.
        point();
        let _ = blocked.lock().unwrap().recv();
        counts.1.fetch_add(1, Ordering::SeqCst);
        Ok(Reply::done())
    };
    failpoint_http::extend("block", [Route::post("block", blocks)]).unwrap();

    let control = failpoint_http::serve("127.0.0.1:0").unwrap();
    let address = control.address().unwrap().to_string();
    let mut client = Client::connect(&address);
    assert_eq!(client.ask("PUT", "/extension/point", "pause(never)").status, 204);

    let request = "POST /v1/ext/block/block HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut clients: Vec<Client> = (0..THREADS).map(|_| Client::connect(&address)).collect();
    clients.iter_mut().for_each(|client| client.send(request));
    until("all have begun", || begun.load(Ordering::SeqCst) == THREADS);

    let answer = client.ask("POST", "/v1/ext/block/block", "");
    let problem: Problem = serde_json::from_str(&answer.body).unwrap();
    assert_eq!((answer.status, problem.kind.as_str()), (503, "urn:failpoint:too-many-calls"));
    assert_eq!(client.ask("GET", "/", "").status, 200);
    assert_eq!(failpoint::point("extension/point").unwrap().hits, 0);

    // A handler whose client has gone runs to its end, and so does one whose listener has stopped.
    drop(clients.pop());
    let_go.send(()).unwrap();
    until("one has ended", || ended.load(Ordering::SeqCst) == 1);
    drop(control);
    drop(let_go);
    until("all have ended", || ended.load(Ordering::SeqCst) == THREADS);
    failpoint::disarm("extension/point").unwrap();
}
