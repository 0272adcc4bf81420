//! The route `/v1/points/{name}/wait`: a long poll.

use super::call::Call;
use crate::http::problem::{self, Kind};
use crate::http::response::Reply;
use crate::wire::{Counts, Outcome, Problem, Waited};
use failpoint::__bridge::watch::{self, WaitFor, WaitOutcome, WaitRejected};
use std::time::Duration;

/// The default timeout.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The longest timeout.
const LONGEST: Duration = Duration::from_secs(10 * 60);

/// The parameters of a wait.
pub(crate) struct Wait {
    name: String,
    wanted: WaitFor,
    since: Option<u64>,
    timeout: Duration,
}

impl Wait {
    pub(super) fn of(call: &Call<'_>) -> Result<Self, Box<Problem>> {
        let query = &call.query;
        let timeout = query.duration("timeout").unwrap_or(TIMEOUT);
        if timeout > LONGEST {
            return Err(Kind::BadRequest.because("timeout is at most 10m; ask again after that"));
        }
        let wanted = [
            query.number("hits").map(WaitFor::Hits),
            query.number("fires").map(WaitFor::Fires),
            query.number("paused").map(WaitFor::Paused),
        ];
        let mut wanted = wanted.into_iter().flatten();
        let (first, second) = (wanted.next(), wanted.next());
        if second.is_some() {
            return Err(Kind::BadRequest.because("wait for one of hits, fires and paused"));
        }
        Ok(Self {
            name: call.name.clone().into_owned(),
            wanted: first.unwrap_or(WaitFor::Hits(1)),
            since: query.number("since"),
            timeout,
        })
    }

    /// Waits, and returns the reply. Dropping the future ends the wait.
    pub(crate) async fn reply(self) -> Reply {
        match self.outcome().await {
            Ok(waited) => Reply::json(&waited),
            Err(problem) => Reply::problem(&problem),
        }
    }

    async fn outcome(&self) -> Result<Waited, Box<Problem>> {
        let seen = watch::watch(&self.name, self.wanted, self.since, self.timeout).await;
        let (outcome, counts) = match seen.map_err(|why| self.refused(why))? {
            WaitOutcome::Reached(counts) => (Outcome::Reached, counts),
            WaitOutcome::Disarmed(counts) => (Outcome::Disarmed, counts),
            WaitOutcome::TimedOut(counts) => {
                let detail = format!(
                    "{} not reached within {:?}: {} hits, {} fires, {} paused",
                    self.wanted, self.timeout, counts.hits, counts.fires, counts.paused
                );
                return Err(self.timed_out(detail, counts));
            }
            WaitOutcome::Idle(counts) => {
                let detail = format!(
                    "nothing was armed at `{}` within {:?}, so nothing was counted; arm it \
                     before you wait, or while you wait",
                    self.name, self.timeout
                );
                return Err(self.timed_out(detail, counts));
            }
        };
        Ok(Waited { outcome, counts: self.counts(counts) })
    }

    fn timed_out(&self, detail: String, counts: watch::Counts) -> Box<Problem> {
        let mut problem = Kind::TimedOut.because(detail);
        problem.name = Some(self.name.clone());
        problem.counts = Some(self.counts(counts));
        problem
    }

    fn refused(&self, why: WaitRejected) -> Box<Problem> {
        match why {
            WaitRejected::Unknown(error) => problem::unknown(error),
            WaitRejected::NotYet(now) => {
                let mut problem = Kind::BadRequest.because(format!(
                    "`since` names a generation that `{}` has not reached: it is at {now}; use the \
                     generation that the reply to the arming had",
                    self.name
                ));
                problem.name = Some(self.name.clone());
                problem
            }
        }
    }

    fn counts(&self, counts: watch::Counts) -> Counts {
        Counts {
            name: self.name.clone(),
            generation: counts.generation,
            hits: counts.hits,
            fires: counts.fires,
            paused: counts.paused,
        }
    }
}
