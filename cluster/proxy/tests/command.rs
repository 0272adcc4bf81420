//! The command `failpoint-proxy`.

mod support;

use serde_json::{Value, json};
use std::io::Write as _;
use std::process::Output;
use support::server::{PROGRAM, Server};
use support::{LIMIT, ask, echo, rest};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::timeout;

/// What a run that ends by itself gives.
async fn run(arguments: &[&str]) -> Output {
    let run = Command::new(PROGRAM).args(arguments).kill_on_drop(true).output();
    timeout(LIMIT, run).await.expect("it does not end").unwrap()
}

fn file(content: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content.as_bytes()).unwrap();
    file
}

#[tokio::test]
async fn serves_the_proxies_of_a_file_and_ends_them_with_itself() {
    let (upstream, _) = echo().await;
    let config = file(&json!([{"name": "p", "upstream": upstream.to_string()}]).to_string());
    let server = Server::start(&["--config", config.path().to_str().unwrap()]).await;
    let client = reqwest::Client::new();
    let proxy: Value =
        client.get(server.url("/proxies/p")).send().await.unwrap().json().await.unwrap();
    let mut stream = TcpStream::connect(proxy["listen"].as_str().unwrap()).await.unwrap();
    assert_eq!(ask(&mut stream, b"hello").await, b"hello");
    let toxic = json!({"type": "reset_peer", "stream": "upstream"});
    let added = client.post(server.url("/proxies/p/toxics")).json(&toxic).send().await.unwrap();
    assert_eq!(added.status(), 200);
    stream.write_all(b"hello").await.unwrap();
    assert!(rest(&mut stream).await.is_err());
    server.stop().await;
    assert!(TcpStream::connect(proxy["listen"].as_str().unwrap()).await.is_err());
}

#[tokio::test]
async fn wants_its_token() {
    let token = file("secret\n");
    let server = Server::start(&["--token-file", token.path().to_str().unwrap()]).await;
    let client = reqwest::Client::new();
    let asked = client.get(server.url("/version"));
    assert_eq!(asked.try_clone().unwrap().send().await.unwrap().status(), 401);
    assert_eq!(asked.bearer_auth("secret").send().await.unwrap().status(), 200);
    server.stop().await;
}

#[tokio::test]
async fn refuses_to_start_in_a_way_that_means_nothing() {
    let (empty, wrong, missing) = (file(" \n"), file("[{}]"), "/nonexistent/file");
    let [empty, wrong] = [&empty, &wrong].map(|file| file.path().to_str().unwrap());
    for (arguments, error) in [
        (&["--listen", "0.0.0.0:0"][..], "0.0.0.0:0 is not a loopback address"),
        (
            &["--listen", "127.0.0.1:0", "--token-file", empty],
            "the token must have 1 byte to 64 KiB",
        ),
        (
            &["--listen", "127.0.0.1:0", "--config", wrong],
            "missing required field: name at proxy 1",
        ),
        (&["--listen", "127.0.0.1:0", "--config", missing], "/nonexistent/file: No such file"),
        (&["--listen", "nonsense"], "nonsense: invalid socket address"),
    ] {
        let output = run(arguments).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(error), "{arguments:?}: {said}");
    }
}
