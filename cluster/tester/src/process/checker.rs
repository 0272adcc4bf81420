//! How is LINEARIZABLE checked within a limit of memory? In a process of its own.
//!
//! The child is this command, or `failpoint-agent`, with a hidden first argument. It gets the operations
//! of one group of keys after the other as the lines of a history, with an empty line behind each
//! group, and answers each group with one line of JSON. A child that runs out of memory or time is
//! gone, and the group that it was about is not decided; another child takes the rest.
//!
//! The child ends with its parent: the kernel kills it when the thread that started it ends.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{
    Resource, Rlimit, Signal, getppid, set_parent_process_death_signal, setrlimit,
};
use serde::{Deserialize, Serialize};

use super::launch::helper;
use crate::checks::Verdict;
use crate::checks::linearizable::{Group, NotDecided, Violation, check_group, groups};
use crate::history::{History, Numbered, Operation, Response};

/// The hidden first argument.
const CHECK: &str = "check-linearizable";

/// What a check may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long it may take.
    pub time: Duration,
    /// How much memory its process may have, in bytes.
    pub memory: u64,
}

impl Default for Limits {
    /// One minute, and 1 GiB.
    fn default() -> Self {
        Self { time: Duration::from_secs(60), memory: 1 << 30 }
    }
}

/// What the child says of a group. Numbers are places in the group, from 1 on.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Answer {
    Holds,
    Violated { operation: usize, possible: Vec<Response>, write: Option<usize> },
    InFlight,
    ComparesRevision { operation: usize },
}

/// As [`linearizable::check`](crate::checks::linearizable::check), in a process that is killed at its
/// limits. It blocks until then.
///
/// Each group of keys gets an equal share of the time that is left; the small ones come first.
#[must_use = "the verdict is all that comes of it"]
pub fn linearizable(history: &History, limits: Limits) -> Verdict<Violation, NotDecided> {
    let start = Instant::now();
    let mut not_decided = (history.epochs.len() > 1).then_some(NotDecided::Restored);
    let Some(epoch) = history.epochs.first() else { return Verdict::Holds };
    let mut groups = groups(&epoch.operations);
    groups.sort_by_key(|group| group.operations.len());
    let mut checker = None;
    let count = groups.len();
    for (index, group) in groups.iter().enumerate() {
        let left = limits.time.saturating_sub(start.elapsed());
        let share = left / u32::try_from(count - index).unwrap_or(u32::MAX);
        let running = match checker.take() {
            Some(running) => Ok(running),
            None => Checker::start(limits.memory),
        };
        let asked = running.and_then(|running| running.ask(&epoch.operations, group, share));
        let (answer, running) = match asked {
            Ok(asked) => asked,
            Err(stop) => {
                not_decided.get_or_insert(stop.of(group));
                continue;
            }
        };
        checker = Some(running);
        let numbered = |place: usize| {
            let number = place.checked_sub(1).and_then(|place| group.operations.get(place))?;
            let operation = epoch.operations[*number].clone();
            Some(Box::new(Numbered { number: number + 1, operation }))
        };
        let reason = match answer {
            Answer::Holds => continue,
            Answer::Violated { operation, possible, write } => match numbered(operation) {
                Some(operation) => {
                    let write = write.and_then(numbered);
                    return Verdict::Violated(Violation { operation, possible, write });
                }
                None => {
                    Stop::Ended("it named an operation that does not exist".to_owned()).of(group)
                }
            },
            Answer::InFlight => {
                NotDecided::InFlight { key: group.key.clone(), operations: group.operations.len() }
            }
            Answer::ComparesRevision { operation } => match numbered(operation) {
                Some(operation) => NotDecided::ComparesRevision { operation },
                None => {
                    Stop::Ended("it named an operation that does not exist".to_owned()).of(group)
                }
            },
        };
        not_decided.get_or_insert(reason);
    }
    not_decided.map_or(Verdict::Holds, Verdict::NotDecided)
}

/// Why a group got no answer.
enum Stop {
    Time,
    Memory,
    Ended(String),
}

impl Stop {
    fn of(self, group: &Group) -> NotDecided {
        let (key, operations) = (group.key.clone(), group.operations.len());
        match self {
            Self::Time => NotDecided::Time { key, operations },
            Self::Memory => NotDecided::Memory { key, operations },
            Self::Ended(how) => NotDecided::Ended { key, operations, how },
        }
    }
}

/// A child that waits for a group. Dropped, it is killed.
struct Checker {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Checker {
    fn start(memory: u64) -> Result<Self, Stop> {
        let ended = |error: io::Error| Stop::Ended(format!("it could not be started: {error}"));
        let helper = helper().map_err(|error| Stop::Ended(error.to_string()))?;
        let mut child = Command::new(helper)
            .arg(CHECK)
            .args([std::process::id().to_string(), memory.to_string()])
            // A panic or an error is one line.
            .env_remove("RUST_BACKTRACE")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(ended)?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(input), Some(output)) => {
                Ok(Self { child, input, output: BufReader::new(output) })
            }
            _ => Err(Stop::Ended("it has no pipes".to_owned())),
        }
    }

    /// Sends a group, and waits for the answer. A child that gave none is gone.
    fn ask(
        mut self,
        operations: &[Operation],
        group: &Group,
        limit: Duration,
    ) -> Result<(Answer, Self), Stop> {
        let (answered, answer) = channel();
        let Self { child, input, output } = &mut self;
        let line = thread::scope(|scope| {
            scope.spawn(move || {
                // A child that was killed does not read on: then its end says why.
                let sent = send(input, operations, group);
                let mut line = String::new();
                let read = sent.and_then(|()| output.read_line(&mut line));
                let _ = answered.send(read.map(|_| line));
            });
            let line = answer.recv_timeout(limit);
            if matches!(line, Err(RecvTimeoutError::Timeout)) {
                let _ = child.kill();
            }
            line
        });
        match line {
            Err(RecvTimeoutError::Timeout) => Err(Stop::Time),
            Ok(Ok(line)) if line.ends_with('\n') => match serde_json::from_str(&line) {
                Ok(answer) => Ok((answer, self)),
                Err(error) => Err(Stop::Ended(format!("its answer is not understood: {error}"))),
            },
            _ => Err(self.why()),
        }
    }

    /// Why a child has ended that gave no answer.
    fn why(&mut self) -> Stop {
        let mut said = String::new();
        if let Some(stderr) = self.child.stderr.take() {
            let _ = stderr.take(4_096).read_to_string(&mut said);
        }
        // What std prints when an allocation fails.
        if said.contains("memory allocation of") {
            return Stop::Memory;
        }
        let status = self.child.wait().map_or_else(|error| error.to_string(), |s| s.to_string());
        Stop::Ended(format!("{status}: {}", said.trim()))
    }
}

impl Drop for Checker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn send(input: &mut ChildStdin, operations: &[Operation], group: &Group) -> io::Result<()> {
    #[derive(Serialize)]
    #[serde(rename_all = "kebab-case")]
    enum Line<'a> {
        Operation(&'a Operation),
    }
    let mut input = io::BufWriter::new(input);
    for &index in &group.operations {
        serde_json::to_writer(&mut input, &Line::Operation(&operations[index]))?;
        input.write_all(b"\n")?;
    }
    input.write_all(b"\n")?;
    input.flush()
}

/// Is the child, if the hidden first argument says so.
pub(super) fn main_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next()? != CHECK {
        return None;
    }
    let mut number = || arguments.next().and_then(|number| number.parse::<u64>().ok());
    let (Some(parent), Some(memory)) = (number(), number()) else {
        eprintln!("usage: failpoint-tester {CHECK} PARENT_PID BYTES");
        return Some(ExitCode::from(2));
    };
    Some(match answer_all(parent, memory) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    })
}

fn answer_all(parent: u64, memory: u64) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // If the parent had ended before, the signal would never come.
    if getppid().map(|pid| pid.as_raw_nonzero().get().unsigned_abs().into()) != Some(parent) {
        return Ok(());
    }
    let limit = |bytes| Rlimit { current: Some(bytes), maximum: Some(bytes) };
    // A process that fails to allocate aborts; that is no reason for a core dump.
    setrlimit(Resource::Core, limit(0))?;
    setrlimit(Resource::As, limit(memory))?;
    let mut input = io::stdin().lock();
    loop {
        let mut lines = Vec::new();
        let mut empty = false;
        while !empty && input.read_until(b'\n', &mut lines)? > 0 {
            empty = lines.ends_with(b"\n\n") || lines == b"\n";
        }
        if !empty {
            return Ok(());
        }
        let read = History::read(&lines[..]);
        drop(lines);
        let operations = match read {
            Ok(mut history) => history.epochs.swap_remove(0).operations,
            Err(error) => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, error.to_string()));
            }
        };
        let answer = match check_group(&operations) {
            Verdict::Holds => Answer::Holds,
            Verdict::Violated(Violation { operation, possible, write }) => Answer::Violated {
                operation: operation.number,
                possible,
                write: write.map(|write| write.number),
            },
            Verdict::NotDecided(NotDecided::ComparesRevision { operation }) => {
                Answer::ComparesRevision { operation: operation.number }
            }
            Verdict::NotDecided(_) => Answer::InFlight,
        };
        let mut line = serde_json::to_vec(&answer)?;
        line.push(b'\n');
        io::stdout().write_all(&line)?;
        io::stdout().flush()?;
    }
}
