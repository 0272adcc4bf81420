//! What is run? A driver, and an agent for each member.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use crate::agent::Agent;
use crate::agent::embedded::Embedded;
use crate::agent::remote::Remote;
use crate::clock::Clock;
use crate::config::{Config, DriverConfig};
use crate::driver::Driver;
use crate::driver::commands::{Commands, Outside};
use crate::driver::etcd::Etcd;
use crate::driver::raft_kv::RaftKv;

/// The store that is run.
#[derive(Clone)]
pub struct Subject {
    /// How it is asked.
    pub driver: Arc<dyn Driver>,
    /// The agent of each member. Several members may have the same one.
    pub agents: Vec<Arc<dyn Agent>>,
    /// The clock of the run.
    pub clock: Clock,
}

impl Subject {
    /// The subject of a configuration. Nothing is started or asked.
    ///
    /// # Errors
    /// What does not work, and what to do about it.
    pub fn new(config: &Config, clock: Clock) -> Result<Self, String> {
        let (members, directory) = (config.members.clone(), &config.directory);
        let driver: Arc<dyn Driver> = match &config.driver {
            DriverConfig::Etcd(settings) => {
                let etcd = Etcd::new(settings.clone(), members, directory);
                Arc::new(etcd.map_err(|error| error.to_string())?)
            }
            DriverConfig::RaftKv(settings) => {
                let raft_kv = RaftKv::new(settings.clone(), members, directory);
                Arc::new(raft_kv.map_err(|error| error.to_string())?)
            }
            DriverConfig::Commands(settings) => {
                let commands = Commands::new(settings.clone(), members, directory);
                let commands = commands.map_err(|error| error.to_string())?;
                if commands.is_outside() {
                    // Its data are not those of this run: earlier runs may have left keys.
                    let commands = Arc::new(commands.with_own_keys());
                    let outside = Outside::new(commands.clone(), clock);
                    let outside: Arc<dyn Agent> =
                        Arc::new(outside.map_err(|error| error.to_string())?);
                    let agents = config.members.iter().map(|_| outside.clone()).collect();
                    return Ok(Self { driver: commands, agents, clock });
                }
                Arc::new(commands)
            }
        };
        let embedded: Arc<dyn Agent> =
            Arc::new(Embedded::new(clock).map_err(|error| error.to_string())?);
        let mut remote: BTreeMap<&str, Arc<dyn Agent>> = BTreeMap::new();
        let mut agents = Vec::new();
        for member in &config.members {
            agents.push(match &member.agent {
                None => embedded.clone(),
                Some(settings) => match remote.entry(&settings.address) {
                    Entry::Occupied(known) => known.get().clone(),
                    Entry::Vacant(new) => {
                        let agent = Remote::new(settings, clock);
                        let agent = agent.map_err(|error| error.to_string())?;
                        new.insert(Arc::new(agent)).clone()
                    }
                },
            });
        }
        Ok(Self { driver, agents, clock })
    }
}
