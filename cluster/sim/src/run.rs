//! A run: faults, then none until the members agree, then the last questions and the verdict.

use crate::Run;
use crate::report::{Rule, Violation};
use crate::subject::{Checked, Subject};
use crate::world::World;
use std::time::Duration;

/// How long it may take without faults until the members agree, or answer a question. Elections take a
/// fraction of a second, and a request is given up after a few seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often the members are compared meanwhile.
const LOOK: Duration = Duration::from_millis(50);

/// Runs a seed. With `has_lines`, the run has what happened as text, which takes time.
pub fn run<S: Subject>(seed: u64, has_lines: bool) -> Run<S> {
    let mut world = World::<S>::new(seed, has_lines);
    let violation = world.run().err();
    let World { plan, subject, now, injections, trace, .. } = world;
    let (trace, lines) = trace.finish();
    Run { plan, subject, injections, took: now, trace, lines, violation }
}

impl<S: Subject> World<S> {
    fn run(&mut self) -> Checked {
        self.run_until(self.plan.faults_for)?;
        self.calm();
        self.converge()?;
        for number in 0.. {
            let Some((id, command)) = self.subject.last_question(number, self.now) else { break };
            self.note(("question", number, id), || format!("question {number} to member {id}"));
            self.give(id, command);
            self.run_until(self.now)?;
            self.converge()?;
        }
        self.subject.verdict()
    }

    fn run_until(&mut self, end: Duration) -> Checked {
        while let Some(event) = self.next_until(end) {
            self.happen(event)?;
        }
        Ok(())
    }

    /// Ends all faults. Clocks still run apart. Members that are down start at their time.
    fn calm(&mut self) {
        self.note("calm", || "no more faults".to_owned());
        self.is_stormy = false;
        self.links.heal();
        self.members.values_mut().for_each(|member| member.disarm_all());
    }

    /// Lets time pass until all members are up and agree, and all requests are answered.
    fn converge(&mut self) -> Checked {
        let end = self.now + PATIENCE;
        loop {
            let wrong = match (self.disagreement(), self.subject.is_idle()) {
                (None, true) => return Ok(()),
                (Some(seen), _) => Violation::new(Rule::Converges, seen),
                (None, false) => Violation::new(Rule::Serves, "a client still waits"),
            };
            if self.now >= end {
                return Err(wrong);
            }
            self.run_until(self.now + LOOK)?;
        }
    }

    fn disagreement(&self) -> Option<String> {
        let nodes: Vec<_> =
            self.members.values().filter_map(|member| member.node.as_ref()).collect();
        if nodes.len() < self.members.len() {
            return Some(format!("only {} of {} members are up", nodes.len(), self.members.len()));
        }
        self.subject.converged(&nodes).err()
    }
}
