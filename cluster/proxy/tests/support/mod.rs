//! Servers and waits that the tests share.
#![allow(dead_code, reason = "each test uses a part")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

pub(crate) mod server;

/// A test that waits longer has failed.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// What a server received on each of its connections.
pub(crate) type Received = Arc<Mutex<Vec<Vec<u8>>>>;

/// A server that sends back what it is sent, and ends its stream when its caller does.
pub(crate) async fn echo() -> (SocketAddr, Received) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let received = Received::default();
    let all = Arc::clone(&received);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let number = {
                let mut all = all.lock().unwrap();
                all.push(Vec::new());
                all.len() - 1
            };
            let all = Arc::clone(&all);
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while let Ok(bytes @ 1..) = stream.read(&mut buffer).await {
                    all.lock().unwrap()[number].extend(&buffer[..bytes]);
                    if stream.write_all(&buffer[..bytes]).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    (address, received)
}

/// Sends, and reads as much back.
pub(crate) async fn ask(stream: &mut TcpStream, text: &[u8]) -> Vec<u8> {
    let asked = async {
        stream.write_all(text).await.unwrap();
        let mut answer = vec![0; text.len()];
        stream.read_exact(&mut answer).await.unwrap();
        answer
    };
    timeout(LIMIT, asked).await.expect("no answer")
}

/// Reads to the end: what came, or the error.
pub(crate) async fn rest(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut rest = Vec::new();
    timeout(LIMIT, stream.read_to_end(&mut rest)).await.expect("no end").map(|_| rest)
}

/// Waits until `done`.
pub(crate) async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let wait = async {
        while !done() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(LIMIT, wait).await.unwrap_or_else(|_| panic!("not within {LIMIT:?}: {what}"));
}

/// Says that a test lacks a program. With `REQUIRE_PROGRAMS=1`, it fails.
pub(crate) fn skipped(program: &str) {
    println!("skipped: needs {program}");
    let required = std::env::var_os("REQUIRE_PROGRAMS").is_some_and(|value| value == "1");
    assert!(!required, "REQUIRE_PROGRAMS=1, and {program} is missing");
}
