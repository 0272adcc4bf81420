//! What would a run do?

use std::fmt::{self, Display, Formatter};

use super::types::{Config, FailpointsConfig};
use crate::cases::{Availability, CASES, Fault};

/// What a run of a configuration would do, in words.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a>(&'a Config);

impl Config {
    /// What a run would do, in words.
    #[must_use]
    pub fn plan(&self) -> Plan<'_> {
        Plan(self)
    }
}

impl Display for Plan<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let config = self.0;
        let line = |f: &mut Formatter<'_>, name: &str, text: &dyn Display| {
            writeln!(f, "{name:<10} {text}")
        };
        line(
            f,
            "subject",
            &format!("{}, run by the driver `{}`", config.name, config.driver.name()),
        )?;
        for member in &config.members {
            line(f, "member", &of_member(member))?;
        }
        line(f, "directory", &config.directory.display())?;

        let (mut run, mut not) = (Vec::new(), Vec::new());
        for case in &config.cases {
            match config.availability(case) {
                Availability::Available => run.push(case.name),
                Availability::NotApplicable(reason) => {
                    not.push(format!("{}, not applicable: {reason}", case.name));
                }
                Availability::NotAvailable(reason) => {
                    not.push(format!("{}, not available: {reason}", case.name));
                }
            }
        }
        let order =
            if config.shuffle { "in an order that the seed draws" } else { "in this order" };
        line(f, "a round", &format!("{} of {} cases, {order}", run.len(), CASES.len()))?;
        for name in run {
            line(f, "", &name)?;
        }
        for case in not {
            line(f, "left out", &case)?;
        }

        if config.cases.iter().any(|case| case.fault == Fault::Failpoints) {
            line(f, "failpoints", &of_failpoints(&config.failpoints))?;
        }
        let checks: Vec<&str> = config.checks.iter().map(|check| check.name()).collect();
        line(f, "checks", &checks.join(", "))?;
        let load = &config.load;
        line(
            f,
            "load",
            &format!(
                "{} clients on {} keys, at most {} requests a second, of which {} must succeed",
                load.clients, load.keys, load.rate, load.minimum_rate
            ),
        )?;
        let kinds: Vec<String> =
            load.kinds.iter().map(|(kind, weight)| format!("{kind} {weight}")).collect();
        line(f, "kinds", &kinds.join(", "))?;
        if !load.runners.is_empty() {
            let runners: Vec<String> =
                load.runners.iter().map(|(runner, count)| format!("{runner} {count}")).collect();
            line(f, "runners", &runners.join(", "))?;
        }
        Ok(())
    }
}

fn of_failpoints(failpoints: &FailpointsConfig) -> String {
    let points = match failpoints.points.as_slice() {
        [] => "all points".to_owned(),
        points => points.join(", "),
    };
    let targets: Vec<&str> = failpoints.targets.iter().map(|target| target.name()).collect();
    let sample = match failpoints.sample {
        Some(number) => format!("{number} combinations a round"),
        None => "all combinations each round".to_owned(),
    };
    format!(
        "{sample} of {points}; commands {}; targets {}",
        failpoints.commands.join(", "),
        targets.join(", ")
    )
}

fn of_member(member: &crate::driver::Member) -> String {
    let address = |address: &str| match address.strip_suffix(":0") {
        Some(host) => format!("a free port of {host}"),
        None => address.to_owned(),
    };
    let mut text = format!("{}: clients at {}", member.name, address(&member.client));
    if !member.peer.is_empty() {
        text.push_str(&format!(", peers at {}", address(&member.peer)));
    }
    if let Some(failpoints) = &member.failpoints {
        text.push_str(&format!(", failpoints at {}", address(failpoints)));
    }
    if let Some(agent) = &member.agent {
        text.push_str(&format!(", run by the agent at {}", agent.address));
    }
    text
}
