//! One member, whether it runs or not: its scope, its disk, its clock and its node.

use crate::subject::Subject;
use cluster_node::{Level, LogLines, StepClock};
use failpoint::Scope;
use failpoint_disk::{HoldDisk, Keep, SimDisk};
use interaction::{Panicked, caught};
use std::path::Path;
use std::time::Duration;

/// Where the disk of a member is, in its scope.
const DIRECTORY: &str = "/simulated-disk";

pub(crate) struct Member<S: Subject> {
    pub(crate) id: u64,
    scope: Scope,
    disk: SimDisk,
    pub(crate) clock: StepClock,
    log: LogLines,
    /// `None` while it is down.
    pub(crate) node: Option<S::Node>,
    /// How often it has started or gone down: what was planned for it before is void.
    pub(crate) life: u64,
    /// When it has done all that it was given, after it slept.
    pub(crate) busy_until: Duration,
    /// Whether the node is to proceed at a time that is planned.
    pub(crate) will_proceed: bool,
    /// How long a tick of its clock takes.
    pub(crate) tick: Duration,
    /// The points that are armed.
    armed: Vec<String>,
}

impl<S: Subject> Member<S> {
    pub(crate) fn new(id: u64, tick: Duration) -> Self {
        let scope = Scope::isolated(&format!("member {id}"));
        let (clock, disk) = (StepClock::default(), SimDisk::new());
        scope.simulate(clock.clone());
        scope.hold(disk.at(DIRECTORY));
        Self {
            id,
            scope,
            disk,
            clock,
            log: LogLines::at_least(Level::Error),
            node: None,
            life: 0,
            busy_until: Duration::ZERO,
            will_proceed: false,
            tick,
            armed: Vec::new(),
        }
    }

    /// Starts a node from what is on the disk.
    pub(crate) fn start(&mut self, subject: &S) -> Result<Result<(), String>, Panicked> {
        self.clock.reset();
        let Self { id, scope, log, .. } = self;
        let started = caught(|| {
            let _in = scope.enter();
            subject.start(*id, Path::new(DIRECTORY), log)
        });
        self.log.take();
        Ok(match started? {
            Ok(node) => {
                self.node = Some(node);
                self.life += 1;
                Ok(())
            }
            Err(error) => Err(error.to_string()),
        })
    }

    /// Calls `run` with the node, in its scope. `None`: the member is down.
    pub(crate) fn with<T>(
        &mut self,
        run: impl FnOnce(&mut S::Node) -> T,
    ) -> Option<Result<T, Panicked>> {
        let node = self.node.as_mut()?;
        let scope = &self.scope;
        let ended = caught(|| {
            let _in = scope.enter();
            run(node)
        });
        self.log.take();
        Some(ended)
    }

    /// The node is gone, and its disk keeps what `keep` says.
    pub(crate) fn crash(&mut self, keep: Keep) -> Result<(), Panicked> {
        let restarted = self.disk.crash(keep);
        // What the node still writes while it is dropped is lost.
        self.disk.power_off();
        self.disk = restarted;
        self.life += 1;
        self.will_proceed = false;
        let dropped = self.drop_node();
        self.scope.hold(self.disk.at(DIRECTORY));
        dropped
    }

    fn drop_node(&mut self) -> Result<(), Panicked> {
        let Self { scope, node, .. } = self;
        caught(|| {
            let _in = scope.enter();
            drop(node.take());
        })
    }

    /// Arms a point.
    ///
    /// # Panics
    /// If the terms are wrong.
    pub(crate) fn arm(&mut self, point: &str, terms: &str) {
        self.scope.arm(point, terms).expect("the simulator knows the terms");
        self.armed.retain(|armed| armed != point);
        self.armed.push(point.to_owned());
    }

    /// The points that have fired since the last call. Each fires once.
    pub(crate) fn take_fired(&mut self) -> Vec<String> {
        let scope = &self.scope;
        self.armed.extract_if(.., |point| scope.fires(point).is_ok_and(|fires| fires > 0)).collect()
    }

    pub(crate) fn disarm_all(&mut self) {
        self.scope.reset();
        self.armed.clear();
    }
}

/// The node is dropped inside its scope.
impl<S: Subject> Drop for Member<S> {
    fn drop(&mut self) {
        let _ = self.drop_node();
    }
}
