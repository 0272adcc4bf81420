//! A load on the server, and its latencies.
//!
//! Each connection writes one key after the other, each key once, and records which writes were
//! acknowledged. A broken connection is opened again, because tests kill the server under load.

use super::client::{Client, ClientError};
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long a connection pauses after an error, to limit the number of errors.
const REST: Duration = Duration::from_millis(20);

/// A load that runs until [`Load::finish`].
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    since_last_look: Arc<Mutex<Sample>>,
    connections: Vec<JoinHandle<Vec<Write>>>,
}

/// A write that the server acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// The key, which is written only once.
    pub key: String,
    /// The value.
    pub value: String,
}

/// A write's time.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// When it was sent.
    pub sent: Instant,
    /// How long until the server acknowledged it.
    pub took: Duration,
}

/// What happened in a period of time.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// The acknowledged writes.
    pub acknowledged: Vec<Timing>,
    /// How many writes, or attempts to connect, failed.
    pub errors: usize,
    /// The last of these errors.
    pub last_error: Option<String>,
}

impl Load {
    /// Starts `connections` connections to `address`. Keys begin with `prefix`.
    ///
    /// # Errors
    /// If the first connections cannot be opened.
    pub fn start(address: &str, connections: usize, prefix: &str) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let since_last_look = Arc::new(Mutex::new(Sample::default()));
        let clients = (0..connections)
            .map(|_| Client::connect_until(address, Arc::clone(&stop)))
            .collect::<io::Result<Vec<_>>>()?;
        let connections = clients
            .into_iter()
            .enumerate()
            .map(|(number, client)| {
                let connection = Connection {
                    address: address.to_owned(),
                    prefix: format!("{prefix}-{number}"),
                    stop: Arc::clone(&stop),
                    sample: Arc::clone(&since_last_look),
                    acknowledged: Vec::new(),
                };
                thread::Builder::new().spawn(move || connection.run(client))
            })
            .collect::<io::Result<Vec<_>>>()?;
        Ok(Self { stop, since_last_look, connections })
    }

    /// What happened since the start, or since the last call.
    pub fn look(&self) -> Sample {
        std::mem::take(&mut *lock(&self.since_last_look))
    }

    /// Ends the load; returns all acknowledged writes. Writes without an answer are abandoned.
    pub fn finish(mut self) -> Vec<Write> {
        self.stop.store(true, Ordering::Relaxed);
        self.connections
            .drain(..)
            .filter_map(|connection| connection.join().ok())
            .flatten()
            .collect()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

struct Connection {
    address: String,
    prefix: String,
    stop: Arc<AtomicBool>,
    sample: Arc<Mutex<Sample>>,
    acknowledged: Vec<Write>,
}

impl Connection {
    fn run(mut self, client: Client) -> Vec<Write> {
        let mut client = Some(client);
        let mut number = 0_u64;
        while !self.stop.load(Ordering::Relaxed) {
            let connected = match client.take() {
                Some(client) => Ok(client),
                None => Client::connect_until(&self.address, Arc::clone(&self.stop)),
            };
            number += 1;
            let written = connected.map_err(ClientError::from).and_then(|mut connected| {
                let result = self.write(&mut connected, number);
                // After an `ERR`, the connection still works.
                if !matches!(result, Err(ClientError::Connection(_))) {
                    client = Some(connected);
                }
                result
            });
            match written {
                Ok(timing) => lock(&self.sample).acknowledged.push(timing),
                Err(_) if self.stop.load(Ordering::Relaxed) => {}
                Err(error) => {
                    {
                        let mut sample = lock(&self.sample);
                        sample.errors += 1;
                        sample.last_error = Some(error.to_string());
                    }
                    thread::sleep(REST);
                }
            }
        }
        self.acknowledged
    }

    fn write(&mut self, client: &mut Client, number: u64) -> Result<Timing, ClientError> {
        let key = format!("{}-{number}", self.prefix);
        let value = format!("value of {key}");
        let sent = Instant::now();
        client.set(&key, &value)?;
        let took = sent.elapsed();
        self.acknowledged.push(Write { key, value });
        Ok(Timing { sent, took })
    }
}

fn lock(sample: &Mutex<Sample>) -> MutexGuard<'_, Sample> {
    sample.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Display for Sample {
    /// The line of a second.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut times: Vec<Duration> = self.acknowledged.iter().map(|timing| timing.took).collect();
        times.sort_unstable();
        write!(f, "{:>6} writes/s", times.len())?;
        for (name, percent) in [("p50", 50), ("p99", 99), ("max", 100)] {
            match percentile(&times, percent) {
                Some(time) => write!(f, "  {name} {:>7.1} ms", time.as_secs_f64() * 1e3)?,
                None => write!(f, "  {name}       - ms")?,
            }
        }
        write!(f, "  {:>4} errors", self.errors)?;
        match &self.last_error {
            Some(error) => write!(f, " ({error})"),
            None => Ok(()),
        }
    }
}

/// The percentile of `sorted`: the smallest value that `percent` of the values do not exceed.
fn percentile(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::percentile;
    use std::time::Duration;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let sorted: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        let ms = |percent| percentile(&sorted, percent).map(|time| time.as_millis());
        assert_eq!([ms(50), ms(99), ms(100)], [Some(100), Some(198), Some(200)]);
        assert_eq!(percentile(&sorted[..1], 50), Some(Duration::from_millis(1)));
        assert_eq!(percentile(&[], 50), None);
    }
}
