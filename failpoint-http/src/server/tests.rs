//! Tests the time limits over a socket, with short limits.

use crate::conn::Limits;
use crate::server::runtime::OwnRuntime;
use crate::server::settings::Settings;
use crate::server::{Running, start};
use failpoint_test_support::PATIENCE;
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(3600);

/// Limits that are not reached.
const LIMITS: Limits = Limits {
    head: LONG,
    body: LONG,
    reply: LONG,
    idle: LONG,
    stuck: LONG,
    heartbeat: LONG,
    connections: 1024,
};
const GET: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn server(limits: Limits) -> Running {
    start("127.0.0.1:0", Settings::default(), limits).expect("it listens")
}

fn connect(server: &Running) -> TcpStream {
    let stream = TcpStream::connect(server.address().unwrap().to_string()).expect("it accepts");
    stream.set_read_timeout(Some(PATIENCE)).expect("a limit of time");
    stream
}

/// Small buffers fill up quickly.
fn connect_with_small_buffers(server: &Running) -> TcpStream {
    let runtime = OwnRuntime::new().expect("a runtime");
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a small buffer");
        socket.set_send_buffer_size(4096).expect("a small buffer");
        let address = server.address().unwrap().to_string().parse().expect("an address");
        socket.connect(address).await.expect("it accepts").into_std()
    });
    let stream = stream.expect("a stream");
    stream.set_nonblocking(false).expect("it blocks");
    stream.set_read_timeout(Some(PATIENCE)).expect("a limit of time");
    stream
}

fn send(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).expect("it reads");
}

/// Connects, and sends a request that is answered. The limit for the head is short, and a busy machine
/// may be slower. Then the server has closed the connection, and another one is tried.
fn ask_in_time(server: &Running, text: &str) -> TcpStream {
    for _ in 0..100 {
        let mut stream = connect(server);
        let was_sent = stream.write_all(text.as_bytes()).is_ok();
        if was_sent && matches!(stream.peek(&mut [0]), Ok(1)) {
            return stream;
        }
    }
    panic!("no connection lives long enough to ask");
}

/// Reads until the other side closes.
fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    match stream.read_to_string(&mut text) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
        _ => text,
    }
}

/// Reads one reply that has a body, as text.
fn reply(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut byte = [0];
    while !text.ends_with("\r\n\r\n") {
        stream.read_exact(&mut byte).expect("a reply");
        text.push(char::from(byte[0]));
    }
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.expect("a length").parse().expect("a number")];
    stream.read_exact(&mut body).expect("a body");
    text + &String::from_utf8(body).expect("UTF-8")
}

#[test]
fn a_slow_head_is_given_up() {
    let server = server(Limits { head: SHORT, ..LIMITS });
    let silent = connect(&server);
    let mut half = connect(&server);
    send(&mut half, "GET / HT");
    assert_eq!(rest(silent), "");
    assert_eq!(rest(half), "");

    // Also the second head of a connection, from its first byte on.
    let mut second = ask_in_time(&server, GET);
    assert!(reply(&mut second).starts_with("HTTP/1.1 200"));
    send(&mut second, "GET / HT");
    assert_eq!(rest(second), "");
}

#[test]
fn a_connection_between_requests_may_idle_longer_than_a_head_may_take() {
    let server = server(Limits { head: SHORT, ..LIMITS });
    let mut idle = ask_in_time(&server, GET);
    assert!(reply(&mut idle).starts_with("HTTP/1.1 200"));
    // When other connections are closed for their slow head, that time has passed.
    for _ in 0..2 {
        assert_eq!(rest(connect(&server)), "");
    }
    send(&mut idle, GET);
    assert!(reply(&mut idle).starts_with("HTTP/1.1 200"));
}

#[test]
fn an_idle_connection_is_given_up_in_the_end() {
    let server = server(Limits { idle: SHORT, ..LIMITS });
    let mut idle = connect(&server);
    send(&mut idle, GET);
    assert!(reply(&mut idle).starts_with("HTTP/1.1 200"));
    assert_eq!(rest(idle), "");
}

#[test]
fn a_slow_body_is_given_up() {
    let server = server(Limits { body: SHORT, ..LIMITS });
    let mut slow = connect(&server);
    send(&mut slow, "PUT /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nsle");
    let answer = rest(slow);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.ends_with("\r\n\r\nthe body did not arrive in time\n"), "{answer}");
}

#[test]
fn a_body_that_is_cut_off_arms_nothing() {
    let server = server(LIMITS);
    let mut cut = connect(&server);
    send(
        &mut cut,
        "PUT /cut?unlisted=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\noff",
    );
    cut.shutdown(Shutdown::Write).expect("half is closed");
    let answer = rest(cut);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(failpoint::point("cut").is_err());
}

#[test]
fn a_large_body_is_refused_and_the_refusal_arrives() {
    let server = server(LIMITS);
    let large = " ".repeat(4 << 20);
    for head in [
        format!("Content-Length: {}\r\n\r\n", large.len()),
        format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n", large.len()),
    ] {
        let mut stream = connect(&server);
        send(&mut stream, &format!("PUT /x HTTP/1.1\r\nHost: localhost\r\n{head}"));
        // Sends all of it before it reads the answer, as simple clients do.
        send(&mut stream, &large);
        let answer = reply(&mut stream);
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        assert!(answer.contains("connection: close\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\nthe body is larger than 1 MiB\n"), "{answer}");
    }
    // A client that sends `Expect` first need not send the body.
    let mut polite = connect(&server);
    send(
        &mut polite,
        "PUT /x HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 9999999\r\n\r\n",
    );
    let answer = reply(&mut polite);
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[test]
fn a_head_that_is_none_is_refused() {
    let server = server(LIMITS);
    let mut nonsense = connect(&server);
    send(&mut nonsense, "nonsense\r\n\r\n");
    assert!(rest(nonsense).starts_with("HTTP/1.1 400 "));
    let mut long = connect(&server);
    send(&mut long, &format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(1 << 20)));
    long.shutdown(Shutdown::Write).expect("half is closed");
    assert!(rest(long).starts_with("HTTP/1.1 431 "));
}

#[test]
fn more_connections_than_there_are_places_wait_for_those_that_are_busy() {
    let server = server(Limits { connections: 1, ..LIMITS });
    let mut busy = connect(&server);
    let put =
        "PUT /x HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    send(&mut busy, put);
    read_until(&mut busy, "HTTP/1.1 100 Continue\r\n\r\n");
    let mut other = connect(&server);
    send(&mut other, GET);
    send(&mut busy, "off");
    assert!(reply(&mut busy).starts_with("HTTP/1.1 4"));
    assert!(reply(&mut other).starts_with("HTTP/1.1 200"));
    assert_eq!(rest(busy), "");
}

#[test]
fn the_connection_that_is_idle_longest_gives_way_to_a_new_one() {
    let server = server(Limits { connections: 2, ..LIMITS });
    let answered = || {
        let mut client = connect(&server);
        send(&mut client, GET);
        assert!(reply(&mut client).starts_with("HTTP/1.1 200"));
        client
    };
    let mut connected = VecDeque::from([answered(), answered()]);
    for _ in 0..3 {
        connected.push_back(answered());
        let longest = connected.pop_front().expect("there are three");
        assert_eq!(rest(longest), "");
    }
}

#[test]
fn a_connection_that_has_sent_nothing_gives_way_before_one_that_was_answered() {
    let server = server(Limits { connections: 2, ..LIMITS });
    let mut operator = connect(&server);
    send(&mut operator, GET);
    assert!(reply(&mut operator).starts_with("HTTP/1.1 200"));
    // Each of them needs the place of the one before it.
    let silent: Vec<TcpStream> = (0..8).map(|_| connect(&server)).collect();
    let mut last = connect(&server);
    send(&mut last, GET);
    assert!(reply(&mut last).starts_with("HTTP/1.1 200"));
    for stream in silent {
        assert_eq!(rest(stream), "");
    }
    send(&mut operator, GET);
    assert!(reply(&mut operator).starts_with("HTTP/1.1 200"));
}

#[test]
fn a_client_that_does_not_read_is_given_up() {
    let server = server(Limits { reply: SHORT, ..LIMITS });
    let mut deaf = connect(&server);
    deaf.set_write_timeout(Some(PATIENCE)).expect("a limit of time");
    // The server closes the connection at the latest when both directions are full. The replies repeat the
    // name.
    let name = "x".repeat(50_000);
    let request =
        format!("PUT /{name} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\noff");
    let refused = loop {
        if let Err(error) = deaf.write_all(request.as_bytes()) {
            break error;
        }
    };
    assert_ne!(refused.kind(), ErrorKind::WouldBlock, "{refused}");
}

/// Reads until `text` has arrived; returns everything.
fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut seen = Vec::new();
    let mut byte = [0];
    while !seen.ends_with(text.as_bytes()) {
        assert_eq!(stream.read(&mut byte).expect("it comes"), 1, "the stream ends early");
        seen.push(byte[0]);
    }
    String::from_utf8(seen).expect("UTF-8")
}

/// Events of one point, because other tests arm others.
const EVENTS: &str = "GET /v1/events?match=stuck HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[test]
fn a_stream_lives_longer_than_a_reply_may_take_and_its_heart_beats() {
    let server = server(Limits { reply: SHORT, head: SHORT, heartbeat: SHORT, ..LIMITS });
    let mut reader = ask_in_time(&server, &EVENTS.replace("stuck", "nobody"));
    let head = read_until(&mut reader, ": connected\n\nretry: 1000\n\n");
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("transfer-encoding: chunked"));
    for _ in 0..3 {
        read_until(&mut reader, ": alive\n\n");
    }
    drop(server);
    let end = rest(reader);
    assert!(!end.contains("data:"), "{end}");
}

#[test]
fn a_stream_over_http_1_0_ends_with_its_connection() {
    let server = server(Limits { heartbeat: SHORT, ..LIMITS });
    let mut reader = connect(&server);
    send(&mut reader, "GET /v1/events?match=nobody HTTP/1.0\r\n\r\n");
    let head = read_until(&mut reader, "\r\n\r\n");
    assert!(!head.contains("transfer-encoding"), "{head}");
    assert_eq!(read_until(&mut reader, "retry: 1000\n\n"), ": connected\n\nretry: 1000\n\n");
    assert_eq!(read_until(&mut reader, "\n\n"), ": alive\n\n");
}

#[test]
fn a_reader_of_events_that_takes_nothing_is_given_up_in_the_end() {
    let server = server(Limits { stuck: SHORT, ..LIMITS });
    let mut deaf = connect_with_small_buffers(&server);
    send(&mut deaf, EVENTS);
    read_until(&mut deaf, "retry: 1000\n\n");
    // Each event contains the terms, which are long. The system's buffers are smaller than all events.
    let terms = format!("print(\"{}\")", "x".repeat(200_000));
    for _ in 0..20 {
        drop(failpoint::arm_unlisted("stuck", &terms).expect("good terms"));
    }
    // Writing fails at the latest when both directions are full.
    deaf.set_write_timeout(Some(PATIENCE)).expect("a limit of time");
    let refused = loop {
        if let Err(error) = deaf.write_all(&[b'x'; 4096]) {
            break error;
        }
    };
    assert_ne!(refused.kind(), ErrorKind::WouldBlock, "{refused}");
}

#[test]
fn those_who_wait_leave_their_places_to_others() {
    let server = server(Limits { connections: 1, ..LIMITS });
    let mut waiting: Vec<TcpStream> = (0..3)
        .map(|n| {
            let mut stream = connect(&server);
            if n == 0 {
                send(&mut stream, "PUT /place?unlisted=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\noff");
                read_until(&mut stream, "\r\n\r\n");
            }
            send(&mut stream, "GET /v1/points/place/wait HTTP/1.1\r\nHost: localhost\r\n\r\n");
            stream
        })
        .collect();
    // There is one permit, and it is free.
    let mut other = connect(&server);
    send(&mut other, "DELETE /place HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(read_until(&mut other, "\r\n\r\n").starts_with("HTTP/1.1 204"));
    for stream in &mut waiting {
        let answer = reply(stream);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains(r#""outcome":"disarmed""#), "{answer}");
    }
    // Their connections stay open: they hold permits for waits, not for connections.
    for stream in &mut waiting {
        send(stream, GET);
        assert!(reply(stream).starts_with("HTTP/1.1 200"));
    }
}

#[test]
fn what_is_sent_ahead_of_the_reply_to_a_wait_is_answered_after_it() {
    let server = server(LIMITS);
    let mut stream = connect(&server);
    send(
        &mut stream,
        "PUT /ahead?unlisted=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\noff",
    );
    read_until(&mut stream, "\r\n\r\n");
    let wait = "GET /v1/points/ahead/wait?timeout=50ms HTTP/1.1\r\nHost: localhost\r\n\r\n";
    send(&mut stream, wait);
    let long = format!("GET /?{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(20_000));
    send(&mut stream, &long);
    assert!(reply(&mut stream).starts_with("HTTP/1.1 408"));
    assert!(reply(&mut stream).starts_with("HTTP/1.1 200"));
}

#[test]
fn a_peer_that_sends_without_end_while_it_waits_is_cut_off() {
    let server = server(LIMITS);
    let mut stream = connect(&server);
    send(
        &mut stream,
        "PUT /endless?unlisted=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\noff",
    );
    read_until(&mut stream, "\r\n\r\n");
    send(&mut stream, "GET /v1/points/endless/wait HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let endless = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(10_000);
    // The connection may be closed before all of it is sent.
    let _ = stream.write_all(endless.as_bytes());
    assert_eq!(rest(stream), "", "the server cannot notice whether such a peer has left");
}
