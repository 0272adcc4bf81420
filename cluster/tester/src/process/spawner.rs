//! Which thread starts the processes of an agent? One that lives as long as they do.
//!
//! The signal that ends a process with its parent belongs to the *thread* that started it. A thread of
//! a runtime may end earlier, and would take its processes with it.

use std::ffi::OsString;
use std::io::{PipeReader, Read, pipe};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

use rustix::process::Signal;
use tokio::sync::oneshot;

use super::guard::{Guard, MARK};
use super::launch::{self, LAUNCH};
use super::logs::Logs;
use super::output::{self, LogFile};
use super::running::Process;
use super::{ProcessError, Program};

/// A log file of this size is renamed to `FILE.1`, so both together have at most twice as much.
const LOG_FILE_LIMIT: u64 = 64 << 20;

/// Starts processes. When it is dropped, they are killed.
#[derive(Debug)]
pub struct Spawner {
    /// `None` while it is dropped.
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

/// A process to start.
#[derive(Clone, Debug)]
pub struct Launch {
    /// What to run.
    pub program: Program,
    /// Its working directory.
    pub directory: PathBuf,
    /// Where its output goes.
    pub output: Output,
}

/// Where the output of a process goes.
#[derive(Clone, Debug)]
pub struct Output {
    /// A file to which it is appended. At 64 MiB it is renamed to `FILE.1`.
    pub file: Option<PathBuf>,
    /// Its lines.
    pub logs: Logs,
}

struct Job {
    launch: Launch,
    reply: oneshot::Sender<Result<Process, ProcessError>>,
}

impl Spawner {
    /// Starts the thread.
    ///
    /// # Errors
    /// The [helper](launch::helper) that starts programs is not there, or no thread can be started.
    pub fn start() -> Result<Self, ProcessError> {
        let helper = launch::helper()?;
        let (guard, mut guarding) = Guard::start(&helper)
            .map_err(|error| failed(&format!("{} cannot be run", helper.display()), error))?;
        let guard = Arc::new(guard);
        let (jobs, inbox) = mpsc::channel::<Job>();
        let run = move || {
            let mut processes: Vec<Process> = Vec::new();
            for (start, Job { launch, reply }) in (1..).zip(inbox) {
                let spawned = spawn(&helper, launch, start, &guard);
                processes.retain(|process| process.ended().is_none());
                processes.extend(spawned.as_ref().ok().cloned());
                // The process ends if the caller does not want it any more.
                if let Err(Ok(process)) = reply.send(spawned) {
                    process.signal(Signal::KILL);
                }
            }
            for process in processes {
                process.signal(Signal::KILL);
            }
            drop(guard);
            let _ = guarding.wait();
        };
        let thread = thread::Builder::new()
            .name("failpoint-spawn".to_owned())
            .spawn(run)
            .map_err(|error| failed("no thread can be started", error))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Starts a process. It runs when this returns.
    ///
    /// # Errors
    /// The program cannot be run, or its log cannot be opened.
    pub async fn spawn(&self, launch: Launch) -> Result<Process, ProcessError> {
        let (reply, started) = oneshot::channel();
        // If the thread has ended, the job is dropped, and its reply with it.
        let _ = self.jobs.as_ref().map(|jobs| jobs.send(Job { launch, reply }));
        let ended =
            || ProcessError { message: "the thread that starts processes has ended".into() };
        started.await.unwrap_or_else(|_| Err(ended()))
    }
}

impl Drop for Spawner {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Starts a process from this thread. Returns when the program runs, so that the thread cannot end
/// between the start of the helper and its wish for a signal.
fn spawn(
    helper: &Path,
    launch: Launch,
    start: u64,
    guard: &Arc<Guard>,
) -> Result<Process, ProcessError> {
    let Launch { program, directory, output } = launch;
    if program.argv.is_empty() {
        return Err(ProcessError { message: "the program is empty".into() });
    }
    let file = match &output.file {
        Some(path) => Some(
            LogFile::open(path, LOG_FILE_LIMIT)
                .map_err(|error| failed(&format!("the log {}", path.display()), error))?,
        ),
        None => None,
    };
    let no_pipe = |error| failed("no pipe can be made", error);
    let (lines, printed) = pipe().map_err(no_pipe)?;
    let (report, reporter) = pipe().map_err(no_pipe)?;

    let mut command = Command::new(helper);
    command.arg(LAUNCH).arg(std::process::id().to_string()).arg("--").args(&program.argv);
    for name in left_out() {
        command.env_remove(name);
    }
    let mark = guard.mark(start);
    command
        .envs(&program.env)
        .env(MARK, &mark)
        .current_dir(&directory)
        .process_group(0)
        .stdin(reporter)
        .stdout(printed.try_clone().map_err(no_pipe)?)
        .stderr(printed);
    let spawned = command.spawn();
    // It has copies of the ends of the pipes.
    drop(command);
    let child = spawned.map_err(|error| {
        failed(&format!("{} cannot be run in {}", program.argv[0], directory.display()), error)
    })?;

    let (at_end, ended) = mpsc::channel();
    let read = move || {
        output::copy(lines, file, &output.logs);
        drop::<mpsc::Sender<()>>(at_end);
    };
    let reader = thread::Builder::new().name("failpoint-log".to_owned()).spawn(read);
    let process = Process::adopt(child, mark, guard.clone(), ended)?;
    if let Err(error) = reader {
        process.signal(Signal::KILL);
        return Err(failed("no thread can be started", error));
    }
    match wait_for(report) {
        None => Ok(process),
        Some(message) => Err(ProcessError { message }),
    }
}

/// The variables of the environment that members do not get: they concern the agent itself, or another
/// etcd of its user. etcd and etcdctl refuse to start with a variable that contradicts a flag.
pub(crate) fn left_out() -> impl Iterator<Item = OsString> {
    const OWN: [&str; 4] = ["FAILPOINT", "GOFAIL", "ETCD_", "ETCDCTL_"];
    let is_left_out = |name: &str| {
        // On some machines, etcd does not start without this one.
        name != "ETCD_UNSUPPORTED_ARCH" && OWN.iter().any(|own| name.starts_with(own))
    };
    std::env::vars_os()
        .map(|(name, _)| name)
        .filter(move |name| name.to_str().is_some_and(is_left_out))
}

/// Waits until the helper has become the program; else what it says.
fn wait_for(mut report: PipeReader) -> Option<String> {
    let mut why = String::new();
    match report.read_to_string(&mut why) {
        Ok(_) if why.is_empty() => None,
        Ok(_) => Some(why),
        Err(error) => Some(error.to_string()),
    }
}

fn failed(what: &str, error: std::io::Error) -> ProcessError {
    ProcessError { message: format!("{what}: {error}") }
}
