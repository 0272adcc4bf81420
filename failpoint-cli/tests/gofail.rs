//! Tests the commands against a server that has only gofail's routes. The server uses our
//! implementation of these routes, which is byte-identical, without version 1. Needs its own
//! process: it lists every point.

mod support;

use failpoint::fail_point;
use failpoint_test_support::needs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use support::failpoint;

fn server() {
    fail_point!("raftBeforeSave");
    fail_point!("raftAfterSave");
}

#[test]
fn what_gofails_routes_suffice_for() {
    if !needs::machine("failpoints compiled in (cargo test --workspace)", failpoint::enabled()) {
        return;
    }
    server();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || listener.incoming().for_each(|stream| answer(stream.unwrap())));
    let ask = |arguments: &[&str]| {
        let asked = failpoint(&[&["--addr", &address], arguments].concat());
        assert_eq!(asked.status, 0, "{asked:?}");
        asked.out
    };
    let refused = |arguments: &[&str], why: &str| {
        let asked = failpoint(&[&["--addr", &address], arguments].concat());
        assert!(asked.status == 1 && asked.err.contains(why), "{asked:?}");
    };

    assert_eq!(ask(&["arm", "raftAfterSave", "1*off->off"]), "armed raftAfterSave: 1*off->off\n");
    server();
    let listed = ask(&["list"]);
    assert!(listed.contains("\nraftAfterSave   1*off->off "), "{listed}");
    assert!(ask(&["get", "raftAfterSave"]).contains(" 1 fire, "));
    ask(&["arm", "raftBeforeSave=sleep(1)", "raftAfterSave=2*off"]);
    assert_eq!(ask(&["export"]), "raftAfterSave=2*off;raftBeforeSave=sleep(1)\n");
    // As from any server: what it shows must not act on the terminal, or pass for something else.
    let odd = "print(\u{1b}]0;x\u{7}\u{202e})";
    let shown = "print(\"\\u{1b}]0;x\\u{7}\\u{202e}\")";
    assert_eq!(ask(&["arm", "raftAfterSave", odd]), format!("armed raftAfterSave: {shown}\n"));
    assert!(ask(&["get", "raftAfterSave"]).contains(shown));
    let json = ask(&["get", "raftAfterSave", "--json"]);
    assert!(json.contains("\\u202e") && !json.contains('\u{202e}'), "{json}");
    ask(&["arm", "raftAfterSave", "2*off"]);
    assert_eq!(ask(&["disarm", "raftAfterSave"]), "disarmed raftAfterSave: was 2*off\n");
    assert_eq!(ask(&["disarm", "raftAfterSave"]), "raftAfterSave was idle\n");
    let reset = "disarmed raftBeforeSave: was sleep(1), 0 hits, 0 fires\n";
    assert_eq!(ask(&["reset"]), reset);

    refused(&["arm", "nobody", "off"], "failpoint does not exist");
    refused(&["arm", "raftAfterSave", "slep"], "could not parse terms");
    refused(&["arm", "raftAfterSave", "off", "--ttl", "1s"], "this server uses gofail in Go");
    refused(&["wait", "raftAfterSave"], "only gofail's routes");
    refused(&["events"], "only gofail's routes");
}

/// One request of one connection.
fn answer(mut stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let head: Vec<String> =
        reader.by_ref().lines().map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
    let length = head.iter().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    let mut words = head[0].split(' ');
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    // To a gofail in Go, what stands below /v1 is a name.
    let path = path.replacen("/v1/", "/version-1/", 1);
    let reply = failpoint_http::respond(method, &path, &[], &body);
    let text = String::from_utf8(reply.body).unwrap();
    let kind = "content-type: text/plain; charset=utf-8";
    let (status, length) = (reply.status, text.len());
    let close = "connection: close";
    let _ = write!(
        stream,
        "HTTP/1.1 {status} -\r\n{kind}\r\n{close}\r\ncontent-length: {length}\r\n\r\n{text}"
    );
}
