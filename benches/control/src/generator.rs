//! The load generator: many connections in a separate process, on one thread.
//!
//! It prints `begun` when all connections are open, and its figures on one line when it ends: after
//! its time, after its number of requests, or when its standard input is closed.

use crate::waits::FIRE;
use std::io::{Read, Write};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Of one connection.
const MOST: usize = 1_000_000;

pub(crate) fn generate(arguments: &[String]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let line = runtime.expect("a runtime").block_on(async {
        match arguments[..] {
            ["requests", address, connections, limit, ref requests @ ..] => {
                let limit = Duration::from_millis(number(limit) as u64);
                ask(address, number(connections), limit, requests).await
            }
            ["waits", address, waits, cycles, name] => {
                wait(address, number(waits), number(cycles), name).await
            }
            ["events", address, readers, path, last] => {
                read(address, number(readers), path, last).await
            }
            _ => panic!("{arguments:?}"),
        }
    });
    say(&line);
    // The thread that reads standard input would be waited for.
    process::exit(0);
}

/// The same requests over and over on every connection, which begin at different ones.
async fn ask(address: &str, connections: usize, limit: Duration, requests: &[&str]) -> String {
    let requests: Arc<[Vec<u8>]> = requests.iter().map(|request| written(request)).collect();
    let stopped = when_stopped();
    let mut all = Vec::new();
    for _ in 0..connections {
        all.push(Connection::open(address).await);
    }
    say("begun");
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for (first, mut connection) in all.into_iter().enumerate() {
        let (requests, stopped) = (requests.clone(), stopped.clone());
        tasks.spawn(async move {
            let mut times = Vec::new();
            let mut refused = 0;
            for request in requests.iter().cycle().skip(first % requests.len()).take(MOST) {
                let at = Instant::now();
                connection.send(request).await;
                let good = connection.answer().await;
                times.push(at.elapsed());
                refused += usize::from(!good);
                if begun.elapsed() >= limit || stopped.load(Ordering::Relaxed) {
                    break;
                }
            }
            (times, refused)
        });
    }
    let mut times = Vec::new();
    let (mut refused, mut failed) = (0, 0);
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok((more, so_many)) => {
                times.extend(more);
                refused += so_many;
            }
            Err(_) => failed += 1,
        }
    }
    let took = begun.elapsed();
    let rate = times.len() as f64 / took.as_secs_f64();
    format!(
        "requests={} rate={rate} {} refused={refused} failed={failed}",
        times.len(),
        spread(times)
    )
}

/// Cycles of arming a point, waiting for it on every connection, and having it fired.
async fn wait(address: &str, waits: usize, cycles: usize, name: &str) -> String {
    let put = written(&format!("PUT /v1/points/{name} {{\"terms\":\"off\"}}"));
    let wait = written(&format!("GET /v1/points/{name}/wait?timeout=1m"));
    let metrics = written("GET /metrics");
    let all_wait = format!("failpoint_held_open{{kind=\"wait\"}} {waits}\n");
    let mut control = Connection::open(address).await;
    let mut waiting = Vec::new();
    for _ in 0..waits {
        waiting.push(Connection::open(address).await);
    }
    say("begun");
    let begun = Instant::now();
    let (mut times, mut lasts) = (Vec::new(), Vec::new());
    let mut refused = 0;
    for _ in 0..cycles {
        control.send(&put).await;
        refused += usize::from(!control.answer().await);
        for connection in &mut waiting {
            connection.send(&wait).await;
        }
        loop {
            control.send(&metrics).await;
            assert!(control.answer().await, "metrics are refused");
            if String::from_utf8_lossy(&control.body).contains(&all_wait) {
                break;
            }
        }
        let mut tasks = JoinSet::new();
        let fired = Instant::now();
        say(FIRE);
        for mut connection in waiting.drain(..) {
            tasks.spawn(async move {
                let good = connection.answer().await;
                let reached = String::from_utf8_lossy(&connection.body).contains("\"reached\"");
                (good && reached, fired.elapsed(), connection)
            });
        }
        let answers = tasks.join_all().await;
        lasts.push(fired.elapsed());
        for (good, woken, connection) in answers {
            refused += usize::from(!good);
            times.push(woken);
            waiting.push(connection);
        }
    }
    let rate = cycles as f64 / begun.elapsed().as_secs_f64();
    lasts.sort_unstable();
    let last = lasts[lasts.len() / 2].as_nanos();
    format!("rate={rate} {} last={last} refused={refused} failed=0", spread(times))
}

/// Reads events until one of the point `last`.
async fn read(address: &str, readers: usize, path: &str, last: &str) -> String {
    let request = written(&format!("GET {path}"));
    let last = format!("\"name\":\"{last}\"");
    let mut all = Vec::new();
    for _ in 0..readers {
        let mut connection = Connection::open(address).await;
        connection.send(&request).await;
        while connection.line().await != "retry: 1000\n" {}
        all.push(connection);
    }
    say("begun");
    let mut tasks = JoinSet::new();
    for mut connection in all {
        let last = last.clone();
        tasks.spawn(async move {
            // Every event is a line of its own in its chunk, so chunks need not be told apart.
            let (mut delivered, mut lost) = (0_u64, 0_u64);
            loop {
                let line = connection.line().await;
                let Some(data) = line.strip_prefix("data: ") else { continue };
                if let Some(more) = data.strip_prefix("{\"lost\":") {
                    lost += more.trim_end().trim_end_matches('}').parse::<u64>().expect("a number");
                } else if data.contains(&last) {
                    return (delivered, lost);
                } else {
                    delivered += 1;
                }
            }
        });
    }
    let read = tasks.join_all().await;
    let delivered: u64 = read.iter().map(|read| read.0).sum();
    let lost: u64 = read.iter().map(|read| read.1).sum();
    let totals = || read.iter().map(|read| read.0 + read.1);
    let (least, most) = (totals().min().unwrap_or(0), totals().max().unwrap_or(0));
    format!("delivered={delivered} lost={lost} least={least} most={most} refused=0 failed=0")
}

struct Connection {
    stream: BufReader<TcpStream>,
    head: String,
    body: Vec<u8>,
}

impl Connection {
    async fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("it accepts");
        stream.set_nodelay(true).expect("no delay");
        let stream = BufReader::with_capacity(64 << 10, stream);
        Self { stream, head: String::new(), body: Vec::new() }
    }

    async fn send(&mut self, request: &[u8]) {
        self.stream.get_mut().write_all(request).await.expect("it reads");
    }

    /// Whether the answer, whose body is kept, is a good one.
    async fn answer(&mut self) -> bool {
        let good = self.line().await.starts_with("HTTP/1.1 20");
        let mut length = 0;
        loop {
            let line = self.line().await;
            if line == "\r\n" {
                break;
            }
            if let Some(number) = line.strip_prefix("content-length: ") {
                length = number.trim_end().parse().expect("a number");
            }
        }
        self.body.resize(length, 0);
        self.stream.read_exact(&mut self.body).await.expect("a body");
        good
    }

    async fn line(&mut self) -> &str {
        self.head.clear();
        let read = self.stream.read_line(&mut self.head).await.expect("a line");
        assert!(read > 0, "it hung up");
        &self.head
    }
}

/// `METHOD PATH [BODY]`, as bytes of HTTP.
fn written(request: &str) -> Vec<u8> {
    let mut words = request.splitn(3, ' ');
    let method = words.next().unwrap_or_default();
    let path = words.next().unwrap_or_default();
    let body = words.next().unwrap_or_default();
    let length = body.len();
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// In nanoseconds.
fn spread(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize].as_nanos();
    format!("median={} p99={}", at(0.5), at(0.99))
}

/// Turns true when standard input ends.
fn when_stopped() -> Arc<AtomicBool> {
    let stopped = Arc::new(AtomicBool::new(false));
    let tell = stopped.clone();
    thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        tell.store(true, Ordering::Relaxed);
    });
    stopped
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).expect("stdout is open");
}

fn number(text: &str) -> usize {
    text.parse().expect("a number")
}
