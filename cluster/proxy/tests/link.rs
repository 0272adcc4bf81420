//! Links between real sockets.

mod support;

use failpoint_proxy::{
    Counters, Direction, Effect, End, Event, Link, Reason, Settings, Sink, Toxic, ToxicError,
};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::{ask, echo, rest, until};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

const UP: Direction = Direction::Upstream;
const DOWN: Direction = Direction::Downstream;

async fn link_to(upstream: SocketAddr) -> (Link, SocketAddr) {
    let mut link = Link::new(Settings::new("link", upstream.to_string()));
    let address = link.start().await.unwrap();
    (link, address)
}

/// An echo server behind a link, and a connection that works.
async fn connected() -> (Link, SocketAddr, TcpStream, support::Received) {
    let (server, received) = echo().await;
    let (link, address) = link_to(server).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    assert_eq!(ask(&mut stream, b"hello").await, b"hello");
    (link, address, stream, received)
}

fn is_reset(result: std::io::Result<Vec<u8>>) -> bool {
    matches!(result, Err(error) if error.kind() == ErrorKind::ConnectionReset)
}

fn toxic(direction: Direction, effect: Effect) -> Toxic {
    Toxic::new("toxic", direction, effect)
}

#[tokio::test]
async fn passes_both_ways_and_passes_the_half_close_on() {
    let (link, _, mut stream, _) = connected().await;
    stream.shutdown().await.unwrap();
    // The server sees the end of the stream, and ends its own: the client still reads.
    assert_eq!(rest(&mut stream).await.unwrap(), b"");
    let five = Counters { received: 5, passed: 5, ..Counters::default() };
    assert_eq!((link.counters(UP), link.counters(DOWN)), (five, five));
    until("the connection is gone", || link.connections() == 0).await;
}

#[tokio::test]
async fn a_half_closed_connection_still_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (_link, address) = link_to(listener.local_addr().unwrap()).await;
    let mut client = TcpStream::connect(address).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    client.write_all(b"question").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(rest(&mut server).await.unwrap(), b"question");
    server.write_all(b"answer").await.unwrap();
    server.shutdown().await.unwrap();
    assert_eq!(rest(&mut client).await.unwrap(), b"answer");
}

#[tokio::test]
async fn a_cut_link_passes_no_byte_and_resets_when_it_is_mended() {
    let (link, address, mut stream, received) = connected().await;
    link.cut(UP);
    link.cut(DOWN);
    let before = (link.counters(UP), link.counters(DOWN));
    stream.write_all(b"lost").await.unwrap();
    // A connection that is made now is not passed on.
    let mut held = TcpStream::connect(address).await.unwrap();
    held.write_all(b"held").await.unwrap();
    until("8 bytes are dropped", || link.counters(UP).dropped == 8).await;
    assert_eq!(link.counters(UP).since(before.0).passed, 0);
    assert_eq!(link.counters(DOWN).since(before.1), Counters::default());
    link.heal();
    assert!(is_reset(rest(&mut stream).await) && is_reset(rest(&mut held).await));
    let mut next = TcpStream::connect(address).await.unwrap();
    assert_eq!(ask(&mut next, b"again").await, b"again");
    assert_eq!(*received.lock().unwrap(), [b"hello".to_vec(), b"again".to_vec()]);
}

// With threads: bytes are on their way at the moment of the cut.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn when_a_cut_has_returned_nothing_passes_any_more() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (link, address) = link_to(listener.local_addr().unwrap()).await;
    for round in 0..50 {
        let mut client = TcpStream::connect(address).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let pour = tokio::spawn(async move { while client.write_all(&[0; 100]).await.is_ok() {} });
        let drain = tokio::spawn(async move {
            let _ = tokio::io::copy(&mut server, &mut tokio::io::sink()).await;
        });
        let before = link.counters(UP);
        until("bytes pass", || link.counters(UP).passed > before.passed).await;
        link.cut(UP);
        let at_the_cut = link.counters(UP);
        until("bytes are dropped", || link.counters(UP).dropped > at_the_cut.dropped + 10_000)
            .await;
        assert_eq!(link.counters(UP).passed, at_the_cut.passed, "round {round}");
        link.mend(UP);
        pour.await.unwrap();
        drain.await.unwrap();
    }
}

#[tokio::test]
async fn one_way_leaves_the_other_way() {
    let (link, _, mut stream, received) = connected().await;
    link.cut(DOWN);
    stream.write_all(b"question").await.unwrap();
    until("the answer is dropped", || link.counters(DOWN).dropped == 8).await;
    assert_eq!(received.lock().unwrap()[0], b"helloquestion");
    assert_eq!((link.counters(DOWN).passed, link.counters(UP).dropped), (5, 0));
}

#[tokio::test]
async fn the_end_of_a_stream_does_not_pass_a_cut() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (link, address) = link_to(listener.local_addr().unwrap()).await;
    let client = TcpStream::connect(address).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    link.cut(UP);
    link.cut(DOWN);
    drop(client);
    // If the end had passed, the server would read it, and not a reset.
    server.write_all(b"lost").await.unwrap();
    until("it is dropped", || link.counters(DOWN).dropped == 4).await;
    link.heal();
    assert!(is_reset(rest(&mut server).await));
}

#[tokio::test]
async fn a_connection_that_both_sides_left_behind_a_cut_is_gone() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (link, address) = link_to(listener.local_addr().unwrap()).await;
    let client = TcpStream::connect(address).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    until("it is there", || link.connections() == 1).await;
    link.cut(UP);
    link.cut(DOWN);
    drop(client);
    drop(server);
    until("it is gone", || link.connections() == 0).await;
}

#[tokio::test]
async fn chunks_dropped_at_random_never_corrupt_a_stream() {
    let (server, received) = echo().await;
    let (link, address) = link_to(server).await;
    let mut dropped = 0;
    for round in 0..50_u8 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let line = [round; 100];
        assert_eq!(ask(&mut stream, &line).await, line);
        let before = link.counters(UP).dropped;
        link.cut(UP);
        stream.write_all(&line).await.unwrap();
        until("a line is dropped", || link.counters(UP).dropped > before).await;
        link.mend(UP);
        // Either this write, or the read, finds the reset.
        let _ = stream.write_all(&[255; 100]).await;
        assert!(is_reset(rest(&mut stream).await), "round {round}");
        dropped += 1;
    }
    assert_eq!(dropped, 50);
    for (round, received) in received.lock().unwrap().iter().enumerate() {
        assert_eq!(received, &[round as u8; 100], "no byte after the hole");
    }
}

#[tokio::test]
async fn limit_data_ends_the_stream_after_its_bytes() {
    let (link, _, mut stream, _) = connected().await;
    link.add(toxic(DOWN, Effect::LimitData { bytes: 3 })).unwrap();
    stream.write_all(b"question").await.unwrap();
    assert_eq!(rest(&mut stream).await.unwrap(), b"que");
    assert_eq!(link.counters(DOWN).dropped, 5);
}

#[tokio::test]
async fn reset_peer_resets() {
    let (link, _, mut stream, _) = connected().await;
    link.add(toxic(DOWN, Effect::ResetPeer { after: Duration::ZERO })).unwrap();
    stream.write_all(b"question").await.unwrap();
    assert!(is_reset(rest(&mut stream).await));
}

#[tokio::test]
async fn a_timeout_closes_and_so_does_its_removal() {
    let (link, address, mut stream, _) = connected().await;
    link.add(toxic(DOWN, Effect::Timeout { after: Some(Duration::from_millis(1)) })).unwrap();
    assert_eq!(rest(&mut stream).await.unwrap(), b"");
    link.update(toxic(DOWN, Effect::Timeout { after: None })).unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"question").await.unwrap();
    until("the answer is dropped", || link.counters(DOWN).dropped == 8).await;
    link.remove("toxic").unwrap();
    assert_eq!(rest(&mut stream).await.unwrap(), b"");
}

#[tokio::test]
async fn connections_are_reset_on_demand() {
    let (link, _, mut stream, _) = connected().await;
    link.reset_connections();
    assert!(is_reset(rest(&mut stream).await));
}

#[tokio::test]
async fn a_reset_is_passed_on() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (_link, address) = link_to(listener.local_addr().unwrap()).await;
    let mut client = TcpStream::connect(address).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    server.set_zero_linger().unwrap();
    drop(server);
    assert!(is_reset(rest(&mut client).await));
}

#[tokio::test]
async fn stops_and_starts_again_at_its_port_with_its_toxics() {
    let (mut link, address, mut stream, _) = connected().await;
    link.add(toxic(DOWN, Effect::LimitData { bytes: 1 })).unwrap();
    link.stop().await;
    assert_eq!(rest(&mut stream).await.unwrap(), b"");
    assert!(TcpStream::connect(address).await.is_err());
    assert_eq!((link.connections(), link.address()), (0, None));
    assert_eq!(link.start().await.unwrap(), address);
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"question").await.unwrap();
    assert_eq!(rest(&mut stream).await.unwrap(), b"q");
}

#[tokio::test]
async fn dropping_a_link_closes_its_port_and_connections() {
    let (link, address, mut stream, _) = connected().await;
    drop(link);
    assert_eq!(rest(&mut stream).await.unwrap(), b"");
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn tells_of_an_upstream_that_cannot_be_reached_and_of_too_many_connections() {
    let events = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&events);
    let sink: Sink = Arc::new(move |name, event| {
        assert_eq!(name, "link");
        told.lock().unwrap().push(match event {
            Event::ConnectFailed { .. } => "failed",
            Event::TooMany(_) => "too many",
            Event::Ended { end: End::Reset(Reason::Asked), .. } => "asked",
            _ => return,
        });
    });
    // Bound, and not listening: no one else gets the port.
    let closed = tokio::net::TcpSocket::new_v4().unwrap();
    closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let upstream = closed.local_addr().unwrap().to_string();
    let settings =
        Settings { max_connections: 1, sink: Some(sink), ..Settings::new("link", upstream) };
    let mut link = Link::new(settings);
    let address = link.start().await.unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    assert!(is_reset(rest(&mut stream).await));
    until("it is gone", || link.connections() == 0).await;

    let (server, _) = echo().await;
    link.set_upstream(server.to_string());
    let mut first = TcpStream::connect(address).await.unwrap();
    assert_eq!(ask(&mut first, b"hello").await, b"hello");
    let mut second = TcpStream::connect(address).await.unwrap();
    assert!(is_reset(rest(&mut second).await));
    link.reset_connections();
    assert!(is_reset(rest(&mut first).await));
    until("all events have arrived", || events.lock().unwrap().len() == 3).await;
    assert_eq!(*events.lock().unwrap(), ["failed", "too many", "asked"]);
}

#[tokio::test]
async fn refuses_what_means_nothing() {
    let link = Link::new(Settings::new("link", "127.0.0.1:1"));
    for effect in [
        Effect::Loss { probability: 1.5 },
        Effect::Loss { probability: f64::NAN },
        Effect::Slicer { average_size: 0, size_variation: 0, delay: Duration::ZERO },
    ] {
        assert!(matches!(link.add(toxic(UP, effect)), Err(ToxicError::Invalid(_))));
    }
    let invalid = Toxic { toxicity: -0.1, ..toxic(UP, Effect::Blackhole) };
    assert!(matches!(link.add(invalid), Err(ToxicError::Invalid(_))));
    link.add(toxic(UP, Effect::Blackhole)).unwrap();
    assert_eq!(link.add(toxic(DOWN, Effect::Blackhole)), Err(ToxicError::Exists));
    assert_eq!(link.update(toxic(DOWN, Effect::Blackhole)), Err(ToxicError::Kind));
    assert_eq!(link.update(toxic(UP, Effect::LimitData { bytes: 1 })), Err(ToxicError::Kind));
    assert_eq!(link.remove("other"), Err(ToxicError::NotFound));
    for n in 1..failpoint_proxy::MAX_TOXICS {
        link.add(Toxic::new(n.to_string(), DOWN, Effect::Blackhole)).unwrap();
    }
    let one_more = Toxic::new("one more", UP, Effect::Blackhole);
    assert_eq!(link.add(one_more), Err(ToxicError::TooMany));
}
