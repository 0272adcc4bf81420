//! Requests per second, and the latency of each.

use crate::declared::{declare, name};
use crate::load::{Load, Loaded};
use failpoint_bench_support::median;
use std::time::Duration;

const FOR: Duration = Duration::from_secs(1);
const ROUNDS: usize = 5;
/// How many points are declared for the first rows, and for the others.
pub(crate) const FEW: usize = 100;
pub(crate) const MANY: usize = 10_000;

pub(crate) struct Rate {
    pub(crate) what: String,
    /// How many points are declared.
    pub(crate) points: usize,
    requests: Vec<String>,
    pub(crate) rounds: Vec<Loaded>,
}

/// The first row is the cost of an empty request.
pub(crate) fn measure() -> Vec<Rate> {
    let control = failpoint_http::serve("127.0.0.1:0").expect("it listens");
    let address = control.address().expect("an address").to_string();
    let one = name(0);
    let put = || row("`PUT /NAME`", vec![format!("PUT /{one} off")]);
    let get = || row("`GET /v1/points/NAME`", vec![format!("GET /v1/points/{one}")]);
    let list = |what: &str| row(&format!("`GET {what}`"), vec![format!("GET {what}")]);
    let all: Vec<String> = (0..FEW).map(|n| format!("\"{}\":\"off\"", name(n))).collect();
    let all = format!("PUT /v1/points {{\"points\":{{{}}}}}", all.join(","));
    let in_turn = (0..FEW).map(|n| format!("PUT /{} off", name(n))).collect();

    declare(0..FEW);
    let few = vec![
        list("/healthz"),
        put(),
        row("`PUT /NAME`, every point in turn", in_turn),
        row("`PUT /v1/points/NAME`", vec![format!("PUT /v1/points/{one} {{\"terms\":\"off\"}}")]),
        row("`PUT /v1/points`, all points at once", vec![all]),
        get(),
        list("/"),
        list("/v1/points"),
        list("/metrics"),
    ];
    let mut rates = rounds(&address, FEW, few);
    declare(FEW..MANY);
    let many =
        vec![list("/healthz"), put(), get(), list("/"), list("/v1/points"), list("/metrics")];
    rates.extend(rounds(&address, MANY, many));
    rates
}

fn row(what: &str, requests: Vec<String>) -> Rate {
    Rate { what: what.to_owned(), points: 0, requests, rounds: Vec::new() }
}

fn rounds(address: &str, points: usize, mut rows: Vec<Rate>) -> Vec<Rate> {
    for round in 0..ROUNDS {
        for row in &mut rows {
            row.points = points;
            row.rounds.push(Load::requests(address, FOR, &row.requests).wait());
        }
        println!("rates, {points} points: round {} of {ROUNDS}", round + 1);
    }
    rows
}

impl Rate {
    /// The median over the rounds.
    pub(crate) fn median(&self, of: impl Fn(&Loaded) -> f64) -> f64 {
        median(self.rounds.iter().map(of).collect())
    }

    /// What of a core the control plane's thread takes for one request, in nanoseconds.
    pub(crate) fn core(&self) -> f64 {
        self.median(|round| round.control.as_nanos() as f64 / round.figure("requests"))
    }
}
