//! A member with one address for all, called by processes.
#![cfg(target_os = "linux")]

mod support;

use failpoint_proxy::Direction::Upstream;
use failpoint_proxy::{Member, Mesh, MeshSettings, owner};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use support::server::Server;
use support::{ask, echo, until};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

#[tokio::test]
async fn each_process_takes_its_own_link() {
    let mut members = Vec::new();
    for name in ["a", "b", "c"] {
        members.push(Member { name: name.into(), address: echo().await.0.to_string() });
    }
    let mut mesh = Mesh::start(&members, MeshSettings::new(0)).await.unwrap();
    let pids = Arc::new(Mutex::new([0; 3]));
    let known = Arc::clone(&pids);
    let who = Arc::new(move |caller, callee| {
        let pids = *known.lock().unwrap();
        let pid = owner(caller, callee, &pids).unwrap()?;
        pids.iter().position(|other| *other == pid)
    });
    let shared = mesh.share(1, who).await.unwrap();

    // Members a and c are processes that call b when they are called.
    let (a, to_a) = process_that_calls(&shared.to_string()).await;
    let (c, to_c) = process_that_calls(&shared.to_string()).await;
    *pids.lock().unwrap() = [a.pid(), u32::MAX, c.pid()];
    let mut from_a = TcpStream::connect(to_a).await.unwrap();
    let mut from_c = TcpStream::connect(to_c).await.unwrap();
    assert_eq!(ask(&mut from_a, b"a").await, b"a");
    assert_eq!(ask(&mut from_c, b"from c").await, b"from c");
    let passed = |from| mesh.link(from, 1).counters(Upstream).passed;
    assert_eq!((passed(0), passed(2)), (1, 6));
    // This process is no member.
    let mut outside = TcpStream::connect(shared).await.unwrap();
    assert_eq!(ask(&mut outside, b"out").await, b"out");
    assert_eq!((passed(0), passed(1), passed(2)), (1, 3, 6));

    mesh.isolate(0);
    from_a.write_all(b"lost").await.unwrap();
    until("it is dropped", || mesh.link(0, 1).counters(Upstream).dropped == 4).await;
    assert_eq!(ask(&mut from_c, b"passes").await, b"passes");
    assert_eq!((passed(0), passed(2)), (1, 12));
    mesh.stop().await;
    assert!(TcpStream::connect(shared).await.is_err());
    a.stop().await;
    c.stop().await;
}

/// A process that connects to `upstream` for each connection that it takes, and where it takes them.
async fn process_that_calls(upstream: &str) -> (Server, String) {
    let server = Server::start(&[]).await;
    let proxy = json!({"name": "p", "upstream": upstream});
    let created = reqwest::Client::new().post(server.url("/proxies")).json(&proxy).send().await;
    let proxy: Value = created.unwrap().json().await.unwrap();
    let listen = proxy["listen"].as_str().unwrap().to_owned();
    (server, listen)
}
