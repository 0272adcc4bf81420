//! Sends the bytes of Go's HTTP client over a socket. Needs its own process: it lists every point.
#![cfg(feature = "failpoints")]

mod common;

use common::{Answer, Client};
use failpoint::fail_point;
use failpoint_test_support::own_loopback;

fn server() {
    fail_point!("raftBeforeSave");
    fail_point!("raftAfterSave");
}

#[test]
fn a_session_of_a_client_of_gofail() {
    server();
    // No other test takes the port when this server is gone.
    let control = failpoint_http::serve(&own_loopback()).unwrap();
    let address = control.address().unwrap().to_string();
    let mut client = Client::connect(&address);
    let is = |answer: Answer, status: u16, body: &str| {
        assert_eq!((answer.status, answer.body.as_str()), (status, body));
        answer
    };

    let listed = is(client.ask("GET", "/", ""), 200, "raftAfterSave=\nraftBeforeSave=\n");
    assert_eq!(listed.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(listed.header("content-length"), Some("31"));
    let done = is(client.ask("PUT", "/raftAfterSave", "sleep(1)"), 204, "");
    assert_eq!(done.header("content-length"), None, "a 204 has no body, and no length of one");
    server();
    is(client.ask("GET", "/raftAfterSave", ""), 200, "sleep(1)\n");
    is(client.ask("GET", "/raftAfterSave/count", ""), 200, "1");

    // A body of unknown length, in two pieces.
    client.send(
        "PUT /raftBeforeSave HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Go-http-client/1.1\r\n\
         Transfer-Encoding: chunked\r\nAccept-Encoding: gzip\r\n\r\n4\r\n1*of\r\n1\r\nf\r\n0\r\n\r\n",
    );
    is(client.answer().unwrap(), 204, "");
    is(client.ask("GET", "/", ""), 200, "raftAfterSave=sleep(1)\nraftBeforeSave=1*off\n");
    is(
        client.ask("GET", "/nobody", ""),
        404,
        "failed to GET: failpoint: failpoint does not exist\n",
    );

    // Two at once on one connection.
    client.send("DELETE /raftAfterSave HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    client.send("DELETE /raftAfterSave HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    is(client.answer().unwrap(), 204, "");
    let idle = "failed to delete failpoint failpoint: failpoint is disabled\n";
    is(client.answer().unwrap(), 400, idle);

    let head = client.ask("POST", "/raftAfterSave", "off");
    assert_eq!((head.status, head.header("allow")), (405, Some("DELETE, GET, PUT")));
    assert_eq!(client.ask("GET", "/raftBeforeSave?x", "").status, 200);

    // HTTP/1.0, and a client that closes its half when it has asked.
    assert_eq!(
        read_all(&address, "GET /raftBeforeSave HTTP/1.0\r\n\r\n").lines().last(),
        Some("1*off")
    );

    drop(control);
    assert!(client.is_closed(), "open connections are closed");
    assert!(std::net::TcpStream::connect(address).is_err(), "and nobody comes in any more");
    assert!(failpoint::point("raftBeforeSave").unwrap().terms.is_some(), "what was armed stays");
}

fn read_all(address: &str, request: &str) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
