//! What is run? A driver, and an agent for each member.

use std::sync::Arc;

use crate::agent::Agent;
use crate::agent::embedded::Embedded;
use crate::clock::Clock;
use crate::config::{Config, DriverConfig};
use crate::driver::Driver;
use crate::driver::etcd::Etcd;

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
            DriverConfig::Commands(_) => return Err("not yet".to_owned()),
        };
        let embedded: Arc<dyn Agent> =
            Arc::new(Embedded::new(clock).map_err(|error| error.to_string())?);
        let agents = config.members.iter().map(|_| embedded.clone()).collect();
        Ok(Self { driver, agents, clock })
    }
}
