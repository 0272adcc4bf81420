//! The demo of twelve seconds, on a real server and a real disk.
//!
//! It makes a server under load slow, breaks its disk, and kills it in the middle of a save. The line
//! of each second shows the effect, and the demo checks the server's guarantees each time.

use super::client::{Client, ClientError};
use super::load::{Load, Sample, Timing, Write};
use super::process::ServerProcess;
use crate::curl::{Answer, Curl, Request};
use std::fmt;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

const CONNECTIONS: usize = 4;
const SLEEP: Duration = Duration::from_millis(100);
const DEATH_LIMIT: Duration = Duration::from_secs(60);

/// Why the demo ended early.
#[derive(Debug)]
#[non_exhaustive]
pub enum DemoError {
    /// This program was built without failpoints.
    CompiledOut,
    /// The system, or a connection, failed.
    Io(io::Error),
    /// The store failed where it must not.
    Client(ClientError),
    /// A check of this demo failed.
    DoesNotHold(String),
}

impl fmt::Display for DemoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DemoError::CompiledOut => f.write_str(
                "there is nothing to show, for failpoints were compiled out; leave \
                 --no-default-features out",
            ),
            DemoError::Io(error) => error.fmt(f),
            DemoError::Client(error) => error.fmt(f),
            DemoError::DoesNotHold(what) => write!(f, "check failed: {what}"),
        }
    }
}

impl std::error::Error for DemoError {}

impl From<io::Error> for DemoError {
    fn from(error: io::Error) -> Self {
        DemoError::Io(error)
    }
}

impl From<ClientError> for DemoError {
    fn from(error: ClientError) -> Self {
        DemoError::Client(error)
    }
}

/// Runs the demo with `program`, the `wal_server` itself, as the server.
///
/// # Errors
/// [`DemoError`], if the system fails or a check fails.
pub fn run(program: &Path) -> Result<(), DemoError> {
    if !failpoint::enabled() {
        return Err(DemoError::CompiledOut);
    }
    let directory = tempfile::tempdir()?;

    say("Starting a server, and four connections that write as fast as it answers.")?;
    let mut server = start(program, directory.path())?;
    let control = server
        .control()
        .cloned()
        .ok_or_else(|| DemoError::DoesNotHold("the server has a control address".into()))?;
    let mut clock = Clock::start(Load::start(server.address(), CONNECTIONS, "demo")?);
    let before = clock.seconds(3)?;
    holds(!before.acknowledged.is_empty(), "the server saves")?;

    slow_saves(&control, &mut clock)?;
    broken_disk(&control, &mut clock)?;
    let acknowledged = death(&control, clock, &mut server)?;

    say("Starting the server again on the same data.")?;
    let server = start(program, directory.path())?;
    let lost = missing(server.address(), &acknowledged)?;
    holds(lost == 0, &format!("no acknowledged write is lost; {lost} are"))?;
    let kept = Client::connect(server.address())?.request("LEN")?;
    print(&format!("  $ LEN\n    {kept}"))?;
    say("Additional keys were saved before the crash but not acknowledged.")?;
    say(&format!("All {} acknowledged writes are there.", acknowledged.len()))
}

fn slow_saves(control: &Curl, clock: &mut Clock) -> Result<(), DemoError> {
    say("Slowing every save down by 100 ms, between the sync and the `OK`.")?;
    expect(204, control.put("raftAfterSave", "sleep(100)"))?;
    let armed = Instant::now();
    let slow = clock.seconds(3)?;
    let slept = sent_since(armed, &slow);
    holds(!slept.is_empty(), "the slow server still saves")?;
    holds(
        slept.iter().all(|timing| timing.took >= SLEEP),
        "every save takes 100 ms or more while sleep(100) is armed",
    )?;

    say("Disarming the point: saves are fast again.")?;
    expect(200, control.get("raftAfterSave/count"))?;
    expect(204, control.delete("raftAfterSave"))?;
    let disarmed = Instant::now();
    let fast = clock.seconds(2)?;
    holds(
        sent_since(disarmed, &fast).iter().any(|timing| timing.took < SLEEP),
        "saves are fast again when it is disarmed",
    )
}

fn broken_disk(control: &Curl, clock: &mut Clock) -> Result<(), DemoError> {
    say("Making writes to the disk fail: clients get errors, and nothing is acknowledged.")?;
    expect(204, control.put("disk.write", "return(EIO)"))?;
    let armed = Instant::now();
    let broken = clock.seconds(2)?;
    holds(sent_since(armed, &broken).is_empty(), "nothing is acknowledged while writes fail")?;
    holds(broken.errors > 0, "clients get errors while writes fail")?;

    say("Disarming the point: the disk works again, and the log continues.")?;
    expect(204, control.delete("disk.write"))?;
    let mended = clock.seconds(1)?;
    holds(!mended.acknowledged.is_empty(), "the server saves again")
}

/// Kills the server in the middle of a save; returns the writes that it acknowledged.
fn death(
    control: &Curl,
    clock: Clock,
    server: &mut ServerProcess,
) -> Result<Vec<Write>, DemoError> {
    say(
        "Crashing the server between the sync and the answer (FAILPOINT_PANIC=abort ends the process).",
    )?;
    expect(204, control.put("walAfterSync", r#"panic("sorry!")"#))?;
    let status = server
        .wait(DEATH_LIMIT)?
        .ok_or_else(|| DemoError::DoesNotHold("a panic ends the server".into()))?;
    holds(!status.success(), "the server does not end successfully")?;
    say(&format!("It ended with {status}."))?;
    Ok(clock.load.finish())
}

fn start(program: &Path, directory: &Path) -> Result<ServerProcess, DemoError> {
    let server = ServerProcess::start(
        Command::new(program)
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(directory)
            .env("GOFAIL_HTTP", "127.0.0.1:0")
            .env("FAILPOINT_PANIC", "abort"),
    )?;
    for line in server.greeting() {
        print(&format!("  server | {line}"))?;
    }
    Ok(server)
}

/// How many of `acknowledged` the server at `address` does not have.
fn missing(address: &str, acknowledged: &[Write]) -> Result<usize, DemoError> {
    let mut client = Client::connect(address)?;
    let mut missing = 0;
    for write in acknowledged {
        missing += usize::from(client.get(&write.key)?.as_deref() != Some(&write.value));
    }
    Ok(missing)
}

/// The load, and a line for each second of it.
struct Clock {
    load: Load,
    began: Instant,
    second: u32,
}

impl Clock {
    fn start(load: Load) -> Self {
        Self { load, began: Instant::now(), second: 0 }
    }

    /// Waits for `count` seconds; returns what happened in them.
    fn seconds(&mut self, count: u32) -> Result<Sample, DemoError> {
        let mut all = Sample::default();
        for _ in 0..count {
            self.second += 1;
            let end = self.began + Duration::from_secs(1) * self.second;
            thread::sleep(end.saturating_duration_since(Instant::now()));
            let second = self.load.look();
            print(&format!("{:>4} s {second}", self.second))?;
            all.acknowledged.extend(second.acknowledged);
            all.errors += second.errors;
        }
        Ok(all)
    }
}

fn sent_since(moment: Instant, sample: &Sample) -> Vec<Timing> {
    sample.acknowledged.iter().copied().filter(|timing| timing.sent >= moment).collect()
}

fn expect(status: u16, request: Request<'_>) -> Result<Answer, DemoError> {
    print(&format!("  $ {request}"))?;
    let answer = request.send()?;
    print(format!("    {} {}", answer.status, answer.body.trim_end()).trim_end())?;
    holds(answer.status == status, &format!("{request} is answered with {status}"))?;
    Ok(answer)
}

fn holds(condition: bool, what: &str) -> Result<(), DemoError> {
    if condition { Ok(()) } else { Err(DemoError::DoesNotHold(what.to_owned())) }
}

fn say(line: &str) -> Result<(), DemoError> {
    print(&format!("\n# {line}"))
}

/// If stdout is closed, this returns an error; `println!` would panic.
fn print(line: &str) -> Result<(), DemoError> {
    Ok(writeln!(io::stdout(), "{line}")?)
}
