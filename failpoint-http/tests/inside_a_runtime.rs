//! Tests the control plane next to a tokio server whose only worker is blocked.
#![cfg(feature = "failpoints")]

mod common;

use common::Client;
use failpoint::fail_point;

#[tokio::test(flavor = "current_thread")]
async fn it_answers_while_the_only_worker_is_blocked() {
    fail_point!("runtime/point");
    let control = failpoint_http::serve("127.0.0.1:0").unwrap();
    // Blocks the worker until the answer is here.
    let mut client = Client::connect(&control.address().unwrap().to_string());
    assert_eq!(client.ask("GET", "/", "").status, 200);
    drop(control);
    failpoint_http::serve("nonsense").unwrap_err();
}

#[cfg(unix)]
#[tokio::test(flavor = "current_thread")]
async fn also_at_a_unix_socket() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fail");
    let control = failpoint_http::serve(&format!("unix:{}", path.display())).unwrap();
    let stream = std::os::unix::net::UnixStream::connect(&path).unwrap();
    assert_eq!(Client::over(stream, String::new()).ask("GET", "/", "").status, 200);
    drop(control);
    let nowhere = directory.path().join("no/such/directory");
    failpoint_http::serve(&format!("unix:{}", nowhere.display())).unwrap_err();
}
