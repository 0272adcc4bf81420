//! How does a monitoring system see a run? `GET /metrics`, in Prometheus' text format.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::event::{Event, Observer};
use super::model::Outcome;
use super::text::cut;

/// How many names of cases and operations have a series each; all others share `other`.
const NAMES: usize = 500;

/// Counts what happens. Clones share the counts.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    counts: Arc<Mutex<Counts>>,
}

#[derive(Debug, Default)]
struct Counts {
    subject: String,
    seed: u64,
    round: u64,
    running: Option<String>,
    cases: BTreeMap<(String, &'static str), u64>,
    injections: BTreeMap<String, u64>,
    not_felt: u64,
    operations: [u64; 2],
    latency: Option<[u64; 4]>,
    checks: BTreeMap<(&'static str, &'static str), u64>,
    lost: u64,
    discarded: u64,
    ended: bool,
}

/// Serves metrics until it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Metrics {
    /// No counts yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Listens at `address`, such as `127.0.0.1:9100`, and answers `GET /metrics`. Must be called
    /// in a tokio runtime. Everyone who reaches the address can read names of cases and members.
    ///
    /// # Errors
    /// The address cannot be listened on; the message names it.
    pub async fn serve(&self, address: &str) -> io::Result<Server> {
        let failed = |error: io::Error| {
            let message =
                format!("cannot serve metrics at {address}: {error}; give another address");
            io::Error::new(error.kind(), message)
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let router = self.router();
        let task = tokio::spawn(async move {
            // It ends with the task.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Server { address, task })
    }

    fn router(&self) -> Router {
        let metrics = self.clone();
        let answer = move || async move {
            ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.text())
        };
        Router::new().route("/metrics", get(answer))
    }

    /// The metrics as text.
    #[must_use]
    pub fn text(&self) -> String {
        self.counts().text()
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Metrics {
    fn on(&mut self, event: &Event<'_>) {
        self.counts().on(event);
    }
}

/// The count of a name; of a new one where there are many, that of all others.
fn count<K: Ord>(counts: &mut BTreeMap<K, u64>, key: K, other: K) -> &mut u64 {
    let full = counts.len() >= NAMES && !counts.contains_key(&key);
    counts.entry(if full { other } else { key }).or_default()
}

impl Counts {
    fn on(&mut self, event: &Event<'_>) {
        match *event {
            Event::Started { subject, seed, .. } => {
                subject.clone_into(&mut self.subject);
                self.seed = seed;
            }
            Event::Round(round) => self.round = round,
            Event::Case { name, .. } => self.running = Some(name.to_owned()),
            Event::CaseEnded(case) => {
                self.running = None;
                let outcome = case.outcome.name();
                let other = ("other".to_owned(), outcome);
                *count(&mut self.cases, (case.case.clone(), outcome), other) += 1;
                for injection in &case.injections {
                    let mut what = injection.what.clone();
                    cut(&mut what, 200);
                    *count(&mut self.injections, what, "other".to_owned()) += 1;
                    self.not_felt += u64::from(injection.felt.is_none());
                }
            }
            Event::Checked(check) => {
                *self.checks.entry((check.check.name(), check.outcome.name())).or_default() += 1;
            }
            Event::Sample(sample) => {
                for (sum, count) in
                    self.operations.iter_mut().zip([sample.succeeded, sample.failed])
                {
                    *sum = sum.saturating_add(count);
                }
                self.latency = (sample.succeeded > 0).then_some(sample.latency);
            }
            Event::WritesGone { lost, discarded } => {
                self.lost += lost;
                self.discarded += discarded;
            }
            Event::Ended(_) => {
                self.running = None;
                self.ended = true;
            }
            Event::Step(_)
            | Event::Fault(_)
            | Event::Healed { .. }
            | Event::Broken(_)
            | Event::Unhealthy(_) => {}
        }
    }

    fn text(&self) -> String {
        let mut text = Text::default();
        text.head(
            "run_info",
            "gauge",
            "The run: its subject, its seed and the version of the tester.",
        );
        let version = env!("CARGO_PKG_VERSION");
        let labels =
            [("seed", &*self.seed.to_string()), ("subject", &self.subject), ("version", version)];
        text.line("run_info", &labels, 1);
        text.head("run_ended", "gauge", "Whether the run has ended.");
        text.line("run_ended", &[], u8::from(self.ended));
        text.head("round", "gauge", "The round; the first is 1.");
        text.line("round", &[], self.round);
        text.head("running_case", "gauge", "The case that runs now.");
        if let Some(case) = &self.running {
            text.line("running_case", &[("case", case)], 1);
        }
        text.head("cases_total", "counter", "Cases that ended, by outcome.");
        for ((case, outcome), count) in &self.cases {
            text.line("cases_total", &[("case", case), ("outcome", outcome)], count);
        }
        text.head("injections_total", "counter", "Faults that were injected, one for each member.");
        for (what, count) in &self.injections {
            text.line("injections_total", &[("what", what)], count);
        }
        text.head("injections_not_felt_total", "counter", "Faults of which no effect was seen.");
        text.line("injections_not_felt_total", &[], self.not_felt);
        text.head("operations_total", "counter", "Requests of the load, by outcome.");
        for (outcome, count) in ["succeeded", "failed"].into_iter().zip(self.operations) {
            text.line("operations_total", &[("outcome", outcome)], count);
        }
        text.head(
            "latency_seconds",
            "summary",
            "Latencies of answered requests in the last interval; 1 is the maximum. No sum is known.",
        );
        for (quantile, micros) in
            ["0.5", "0.9", "0.99", "1"].into_iter().zip(self.latency.into_iter().flatten())
        {
            text.line("latency_seconds", &[("quantile", quantile)], micros as f64 / 1e6);
        }
        text.line("latency_seconds_count", &[], self.operations[0]);
        text.head("checks_total", "counter", "Checks that ended, by outcome.");
        for ((check, outcome), count) in &self.checks {
            text.line("checks_total", &[("check", check), ("outcome", outcome)], count);
        }
        text.head("lost_writes_total", "counter", "Acknowledged writes that were lost.");
        text.line("lost_writes_total", &[], self.lost);
        text.head(
            "discarded_writes_total",
            "counter",
            "Acknowledged writes that a restore discarded.",
        );
        text.line("discarded_writes_total", &[], self.discarded);
        let failed = |outcome: &str| outcome == Outcome::Failed.name();
        let cases =
            self.cases.iter().filter(|((_, outcome), _)| failed(outcome)).map(|(_, count)| count);
        let checks =
            self.checks.iter().filter(|((_, outcome), _)| failed(outcome)).map(|(_, count)| count);
        text.head("failures_total", "counter", "Cases and checks that failed.");
        text.line("failures_total", &[], cases.chain(checks).sum::<u64>());
        text.0
    }
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let name = format!("failpoint_tester_{name}");
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0 += "failpoint_tester_";
        self.0 += name;
        for (place, (label, of)) in labels.iter().enumerate() {
            let of = of.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
            let _ = write!(self.0, "{}{label}=\"{of}\"", if place == 0 { '{' } else { ',' });
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {value}");
    }
}
