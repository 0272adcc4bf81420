//! What the worst request does to the program.
//!
//! During the request, a thread of the program arms a point repeatedly. The longest duration is how
//! long the request holds the lock that orders changes, or how long the system used the thread's
//! core for something else. The latter affects some rounds and the former all of them, so the
//! minimum over the rounds is used.

use crate::client::Client;
use crate::declared;
use crate::rates::MANY;
use crate::usage;
use failpoint::fail_point;
use failpoint_bench_support::{Bound, time};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const ROUNDS: usize = 7;
const BODY: usize = 1 << 20;
/// How long an arming may be held up.
const HELD_UP: Duration = Duration::from_millis(10);
const MEMORY: u64 = 64 << 20;

/// One request, and what came of it.
pub(crate) struct Worst {
    pub(crate) what: &'static str,
    pub(crate) body: usize,
    pub(crate) status: u16,
    /// Until the reply, the median.
    pub(crate) reply: Duration,
    /// The longest arming during the request, in the round where it was shortest.
    pub(crate) held_up: Duration,
    /// How much the program grew by at most, in any round.
    pub(crate) memory: u64,
}

pub(crate) fn measure() -> (Vec<Worst>, Vec<Bound>) {
    let control = failpoint_http::serve("127.0.0.1:0").expect("it listens");
    let address = control.address().expect("an address").to_string();
    let mut client = Client::connect(&address);
    // Nothing is armed yet. Later, some of them wait.
    fail_point!("figures/probe");
    fail_point!("figures/worst");
    fail_point!("figures/waited");
    let worst: Vec<Worst> =
        requests().into_iter().map(|request| ask(&mut client, request)).collect();
    let held_up = worst.iter().map(|one| one.held_up).max().unwrap_or_default();
    let memory = worst.iter().map(|one| one.memory).max().unwrap_or_default();
    let bounds = vec![
        Bound {
            what: "whatever is sent, `failpoint::arm` waits for at most 10 ms".to_owned(),
            is: time(held_up.as_nanos() as f64),
            holds: held_up < HELD_UP,
        },
        Bound {
            what: "whatever is sent, the process grows by at most 64 MB meanwhile".to_owned(),
            is: format!("{:.1} MB", memory as f64 / 1e6),
            holds: memory < MEMORY,
        },
    ];
    (worst, bounds)
}

/// What to call it, the head's first line, and the body.
type Asked = (&'static str, &'static str, String);

fn requests() -> Vec<Asked> {
    let put = "PUT /figures/worst";
    let all = "PUT /v1/points?match=declared/*";
    let points = |names: &mut dyn Iterator<Item = String>, terms: &str| {
        let points: Vec<String> = names.map(|name| format!("\"{name}\":\"{terms}\"")).collect();
        format!("{{\"points\":{{{}}}}}", points.join(","))
    };
    let unknown = |n: usize| (0..n).map(|n| format!("declared/piont/{n:05}"));
    let filled = |part: &str| part.repeat(BODY / part.len());
    let wait = "wait(figures/waited)&";
    vec![
        ("nothing: `GET /healthz`", "GET /healthz", String::new()),
        (
            "1,000 steps that wait",
            put,
            format!("{}off", wait.repeat(999)).replace("&off", "&yield"),
        ),
        ("as many as fit", put, filled(wait)),
        ("one long value", put, format!("print({})", "x".repeat(BODY - 8))),
        ("1,000 conditions", put, format!("when({}thread=a):off", "thread~*a*,".repeat(998))),
        (
            "an endless list of arguments",
            put,
            format!("wait(figures/waited{}", filled(",").split_off(32)),
        ),
        (
            "10 points, each of 1,000 terms",
            "PUT /v1/points",
            points(&mut (0..10).map(declared::name), &format!("{}off", "1%off->".repeat(999))),
        ),
        ("10,000 points, by `?match=`", all, r#"{"terms":"1*off"}"#.to_owned()),
        ("10,000 points that wait for one", all, r#"{"terms":"wait(figures/waited)"}"#.to_owned()),
        (
            "10,000 points, and too many steps",
            all,
            format!("{{\"terms\":\"{}off\"}}", "off->".repeat(999)),
        ),
        (
            "10,000 points, listed",
            "PUT /v1/points",
            points(&mut (0..MANY).map(declared::name), "1%off->1*off").replace("->1*off", ""),
        ),
        ("10,000 unknown names", "PUT /v1/points", points(&mut unknown(MANY), "off")),
        ("as many as fit", "PUT /v1/points", points(&mut unknown(32_000), "off")),
        (
            "10,000 of them as gofail's config",
            "PUT /failpoints",
            unknown(MANY).map(|name| format!("{name}=off;")).collect(),
        ),
        ("500,000 bindings without terms", "PUT /failpoints", filled("a;")),
        (
            "1,000 names that no code declares",
            "PUT /v1/points?unlisted=1",
            points(&mut unknown(1_000), &format!("{}off", "1%off->".repeat(9))),
        ),
        ("the end of all that", "DELETE /v1/points", String::new()),
    ]
}

fn ask(client: &mut Client, (what, line, body): Asked) -> Worst {
    let request = format!(
        "{line} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    assert!(body.len() <= BODY, "{what}: {} bytes are refused unread", body.len());
    let rounds: Vec<(u16, Duration, Duration, u64)> =
        (0..ROUNDS).map(|_| round(client, &request)).collect();
    let mut replies: Vec<Duration> = rounds.iter().map(|round| round.1).collect();
    replies.sort_unstable();
    Worst {
        what,
        body: body.len(),
        status: rounds[0].0,
        reply: replies[ROUNDS / 2],
        held_up: rounds.iter().map(|round| round.2).min().unwrap_or_default(),
        memory: rounds.iter().map(|round| round.3).max().unwrap_or_default(),
    }
}

/// Status, time until the reply, the longest arming during the request, and the growth of memory.
fn round(client: &mut Client, request: &str) -> (u16, Duration, Duration, u64) {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let probe = scope.spawn(|| {
            let mut longest = Duration::ZERO;
            while !stop.load(Ordering::Relaxed) {
                let start = Instant::now();
                let armed = failpoint::arm("figures/probe", "off").expect("it is declared");
                longest = longest.max(start.elapsed());
                drop(armed);
            }
            longest
        });
        let (before, _) = usage::memory();
        let start = Instant::now();
        client.send(request);
        let (status, _) = client.whatever();
        let reply = start.elapsed();
        let (_, most) = usage::memory();
        stop.store(true, Ordering::Relaxed);
        let longest = probe.join().expect("it arms");
        (status, reply, longest, most.saturating_sub(before))
    })
}
