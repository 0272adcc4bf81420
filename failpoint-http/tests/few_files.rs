//! Tests a process that may open few files, and one without a free descriptor. Each case needs its
//! own process: this executable runs itself again, with only the test `child`.
#![cfg(all(feature = "failpoints", unix))]

mod common;

use common::{Client, child, is_child, line_of};
use failpoint::fail_point;
use rustix::process::{Resource, Rlimit, setrlimit};
use std::fs::File;
use std::io::{BufRead, BufReader, Write, stdin};
use std::process::{Child, Stdio};

const FILES: u64 = 64;
/// More files than the process may open.
const MANY: usize = 100;

fn pass() {
    fail_point!("few/held");
    fail_point!("few/other");
}

#[test]
fn child_serves() {
    if !is_child() {
        return;
    }
    setrlimit(Resource::Nofile, Rlimit { current: Some(FILES), maximum: Some(FILES) }).unwrap();
    let control = failpoint_http::serve("127.0.0.1:0").unwrap();
    println!("\nlistens at {}", control.address().unwrap());
    let mut held = Vec::new();
    for line in BufReader::new(stdin()).lines() {
        match &*line.unwrap() {
            "take" => {
                while let Ok(file) = File::open("/dev/null") {
                    held.push(file);
                }
            }
            "pass" => pass(),
            _ => held.clear(),
        }
        println!("\ndone so far, {} files", held.len());
    }
}

/// A server; it ends when its standard input is closed.
fn server() -> (Child, String) {
    let mut server = child("child_serves", &[]).stdin(Stdio::piped()).spawn().unwrap();
    let address = line_of(&mut server, "listens at ");
    (server, address)
}

fn tell(server: &mut Child, what: &str) {
    writeln!(server.stdin.as_mut().unwrap(), "{what}").unwrap();
    line_of(server, "done");
}

fn end(mut server: Child) {
    drop(server.stdin.take());
    assert!(server.wait().unwrap().success());
}

#[test]
fn many_who_connect_and_go_leave_it_as_it_was() {
    let (server, address) = server();
    let mut first = Client::connect(&address);
    assert_eq!(first.ask("PUT", "/few/held", "off").status, 204);
    let crowd: Vec<Client> = (0..MANY).map(|_| Client::connect(&address)).collect();
    assert_eq!(first.ask("GET", "/few/held", "").status, 200, "who is in stays in");
    drop(crowd);
    let mut last = Client::connect(&address);
    assert_eq!(last.ask("DELETE", "/v1/points", "").status, 200);
    end(server);
}

#[test]
fn however_many_wait_others_get_in() {
    let (mut server, address) = server();
    let mut operator = Client::connect(&address);
    assert_eq!(operator.ask("PUT", "/few/held", "off").status, 204);
    drop(operator);

    let mut waiting = Vec::new();
    let refused = loop {
        let mut client = Client::connect(&address);
        client.send("GET /v1/points/few/held/wait?timeout=1m HTTP/1.1\r\nHost: localhost\r\n\r\n");
        waiting.push(client);
        let mut operator = Client::connect(&address);
        let metrics = operator.ask("GET", "/metrics", "").body;
        let held = format!("failpoint_held_open{{kind=\"wait\"}} {}\n", waiting.len());
        if !metrics.contains(&held) && waiting.len() > 16 {
            break waiting.pop().unwrap().answer().unwrap();
        }
        assert!(waiting.len() < MANY, "more wait than there are files");
    };
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert!(refused.body.contains("too-many-readers"), "{}", refused.body);
    assert_eq!(refused.header("connection"), Some("close"));

    // Refused connections hold no permit, although they stay open.
    let crowd: Vec<Client> = (0..MANY / 2)
        .map(|_| {
            let mut client = Client::connect(&address);
            client.send(
                "GET /v1/points/few/held/wait?timeout=1m HTTP/1.1\r\nHost: localhost\r\n\r\n",
            );
            client
        })
        .collect();
    let mut operator = Client::connect(&address);
    assert_eq!(operator.ask("GET", "/few/held", "").status, 200);
    drop(operator);

    // An operator's change gets in while all of them wait.
    let mut operator = Client::connect(&address);
    assert_eq!(operator.ask("PUT", "/few/other", "off").status, 204);
    drop(operator);
    let mut operator = Client::connect(&address);
    assert_eq!(operator.ask("DELETE", "/few/other", "").status, 204);
    let metrics = operator.ask("GET", "/metrics", "").body;
    let held = format!("failpoint_held_open{{kind=\"wait\"}} {}\n", waiting.len());
    assert!(metrics.contains(&held), "{metrics}");
    drop(operator);

    tell(&mut server, "pass");
    assert_eq!(waiting[0].answer().unwrap().status, 200, "and those wait for what they asked");
    let mut operator = Client::connect(&address);
    assert_eq!(operator.ask("DELETE", "/v1/points", "").status, 200);
    drop(crowd);
    end(server);
}

#[test]
fn one_who_waits_sends_ahead_and_leaves_returns_its_permit() {
    let (server, address) = server();
    let mut operator = Client::connect(&address);
    assert_eq!(operator.ask("PUT", "/few/held", "off").status, 204);
    let mut waits = |many: usize| {
        let held = format!("failpoint_held_open{{kind=\"wait\"}} {many}\n");
        operator.ask("GET", "/metrics", "").body.contains(&held)
    };
    let mut client = Client::connect(&address);
    client.send("GET /v1/points/few/held/wait?timeout=5m HTTP/1.1\r\nHost: localhost\r\n\r\n");
    common::until("it waits", || waits(1));
    let next = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    client.send(&next.repeat(8 * 1024 / next.len() + 1));
    assert!(waits(1), "it is still connected");
    drop(client);
    common::until("its permit is free", || waits(0));
    end(server);
}

#[test]
fn where_no_file_is_left_one_gets_in() {
    let (mut server, address) = server();
    tell(&mut server, "take");
    let mut operator = Client::connect(&address);
    assert_eq!(operator.ask("PUT", "/few/held", "off").status, 204);
    // The next client is accepted when another one disconnects.
    let mut second = Client::connect(&address);
    drop(operator);
    assert_eq!(second.ask("GET", "/few/held", "").status, 200);
    drop(second);
    tell(&mut server, "give back");
    let mut clients: Vec<Client> = (0..4).map(|_| Client::connect(&address)).collect();
    for client in &mut clients {
        assert_eq!(client.ask("GET", "/few/held", "").status, 200);
    }
    end(server);
}
