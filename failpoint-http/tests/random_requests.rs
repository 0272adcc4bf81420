//! Sends random requests, valid and invalid, over many connections: the process stays up, the armed
//! points are those of the accepted requests, and no connection is left. Needs its own process: it
//! checks all points and all files.
//!
//! `RANDOM_SEED` replays a failure; the failure prints the seed.
#![cfg(all(feature = "failpoints", target_os = "linux"))]

mod common;

use common::Client;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

/// How many are held open half-sent at a time.
const HALF_SENT: usize = 16;
/// How often the model is compared.
const EVERY: usize = 50;

#[test]
fn a_sample() {
    run(400);
}

#[test]
#[ignore = "ten thousand"]
fn ten_thousand() {
    run(10_000);
}

fn run(requests: usize) {
    // With `--include-ignored` both tests run, one after the other.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let seed = std::env::var("RANDOM_SEED").ok().map(|seed| seed.parse().unwrap());
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    let seed: u64 = seed.unwrap_or_else(|| now() as u64);
    println!("RANDOM_SEED={seed}");
    let ran = panic::catch_unwind(AssertUnwindSafe(|| Storm::begin(seed).run(requests)));
    if let Err(panic) = ran {
        eprintln!("failed with RANDOM_SEED={seed}");
        panic::resume_unwind(panic);
    }
}

struct Storm {
    random: u64,
    address: String,
    control: failpoint_http::Control,
    /// The connection of those who know how to behave.
    client: Client,
    /// What the accepted requests armed.
    model: BTreeMap<String, String>,
    /// Slow senders, with what they have not sent yet; the last byte is never sent.
    half_sent: Vec<(TcpStream, Vec<u8>)>,
    accepted: usize,
    refused: usize,
}

const NAMES: [&str; 8] = ["r/0", "r/1", "r/2", "r/3", "r-4", "r.5", "r:6", "r_7"];
const GOOD: [&str; 8] =
    ["off", "1*off", "sleep(1)", "pause", "3*off->sleep(5ms)", "every(2):off", "50%off", "panic"];
const BAD: [&str; 8] = ["", "slep(1)", "off;off", "return(", "\u{1f600}", "off->", "9*", "\"off"];

impl Storm {
    fn begin(seed: u64) -> Self {
        let control = failpoint_http::serve("127.0.0.1:0").unwrap();
        let address = control.address().unwrap().to_string();
        let client = Client::connect(&address);
        Self {
            random: seed | 1,
            address,
            control,
            client,
            model: BTreeMap::new(),
            half_sent: Vec::new(),
            accepted: 0,
            refused: 0,
        }
    }

    fn run(mut self, requests: usize) {
        // Its connection is accepted by then.
        self.compare();
        let files_before = files();
        for number in 0..requests {
            match self.below(10) {
                0..6 => self.whole(),
                6 => self.garbage(),
                7 => self.cut(),
                _ => self.slow(),
            }
            if number % EVERY == 0 {
                self.compare();
                let open = files().saturating_sub(files_before);
                // Both ends of each, and those that just went.
                assert!(open <= 4 * HALF_SENT + 64, "{open} files are open");
            }
        }
        self.half_sent.clear();
        self.compare();
        assert!(self.accepted > requests / 20 && self.refused > requests / 20, "it tries both");
        println!("{} changes accepted, {} requests refused", self.accepted, self.refused);
        common::until("no connection is left", || files() <= files_before);
        drop((self.client, self.control));
        common::until("nor the listener", || files() < files_before);
        failpoint::reset();
    }

    /// A request that is answered; what is accepted goes into the model.
    fn whole(&mut self) {
        let name = self.one_of(&NAMES).to_owned();
        let good = self.below(4) > 0;
        let terms = if good { self.one_of(&GOOD) } else { self.one_of(&BAD) };
        let json = format!("{{\"terms\":{}}}", serde_json::to_string(terms).unwrap());
        let other = self.one_of(&NAMES).to_owned();
        let several = format!("{name}={terms};{other}={terms}");
        let (method, path, body) = match self.below(16) {
            0 | 1 => ("PUT", format!("/{name}?unlisted=1"), terms.to_owned()),
            2 | 3 => ("PUT", format!("/v1/points/{name}?unlisted=1"), json),
            4 => ("PUT", format!("/v1/points/{name}"), json),
            5 => ("PUT", "/failpoints?unlisted=1".to_owned(), several),
            6 => ("DELETE", format!("/{name}"), String::new()),
            7 => ("DELETE", format!("/v1/points/{name}"), String::new()),
            8 if self.below(8) == 0 => ("DELETE", "/v1/points".to_owned(), String::new()),
            8 | 9 => ("GET", format!("/v1/points/{name}/wait?timeout=1ms"), String::new()),
            10 => ("POST", format!("/v1/points/{name}/resume"), String::new()),
            11 => ("GET", "/metrics".to_owned(), String::new()),
            12 => ("GET", "/v1/points".to_owned(), String::new()),
            13 => ("PATCH", format!("/v1/points/{name}"), json),
            14 => ("PUT", format!("/v1/points/{name}?unlisted=1"), json[1..].to_owned()),
            _ => ("GET", self.noise(40), String::new()),
        };
        let foreign = self.below(12) == 0;
        let headers: &[(&str, &str)] =
            if foreign { &[("Origin", "http://evil.test")] } else { &[("X-Noise", "1")] };
        let answer = self.client.ask_with(method, &path, headers, &body);
        assert!(answer.status != 500, "{method} {path} {body:?}: {}", answer.body);
        assert!(!foreign || answer.status == 403, "{method} {path}: {}", answer.status);
        if !(200..300).contains(&answer.status) {
            self.refused += 1;
        } else if method == "PUT" {
            self.accepted += 1;
            self.model.insert(name, terms.to_owned());
            if path.starts_with("/failpoints") {
                self.model.insert(other, terms.to_owned());
            }
        } else if method == "DELETE" {
            self.accepted += 1;
            if path == "/v1/points" { self.model.clear() } else { drop(self.model.remove(&name)) }
        }
        if answer.header("connection") == Some("close") {
            self.client = Client::connect(&self.address);
        }
    }

    /// What is no request at all.
    fn garbage(&mut self) {
        let mut stream = self.connect();
        let length = self.below(300);
        let noise: Vec<u8> = (0..length).map(|_| self.below(256) as u8).collect();
        let _ = stream.write_all(&noise);
        let _ = stream.write_all(b"\r\n\r\n");
    }

    /// A request that is cut off: before its end, or while it waits or streams.
    fn cut(&mut self) {
        let mut stream = self.connect();
        let request = match self.below(3) {
            0 => b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
            1 => {
                let name = self.one_of(&NAMES);
                format!("GET /v1/points/{name}/wait HTTP/1.1\r\nHost: localhost\r\n\r\n").into()
            }
            _ => {
                let mut request = self.arming();
                request.truncate(self.below(request.len() as u64) as usize);
                request
            }
        };
        let _ = stream.write_all(&request);
    }

    /// A request that comes in pieces, and never whole.
    fn slow(&mut self) {
        if self.half_sent.len() < HALF_SENT {
            let (stream, request) = (self.connect(), self.arming());
            self.half_sent.push((stream, request));
        }
        let at = self.below(self.half_sent.len() as u64) as usize;
        let piece = self.below(20) as usize;
        let (stream, rest) = &mut self.half_sent[at];
        let piece = piece.min(rest.len() - 1);
        let sent: Vec<u8> = rest.drain(..piece).collect();
        let gone = stream.write_all(&sent).is_err();
        if gone || rest.len() == 1 || self.below(20) == 0 {
            drop(self.half_sent.swap_remove(at));
        }
    }

    /// A request that would arm, if the whole of it came.
    fn arming(&mut self) -> Vec<u8> {
        let (name, terms) = (self.one_of(&NAMES), self.one_of(&GOOD));
        let length = terms.len();
        let head = "HTTP/1.1\r\nHost: localhost\r\nContent-Length:";
        format!("PUT /{name}?unlisted=1 {head} {length}\r\n\r\n{terms}").into()
    }

    /// What is armed is what the model says, in the process and over the wire.
    fn compare(&mut self) {
        let armed = failpoint::points().into_iter().filter_map(|p| Some((p.name, p.terms?)));
        assert_eq!(armed.collect::<BTreeMap<_, _>>(), self.model);
        let listed = self.client.ask("GET", "/", "");
        assert_eq!(listed.status, 200);
        let lines = self.model.iter().map(|(name, terms)| format!("{name}={terms}"));
        assert_eq!(listed.body, lines.collect::<Vec<_>>().join("\n") + "\n");
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).unwrap()
    }

    /// A path of bytes that a line of a request may hold.
    fn noise(&mut self, most: u64) -> String {
        const BYTES: &[u8] = b"/v1points?&=%2fz.:_-~!$'()*+,;@waitcount0";
        let length = self.below(most);
        let noise = (0..length).map(|_| char::from(*self.one_of_bytes(BYTES))).collect::<String>();
        format!("/{noise}")
    }

    fn one_of(&mut self, all: &[&'static str]) -> &'static str {
        all[self.below(all.len() as u64) as usize]
    }

    fn one_of_bytes<'b>(&mut self, all: &'b [u8]) -> &'b u8 {
        &all[self.below(all.len() as u64) as usize]
    }

    /// Xorshift: what matters is that it can be replayed.
    fn below(&mut self, bound: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) % bound
    }
}

fn files() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}
