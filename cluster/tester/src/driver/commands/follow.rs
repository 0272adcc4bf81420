//! How does a log that others keep come to the tester? By a call that prints it.
//!
//! A program that goes on, such as `tail -n 0 -F LOG`, is followed. What ends is asked again after a
//! moment, and lines that it had printed before are skipped: those after as many lines are new, unless the
//! first line is another one, or there are fewer. Then it is another log.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::{Commands, Found, Judged, LIMIT};
use crate::clock::Clock;
use crate::process::logs::Logs;
use crate::process::{Launch, Output, Program, Spawner};

/// How long until a call that has ended is made again.
const AGAIN: Duration = Duration::from_millis(500);

/// Copies the log of a member, until this future is dropped. A program ends with `spawner`.
pub(super) async fn follow(
    commands: Arc<Commands>,
    member: usize,
    spawner: Arc<Spawner>,
    logs: Logs,
) {
    let mut seen = Seen::default();
    loop {
        match commands.program(member, "logs", "") {
            Some(program) => stream(&commands, member, program, &spawner, &mut seen, &logs).await,
            None => {
                let answer = commands.ask(member, "logs", &[], LIMIT).await;
                if let Ok(Judged::Done(Found::Text(text))) = answer {
                    logs.push_all(seen.new_lines(text.lines().map(str::to_owned).enumerate()));
                    seen.end(text.lines().count());
                }
            }
        }
        sleep(AGAIN).await;
    }
}

/// Copies what a program prints, until it ends.
async fn stream(
    commands: &Commands,
    member: usize,
    program: Program,
    spawner: &Spawner,
    seen: &mut Seen,
    logs: &Logs,
) {
    // Bounded, as every log is.
    let printed = Logs::new(&commands.members[member].name, Clock::start());
    let launch = Launch {
        program,
        directory: std::path::PathBuf::from("."),
        output: Output { file: None, logs: printed.clone() },
    };
    let process = match spawner.spawn(launch).await {
        Ok(process) => process,
        Err(error) => {
            logs.push_all(seen.new_lines([(0, format!("failpoint-tester: {error}"))]));
            return;
        }
    };
    let mut copied = 0;
    loop {
        let ended = tokio::select! {
            _ = process.wait() => true,
            // Any line will do.
            line = printed.expect_after(copied, "", 1, LIMIT) => {
                if line.is_err() {
                    continue;
                }
                false
            }
        };
        let lines = printed.lines_after(copied);
        copied = lines.last().map_or(copied, |line| line.number);
        let lines = lines.into_iter().map(|line| (line.number - 1, line.text));
        logs.push_all(seen.new_lines(lines));
        if ended {
            break;
        }
    }
    seen.end(copied);
}

/// What of a log was seen already.
#[derive(Debug, Default)]
struct Seen {
    first: Option<String>,
    lines: usize,
}

impl Seen {
    /// The lines that are new, of lines with their numbers from 0 on.
    fn new_lines(&mut self, lines: impl IntoIterator<Item = (usize, String)>) -> Vec<String> {
        let mut new = Vec::new();
        for (number, line) in lines {
            if number == 0 && self.first.as_ref() != Some(&line) {
                *self = Self { first: Some(line.clone()), lines: 0 };
            }
            if number >= self.lines {
                self.lines = number + 1;
                new.push(line);
            }
        }
        new
    }

    /// The output has ended, after so many lines. None at all may be a call that failed.
    fn end(&mut self, lines: usize) {
        if lines > 0 && lines < self.lines {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Seen;

    #[test]
    fn a_line_is_told_once() {
        let mut seen = Seen::default();
        let mut output = |lines: &[&str]| {
            let new = seen.new_lines(lines.iter().map(|line| (*line).to_owned()).enumerate());
            seen.end(lines.len());
            new
        };
        assert_eq!(output(&["a", "b"]), ["a", "b"]);
        assert!(output(&["a", "b"]).is_empty());
        assert!(output(&[]).is_empty(), "nothing came, and nothing is forgotten");
        assert_eq!(output(&["a", "b", "b"]), ["b"]);
        assert_eq!(output(&["c", "b", "b", "b"]), ["c", "b", "b", "b"], "another log");
        assert!(output(&["c"]).is_empty(), "it was cut");
        assert_eq!(output(&["c", "d"]), ["c", "d"]);
    }
}
