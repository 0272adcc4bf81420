//! What came of each test?

use crate::consumer::Consumer;
use crate::{Failure, Rooms, Side, progress};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long one run may take, the build included: a test that hangs is one that fails.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    Failed,
    Ignored,
}

/// By name.
pub type Outcomes = BTreeMap<String, Outcome>;

/// Where the output of a run is kept.
pub fn logs(rooms: &Rooms, consumer: &Consumer, side: Side) -> PathBuf {
    let name = match side {
        Side::Fail => "with-fail.log",
        Side::Ours => "with-ours.log",
    };
    rooms.work.join(consumer.key()).join(name)
}

/// Runs the tests of `copy`.
pub fn run(
    rooms: &Rooms,
    consumer: &Consumer,
    copy: &Path,
    side: Side,
) -> Result<Outcomes, Failure> {
    let log = logs(rooms, consumer, side);
    let errors = log.with_extension("err");
    progress(format_args!("{}: testing on {side:?}; output in {}", consumer.key(), log.display()));
    let begun = Instant::now();
    let mut command = Command::new("cargo");
    // One test is told in one line: what they print while they run goes elsewhere.
    command.args(["test", "--no-fail-fast", "-j2"]).args(consumer.cargo).arg("--");
    command.args(consumer.harness).current_dir(copy);
    command.env("CARGO_TARGET_DIR", rooms.work.join("build"));
    command.stdin(Stdio::null()).stdout(File::create(&log)?).stderr(File::create(&errors)?);
    let mut child = command.spawn()?;
    let finished = wait(&mut child, begun)?;
    let outcomes = read(&String::from_utf8_lossy(&fs::read(&log)?));
    if outcomes.is_empty() {
        let why = fs::read_to_string(&errors).unwrap_or_default();
        let tail: Vec<&str> = why.lines().rev().take(30).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        return Err(format!("{}: no test ran\n{}", consumer.key(), tail.join("\n")).into());
    }
    let failed = outcomes.values().filter(|outcome| **outcome == Outcome::Failed).count();
    let seconds = begun.elapsed().as_secs();
    let hung = if finished { "" } else { ", and then it hung" };
    progress(format_args!(
        "{}: {} tests, {failed} failed, {seconds} s{hung}",
        consumer.key(),
        outcomes.len()
    ));
    Ok(outcomes)
}

/// Whether it ended by itself.
fn wait(child: &mut Child, begun: Instant) -> Result<bool, Failure> {
    while child.try_wait()?.is_none() {
        if begun.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(true)
}

/// Reads what the test harness prints: `test NAME ... ok`. Whatever a test prints may stand between.
fn read(output: &str) -> Outcomes {
    let mut outcomes = Outcomes::new();
    let mut running: Option<String> = None;
    for line in output.lines() {
        let begins = line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... "));
        if let Some((name, _)) = begins {
            // One that does not come to an end has failed.
            let mut name = name.trim_end_matches(" - should panic").to_owned();
            // Two binaries may have a test of one name.
            while outcomes.contains_key(&name) {
                name += " (another)";
            }
            outcomes.insert(name.clone(), Outcome::Failed);
            running = Some(name);
        }
        let outcome = match line {
            _ if line.ends_with("ok") => Outcome::Passed,
            _ if line.ends_with("FAILED") => Outcome::Failed,
            _ if line.contains("... ignored") => Outcome::Ignored,
            _ => continue,
        };
        if let Some(name) = running.take() {
            outcomes.insert(name, outcome);
        }
    }
    outcomes
}

#[cfg(test)]
mod tests {
    use super::{Outcome, read};

    #[test]
    fn reads_what_the_harness_prints() {
        let outcomes = read(
            "running 4 tests\ntest a::b ... ok\ntest c - should panic ... noise\nok\n\
             test d ... FAILED\ntest e ... ignored, needs a cluster\ntest f ... \n",
        );
        let expected = [
            ("a::b", Outcome::Passed),
            ("c", Outcome::Passed),
            ("d", Outcome::Failed),
            ("e", Outcome::Ignored),
            ("f", Outcome::Failed),
        ];
        assert!(
            outcomes.into_iter().eq(expected.map(|(name, outcome)| (name.to_owned(), outcome)))
        );
    }
}
