//! Which cluster is measured when?

use crate::cluster::Cluster;
use crate::load::{self, Sample};
use crate::servers::Servers;
use crate::subject::Subject;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// Writes of this long go before, so that connections are open and caches are filled.
const WARM_UP: Duration = Duration::from_millis(200);
/// How long a cluster is loaded in a round.
const SPAN: Duration = Duration::from_secs(1);

/// What is measured.
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) servers: Servers,
}

/// Where the members have their data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Below `target`, where a sync waits for the disk.
    Disk,
    /// In memory, where nothing waits and so a cost shows most.
    Memory,
}

/// The samples of one round, in the order of [`Subject::ALL`].
pub(crate) type Round = [Sample; Subject::ALL.len()];

impl Place {
    const MEMORY: &str = "/dev/shm";

    pub(crate) fn available() -> Vec<Place> {
        let mut places = vec![Place::Disk];
        if Path::new(Place::MEMORY).is_dir() {
            places.push(Place::Memory);
        }
        places
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Place::Disk => "on the disk",
            Place::Memory => "in memory (`/dev/shm`)",
        }
    }

    fn directory(self) -> TempDir {
        let parent = match self {
            Place::Disk => Path::new(env!("CARGO_MANIFEST_DIR")).join("target"),
            Place::Memory => PathBuf::from(Place::MEMORY),
        };
        tempfile::Builder::new()
            .prefix("raft-kv-bench-")
            .tempdir_in(parent)
            .expect("the place of the data can be written")
    }
}

impl Plan {
    /// Measures all subjects in each round, each time from another one on.
    pub(crate) async fn measure(&self, place: Place) -> Vec<Round> {
        let mut rounds = Vec::new();
        for round in 0..self.rounds {
            eprintln!("{}: round {} of {}", place.title(), round + 1, self.rounds);
            rounds.push(self.round(place, round).await);
        }
        rounds
    }

    async fn round(&self, place: Place, round: usize) -> Round {
        let directory = place.directory();
        let clusters = Subject::ALL.map(|subject| {
            Cluster::start(subject, &self.servers, &directory.path().join(format!("{subject:?}")))
        });
        for cluster in &clusters {
            cluster.reign().await;
        }
        let mut samples = Subject::ALL.map(|_| None);
        for turn in 0..clusters.len() {
            let index = (round + turn) % clusters.len();
            samples[index] = Some(sample(&clusters[index]).await);
        }
        samples.map(|sample| sample.expect("each has its turn"))
    }
}

/// # Panics
///
/// If the sample is not what it says: another leader was elected meanwhile, or the armed point was not hit.
async fn sample(cluster: &Cluster) -> Sample {
    load::write(cluster, WARM_UP).await;
    if let Some(terms) = cluster.subject.terms() {
        cluster.arm(terms).await;
    }
    let reign = cluster.reign().await;
    let sample = load::write(cluster, SPAN).await;
    assert_eq!(cluster.reign().await, reign, "an election; is the machine busy?");
    if cluster.subject.terms().is_some() {
        let (hits, fires) = cluster.counts().await;
        let writes = sample.rate * SPAN.as_secs_f64();
        // All members apply all writes, but a follower may still be about to.
        assert!(hits as f64 >= 2.0 * writes, "{hits} hits of {writes} writes");
        assert!(fires > 0 && fires < hits / 20, "{fires} fires of {hits} hits");
    }
    sample
}
