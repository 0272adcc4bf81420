//! What ends processes that the parent-death signal does not reach? A guard beside the tester.
//!
//! The kernel sends that signal to the process that was started, and not to those that it starts. So a
//! [`Guard`] is a process that knows the groups of an agent. It reads from a pipe that only the agent
//! can write to. When that closes, however the agent ended, the guard kills the groups.
//!
//! A daemon leaves its group. It still has the variable [`MARK`] in its environment, which names the
//! agent and the start; by that it is found.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufRead, PipeWriter, Write, pipe};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};

use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, pidfd_send_signal};

/// The hidden first argument. The second one is the mark of the agent.
pub(super) const GUARD: &str = "guard";
/// The variable that marks the processes of an agent: `AGENT-START.`
pub(super) const MARK: &str = "TESTER_PROCESS";

/// The guard of an agent.
#[derive(Debug)]
pub(super) struct Guard {
    /// The mark of the agent.
    agent: String,
    pipe: PipeWriter,
}

impl Guard {
    /// Starts it. It ends when the `Guard` is dropped; then its process is to be reaped.
    pub(super) fn start(helper: &Path) -> io::Result<(Self, Child)> {
        let random = RandomState::new().hash_one(std::process::id());
        let agent = format!("{}.{random:016x}", std::process::id());
        let (reader, pipe) = pipe()?;
        let child = Command::new(helper)
            .args([GUARD, &agent])
            // Ctrl-C is not for the guard.
            .process_group(0)
            .stdin(reader)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok((Self { agent, pipe }, child))
    }

    /// The value of [`MARK`] for a start. No value is a prefix of another one.
    pub(super) fn mark(&self, start: u64) -> String {
        format!("{}-{start}.", self.agent)
    }

    pub(super) fn add(&self, group: Pid) {
        self.tell('+', group);
    }

    /// Must come before the id can be that of another process.
    pub(super) fn remove(&self, group: Pid) {
        self.tell('-', group);
    }

    fn tell(&self, what: char, group: Pid) {
        // A guard that was killed cannot help any more; the parent-death signal still does.
        let _ = (&self.pipe).write_all(format!("{what}{group}\n").as_bytes());
    }
}

/// The guard itself.
pub(super) fn main(agent: &str) -> ExitCode {
    let mut groups = BTreeSet::new();
    for line in io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        let (what, group) = line.split_at_checked(1).unwrap_or_default();
        match (what, group.parse::<i32>()) {
            ("+", Ok(group)) => drop(groups.insert(group)),
            ("-", Ok(group)) => drop(groups.remove(&group)),
            _ => {}
        }
    }
    for group in groups.into_iter().filter_map(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    kill_marked(&format!("{MARK}={agent}-"));
    ExitCode::SUCCESS
}

/// Kills the processes that have a variable which starts like this in their environment.
pub(super) fn kill_marked(start: &str) {
    // A process may have started another one before it was killed.
    const ROUNDS: usize = 10;
    for _ in 0..ROUNDS {
        if kill_marked_once(start) == 0 {
            return;
        }
    }
}

fn kill_marked_once(start: &str) -> usize {
    let Ok(entries) = fs::read_dir("/proc") else { return 0 };
    let pid = |entry: fs::DirEntry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?);
    let mut killed = 0;
    for pid in entries.flatten().filter_map(pid) {
        // Opened before the environment is read, so that the signal goes to that process.
        let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else { continue };
        let Ok(environment) = fs::read(format!("/proc/{pid}/environ")) else { continue };
        let is_marked =
            environment.split(|&byte| byte == 0).any(|one| one.starts_with(start.as_bytes()));
        if is_marked && pidfd_send_signal(process, Signal::KILL).is_ok() {
            killed += 1;
        }
    }
    killed
}
