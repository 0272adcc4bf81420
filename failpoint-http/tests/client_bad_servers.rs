//! Tests the client against servers that are slow, that end, and that are not a control plane.
#![cfg(feature = "client")]

use failpoint_http::{Client, ClientError, ClientSet, Events};
use failpoint_test_support::{PATIENCE, closed_address};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// A server that reads a head and then does as `answer` does.
fn server(answer: impl Fn(&str, TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let head: Vec<String> =
                lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            if let Some(request) = head.first() {
                answer(request, stream);
            }
        }
    });
    address
}

fn says(text: &'static str) -> String {
    server(move |_, mut stream| stream.write_all(text.as_bytes()).unwrap())
}

fn client(address: &str, limit: Duration) -> Client {
    Client::builder(address).timeout(limit).connect_timeout(limit).build().unwrap()
}

#[track_caller]
fn is_not_reachable<T: std::fmt::Debug>(result: Result<T, ClientError>, why: &str) {
    match result.unwrap_err() {
        ClientError::NotReachable { why: found, .. } => assert!(found.contains(why), "{found}"),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn nothing_listens() {
    let address = closed_address();
    let error = client(&address, PATIENCE).list().await.unwrap_err();
    let told = error.to_string();
    assert!(told.contains(&address) && told.contains("refused") && told.contains("GOFAIL_HTTP"));
    is_not_reachable(Client::new("unix:/no/such/socket").unwrap().list().await, "No such file");
}

#[tokio::test]
async fn a_server_that_never_answers() {
    let address = server(|_, stream| {
        // Held, until the other side gives up.
        thread::spawn(move || BufReader::new(stream).lines().for_each(drop));
    });
    let start = Instant::now();
    let limit = Duration::from_millis(100);
    is_not_reachable(client(&address, limit).list().await, "no answer within 100ms");
    is_not_reachable(client(&address, limit).events(&Events::all()).await.map(drop), "no answer");
    assert!(start.elapsed() < PATIENCE);
}

#[tokio::test]
async fn a_server_that_is_slow_is_waited_for() {
    let address = server(|_, mut stream| {
        thread::sleep(Duration::from_millis(100));
        let body = "{\"revision\":1,\"points\":[]}";
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    });
    assert_eq!(client(&address, PATIENCE).list().await.unwrap().revision, 1);
}

#[tokio::test]
async fn a_server_that_dies_in_the_middle() {
    let cut_off = says("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"revision\":");
    is_not_reachable(client(&cut_off, PATIENCE).list().await, "");
    let silent = says("");
    is_not_reachable(client(&silent, PATIENCE).list().await, "");
    is_not_reachable(client(&silent, PATIENCE).healthz().await, "");

    let stream = says("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: connected\n\n");
    let mut events = client(&stream, PATIENCE).events(&Events::all()).await.unwrap();
    is_not_reachable(events.recv().await, "the stream of events has ended");
}

#[tokio::test]
async fn what_is_no_answer_of_a_control_plane() {
    let bad = |result: Result<_, ClientError>| match result {
        Err(ClientError::BadAnswer { why, .. }) => why,
        other => panic!("{other:?}"),
    };
    let page = says("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>");
    bad(client(&page, PATIENCE).list().await);
    let page = says("HTTP/1.1 404 Not Found\r\nContent-Length: 6\r\n\r\n<html>");
    assert_eq!(bad(client(&page, PATIENCE).list().await), "status 404: <html>");
    let problem = says(
        "HTTP/1.1 404 Not Found\r\nContent-Type: application/problem+json\r\nContent-Length: 2\r\n\r\n{}",
    );
    assert!(bad(client(&problem, PATIENCE).list().await).contains("missing field"));
    let off = says("HTTP/1.1 501 Not Implemented\r\nContent-Length: 1\r\n\r\n-");
    let off = client(&off, PATIENCE).list().await;
    assert!(matches!(off, Err(ClientError::CompiledOut { .. })), "{off:?}");
    is_not_reachable(client(&says("SSH-2.0-x\r\n"), PATIENCE).list().await, "");
}

#[tokio::test]
async fn a_gofail_in_go_has_no_version_1() {
    // What the versions of gofail answer: that of 2022 names the point, later ones say why.
    for put in [
        "400 Bad Request|fail to set failpoint: failpoint: failpoint does not exist",
        "400 Bad Request|failed to set failpoint v1/points/a",
        "400 Bad Request|failed ReadAll in PUT",
    ] {
        let address = server(move |request, mut stream| {
            let answer = match request.split(' ').next() {
                Some("PUT") => put,
                Some("GET") => "404 Not Found|failed to GET: failpoint: failpoint does not exist",
                Some("DELETE") => {
                    "400 Bad Request|failed to delete failpoint failpoint: failpoint does not exist"
                }
                _ => "405 Method Not Allowed|Method not allowed",
            };
            let (status, text) = answer.split_once('|').unwrap();
            let kind = "Content-Type: text/plain; charset=utf-8";
            let length = text.len() + 1;
            write!(
                stream,
                "HTTP/1.1 {status}\r\n{kind}\r\nContent-Length: {length}\r\n\r\n{text}\n"
            )
            .unwrap();
        });
        let gofail = client(&address, PATIENCE);
        for told in [
            gofail.list().await.unwrap_err(),
            gofail.arm("a", "off").await.unwrap_err(),
            gofail.disarm("a").await.unwrap_err(),
            gofail.arm_all([("a", "off")]).await.unwrap_err(),
            gofail.reset().await.unwrap_err(),
        ] {
            assert!(matches!(told, ClientError::OnlyGofail { .. }), "{put}: {told}");
            assert!(told.to_string().contains("Client::gofail()"), "{told}");
        }
    }
}

#[tokio::test]
async fn a_set_says_who_failed() {
    let points =
        says("HTTP/1.1 200 OK\r\nContent-Length: 26\r\n\r\n{\"revision\":1,\"points\":[]}");
    let silent = says("");
    let set = ClientSet::new([&points, &silent, &points]).unwrap();
    let answers = set.list().await;
    let addresses: Vec<&String> = answers.iter().map(|(address, _)| address).collect();
    assert_eq!(addresses, [&points, &silent, &points]);
    let worked: Vec<bool> = answers.iter().map(|(_, answer)| answer.is_ok()).collect();
    assert_eq!(worked, [true, false, true]);
}

#[tokio::test]
async fn a_guard_is_not_held_up_by_a_server_that_hangs() {
    let address = server(|request, mut stream| {
        let body = "{\"was\":null,\"name\":\"a\",\"sites\":[],\"accepts\":null,\"terms\":\"off\",\
                    \"armed\":true,\"generation\":1,\"hits\":0,\"fires\":0,\"paused\":0,\
                    \"last_fire\":null}";
        if request.starts_with("PUT") {
            let length = body.len();
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
        }
        thread::spawn(move || BufReader::new(stream).lines().for_each(drop));
    });
    let armed = client(&address, Duration::from_secs(600)).arm("a", "off").await.unwrap();
    let start = Instant::now();
    drop(armed);
    assert!(start.elapsed() < PATIENCE);
}
