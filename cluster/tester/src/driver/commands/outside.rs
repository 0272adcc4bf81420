//! How are members run that are no children of the tester? By calls: `launch`, `stop`, `kill`, `pause`,
//! `unpause`, `running` and `logs`.
//!
//! So a member may be a daemon, a unit of systemd, a container, or a process on a machine that is reached
//! by ssh. The tester knows no process id: a member runs as long as `running` succeeds. Without that call,
//! it runs as long as its health is answered; only a refused connection or a bad answer says that it does
//! not, a time-out does not.
//!
//! # What is left behind
//! At the end of a run, members that the tester launched are killed, or stopped where there is no `kill`.
//! Members that ran before are left as they were found: paused ones go on, and those that are gone are
//! launched again. If the tester is killed, nothing of that happens: a member runs on, and may be paused.
//!
//! # What is refused
//! As by the [embedded agent](crate::agent::embedded), a start of a member that runs, and a fault on one that
//! does not. The first start takes a member that runs already. Data are not touched: operations that
//! remove, save or restore them are refused.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep};

use super::follow::follow;
use super::judge::{Judged, NoAnswer};
use super::{Commands, LIMIT, PROBE, program};
use crate::agent::{Agent, AgentError, MemberFiles, MemberState, Operation, Program, Request};
use crate::clock::Clock;
use crate::driver::Driver;
use crate::process::Spawner;
use crate::process::logs::Logs;

/// How often it is asked whether a member runs.
const POLL: Duration = Duration::from_millis(20);

/// How long a `launch` may take, and then the member until it runs.
const LAUNCH: Duration = Duration::from_secs(60);

/// The agent of members that are no children of the tester.
pub struct Outside {
    commands: Arc<Commands>,
    clock: Clock,
    /// Runs what follows a log.
    spawner: Arc<Spawner>,
    members: Mutex<BTreeMap<String, Arc<Member>>>,
}

struct Member {
    commands: Arc<Commands>,
    index: usize,
    name: String,
    logs: Logs,
    follower: Option<JoinHandle<()>>,
    /// Held during an operation.
    operation: Arc<tokio::sync::Mutex<()>>,
    now: Mutex<Now>,
}

#[derive(Debug, Default)]
struct Now {
    starts: u64,
    /// It ran before the tester launched it.
    found: bool,
    paused: bool,
    killed: bool,
}

impl Outside {
    /// The agent of all members of `commands`.
    ///
    /// # Errors
    /// The [helper](crate::process::launch::helper) that starts programs is not there.
    pub fn new(commands: Arc<Commands>, clock: Clock) -> Result<Self, AgentError> {
        let spawner = Spawner::start()
            .map_err(|error| AgentError { member: "agent".into(), message: error.message })?;
        Ok(Self { commands, clock, spawner: Arc::new(spawner), members: Mutex::default() })
    }

    fn member(&self, name: &str) -> Result<Arc<Member>, AgentError> {
        lock(&self.members).get(name).cloned().ok_or_else(|| AgentError {
            member: name.to_owned(),
            message: "the agent does not know this member; add it first".into(),
        })
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if let Some(follower) = &self.follower {
            follower.abort();
        }
    }
}

#[async_trait]
impl Agent for Outside {
    async fn add(&self, files: &MemberFiles) -> Result<(), AgentError> {
        let mut members = lock(&self.members);
        if members.contains_key(&files.name) {
            return Ok(());
        }
        let index = self.commands.members.iter().position(|member| member.name == files.name);
        let index = index.ok_or_else(|| AgentError {
            member: files.name.clone(),
            message: "the configuration has no such member".into(),
        })?;
        let logs = Logs::new(&files.name, self.clock);
        let (commands, spawner) = (self.commands.clone(), self.spawner.clone());
        let followed = commands.has("logs").then(|| follow(commands, index, spawner, logs.clone()));
        let member = Member {
            commands: self.commands.clone(),
            index,
            name: files.name.clone(),
            logs,
            follower: followed.map(tokio::spawn),
            operation: Arc::default(),
            now: Mutex::default(),
        };
        members.insert(files.name.clone(), Arc::new(member));
        Ok(())
    }

    async fn operate(&self, member: &str, request: &Request) -> Result<MemberState, AgentError> {
        let member = self.member(member)?;
        let (request, name) = (request.clone(), member.name.clone());
        let turn = member.operation.clone().lock_owned().await;
        // A task of its own, so that it goes on if the caller is dropped.
        let done = tokio::spawn(async move {
            let done = member.operate(&request).await;
            drop(turn);
            done
        });
        done.await
            .unwrap_or_else(|error| Err(AgentError { member: name, message: error.to_string() }))
    }

    async fn state(&self, member: &str) -> Result<MemberState, AgentError> {
        Ok(self.member(member)?.state().await)
    }

    async fn ended(
        &self,
        member: &str,
        starts: u64,
        limit: Duration,
    ) -> Result<MemberState, AgentError> {
        let member = self.member(member)?;
        let deadline = Instant::now() + limit;
        loop {
            let state = member.state().await;
            if !state.runs() || state.starts > starts || Instant::now() >= deadline {
                return Ok(state);
            }
            sleep(POLL).await;
        }
    }

    fn logs(&self, member: &str) -> Result<Logs, AgentError> {
        Ok(self.member(member)?.logs.clone())
    }

    /// Copies the lines of the log that are kept. The data are with those who run the member.
    async fn archive(&self, name: &str, directory: &Path) -> Result<(), AgentError> {
        let (member, to) = (self.member(name)?, directory);
        let mut text = String::new();
        for line in member.logs.lines() {
            text.push_str(&line.text);
            text.push('\n');
        }
        std::fs::create_dir_all(to)
            .and_then(|()| std::fs::write(to.join("log"), text))
            .map_err(|error| member.error(&format!("{}: {error}", to.display())))
    }

    async fn stop_all(&self) -> Result<(), AgentError> {
        let members: Vec<Arc<Member>> = lock(&self.members).values().cloned().collect();
        let mut ends = JoinSet::new();
        for member in members {
            ends.spawn(async move {
                let _turn = member.operation.lock().await;
                member.leave().await
            });
        }
        ends.join_all().await.into_iter().collect()
    }
}

impl Member {
    async fn operate(&self, request: &Request) -> Result<MemberState, AgentError> {
        let limit = Duration::from_millis(request.limit_ms);
        match request.operation {
            Operation::NotStarted => {}
            Operation::InitialStartEtcd if self.runs().await => {
                let mut now = lock(&self.now);
                if now.starts == 0 {
                    now.starts = 1;
                    now.found = true;
                }
            }
            Operation::InitialStartEtcd => self.launch(request.start.as_ref()).await?,
            Operation::RestartEtcd => {
                if self.runs().await {
                    return Err(self.error("RESTART_ETCD: it runs; stop it first"));
                }
                self.launch(request.start.as_ref()).await?;
            }
            Operation::SigtermEtcd => {
                self.must_run(request.operation).await?;
                self.end("stop", limit).await?;
            }
            Operation::SigkillEtcd => {
                self.must_run(request.operation).await?;
                self.end("kill", limit).await?;
            }
            // Only what can be launched again is ended, so that a new round has a subject.
            Operation::SigquitEtcdAndArchiveData => {
                if self.commands.has("launch") && self.runs().await {
                    self.end(self.surest(), limit).await?;
                }
            }
            Operation::Pause => {
                self.must_run(request.operation).await?;
                if lock(&self.now).paused {
                    return Err(self.error("PAUSE: it is paused already"));
                }
                // Also one that fails may have paused it.
                lock(&self.now).paused = true;
                self.call("pause", limit).await?;
            }
            Operation::Unpause => {
                if !lock(&self.now).paused {
                    return Err(self.error("UNPAUSE: it is not paused"));
                }
                self.call("unpause", limit).await?;
                lock(&self.now).paused = false;
            }
            Operation::SigquitEtcdAndRemoveData
            | Operation::SaveSnapshot
            | Operation::RestoreRestartFromSnapshot
            | Operation::RestartFromSnapshot
            | Operation::SigquitEtcdAndRemoveDataAndStopAgent => {
                let name = request.operation.name();
                return Err(self.error(&format!("{name}: its data belong to those who run it")));
            }
        }
        Ok(self.state().await)
    }

    /// Launches it, and waits until it runs. One that does not run then is not healthy, which is found
    /// elsewhere.
    async fn launch(&self, program: Option<&Program>) -> Result<(), AgentError> {
        match program {
            Some(program) => {
                let launched = program::launch(program, &self.commands.files[self.index], LAUNCH);
                let launched = launched.await;
                launched.map_err(|message| self.error(&format!("`launch`: {message}")))?;
            }
            None if self.commands.has("launch") => self.call("launch", LAUNCH).await?,
            None => {
                return Err(self.error(
                    "it does not run, and the configuration has neither `start` nor `launch`",
                ));
            }
        }
        {
            let mut now = lock(&self.now);
            now.starts += 1;
            now.paused = false;
            now.killed = false;
        }
        let deadline = Instant::now() + LAUNCH;
        while !self.runs().await && Instant::now() < deadline {
            sleep(POLL).await;
        }
        Ok(())
    }

    /// The call that ends it for sure, where there is one.
    fn surest(&self) -> &'static str {
        if self.commands.has("kill") { "kill" } else { "stop" }
    }

    /// Ends it by a call. If that takes longer than `limit`, by `kill`.
    async fn end(&self, call: &str, limit: Duration) -> Result<(), AgentError> {
        lock(&self.now).killed = false;
        let deadline = Instant::now() + limit;
        let mut said = self.call(call, limit).await;
        if !self.gone(deadline).await && call != "kill" && self.commands.has("kill") {
            lock(&self.now).killed = true;
            said = self.call("kill", limit).await;
            self.gone(Instant::now() + limit).await;
        }
        if lock(&self.now).paused || self.runs().await {
            return said;
        }
        Ok(())
    }

    /// Waits until it does not run. Then it is not paused, either.
    async fn gone(&self, deadline: Instant) -> bool {
        let paused = std::mem::take(&mut lock(&self.now).paused);
        loop {
            if !self.runs().await {
                return true;
            }
            if Instant::now() >= deadline {
                lock(&self.now).paused = paused;
                return false;
            }
            sleep(POLL).await;
        }
    }

    /// Leaves it as the tester found it.
    async fn leave(&self) -> Result<(), AgentError> {
        let (starts, found, paused) = {
            let now = lock(&self.now);
            (now.starts, now.found, now.paused)
        };
        if starts == 0 {
            return Ok(());
        }
        if paused {
            self.call("unpause", LIMIT).await?;
            lock(&self.now).paused = false;
        }
        let runs = self.runs().await;
        if found && !runs && self.commands.has("launch") {
            let program = self.commands.start(self.index, &crate::driver::Start::Again);
            return self.launch(program.as_ref()).await;
        }
        if found || !runs {
            return Ok(());
        }
        self.end(self.surest(), LIMIT).await?;
        match self.runs().await {
            true => Err(self.error("it still runs after it was ended; end it yourself")),
            false => Ok(()),
        }
    }

    async fn must_run(&self, operation: Operation) -> Result<(), AgentError> {
        match self.runs().await {
            true => Ok(()),
            false => Err(self.error(&format!("{}: it does not run", operation.name()))),
        }
    }

    async fn call(&self, call: &str, limit: Duration) -> Result<(), AgentError> {
        let signal = match call {
            "stop" => "TERM",
            "kill" => "KILL",
            "pause" => "STOP",
            "unpause" => "CONT",
            _ => "",
        };
        let answer = self.commands.ask(self.index, call, &[("signal", signal)], limit).await;
        let why = match answer {
            Ok(Judged::Done(_)) => return Ok(()),
            Ok(Judged::Missing) => "it found nothing".to_owned(),
            Ok(Judged::Failed(text) | Judged::Unclear(text)) => text,
            Err(why) => why.message(),
        };
        Err(self.error(&format!("`{call}`: {why}")))
    }

    async fn runs(&self) -> bool {
        let commands = &self.commands;
        if commands.has("running") {
            let answer = commands.ask(self.index, "running", &[], PROBE).await;
            return matches!(answer, Ok(Judged::Done(_)) | Err(NoAnswer::Lost(_)));
        }
        // A paused member does not answer.
        lock(&self.now).paused
            || matches!(commands.serves(self.index).await, Ok(true) | Err(NoAnswer::Lost(_)))
    }

    async fn state(&self) -> MemberState {
        let elsewhere = self.runs().await;
        let now = lock(&self.now);
        MemberState {
            elsewhere,
            paused: now.paused && elsewhere,
            starts: now.starts,
            killed: now.killed,
            ..MemberState::default()
        }
    }

    fn error(&self, message: &str) -> AgentError {
        AgentError { member: self.name.clone(), message: message.to_owned() }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
