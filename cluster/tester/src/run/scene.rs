//! What does a case work with, and which steps do all cases share?

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use tokio::time::{Instant, sleep_until};

use super::cluster::Cluster;
use super::failure::Failure;
use super::journal::Journal;
use crate::agent::Operation;
use crate::cases::Target;
use crate::checks::logs::Cause;
use crate::config::Config;
use crate::driver::Role;
use crate::driver::Start;
use crate::load::{Load, Recorder, WholeWatch};
use crate::report::model::Injection;

/// How long rates are measured at least. The default load sends some 30 requests in that time.
const WINDOW: Duration = Duration::from_millis(100);
/// How many entries are written until the leader is looked at again.
const FEW: u64 = 50;
/// How long after something was done to a member its log may still show it.
const TRACES: Duration = Duration::from_secs(5);

/// What a case works with.
pub(super) struct Scene<'a> {
    pub(super) config: &'a Config,
    pub(super) cluster: &'a Cluster,
    pub(super) journal: &'a Journal,
    pub(super) load: &'a Load,
    pub(super) recorder: &'a Recorder,
    /// The watch of all keys, where the store has watches and revisions.
    pub(super) watch: Option<&'a WholeWatch>,
    /// What keys of this round start with.
    pub(super) prefix: &'a str,
    pub(super) round: u64,
    /// What the tester did, by which LOGS excuses lines.
    pub(super) causes: &'a Mutex<Vec<Cause>>,
    /// The points that were armed, and how often they fired, for REACHED.
    pub(super) armed: &'a Mutex<Vec<(String, u64)>>,
    /// The draws of this case.
    pub(super) rng: ChaCha8Rng,
    /// Since when the cluster has had no fault, if it is healthy.
    pub(super) healthy_since: Mutex<Option<Mark>>,
}

/// A moment, and how many requests were answered until then.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    at: Instant,
    answered: u64,
}

impl Scene<'_> {
    /// Says what is done now.
    pub(super) fn step(&self, step: &str) {
        self.journal.step(step);
    }

    /// Draws the members that a case concerns. Waits until there is a leader.
    pub(super) async fn draw(&mut self, target: Target) -> Result<Vec<usize>, Failure> {
        self.draw_for(target, Role::Any).await
    }

    /// Draws members on which a point is armed that is reached in this role.
    pub(super) async fn draw_for(
        &mut self,
        target: Target,
        role: Role,
    ) -> Result<Vec<usize>, Failure> {
        let members = self.cluster.members();
        if target == Target::All {
            return Ok(members);
        }
        let leader = self.cluster.leader().await?;
        Ok(drawn(target, role, members, leader, self.cluster.quorum(), &mut self.rng))
    }

    /// The members that are not among these.
    pub(super) fn others(&self, members: &[usize]) -> Vec<usize> {
        let mut others = self.cluster.members();
        others.retain(|other| !members.contains(other));
        others
    }

    /// Whether the others can serve requests without these members.
    pub(super) fn quorum_without(&self, members: &[usize]) -> bool {
        self.cluster.abilities().leader && self.others(members).len() >= self.cluster.quorum()
    }

    fn mark(&self) -> Mark {
        Mark { at: Instant::now(), answered: self.load.counts().succeeded }
    }

    /// Waits until the load has its minimum rate. Returns the rate.
    pub(super) async fn rate(&self, when: &str) -> Result<f64, Failure> {
        self.rate_since(self.mark(), when).await
    }

    /// The same, measured from a moment in the past on. If it was too low since then, it is measured
    /// from now on.
    async fn rate_since(&self, mut since: Mark, when: &str) -> Result<f64, Failure> {
        let deadline = Instant::now() + self.cluster.limits.heal;
        let minimum = self.config.load.minimum_rate;
        let mut best = 0.0_f64;
        loop {
            if let Some(full) = self.load.full() {
                return Err(Failure::Setup(format!(
                    "{full}; lower `load.rate`, or run fewer cases or combinations in a round"
                )));
            }
            sleep_until(since.at + WINDOW).await;
            let now = self.mark();
            #[expect(clippy::cast_precision_loss, reason = "far below 2^52 requests")]
            let answered = (now.answered - since.answered) as f64;
            let rate = answered / (now.at - since.at).as_secs_f64();
            if rate >= minimum {
                return Ok(rate);
            }
            best = best.max(rate);
            since = now;
            if Instant::now() >= deadline {
                let why = self.load.last_error();
                let why = why.map_or(String::new(), |why| format!("; the last error: {why}"));
                return Err(Failure::Subject(format!(
                    "{when} the fault, {best:.1} requests a second were answered; \
                     the minimum is {minimum}{why}"
                )));
            }
        }
    }

    /// Measures the rate before the fault: since the last one was healed.
    pub(super) async fn before(&self) -> Result<(), Failure> {
        let healthy_since = self.healthy_since().take();
        let rate = self.rate_since(healthy_since.unwrap_or_else(|| self.mark()), "before").await?;
        self.journal.of_case(|case| case.rates = Some([rate, 0.0, 0.0]));
        Ok(())
    }

    /// Where a quorum is left, waits until it has a leader and serves requests. Then waits until the
    /// fault has lasted long enough.
    pub(super) async fn during(&self, members: &[usize], begin: Instant) -> Result<(), Failure> {
        if self.quorum_without(members) {
            self.step("waiting until the others serve requests");
            self.cluster.agreed(&self.others(members), self.cluster.limits.heal).await?;
            let rate = self.rate("during").await?;
            self.journal.of_case(|case| case.rates = case.rates.map(|[a, _, c]| [a, rate, c]));
        }
        sleep_until(begin + self.cluster.limits.fault).await;
        Ok(())
    }

    /// Waits until the cluster is healed: healthy, with one leader and equal contents, and a write
    /// through each member succeeds. Then measures the rate.
    pub(super) async fn healed(&self) -> Result<(), Failure> {
        self.step("waiting until the cluster is healthy");
        let begin = Instant::now();
        let members = self.cluster.members();
        let limit = self.cluster.limits.heal;
        self.cluster.agreed(&members, limit).await?;
        let deadline = begin + limit;
        self.cluster.final_writes(&members, self.recorder, self.prefix, deadline).await?;
        let took = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.journal.of_case(|case| case.healed_after = case.healed_after.max(Some(took)));
        let election = self.cluster.driver().election_timeout();
        let election = election.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        self.journal.healed(took, election);
        let healed = self.mark();
        let rate = self.rate_since(healed, "after").await?;
        *self.healthy_since() = Some(healed);
        self.journal.of_case(|case| case.rates = case.rates.map(|[a, b, _]| [a, b, rate]));
        Ok(())
    }

    fn healthy_since(&self) -> MutexGuard<'_, Option<Mark>> {
        self.healthy_since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fault begins on these members.
    pub(super) fn fault(&self, members: &[usize]) -> Instant {
        self.journal.fault(self.cluster.names(members));
        Instant::now()
    }

    /// A fault was injected on one member, and how it was felt.
    pub(super) fn felt(&self, what: &str, member: usize, felt: Option<String>) {
        let (what, member) = (what.to_owned(), self.cluster.name(member).to_owned());
        self.journal.injected(Injection { what, member, felt });
    }

    /// A fault was injected by a program, on members that it knows.
    pub(super) fn felt_elsewhere(&self, what: &str, felt: &str) {
        let (what, felt) = (what.to_owned(), Some(felt.to_owned()));
        self.journal.injected(Injection { what, member: "EXTERNAL".to_owned(), felt });
    }

    /// From now on, and until some time after [`Self::no_more`], lines of this member with `trace`
    /// are the tester's doing.
    pub(super) fn caused(&self, member: usize, trace: &str) -> Caused {
        let mut causes = self.causes.lock().unwrap_or_else(PoisonError::into_inner);
        causes.push(Cause {
            member: self.cluster.name(member).to_owned(),
            start: self.cluster.clock.now(),
            end: u64::MAX,
            trace: trace.to_owned(),
        });
        Caused(causes.len() - 1)
    }

    /// What is caused ends here.
    pub(super) fn no_more(&self, caused: Caused) {
        let mut causes = self.causes.lock().unwrap_or_else(PoisonError::into_inner);
        causes[caused.0].end = self.cluster.clock.now() + traces();
    }

    /// All that is caused ends here. A case that failed has not said so.
    pub(super) fn nothing_more(&self) {
        let end = self.cluster.clock.now() + traces();
        let mut causes = self.causes.lock().unwrap_or_else(PoisonError::into_inner);
        causes.iter_mut().for_each(|cause| cause.end = cause.end.min(end));
    }

    /// Writes until members that are away need a snapshot: until the leader has forgotten what they lack.
    pub(super) async fn burst(&self, away: &[usize]) -> Result<(), Failure> {
        let (cluster, limit) = (self.cluster, self.cluster.limits.heal);
        let others = self.others(away);
        let leader = cluster.agreed(&others, limit).await?.unwrap_or(others[0]);
        self.step("writing until a snapshot is needed");
        let entries = self.config.load.snapshot_entries;
        self.load.burst(leader, entries, limit).await.map_err(Failure::Subject)?;
        let Some(text) = cluster.driver().forgot_entries() else { return Ok(()) };
        let leader = cluster.agreed(&others, limit).await?.unwrap_or(others[0]);
        let logs = cluster.logs(leader)?;
        // What it says from here on is about more entries than it keeps. It forgets while it writes.
        self.step("writing until the leader forgets what the others have");
        let (written, deadline) = (logs.len(), Instant::now() + limit);
        while logs.expect_after(written, text, 1, Duration::ZERO).await.is_err() {
            if Instant::now() >= deadline {
                let name = cluster.name(leader);
                let why = format!("the log of {name} does not say {text:?} after the burst");
                return Err(Failure::Subject(why));
            }
            self.load.burst(leader, FEW, limit).await.map_err(Failure::Subject)?;
        }
        Ok(())
    }

    /// Starts members again that keep all entries for a while, because they sent a snapshot: one by
    /// one, before the fault. Else a burst would have to wait until that time is over.
    pub(super) async fn let_forget(&self) -> Result<(), Failure> {
        let Some(keeps) = self.cluster.driver().keeps_entries() else { return Ok(()) };
        let all = self.cluster.members();
        for member in all.iter().copied() {
            let now = self.cluster.clock.now();
            let lines = self.cluster.logs_of_this_start(member)?;
            let sent = lines.iter().rev().find(|line| line.text.contains(keeps.since));
            let until = sent.map_or(0, |sent| sent.time + keeps.time.as_nanos() as u64);
            if until <= now {
                continue;
            }
            let name = self.cluster.name(member);
            // Rates are measured without this.
            self.healthy_since().take();
            self.step(&format!("starting {name} again, which keeps its entries after a snapshot"));
            self.cluster.operate(member, Operation::SigtermEtcd, &Start::Again).await?;
            self.cluster.operate(member, Operation::RestartEtcd, &Start::Again).await?;
            self.cluster.agreed(&all, self.cluster.limits.heal).await?;
        }
        Ok(())
    }

    /// A point was armed, and fired so often.
    pub(super) fn reached(&self, point: &str, fires: u64) {
        let mut armed = self.armed.lock().unwrap_or_else(PoisonError::into_inner);
        armed.push((point.to_owned(), fires));
    }
}

/// [`TRACES`] in nanoseconds.
pub(super) fn traces() -> u64 {
    u64::try_from(TRACES.as_nanos()).unwrap_or(u64::MAX)
}

/// The members that are drawn. A quorum for a point of the leader has the leader: the others never reach it.
fn drawn(
    target: Target,
    role: Role,
    mut members: Vec<usize>,
    leader: usize,
    quorum: usize,
    rng: &mut ChaCha8Rng,
) -> Vec<usize> {
    match target {
        Target::Leader => vec![leader],
        Target::OneFollower => {
            members.retain(|member| *member != leader);
            vec![members[rng.random_range(0..members.len())]]
        }
        Target::Quorum => {
            members.shuffle(rng);
            if role == Role::Leader {
                members.sort_by_key(|member| *member != leader);
            }
            members.truncate(quorum);
            members.sort_unstable();
            members
        }
        Target::All => members,
    }
}

/// Something that the tester does to a member, until it says that it is over.
#[must_use]
#[derive(Clone, Copy)]
pub(super) struct Caused(usize);

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    /// Of five members, a quorum is three.
    fn quorum(role: Role, seed: u64) -> Vec<usize> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        drawn(Target::Quorum, role, (0..5).collect(), 4, 3, &mut rng)
    }

    #[test]
    fn a_quorum_for_a_point_of_the_leader_has_the_leader() {
        let quorums: Vec<_> = (0..100).map(|seed| quorum(Role::Leader, seed)).collect();
        for members in &quorums {
            assert!(members.contains(&4) && members.len() == 3, "{members:?}");
        }
        assert!(quorums.iter().any(|members| *members != quorums[0]), "the others are drawn");
        // Another point is reached on any of them.
        assert!((0..100).any(|seed| !quorum(Role::Any, seed).contains(&4)));
    }
}
