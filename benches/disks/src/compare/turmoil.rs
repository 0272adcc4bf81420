//! `turmoil-fs`: a crash by chance in each run, with a seed for each.
//!
//! Its documentation sets `sync_probability` to 0.1, and tears writes at a `block_size`. A record has 28
//! bytes, which no block of 512 tears, so blocks have 8 here. A crash in the middle of an operation of the log
//! is ours: its users crash where their test has control.

use super::{Found, RECORDS, check, record};
use std::cell::Cell;
use std::io;
use std::path::Path;
use turmoil_fs::Fs;
use turmoil_fs::shim::std::fs::{File, create_dir, sync_dir as sync_names};
use wrong_log::Log;

super::the_log!();
super::watched::watched_fs!(turmoil_fs::shim::std::fs);

const DIRECTORY: &str = "/sim";
/// After so many runs without a loss, it is not looked for any more.
const SEEDS: u64 = 10_000;
/// The logs have no more changes than this.
const LONGEST: u64 = 12;

thread_local! {
    /// How many changes are made before the power fails.
    static LEFT: Cell<u64> = const { Cell::new(u64::MAX) };
}

fn operation() -> io::Result<()> {
    let left = LEFT.get();
    if left == 0 {
        return Err(io::Error::other("the power failed"));
    }
    LEFT.set(left - 1);
    Ok(())
}

fn sync_file(file: &File, _: &Path) -> io::Result<()> {
    file.sync_all()
}

fn sync_dir(path: &Path) -> io::Result<()> {
    sync_names(path)
}

pub(super) fn look(name: &str, seed: u64) -> Found {
    Found::of(|| {
        for run in 0..SEEDS {
            let seed = seed.wrapping_add(run);
            if let Err(why) = crash(name, seed) {
                return (true, format!("seed {seed}: {why}"));
            }
        }
        (false, format!("{SEEDS} seeds"))
    })
}

fn crash(name: &str, seed: u64) -> Result<(), String> {
    let disk = Fs::builder().seed(seed).sync_probability(0.1).block_size(8).build();
    let _in = disk.enter();
    create_dir(DIRECTORY).and_then(|()| sync_names("/")).map_err(|error| error.to_string())?;
    LEFT.set(seed % (LONGEST + 1));
    let mut acked = 0;
    let _ = append_all(name, &mut acked);
    disk.crash();
    LEFT.set(u64::MAX);
    let (_, found) = Log::open(Path::new(DIRECTORY), mistake(name))
        .map_err(|error| format!("the log does not open: {error}"))?;
    check(&found, acked)
}

/// Until the power fails.
fn append_all(name: &str, acked: &mut usize) -> io::Result<()> {
    let (mut log, _) = Log::open(Path::new(DIRECTORY), mistake(name))?;
    for number in 0..RECORDS {
        log.append(&record(number))?;
        *acked += 1;
    }
    Ok(())
}
