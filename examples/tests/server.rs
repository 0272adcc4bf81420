//! Tests the answers that a client gets.
#![allow(missing_docs)]

use failpoint_examples::wal_server::client::Client;
use failpoint_examples::wal_server::server::{self, MAX_CONNECTIONS, MAX_KEY, MAX_LINE};
use failpoint_examples::wal_server::store::Store;
use failpoint_test_support::closed_address;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use tempfile::{TempDir, tempdir};

/// A server in this process.
fn serve() -> (TempDir, String) {
    let data = tempdir().unwrap();
    let (store, _) = Store::open(data.path()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || server::serve(&listener, &Arc::new(store)));
    (data, address)
}

fn replies_to(address: &str, request: &[u8]) -> Vec<String> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request).unwrap();
    stream.write_all(b"QUIT\n").unwrap();
    BufReader::new(stream).lines().map(Result::unwrap).collect()
}

#[test]
fn every_request_has_its_answer() {
    let (_data, address) = serve();
    let table: &[(&[u8], &str)] = &[
        (b"LEN", "LEN 0"),
        (b"SET a 1", "OK"),
        (b"set b two words ", "OK"),
        (b"GET a", "VALUE 1"),
        (b"GET b\r", "VALUE two words "),
        (b"GET c", "NONE"),
        (b"LEN", "LEN 2"),
        (b"DEL a", "OK"),
        (b"DEL a", "NONE"),
        (b"SET a ", "OK"),
        (b"GET a", "VALUE "),
        ("SET schlüssel größe".as_bytes(), "OK"),
        ("GET schlüssel".as_bytes(), "VALUE größe"),
        (b"SET", "ERR write SET KEY VALUE"),
        (b"SET a", "ERR write SET KEY VALUE"),
        (b"SET  a", "ERR write SET KEY VALUE"),
        (b"GET", "ERR write GET KEY"),
        (b"GET ", "ERR write GET KEY"),
        (b"GET / HTTP/1.1", "ERR write GET KEY"),
        (b"DEL", "ERR write DEL KEY"),
        (b"LEN 3", "ERR write LEN"),
        (b"", "ERR no such request; write SET KEY VALUE, GET KEY, DEL KEY, LEN or QUIT"),
        (b"HELLO", "ERR no such request; write SET KEY VALUE, GET KEY, DEL KEY, LEN or QUIT"),
        (b"SET a \xff", "ERR a line is UTF-8 text without control characters"),
        (b"SET a 1\x002", "ERR a line is UTF-8 text without control characters"),
        (b"SET a 1\t2", "ERR a line is UTF-8 text without control characters"),
    ];
    let request: Vec<u8> =
        table.iter().flat_map(|(line, _)| [line, b"\n".as_slice()].concat()).collect();
    let replies = replies_to(&address, &request);
    for ((line, expected), reply) in table.iter().zip(&replies) {
        assert_eq!(reply, expected, "{}", String::from_utf8_lossy(line));
    }
    assert_eq!(replies.len(), table.len() + 1);
}

#[test]
fn lines_and_keys_have_a_longest_length_and_the_connection_goes_on() {
    let (_data, address) = serve();
    let longest = format!("SET k {}", "v".repeat(MAX_LINE - 6));
    for (request, expected) in [
        (longest.clone(), "OK"),
        (format!("{longest}\r"), "OK"),
        (format!("{longest}v"), "ERR a line has at most 65536 bytes"),
        (format!("{longest}vv"), "ERR a line has at most 65536 bytes"),
        ("x".repeat(10 * MAX_LINE), "ERR a line has at most 65536 bytes"),
        (format!("GET {}", "k".repeat(MAX_KEY)), "NONE"),
        (format!("GET {}", "k".repeat(MAX_KEY + 1)), "ERR a key has at most 256 bytes"),
    ] {
        let replies = replies_to(&address, format!("{request}\nLEN\n").as_bytes());
        assert_eq!(replies, [expected, "LEN 1", "OK"], "a line of {} bytes", request.len());
    }
}

#[test]
fn what_is_cut_off_on_its_way_is_no_request() {
    let (_data, address) = serve();
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.write_all(b"SET a 1\nSET b 12").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let replies: Vec<_> = BufReader::new(stream).lines().map(Result::unwrap).collect();
    assert_eq!(replies, ["OK"]);
    assert_eq!(replies_to(&address, b"GET b\n"), ["NONE", "OK"]);
}

#[test]
fn one_connection_too_many_is_told_so() {
    let (_data, address) = serve();
    let mut clients: Vec<_> = (0..MAX_CONNECTIONS)
        .map(|_| {
            let mut client = Client::connect(&address).unwrap();
            client.request("LEN").unwrap();
            client
        })
        .collect();
    let mut told = String::new();
    BufReader::new(TcpStream::connect(&address).unwrap()).read_line(&mut told).unwrap();
    assert_eq!(told, "ERR there are 256 connections already; try again later\n");
    assert_eq!(clients[0].request("LEN").unwrap(), "LEN 0");
}

#[test]
fn the_program_says_what_is_wrong_and_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = tempdir().unwrap();
    let path = data.path().to_str().unwrap();
    let file = data.path().join("file");
    fs::write(&file, "no directory").unwrap();
    let in_file = file.join("x");
    let nowhere = closed_address();
    for (arguments, status, expected) in [
        (vec!["serve", "--listen", &address, "--data", path], 1, "choose another with --listen"),
        (vec!["--data", in_file.to_str().unwrap()], 1, "cannot create "),
        (vec!["load", "--addr", &nowhere], 1, &format!("no wal_server at {nowhere}")),
        (vec!["bogus"], 2, "unexpected argument `bogus`"),
        (vec!["--seconds", "3"], 2, "unexpected argument `--seconds`"),
        (vec!["load", "--seconds"], 2, "--seconds takes a value"),
        (vec!["load", "--seconds", "x"], 2, "--seconds takes a number, not `x`"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_wal_server"))
            .args(&arguments)
            .env_remove("GOFAIL_HTTP")
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {stderr}");
        assert!(stderr.contains(expected), "{arguments:?}: {stderr}");
    }
}
