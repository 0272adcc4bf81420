//! Exploring, with failpoints compiled out: there is nothing to explore.

use super::Explore;
use crate::off::SimDisk;
use crate::report::{Report, SyncReport, Verdict};
use failpoint::Scope;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

/// One run of a workload.
#[derive(Debug)]
pub struct Run<A> {
    disk: SimDisk,
    scope: Scope,
    acked: PhantomData<fn(A)>,
}

impl<A> Run<A> {
    /// Does nothing: failpoints were compiled out.
    pub fn ack(&self, _: A) {}

    /// The scope of this run.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The disk of this run.
    pub fn disk(&self) -> &SimDisk {
        &self.disk
    }
}

pub(super) fn crashes<A, S: PartialEq>(
    explore: &Explore,
    _: impl Fn(&Run<A>),
    _: impl Fn() -> S,
    _: impl Fn(&S, &[A]) -> Result<(), String>,
) -> Report {
    nothing(explore)
}

pub(super) fn syncs<A, S: PartialEq>(
    explore: &Explore,
    _: impl Fn(&Run<A>),
    _: impl Fn() -> S,
    _: impl Fn(&S, &[A]) -> Result<(), String>,
) -> SyncReport {
    SyncReport { baseline: nothing(explore), syncs: Vec::new() }
}

pub(super) fn workloads<O: fmt::Debug, W, A, S: PartialEq>(
    explore: &Explore,
    _: &[O],
    _: usize,
    _: impl Fn(&Run<A>) -> W,
    _: impl Fn(&mut W, &Run<A>, &O),
    _: impl Fn() -> S,
    _: impl Fn(&S, &[A]) -> Result<(), String>,
) -> Report {
    nothing(explore)
}

fn nothing(explore: &Explore) -> Report {
    Report {
        verdict: Verdict::NotMeasured,
        why: "failpoints were compiled out; build with --features failpoint-disk/failpoints"
            .to_owned(),
        states: 0,
        elapsed: Duration::ZERO,
        exhaustive: false,
        torn: explore.torn,
        operations: 0,
        covered: 0,
        covered_at_depth: Vec::new(),
        seed: explore.seed,
        failure: None,
    }
}
