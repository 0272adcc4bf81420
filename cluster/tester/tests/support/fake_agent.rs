//! An agent of members that are not processes: what it does to one makes it answer or not.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use failpoint_tester::agent::{
    Agent, AgentError, Ended, MemberFiles, MemberState, Operation, Program, Request,
};
use failpoint_tester::clock::Clock;
use failpoint_tester::driver::{Abilities, Client, Driver, DriverError, Hash, Health, Start};
use failpoint_tester::history::Revision;
use failpoint_tester::process::logs::Logs;

use super::memory::{Memory, Reach};

/// What an agent does wrong, for tests of what finds it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    #[default]
    None,
    /// Members are not stopped, whatever it says.
    DoesNotStop,
    /// Members that it started again do not answer.
    DoesNotHeal,
    /// It does not answer when a member is stopped.
    Dies,
    /// It does not start members.
    DoesNotStart,
    /// A member that is stopped logs `quota exceeded`, and then more lines than a log keeps.
    LogsQuota,
}

/// The agent of all members of a [`Memory`].
pub(crate) struct FakeAgent {
    memory: Memory,
    fault: Fault,
    members: Mutex<BTreeMap<String, (MemberState, Logs)>>,
    /// Members whose data was removed. They do not start unless they join the others.
    without_data: Mutex<BTreeSet<usize>>,
}

impl FakeAgent {
    pub(crate) fn new(memory: &Memory, fault: Fault) -> Arc<Self> {
        Arc::new(Self {
            memory: memory.clone(),
            fault,
            members: Mutex::default(),
            without_data: Mutex::default(),
        })
    }

    /// How many members run.
    pub(crate) fn running(&self) -> usize {
        self.lock().values().filter(|(state, _)| state.pid.is_some()).count()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, (MemberState, Logs)>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn without_data(&self) -> MutexGuard<'_, BTreeSet<usize>> {
        self.without_data.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often each member was started.
    pub(crate) fn starts(&self) -> Vec<u64> {
        self.lock().values().map(|(state, _)| state.starts).collect()
    }

    /// Lets the first member that runs lead.
    fn elect(&self) {
        let members = self.lock();
        let up = members.values().position(|(state, _)| state.pid.is_some() && !state.paused);
        if let Some(up) = up {
            self.memory.lead(up);
        }
    }
}

fn error(member: &str, message: &str) -> AgentError {
    AgentError { member: member.to_owned(), message: message.to_owned() }
}

/// `m1` is 0.
fn index(member: &str) -> usize {
    member[1..].parse::<usize>().expect("members are m1, m2, …") - 1
}

#[async_trait]
impl Agent for FakeAgent {
    async fn add(&self, files: &MemberFiles) -> Result<(), AgentError> {
        let logs = Logs::new(&files.name, Clock::start());
        self.lock().entry(files.name.clone()).or_insert((MemberState::default(), logs));
        Ok(())
    }

    async fn operate(&self, member: &str, request: &Request) -> Result<MemberState, AgentError> {
        let index = index(member);
        let starts = |state: &mut MemberState| {
            state.starts += 1;
            state.pid = Some(1);
            state.ended = None;
        };
        let reach = {
            let mut members = self.lock();
            let Some((state, logs)) = members.get_mut(member) else {
                return Err(error(member, "it was not added"));
            };
            if self.fault == Fault::LogsQuota && request.operation == Operation::SigtermEtcd {
                logs.push("quota exceeded");
                (0..20_000).for_each(|line| logs.push(&format!("line {line}")));
            }
            match request.operation {
                Operation::InitialStartEtcd if self.fault == Fault::DoesNotStart => {
                    return Err(error(member, "the program `etcd` is not there"));
                }
                Operation::RestartEtcd if self.without_data().contains(&index) => {
                    state.starts += 1;
                    state.ended = Some(Ended { code: Some(1), signal: None });
                    Reach::Refused
                }
                Operation::SigquitEtcdAndRemoveData => {
                    self.without_data().insert(index);
                    state.pid = None;
                    state.ended = Some(Ended { code: None, signal: Some(3) });
                    Reach::Refused
                }
                Operation::InitialStartEtcd
                | Operation::RestartEtcd
                | Operation::RestartFromSnapshot => {
                    self.without_data().remove(&index);
                    starts(state);
                    if self.fault == Fault::DoesNotHeal && state.starts > 1 {
                        Reach::Refused
                    } else {
                        Reach::Up
                    }
                }
                Operation::SigtermEtcd | Operation::SigkillEtcd => match self.fault {
                    Fault::Dies => return Err(error(member, "the agent does not answer")),
                    Fault::DoesNotStop => Reach::Up,
                    _ => {
                        state.pid = None;
                        state.ended = Some(Ended { code: None, signal: Some(15) });
                        Reach::Refused
                    }
                },
                Operation::Pause => {
                    state.paused = true;
                    if self.fault == Fault::DoesNotStop { Reach::Up } else { Reach::Silent }
                }
                Operation::Unpause => {
                    state.paused = false;
                    Reach::Up
                }
                other => return Err(error(member, &format!("{other:?} is not simulated"))),
            }
        };
        self.memory.reach(index, reach);
        self.elect();
        self.state(member).await
    }

    async fn state(&self, member: &str) -> Result<MemberState, AgentError> {
        let members = self.lock();
        let state = members.get(member).map(|(state, _)| state.clone());
        state.ok_or_else(|| error(member, "it was not added"))
    }

    async fn ended(
        &self,
        member: &str,
        _starts: u64,
        _limit: Duration,
    ) -> Result<MemberState, AgentError> {
        self.state(member).await
    }

    fn logs(&self, member: &str) -> Result<Logs, AgentError> {
        let members = self.lock();
        let logs = members.get(member).map(|(_, logs)| logs.clone());
        logs.ok_or_else(|| error(member, "it was not added"))
    }

    async fn archive(&self, _member: &str, _directory: &Path) -> Result<(), AgentError> {
        Ok(())
    }

    async fn stop_all(&self) -> Result<(), AgentError> {
        for (state, _) in self.lock().values_mut() {
            state.pid = None;
        }
        Ok(())
    }
}

/// A [`Memory`] whose members have agents.
pub(crate) struct Managed {
    pub(crate) driver: Arc<dyn Driver>,
    /// Whether members can be removed, and whether they can be added again then.
    pub(crate) changes: Option<Arc<AtomicBool>>,
}

#[async_trait]
impl Driver for Managed {
    fn abilities(&self) -> Abilities {
        Abilities {
            stop: true,
            kill: true,
            pause: true,
            logs: true,
            restore: self.changes.is_some(),
            ..self.driver.abilities()
        }
    }

    fn files(&self, member: usize) -> MemberFiles {
        self.driver.files(member)
    }

    fn start(&self, _member: usize, _start: &Start) -> Option<Program> {
        Some(Program::default())
    }

    async fn health(&self, member: usize) -> Result<Health, DriverError> {
        self.driver.health(member).await
    }

    async fn hash(&self, member: usize, at: Option<Revision>) -> Result<Hash, DriverError> {
        self.driver.hash(member, at).await
    }

    async fn compact(&self, member: usize, revision: Revision) -> Result<(), DriverError> {
        self.driver.compact(member, revision).await
    }

    async fn remove_member(&self, _via: usize, _member: usize) -> Result<(), DriverError> {
        Ok(())
    }

    async fn add_member(&self, via: usize, _member: usize) -> Result<(), DriverError> {
        if self.changes.as_ref().is_some_and(|changes| changes.load(Ordering::Relaxed)) {
            return Ok(());
        }
        Err(DriverError { whom: format!("member {via}"), message: "no member is added".into() })
    }

    fn client(&self, member: usize) -> Box<dyn Client> {
        self.driver.client(member)
    }
}
