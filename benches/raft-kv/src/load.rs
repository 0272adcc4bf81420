//! Clients that write, each of which waits for its answer before its next write.

use crate::cluster::Cluster;
use raft_kv::client::Client;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How many clients write at once, a third of them to each member.
pub(crate) const CLIENTS: usize = 24;
/// How many keys they write.
const KEYS: usize = 1_000;

/// What a cluster did in a span of time.
#[derive(Debug)]
pub(crate) struct Sample {
    /// Writes a second.
    pub(crate) rate: f64,
    /// The median latency, in nanoseconds.
    pub(crate) median: f64,
    /// The latency within which are 99 of 100 writes, in nanoseconds.
    pub(crate) p99: f64,
    /// The time of cores that the members spent on a write, in nanoseconds.
    pub(crate) core: Option<f64>,
}

/// Writes for `span`.
///
/// # Panics
///
/// If a write fails.
pub(crate) async fn write(cluster: &Cluster, span: Duration) -> Sample {
    let clients = cluster.clients();
    let core = cluster.core();
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for first in 0..CLIENTS {
        let client = clients[first % clients.len()].clone();
        tasks.spawn(write_until(client, first, begun + span));
    }
    let mut latencies = tasks.join_all().await.concat();
    let took = begun.elapsed();
    let core = cluster.core().zip(core).map(|(after, before)| after - before);
    latencies.sort_unstable();
    let writes = latencies.len();
    let at = |part: f64| latencies[((writes - 1) as f64 * part) as usize].as_nanos() as f64;
    Sample {
        rate: writes as f64 / took.as_secs_f64(),
        median: at(0.5),
        p99: at(0.99),
        core: core.map(|core| core.as_nanos() as f64 / writes as f64),
    }
}

async fn write_until(client: Client, first: usize, end: Instant) -> Vec<Duration> {
    let mut latencies = Vec::new();
    for number in (first..).step_by(CLIENTS) {
        let at = Instant::now();
        let key = format!("key-{}", number % KEYS);
        client.put(&key, "a value of some twenty bytes").await.expect("the store takes writes");
        latencies.push(at.elapsed());
        if Instant::now() >= end {
            break;
        }
    }
    latencies
}
