//! How are members run as children of this process?
//!
//! An [`Embedded`] agent does one operation of a member at a time; operations of different members run
//! at once. An operation that is dropped halfway goes on to its end.
//!
//! # What is refused
//! - A start of a member that runs.
//! - A fault on a member that does not run (SIGTERM, SIGKILL, SIGQUIT that removes data, PAUSE,
//!   UNPAUSE): it would not be felt. The error says how the member ended. The two operations that clean
//!   up (archive the data, stop the agent) also take a member that does not run.
//! - PAUSE of a paused member, and UNPAUSE of one that is not paused.
//!
//! # Files
//! A data directory is never deleted by a fault: it is renamed to `backup-N` in the directory of the
//! member, and an archive to `archive-N`. The last three of each are kept.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rustix::process::Signal;
use tokio::time::{Instant, timeout, timeout_at};

use super::files::{Files, Kept};
use super::{Agent, AgentError, MemberFiles, MemberState, Operation, Program, Request};
use crate::clock::Clock;
use crate::process::logs::Logs;
use crate::process::{Launch, Output, Process, Spawner};

/// An agent in this process. When it is dropped, its members are killed.
#[derive(Debug)]
pub struct Embedded {
    spawner: Arc<Spawner>,
    clock: Clock,
    /// The directory in which all members must be.
    root: Option<PathBuf>,
    members: Mutex<BTreeMap<String, Arc<Member>>>,
}

#[derive(Debug)]
struct Member {
    spawner: Arc<Spawner>,
    files: Files,
    logs: Logs,
    /// Held during an operation.
    operation: Arc<tokio::sync::Mutex<()>>,
    now: Mutex<Now>,
}

#[derive(Debug, Default)]
struct Now {
    process: Option<Process>,
    /// A program that stops, saves or restores.
    program: Option<Process>,
    paused: bool,
    starts: u64,
    killed: bool,
    kept: Option<PathBuf>,
    /// Its agent was stopped.
    stopped: bool,
}

impl Embedded {
    /// An agent whose logs have times of `clock`.
    ///
    /// # Errors
    /// The [helper](crate::process::launch::helper) that starts programs is not there.
    pub fn new(clock: Clock) -> Result<Self, AgentError> {
        Self::start(clock, None)
    }

    /// An agent that refuses members whose directories are not below `root`.
    ///
    /// # Errors
    /// As [`new`](Self::new); and `root` is not a directory.
    pub fn below(root: &Path, clock: Clock) -> Result<Self, AgentError> {
        match root.canonicalize() {
            Ok(root) if root.is_dir() => Self::start(clock, Some(root)),
            Ok(_) => Err(agent_error(format!("{} is not a directory", root.display()))),
            Err(error) => Err(agent_error(format!("{}: {error}", root.display()))),
        }
    }

    fn start(clock: Clock, root: Option<PathBuf>) -> Result<Self, AgentError> {
        let spawner = Spawner::start().map_err(|error| agent_error(error.message))?;
        Ok(Self { spawner: Arc::new(spawner), clock, root, members: Mutex::default() })
    }

    /// Whether a member runs.
    pub(super) fn runs_any(&self) -> bool {
        self.all().iter().any(|member| member.running().is_some())
    }

    /// Whether it had members, and the agents of all were stopped.
    pub(super) fn is_over(&self) -> bool {
        let members = self.all();
        !members.is_empty() && members.iter().all(|member| lock(&member.now).stopped)
    }

    /// Kills all members, and knows them no longer. Their files stay.
    pub(super) async fn forget(&self) -> Result<(), AgentError> {
        self.stop_all().await?;
        lock(&self.members).clear();
        Ok(())
    }

    /// The files of a member's data and log: their paths in an archive, and here, and their sizes.
    pub(super) fn listed(&self, name: &str) -> Result<Vec<(String, PathBuf, u64)>, AgentError> {
        Ok(self.member(name)?.files.listed())
    }

    fn member(&self, name: &str) -> Result<Arc<Member>, AgentError> {
        match lock(&self.members).get(name) {
            Some(member) => Ok(member.clone()),
            None => Err(AgentError {
                member: name.to_owned(),
                message: "the agent does not know this member; add it first".into(),
            }),
        }
    }

    fn all(&self) -> Vec<Arc<Member>> {
        lock(&self.members).values().cloned().collect()
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        // An operation in progress may have the spawner still.
        for member in self.all() {
            lock(&member.now).stopped = true;
            member.kill();
        }
    }
}

#[async_trait]
impl Agent for Embedded {
    async fn add(&self, files: &MemberFiles) -> Result<(), AgentError> {
        let checked = Files::check(files, self.root.as_deref());
        let checked =
            checked.map_err(|message| AgentError { member: files.name.clone(), message })?;
        let mut members = lock(&self.members);
        if let Some(known) = members.get(&files.name) {
            return if known.files == checked {
                Ok(())
            } else {
                Err(known.error("the agent knows this member with other files"))
            };
        }
        let member = Member {
            spawner: self.spawner.clone(),
            files: checked,
            logs: Logs::new(&files.name, self.clock),
            operation: Arc::default(),
            now: Mutex::default(),
        };
        members.insert(files.name.clone(), Arc::new(member));
        Ok(())
    }

    async fn operate(&self, member: &str, request: &Request) -> Result<MemberState, AgentError> {
        let member = self.member(member)?;
        let request = request.clone();
        let turn = member.operation.clone().lock_owned().await;
        let name = member.files.name.clone();
        // A task of its own, so that it goes on if the caller is dropped.
        let done = tokio::spawn(async move {
            let done = member.operate(&request).await;
            drop(turn);
            done
        });
        match done.await {
            Ok(done) => done,
            Err(error) => Err(AgentError { member: name, message: error.to_string() }),
        }
    }

    async fn state(&self, member: &str) -> Result<MemberState, AgentError> {
        Ok(self.member(member)?.state())
    }

    async fn ended(
        &self,
        member: &str,
        starts: u64,
        limit: Duration,
    ) -> Result<MemberState, AgentError> {
        let member = self.member(member)?;
        let process = {
            let now = lock(&member.now);
            if now.starts < starts {
                drop(now);
                return Err(member.error(&format!("it was not started {starts} times yet")));
            }
            now.process.clone().filter(|_| now.starts == starts)
        };
        if let Some(process) = process {
            let _ = timeout(limit, process.wait()).await;
        }
        Ok(member.state())
    }

    fn logs(&self, member: &str) -> Result<Logs, AgentError> {
        Ok(self.member(member)?.logs.clone())
    }

    async fn archive(&self, name: &str, directory: &Path) -> Result<(), AgentError> {
        let member = self.member(name)?;
        let (files, to) = (member.files.clone(), directory.to_owned());
        blocking(move || files.copy_to(&to)).await.map_err(|message| member.error(&message))
    }

    async fn stop_all(&self) -> Result<(), AgentError> {
        let members = self.all();
        for member in &members {
            member.kill();
        }
        for member in &members {
            // What is in progress ends, because its processes do.
            let _turn = member.operation.lock().await;
            member.kill();
            let process = lock(&member.now).process.clone();
            if let Some(process) = process {
                process.wait().await;
            }
        }
        Ok(())
    }
}

impl Member {
    async fn operate(&self, request: &Request) -> Result<MemberState, AgentError> {
        if lock(&self.now).stopped {
            return Err(self.error("its agent was stopped"));
        }
        let limit = Duration::from_millis(request.limit_ms);
        match request.operation {
            Operation::NotStarted => {}
            Operation::InitialStartEtcd | Operation::RestartFromSnapshot => {
                let start = self.may_start(request)?;
                self.take_data_away(Kept::Backup).await?;
                self.start(start).await?;
            }
            Operation::RestartEtcd => {
                let start = self.may_start(request)?;
                self.start(start).await?;
            }
            Operation::SigtermEtcd => self.stop(request, Signal::TERM, limit).await?,
            Operation::SigkillEtcd => self.stop(request, Signal::KILL, limit).await?,
            Operation::SigquitEtcdAndRemoveData => {
                self.stop(request, Signal::QUIT, limit).await?;
                self.take_data_away(Kept::Backup).await?;
            }
            Operation::SaveSnapshot => {
                let program = self.needs(&request.snapshot, request, "snapshot")?;
                self.run(program, limit).await?;
                lock(&self.now).kept = self.files.named_in(program);
            }
            Operation::RestoreRestartFromSnapshot => {
                let start = self.may_start(request)?;
                let restore = self.needs(&request.snapshot, request, "snapshot")?;
                self.take_data_away(Kept::Backup).await?;
                self.run(restore, limit).await?;
                self.start(start).await?;
            }
            Operation::SigquitEtcdAndArchiveData => {
                if self.running().is_some() {
                    self.stop(request, Signal::QUIT, limit).await?;
                }
                self.take_data_away(Kept::Archive).await?;
            }
            Operation::SigquitEtcdAndRemoveDataAndStopAgent => {
                if self.running().is_some() {
                    self.stop(request, Signal::QUIT, limit).await?;
                }
                let files = self.files.clone();
                blocking(move || files.remove_data()).await.map_err(|error| self.error(&error))?;
                lock(&self.now).stopped = true;
            }
            Operation::Pause => self.pause(limit).await?,
            Operation::Unpause => self.unpause()?,
        }
        Ok(self.state())
    }

    /// The program that starts it, if it may be started.
    fn may_start<'a>(&self, request: &'a Request) -> Result<&'a Program, AgentError> {
        if let Some(process) = self.running() {
            return Err(self.error(&format!(
                "{}: it runs as process {}; stop it first",
                request.operation.name(),
                process.id()
            )));
        }
        self.needs(&request.start, request, "start")
    }

    fn needs<'a>(
        &self,
        program: &'a Option<Program>,
        request: &Request,
        which: &str,
    ) -> Result<&'a Program, AgentError> {
        program.as_ref().filter(|program| !program.argv.is_empty()).ok_or_else(|| {
            self.error(&format!("{} needs a program in `{which}`", request.operation.name()))
        })
    }

    async fn start(&self, program: &Program) -> Result<(), AgentError> {
        let files = self.files.clone();
        blocking(move || files.create()).await.map_err(|error| self.error(&error))?;
        let output = Output { file: Some(self.files.log.clone()), logs: self.logs.clone() };
        let process = self.spawn(program, output).await?;
        let mut now = lock(&self.now);
        if now.stopped {
            process.signal(Signal::KILL);
        }
        now.process = Some(process);
        now.starts += 1;
        now.paused = false;
        now.killed = false;
        now.kept = None;
        Ok(())
    }

    async fn spawn(&self, program: &Program, output: Output) -> Result<Process, AgentError> {
        let directory = self.files.directory.clone();
        let launch = Launch { program: program.clone(), directory, output };
        self.spawner.spawn(launch).await.map_err(|error| self.error(&error.message))
    }

    /// Runs a program that ends by itself, such as one that saves a snapshot.
    async fn run(&self, program: &Program, limit: Duration) -> Result<(), AgentError> {
        let files = self.files.clone();
        blocking(move || files.create_directory()).await.map_err(|error| self.error(&error))?;
        let logs = Logs::new(&self.files.name, Clock::start());
        let process = self.spawn(program, Output { file: None, logs: logs.clone() }).await?;
        lock(&self.now).program = Some(process.clone());
        let ended = timeout(limit, process.wait()).await;
        let how = match &ended {
            Ok(ended) if ended.code == Some(0) => None,
            Ok(ended) => Some(ended.to_string()),
            Err(_) => {
                process.signal(Signal::KILL);
                process.wait().await;
                Some(format!("did not end within {limit:?}, and was killed"))
            }
        };
        lock(&self.now).program = None;
        match how {
            None => Ok(()),
            Some(how) => Err(self.error(&format!(
                "the program `{program}` {how}; it printed:\n{}",
                logs.last(50).join("\n")
            ))),
        }
    }

    /// Stops it, by the program that the request has for that, or by a signal; after `limit`, by
    /// SIGKILL.
    async fn stop(
        &self,
        request: &Request,
        signal: Signal,
        limit: Duration,
    ) -> Result<(), AgentError> {
        let deadline = Instant::now() + limit;
        let process = match (self.running(), &request.stop) {
            (Some(process), _) => process,
            // Others started it.
            (None, Some(program)) if self.state().starts == 0 => {
                return self.run(program, limit).await;
            }
            (None, _) => return Err(self.does_not_run(request.operation)),
        };
        {
            let mut now = lock(&self.now);
            now.killed = false;
            now.kept = None;
        }
        match &request.stop {
            Some(program) => self.run(program, limit).await?,
            None => {
                process.signal(signal);
                if self.state().paused {
                    // A stopped process gets a signal only when it continues.
                    process.signal(Signal::CONT);
                }
            }
        }
        if timeout_at(deadline, process.wait()).await.is_err() {
            process.signal(Signal::KILL);
            process.wait().await;
            lock(&self.now).killed = true;
        }
        Ok(())
    }

    async fn pause(&self, limit: Duration) -> Result<(), AgentError> {
        let process = self.running().ok_or_else(|| self.does_not_run(Operation::Pause))?;
        if self.state().paused {
            return Err(self.error("PAUSE: it is paused already"));
        }
        lock(&self.now).paused = true;
        process.signal(Signal::STOP);
        let waited = process.clone();
        let stopped = blocking(move || {
            waited.wait_until_stopped();
            Ok::<_, String>(())
        });
        let stopped = timeout(limit, stopped).await;
        if process.ended().is_some() {
            return Err(self.does_not_run(Operation::Pause));
        }
        match stopped {
            Ok(_) => Ok(()),
            Err(_) => Err(self.error(&format!("PAUSE: it did not stop within {limit:?}"))),
        }
    }

    fn unpause(&self) -> Result<(), AgentError> {
        let process = self.running().ok_or_else(|| self.does_not_run(Operation::Unpause))?;
        if !self.state().paused {
            return Err(self.error("UNPAUSE: it is not paused"));
        }
        process.signal(Signal::CONT);
        lock(&self.now).paused = false;
        Ok(())
    }

    async fn take_data_away(&self, kept: Kept) -> Result<(), AgentError> {
        let files = self.files.clone();
        let kept = blocking(move || files.take_data_away(kept)).await;
        lock(&self.now).kept = kept.map_err(|error| self.error(&error))?;
        Ok(())
    }

    /// Kills all its processes. Does not wait.
    fn kill(&self) {
        let now = lock(&self.now);
        for process in now.process.iter().chain(&now.program) {
            process.signal(Signal::KILL);
        }
    }

    /// Its process, if it has not ended.
    fn running(&self) -> Option<Process> {
        lock(&self.now).process.clone().filter(|process| process.ended().is_none())
    }

    fn state(&self) -> MemberState {
        let now = lock(&self.now);
        let ended = now.process.as_ref().and_then(Process::ended);
        let runs = now.process.as_ref().filter(|_| ended.is_none());
        MemberState {
            pid: runs.map(Process::id),
            elsewhere: false,
            paused: now.paused && runs.is_some(),
            ended,
            starts: now.starts,
            killed: now.killed,
            kept: now.kept.clone(),
        }
    }

    fn does_not_run(&self, operation: Operation) -> AgentError {
        let how = match self.state().ended {
            Some(ended) => format!("its last process {ended}"),
            None => "it was never started".to_owned(),
        };
        self.error(&format!("{}: it does not run; {how}", operation.name()))
    }

    fn error(&self, message: &str) -> AgentError {
        AgentError { member: self.files.name.clone(), message: message.to_owned() }
    }
}

/// Does file operations on a thread where they delay nothing else.
async fn blocking<T: Send + 'static>(
    what: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    match tokio::task::spawn_blocking(what).await {
        Ok(done) => done,
        Err(error) => Err(error.to_string()),
    }
}

fn agent_error(message: String) -> AgentError {
    AgentError { member: "agent".to_owned(), message }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
