//! How long does each crate take, and what comes out?

use failpoint_bench_support::functions::{Body, Kind};
use crate::generate::Crate;
use failpoint_bench_support::sections::{self, Sizes};
use std::env;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    Dev,
    Release,
}

impl Profile {
    pub const BOTH: [Profile; 2] = [Profile::Dev, Profile::Release];

    pub fn name(self) -> &'static str {
        match self {
            Profile::Dev => "dev",
            Profile::Release => "release",
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Measured {
    pub kind: Kind,
    /// The median of all rounds.
    pub time: Duration,
    pub fastest: Duration,
    pub slowest: Duration,
    /// What the points of all functions but the first take.
    pub sizes: Sizes,
}

/// Builds each of `kinds` once in every round, in turns.
pub fn measure(
    crates: &Path,
    profile: Profile,
    body: Body,
    kinds: &[Kind],
    rounds: usize,
) -> Vec<Measured> {
    let [one, all] = [false, true].map(|all| move |kind| Crate { body, kind, all });
    // Once before, for what they depend on.
    for &kind in kinds {
        build(crates, profile, one(kind));
        build(crates, profile, all(kind));
    }
    let mut times = vec![Vec::new(); kinds.len()];
    for round in 1..=rounds {
        eprintln!("{}, {}: round {round} of {rounds}", profile.name(), body.title());
        for (&kind, times) in kinds.iter().zip(&mut times) {
            times.push(build(crates, profile, all(kind)));
        }
    }
    let sizes = |one| sections::of(&program(crates, profile, one));
    kinds
        .iter()
        .zip(&mut times)
        .map(|(&kind, times)| {
            times.sort();
            Measured {
                kind,
                time: times[times.len() / 2],
                fastest: times[0],
                slowest: times[times.len() - 1],
                sizes: sizes(all(kind)) - sizes(one(kind)),
            }
        })
        .collect()
}

/// Where cargo puts the program of a crate.
pub fn program(crates: &Path, profile: Profile, one: Crate) -> PathBuf {
    let directory = match profile {
        Profile::Dev => "target/debug",
        Profile::Release => "target/release",
    };
    crates.join(directory).join(one.package()).with_extension(env::consts::EXE_EXTENSION)
}

/// Builds a crate anew, and links it.
pub fn build(crates: &Path, profile: Profile, one: Crate) -> Duration {
    let main = crates.join(one.name()).join("src/main.rs");
    let main = File::options().append(true).open(main).expect("it was generated");
    main.set_modified(SystemTime::now()).expect("a file of ours can be touched");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(crates)
        .args(["build", "--quiet", "--package", &one.package()])
        .env("CARGO_TARGET_DIR", crates.join("target"))
        // A build from nothing, which is what a changed file is compared with.
        .env("CARGO_INCREMENTAL", "0")
        .env_remove("CARGO_BUILD_TARGET")
        .env_remove("RUSTFLAGS");
    if profile == Profile::Release {
        cargo.arg("--release");
    }
    let start = Instant::now();
    let status = cargo.status().expect("cargo can be run");
    assert!(status.success(), "{cargo:?} failed");
    start.elapsed()
}
