//! One node of a group, whether it runs or not.

use super::{Disk, GroupNode, NodeSettings};
use crate::trace::Event;
use cluster_node::{LogLines, Role, StepClock, StepError, View};
use failpoint::Scope;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// One node of a group, and all that outlives its crashes.
pub(crate) struct Member {
    pub(crate) settings: NodeSettings,
    pub(crate) scope: Scope,
    pub(crate) clock: StepClock,
    pub(crate) disk: Box<dyn Disk>,
    /// `None` while it is down.
    pub(crate) node: Option<Box<dyn GroupNode>>,
    /// Why it is down, when it is.
    pub(crate) down: Down,
    pub(crate) log: LogLines,
    /// When it has done all that it was given, after it slept.
    pub(crate) busy_until: Duration,
    /// What its points are armed with.
    pub(crate) armed: BTreeMap<String, Armed>,
    pub(crate) known: Option<Known>,
}

impl Member {
    pub(crate) fn new(settings: NodeSettings, disk: Box<dyn Disk>) -> Self {
        let scope = Scope::isolated(&format!("node {}", settings.raft.id));
        let clock = StepClock::default();
        scope.simulate(clock.clone());
        disk.mount(&scope);
        Self {
            settings,
            scope,
            clock,
            disk,
            node: None,
            down: Down::Stopped,
            log: LogLines::default(),
            busy_until: Duration::ZERO,
            armed: BTreeMap::new(),
            known: None,
        }
    }

    /// The node, if it runs.
    pub(crate) fn node(&self) -> Option<&dyn GroupNode> {
        self.node.as_deref()
    }

    pub(super) fn start(&mut self) -> Result<(), StepError> {
        let _in = self.scope.enter();
        self.node = Some(self.disk.start(&self.settings, &self.log)?);
        Ok(())
    }

    /// What has fired since the last call, for the trace.
    pub(super) fn fired(&mut self) -> Vec<String> {
        let scope = &self.scope;
        let news = self.armed.iter_mut().filter_map(|(point, armed)| {
            let fires = scope.fires(point).unwrap_or(0);
            let is_news = fires > std::mem::replace(&mut armed.fires, fires);
            is_news.then(|| format!("{point}={}", armed.terms))
        });
        news.collect()
    }

    pub(super) fn drop_node(&mut self) {
        let _in = self.scope.enter();
        drop(self.node.take());
    }

    /// Notes what has changed since the last call.
    pub(super) fn changes(&mut self, view: &View, events: &mut Vec<Event>) {
        let after = Known::of(view);
        // What a node knows when it starts is no change.
        self.known.unwrap_or(Known { leads: None, ..after }).events(after, view.id, events);
        self.known = Some(after);
    }
}

/// What a point is armed with.
#[derive(Clone, Debug)]
pub(crate) struct Armed {
    pub(crate) terms: String,
    /// How often it has fired, as far as the trace knows.
    fires: u64,
}

impl Armed {
    pub(crate) fn new(terms: &str) -> Self {
        Self { terms: terms.to_owned(), fires: 0 }
    }
}

/// Why a node is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Down {
    /// It crashed, by a command or at a point.
    Crashed,
    /// It panicked.
    Panicked,
    /// It could not start or go on.
    Stopped,
}

impl fmt::Display for Down {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Down::Crashed => "crashed",
            Down::Panicked => "panicked",
            Down::Stopped => "stopped",
        })
    }
}

/// What is known of a node after a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    /// The term that it leads.
    leads: Option<u64>,
    commit: u64,
    applied: u64,
}

impl Known {
    fn of(view: &View) -> Self {
        let leads = (view.role == Role::Leader).then_some(view.term);
        Self { leads, commit: view.commit, applied: view.applied }
    }

    /// The events between `self` and `after`.
    fn events(self, after: Self, node: u64, events: &mut Vec<Event>) {
        match (self.leads, after.leads) {
            (before, Some(term)) if before != Some(term) => {
                events.push(Event::Leader { node, term });
            }
            (Some(_), None) => events.push(Event::StepDown { node }),
            _ => {}
        }
        if after.commit > self.commit {
            events.push(Event::Commit { node, index: after.commit });
        }
        if after.applied > self.applied {
            events.push(Event::Apply { node, index: after.applied });
        }
    }
}
