//! The Rust code of the project's README, line by line, so that it is compiled and its tests run.

#![allow(dead_code)]

use failpoint::{fail_point, fail_result};
use std::io::{self, Write};

fn save(log: &mut impl Write, entry: &str) -> io::Result<()> {
    fail_point!("raftBeforeSave"); // sleep(100), pause, panic, kill, …
    writeln!(log, "{entry}")?;
    fail_result!("walSync")?; // all of these, and return(EIO), return(ENOSPC), …
    log.flush()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let _control = failpoint_http::serve_from_env()?; // does nothing unless GOFAIL_HTTP is set
    for number in 1.. {
        if let Err(error) = save(&mut io::stdout(), &format!("entry {number}")) {
            eprintln!("entry {number} is not saved: {error}");
        }
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
    Ok(())
}

use failpoint::{fail_point_async, fail_result_async};

async fn fetch(key: &str) -> std::io::Result<String> {
    fail_point_async!("beforeFetch", key = key); // when(key=a):pause holds requests for `a`
    fail_result_async!("fetch")?; // sleep(2s)&return(ETIMEDOUT): slow, and then it fails
    Ok(format!("the value of {key}"))
}

use failpoint::Scope;
use std::time::Duration;

#[failpoint::test]
fn a_failed_sync_is_reported(scope: Scope) -> Result<(), Box<dyn std::error::Error>> {
    scope.arm("walSync", "nth(2):return(EIO)")?;
    assert!(save(&mut io::sink(), "x = 1").is_ok());
    assert!(save(&mut io::sink(), "x = 2").is_err());
    Ok(())
}

#[failpoint::test]
fn a_save_can_be_held(scope: Scope) -> Result<(), Box<dyn std::error::Error>> {
    scope.arm("raftBeforeSave", "pause")?;
    let writer = std::thread::spawn(scope.wrap_fn(|| save(&mut io::sink(), "x = 1")));
    scope.wait_paused("raftBeforeSave", 1, Duration::from_secs(10))?;
    assert!(!writer.is_finished()); // here a test looks at the half-done state
    scope.resume("raftBeforeSave", 1)?;
    writer.join().expect("it does not panic")?;
    Ok(())
}

#[failpoint::test]
async fn a_fetch_that_times_out_is_reported(scope: Scope) -> Result<(), failpoint::Error> {
    scope.arm("fetch", "return(ETIMEDOUT)")?;
    assert!(fetch("a").await.is_err());
    Ok(())
}

use failpoint_disk::fs; // instead of std::fs; without the feature `failpoints` it is std::fs

fn replace(text: &str) -> std::io::Result<()> {
    fs::write("/sim/new", text)?;
    fs::File::open("/sim/new")?.sync_all()?;
    fs::rename("/sim/new", "/sim/saved")?;
    fs::File::open("/sim")?.sync_all() // without this line, the test below says which crash loses data
}

#[failpoint::test]
fn no_crash_loses_what_was_replaced() {
    failpoint_disk::explore_crashes(
        |run| {
            replace("one").unwrap();
            run.ack("one");
        },
        || fs::read_to_string("/sim/saved").unwrap_or_default(), // what a restart does
        |found, acked| match acked.last() {
            Some(last) if found != last => Err(format!("{last} is lost, {found:?} is there")),
            _ => Ok(()),
        },
    )
    .expect_held();
}

#[failpoint::test]
async fn the_comments_of_the_async_example_hold(scope: Scope) -> Result<(), failpoint::Error> {
    scope.arm("beforeFetch", "when(key=b):panic(held)")?;
    scope.arm("fetch", "sleep(2ms)&return(ETIMEDOUT)")?;
    assert_eq!(fetch("a").await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    scope.disarm("beforeFetch")?;
    Ok(())
}

/// Each block of Rust in the README stands in this file.
#[test]
fn the_readme_says_what_stands_here() {
    let lines = |text: &'static str| text.lines().filter(|line| !line.trim().is_empty());
    let here: Vec<&str> = lines(include_str!("readme.rs")).collect();
    let blocks: Vec<&str> = include_str!("../../README.md")
        .split("```rust\n")
        .skip(1)
        .map(|rest| rest.split("```").next().expect("the block ends"))
        .collect();
    assert_eq!(blocks.len(), 4);
    for block in blocks {
        let block: Vec<&str> = lines(block).collect();
        assert!(here.windows(block.len()).any(|part| part == block), "not here:\n{block:#?}");
    }
}
