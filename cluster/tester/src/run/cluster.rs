//! How are driver, agents and clients used together? All members of a subject, as cases need them.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::failure::Failure;
use crate::agent::{Agent, Ended, MemberState, Operation, Program, Request};
use crate::checks::logs::{LogLine, Patterns};
use crate::clock::Clock;
use crate::config::Limits;
use crate::driver::{Abilities, Driver, DriverError, Hash, Health, Start};
use crate::history::{self, Outcome, Revision};
use crate::load::{Recorder, TESTER};
use crate::process::logs::Logs;

/// How often members are asked while something is awaited that does not tell by itself.
pub(super) const POLL: Duration = Duration::from_millis(20);
/// How many lines of a log a message has.
const LINES: usize = 5;
/// How many characters of each.
const LINE: usize = 300;

/// All members of a subject.
#[derive(Clone)]
pub(super) struct Cluster {
    driver: Arc<dyn Driver>,
    agents: Vec<Arc<dyn Agent>>,
    names: Arc<[String]>,
    /// How long the log of each member was when it was last started.
    started: Arc<[AtomicUsize]>,
    /// Members whose data was removed, and that have not joined the others since.
    lost: Arc<Mutex<BTreeSet<usize>>>,
    pub(super) limits: Limits,
    pub(super) clock: Clock,
}

impl Cluster {
    pub(super) fn new(
        driver: Arc<dyn Driver>,
        agents: Vec<Arc<dyn Agent>>,
        names: Vec<String>,
        limits: Limits,
        clock: Clock,
    ) -> Self {
        let started = names.iter().map(|_| AtomicUsize::new(0)).collect();
        Self { driver, agents, names: names.into(), started, lost: Arc::default(), limits, clock }
    }

    pub(super) fn driver(&self) -> &Arc<dyn Driver> {
        &self.driver
    }

    pub(super) fn abilities(&self) -> Abilities {
        self.driver.abilities()
    }

    /// The numbers of all members.
    pub(super) fn members(&self) -> Vec<usize> {
        (0..self.names.len()).collect()
    }

    pub(super) fn name(&self, member: usize) -> &str {
        &self.names[member]
    }

    pub(super) fn names(&self, members: &[usize]) -> Vec<String> {
        members.iter().map(|member| self.names[*member].clone()).collect()
    }

    /// How many members are a majority.
    pub(super) fn quorum(&self) -> usize {
        self.names.len() / 2 + 1
    }

    /// Declares all members to their agents. Their logs keep the lines that match these patterns,
    /// however many come after them.
    pub(super) async fn declare(&self, patterns: &Patterns) -> Result<(), Failure> {
        for member in self.members() {
            self.agents[member].add(&self.driver.files(member)).await?;
            self.logs(member)?.keep(patterns.clone());
        }
        Ok(())
    }

    /// How many members run.
    pub(super) async fn running(&self) -> usize {
        let mut running = 0;
        for member in self.members() {
            running += usize::from(self.state(member).await.is_ok_and(|state| state.runs()));
        }
        running
    }

    /// Starts all members as a new cluster. Data and logs of an old one are archived.
    pub(super) async fn start(&self) -> Result<(), Failure> {
        for member in self.members() {
            if self.state(member).await?.starts > 0 {
                let archive = Operation::SigquitEtcdAndArchiveData;
                self.operate(member, archive, &Start::New).await?;
            }
        }
        self.operate_all(&self.members(), Operation::InitialStartEtcd, &Start::New).await
    }

    /// Does an operation to one member.
    pub(super) async fn operate(
        &self,
        member: usize,
        operation: Operation,
        start: &Start,
    ) -> Result<MemberState, Failure> {
        use Operation as O;
        let driver = &self.driver;
        let mut request = Request {
            operation,
            start: None,
            stop: None,
            snapshot: None,
            limit_ms: milliseconds(self.limits.stop),
        };
        match operation {
            O::InitialStartEtcd | O::RestartEtcd | O::RestartFromSnapshot => {
                request.start = driver.start(member, start);
            }
            O::SaveSnapshot => {
                request.snapshot = driver.save_snapshot(member);
                request.limit_ms = milliseconds(self.limits.heal);
            }
            O::RestoreRestartFromSnapshot => {
                request.start = driver.start(member, start);
                request.snapshot = driver.restore_snapshot(member);
                request.limit_ms = milliseconds(self.limits.heal);
            }
            O::SigtermEtcd => request.stop = driver.stop(member),
            _ => {}
        }
        self.ask(member, &request).await
    }

    /// Starts a member again with these variables in its environment.
    pub(super) async fn restart_with(
        &self,
        member: usize,
        env: &[(String, String)],
    ) -> Result<MemberState, Failure> {
        let Some(Program { argv, env: mut all }) = self.driver.start(member, &Start::Again) else {
            return self.operate(member, Operation::RestartEtcd, &Start::Again).await;
        };
        all.extend(env.iter().cloned());
        let request = Request {
            operation: Operation::RestartEtcd,
            start: Some(Program { argv, env: all }),
            stop: None,
            snapshot: None,
            limit_ms: milliseconds(self.limits.stop),
        };
        self.ask(member, &request).await
    }

    async fn ask(&self, member: usize, request: &Request) -> Result<MemberState, Failure> {
        match request.operation {
            Operation::SigquitEtcdAndRemoveData => {
                self.lost().insert(member);
            }
            Operation::InitialStartEtcd | Operation::RestoreRestartFromSnapshot => {
                self.joined(member);
            }
            _ => {}
        }
        if request.start.is_some() {
            self.started[member].store(self.logs(member)?.len(), Ordering::Relaxed);
        }
        Ok(self.agents[member].operate(self.name(member), request).await?)
    }

    fn lost(&self) -> MutexGuard<'_, BTreeSet<usize>> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A member without data got data from the others.
    pub(super) fn joined(&self, member: usize) {
        self.lost().remove(&member);
    }

    /// The members whose data was removed, and that have not joined the others since.
    pub(super) fn without_data(&self) -> Vec<usize> {
        self.lost().iter().copied().collect()
    }

    /// Does an operation to several members at once.
    pub(super) async fn operate_all(
        &self,
        members: &[usize],
        operation: Operation,
        start: &Start,
    ) -> Result<(), Failure> {
        let done = each(members, |member| {
            let (cluster, start) = (self.clone(), start.clone());
            async move { cluster.operate(member, operation, &start).await }
        });
        done.await.into_iter().try_for_each(|done| done.map(|_| ()))
    }

    pub(super) async fn state(&self, member: usize) -> Result<MemberState, Failure> {
        Ok(self.agents[member].state(self.name(member)).await?)
    }

    /// Waits until the process of this start has ended. `None`: it did not, within `limit`.
    pub(super) async fn ended(
        &self,
        member: usize,
        starts: u64,
        limit: Duration,
    ) -> Result<Option<Ended>, Failure> {
        let state = self.agents[member].ended(self.name(member), starts, limit).await?;
        let ended = if state.starts > starts || !state.runs() {
            // A later start hides how this one ended; it has ended for sure.
            Some(state.ended.unwrap_or(Ended { code: None, signal: None }))
        } else {
            None
        };
        Ok(ended)
    }

    pub(super) fn logs(&self, member: usize) -> Result<Logs, Failure> {
        Ok(self.agents[member].logs(self.name(member))?)
    }

    /// What a member has logged since its last start, as far as it is kept.
    pub(super) fn logs_of_this_start(&self, member: usize) -> Result<Vec<LogLine>, Failure> {
        Ok(self.logs(member)?.lines_after(self.started[member].load(Ordering::Relaxed)))
    }

    /// All members, with their agents.
    pub(super) fn with_agents(&self) -> Vec<(&str, &dyn Agent)> {
        let names = self.names.iter().map(String::as_str);
        names.zip(self.agents.iter().map(|agent| &**agent)).collect()
    }

    /// Ends all processes. Every agent is asked; the first error is reported.
    pub(super) async fn stop(&self) -> Result<(), Failure> {
        let mut result = Ok(());
        for agent in &self.agents {
            // One agent may run several members; it is asked for each of them, which does no harm.
            let stopped = timeout(self.limits.stop * 2, agent.stop_all()).await;
            let stopped = stopped.unwrap_or_else(|_| {
                let message = "the agent does not answer".to_owned();
                Err(crate::agent::AgentError { member: "all members".to_owned(), message })
            });
            result = result.and(stopped);
        }
        Ok(result?)
    }

    /// How a member is; not answering within `limit` is an error.
    pub(super) async fn health_of(
        &self,
        member: usize,
        limit: Duration,
    ) -> Result<Health, DriverError> {
        timeout(limit, self.driver.health(member)).await.unwrap_or_else(|_| {
            let message = format!("no answer within {} ms", limit.as_millis());
            Err(DriverError { whom: self.name(member).to_owned(), message })
        })
    }

    /// How these members are. No other is asked: a paused one would be waited for.
    async fn health(&self, members: &[usize]) -> Vec<Result<Health, DriverError>> {
        each(members, |member| {
            let cluster = self.clone();
            async move { cluster.health_of(member, cluster.limits.request).await }
        })
        .await
    }

    /// The leader, if the members know one. Waits for an election.
    pub(super) async fn leader(&self) -> Result<usize, Failure> {
        self.agreed(&self.members(), self.limits.heal).await.map(Option::unwrap_or_default)
    }

    /// Waits until these members are healthy and agree on one leader, which is returned where the
    /// subject has leaders.
    pub(super) async fn agreed(
        &self,
        members: &[usize],
        limit: Duration,
    ) -> Result<Option<usize>, Failure> {
        let deadline = Instant::now() + limit;
        loop {
            let health = self.health(members).await;
            let found = self.agreement(members, &health);
            let why = match found {
                Ok(leader) => return Ok(leader),
                Err(why) => why,
            };
            // A process that has ended does not come back, so waiting for it is no use.
            for (member, health) in members.iter().zip(&health) {
                if health.is_err() {
                    self.is_alive(*member).await?;
                }
            }
            if Instant::now() >= deadline {
                let limit = limit.as_secs_f64();
                return Err(Failure::Subject(format!(
                    "the cluster is not healthy after {limit:.1} s: {why}"
                )));
            }
            sleep(POLL).await;
        }
    }

    fn agreement(
        &self,
        members: &[usize],
        health: &[Result<Health, DriverError>],
    ) -> Result<Option<usize>, String> {
        let mut leaders = Vec::new();
        for (member, health) in members.iter().zip(health) {
            let health = health.as_ref().map_err(ToString::to_string)?;
            if !health.healthy {
                return Err(format!("{} is not healthy", self.name(*member)));
            }
            leaders.push(health.leader);
        }
        if !self.abilities().leader {
            return Ok(None);
        }
        match leaders.first() {
            Some(Some(leader)) if leaders.iter().all(|other| *other == Some(*leader)) => {
                Ok(Some(*leader))
            }
            _ => Err(format!(
                "no leader that all agree on: {}",
                (members.iter().zip(&leaders))
                    .map(|(member, leader)| {
                        let leader = leader.map_or("none", |leader| self.name(leader));
                        format!("{} says {leader}", self.name(*member))
                    })
                    .collect::<Vec<_>>()
                    .join(", ")
            )),
        }
    }

    /// Fails if the process of a member has ended, with the last lines of its log.
    async fn is_alive(&self, member: usize) -> Result<(), Failure> {
        if self.driver.start(member, &Start::Again).is_none() {
            return Ok(());
        }
        let state = self.state(member).await?;
        match (state.runs(), state.ended) {
            (false, Some(ended)) => Err(Failure::Subject(format!(
                "{} has {}; its last lines: {}",
                self.name(member),
                how(&ended),
                self.last_lines(member)
            ))),
            _ => Ok(()),
        }
    }

    fn last_lines(&self, member: usize) -> String {
        match self.logs_of_this_start(member) {
            Ok(lines) => telling(&lines),
            Err(_) => "none".to_owned(),
        }
    }

    /// Writes once through each of these members. Every write must succeed before the deadline. Returns
    /// the highest revision of the answers.
    pub(super) async fn final_writes(
        &self,
        members: &[usize],
        recorder: &Recorder,
        prefix: &str,
        deadline: Instant,
    ) -> Result<Option<Revision>, Failure> {
        let mut last = None;
        for member in members {
            let revision = self.final_write(*member, recorder, prefix, deadline).await?;
            last = last.max(revision);
        }
        Ok(last)
    }

    async fn final_write(
        &self,
        member: usize,
        recorder: &Recorder,
        prefix: &str,
        deadline: Instant,
    ) -> Result<Option<Revision>, Failure> {
        loop {
            let why = match self.write(member, recorder, prefix).await {
                Ok(revision) => return Ok(revision),
                Err(why) => why,
            };
            if Instant::now() >= deadline {
                return Err(Failure::Subject(format!(
                    "no write through {} succeeds after the fault: {why}",
                    self.name(member)
                )));
            }
            sleep(POLL).await;
        }
    }

    /// Writes once through a member, and records it. Returns the revision, where there are revisions.
    pub(super) async fn write(
        &self,
        member: usize,
        recorder: &Recorder,
        prefix: &str,
    ) -> Result<Option<Revision>, String> {
        let client = self.driver.client(member);
        let start = self.clock.now();
        let request = history::Request::Put {
            key: format!("{prefix}final"),
            value: format!("{TESTER}-{start}-{member}"),
        };
        let answer = client.execute(&request, self.limits.request).await;
        let outcome = answer.outcome.clone();
        recorder.operation(history::Operation {
            client: TESTER,
            start,
            end: self.clock.now(),
            request,
            outcome: answer.outcome,
        });
        match outcome {
            Outcome::Done { revision, .. } => Ok(revision),
            _ => Err(answer.error.unwrap_or_else(|| "no answer".to_owned())),
        }
    }

    /// The hashes of all members, at one revision where the store has revisions.
    pub(super) async fn hashes(&self, at: Option<Revision>) -> Vec<Result<Hash, DriverError>> {
        each(&self.members(), |member| {
            let cluster = self.clone();
            async move {
                let limit = cluster.limits.request;
                timeout(limit, cluster.driver.hash(member, at)).await.unwrap_or_else(|_| {
                    let message = "no answer to the question for its hash".to_owned();
                    Err(DriverError { whom: cluster.name(member).to_owned(), message })
                })
            }
        })
        .await
    }
}

/// How a process ended, in words.
pub(super) fn how(ended: &Ended) -> String {
    match (ended.code, ended.signal) {
        (_, Some(signal)) => format!("ended by signal {signal}"),
        (Some(code), None) => format!("exited with status {code}"),
        (None, None) => "ended".to_owned(),
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Does something to each of these members at once. The results are in the order of the members.
pub(super) async fn each<T, F>(members: &[usize], mut work: impl FnMut(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    for (place, member) in members.iter().enumerate() {
        let work = work(*member);
        tasks.spawn(async move { (place, work.await) });
    }
    let mut done = tasks.join_all().await;
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}

/// What a message shows of a log: its last lines. A Go program prints a stack after it said why it
/// ends, so the last line that looks like a crash comes first.
fn telling(lines: &[LogLine]) -> String {
    let last = lines.len().saturating_sub(LINES);
    let crash = lines.iter().rposition(|line| Patterns::default().matching(&line.text).is_some());
    let shown = crash.filter(|crash| *crash < last).into_iter().chain(last..lines.len());
    let texts = shown.map(|line| lines[line].text.chars().take(LINE).collect());
    let texts: Vec<String> = texts.collect();
    if texts.is_empty() { "none".to_owned() } else { texts.join(" | ") }
}

#[cfg(test)]
mod tests {
    use super::{LINES, LogLine, telling};

    fn log(texts: &[&str]) -> Vec<LogLine> {
        let line = |(number, text): (usize, &&str)| {
            let (member, text) = ("m1".to_owned(), (*text).to_owned());
            LogLine { member, number, time: 0, text }
        };
        (1..).zip(texts).map(line).collect()
    }

    #[test]
    fn the_reason_of_a_crash_comes_before_the_end_of_its_stack() {
        assert_eq!(telling(&[]), "none");
        assert_eq!(telling(&log(&["a", "panic: b", "c"])), "a | panic: b | c");
        let mut texts = vec!["panic: no space left on device"; 2];
        texts.extend(["stack"; LINES]);
        let stack = ["stack"; LINES].join(" | ");
        assert_eq!(telling(&log(&texts)), format!("panic: no space left on device | {stack}"));
    }
}
