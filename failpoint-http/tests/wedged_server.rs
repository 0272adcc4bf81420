//! Tests a tokio server whose workers and accept loop are all blocked at points: they are listed,
//! resumed and disarmed through the control address. Needs its own process: it checks all points.
#![cfg(feature = "failpoints")]

mod common;

use axum::Router;
use axum::routing::get;
use axum::serve::Listener;
use common::Client;
use failpoint::fail_point;
use serde_json::Value;
use std::io;
use std::net::SocketAddr;
use std::thread;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

const WORKERS: usize = 2;

/// An accept loop with a point in it, which blocks the thread it runs on.
struct Accepting(TcpListener);

impl Listener for Accepting {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        fail_point!("wedged/accept");
        Listener::accept(&mut self.0).await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

async fn handle() -> &'static str {
    fail_point!("wedged/handle");
    "handled"
}

/// The accept loop has its own thread, and the handlers use the workers.
fn start() -> (SocketAddr, oneshot::Sender<()>, thread::JoinHandle<()>) {
    let (bound, address) = std::sync::mpsc::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .enable_all()
            .build();
        let runtime = runtime.unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            bound.send(listener.local_addr().unwrap()).unwrap();
            let app = Router::new().route("/", get(handle));
            tokio::select! {
                served = axum::serve(Accepting(listener), app) => served.unwrap(),
                _ = stopped => {}
            }
        });
    });
    (address.recv().unwrap(), stop, server)
}

fn request(server: SocketAddr) -> Client {
    let mut client = Client::connect(&server.to_string());
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client
}

#[test]
fn nothing_of_the_server_runs_and_control_answers() {
    let control = failpoint_http::serve("127.0.0.1:0").unwrap();
    let mut control = Client::connect(&control_address(&control));
    let (server, stop, thread) = start();
    let arm = r#"{"terms":"pause"}"#;
    let mut ask = |method: &str, path: &str, body: &str| {
        let answer = control.ask(method, path, body);
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.body);
        serde_json::from_str::<Value>(&answer.body).unwrap()
    };

    ask("PUT", "/v1/points/wedged/handle", arm);
    let mut clients = vec![request(server)];
    ask("GET", "/v1/points/wedged/handle/wait?paused=1", "");
    ask("PUT", "/v1/points/wedged/accept", arm);
    // It is accepted, then the loop reaches the point; the last worker handles it.
    clients.push(request(server));
    ask("GET", "/v1/points/wedged/accept/wait?paused=1", "");
    ask("GET", &format!("/v1/points/wedged/handle/wait?paused={WORKERS}"), "");
    // It is in the system's queue.
    clients.push(request(server));

    let listed = ask("GET", "/v1/points?armed=true", "");
    let paused = |name: &str| {
        let points = listed["points"].as_array().unwrap();
        points.iter().find(|point| point["name"] == name).unwrap()["paused"].as_u64().unwrap()
    };
    assert_eq!((paused("wedged/handle"), paused("wedged/accept")), (WORKERS as u64, 1));

    // Resume one caller at a time; the points stay armed. A worker first, because the workers notice
    // whether there is something to accept.
    assert_eq!(ask("POST", "/v1/points/wedged/handle/resume?n=1", "")["resumed"], 1);
    assert_eq!(ask("POST", "/v1/points/wedged/accept/resume?n=1", "")["resumed"], 1);
    // That worker handles what it accepts, and both are paused again.
    ask("GET", "/v1/points/wedged/accept/wait?hits=2", "");
    ask("GET", "/v1/points/wedged/handle/wait?hits=3", "");

    let reset = ask("DELETE", "/v1/points", "");
    assert_eq!(reset["disarmed"].as_array().unwrap().len(), 2);
    for client in &mut clients {
        let answer = client.answer().unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (200, "handled"));
    }
    drop(stop);
    thread.join().unwrap();
}

fn control_address(control: &failpoint_http::Control) -> String {
    control.address().unwrap().to_string()
}
