//! Which point is armed with which command on whom? And why is a combination left out?

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::cases::Target;
use crate::config::FailpointsConfig;
use crate::driver::{Point, Role, Trigger};

/// One point, armed with one command on one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Combination {
    /// The point, as the member lists it.
    pub(super) point: String,
    /// What is known of it.
    pub(super) known: Point,
    /// Its terms.
    pub(super) command: String,
    /// On which members.
    pub(super) target: Target,
}

impl Combination {
    pub(super) fn name(&self) -> String {
        format!("{}={} on {}", self.point, self.command, self.target)
    }

    /// Why it makes no sense, if so.
    pub(super) fn ruled_out(&self, members: usize) -> Option<String> {
        match (self.known.role, self.target) {
            _ if self.known.trigger == Trigger::None => {
                Some("nothing that the tester does reaches it".to_owned())
            }
            (Role::Leader, Target::OneFollower) => Some("it fires only on the leader".to_owned()),
            (Role::Follower, Target::Leader) => Some("it fires only on followers".to_owned()),
            _ => match self.known.trigger {
                Trigger::Snapshot if self.target == Target::Leader => {
                    Some("a leader receives no snapshot".to_owned())
                }
                Trigger::Snapshot | Trigger::Membership if members == 1 => {
                    Some("there is only one member".to_owned())
                }
                _ => None,
            },
        }
    }
}

/// The combinations of a round: those that are run, and those that are left out with the reason.
///
/// A sample takes each pair of a command and a target once before it takes one twice.
pub(super) fn combinations(
    config: &FailpointsConfig,
    points: &[(String, Point)],
    leader: bool,
    members: usize,
    rng: &mut ChaCha8Rng,
) -> (Vec<Combination>, Vec<(String, String)>) {
    let (mut run, mut left_out) = (Vec::new(), Vec::new());
    for (point, known) in points {
        for command in &config.commands {
            for target in &config.targets {
                // Without a leader, there is no choice of members: all of them are the target.
                if !leader && *target != Target::All {
                    continue;
                }
                let combination = Combination {
                    point: point.clone(),
                    known: *known,
                    command: command.clone(),
                    target: *target,
                };
                match combination.ruled_out(members) {
                    Some(why) => left_out.push((combination.name(), why)),
                    None => run.push(combination),
                }
            }
        }
    }
    if let Some(sample) = config.sample {
        run.shuffle(rng);
        let mut taken = std::collections::HashMap::new();
        run.sort_by_cached_key(|combination| {
            let pair = (combination.command.clone(), combination.target);
            let before = taken.entry(pair).or_insert(0_usize);
            *before += 1;
            *before
        });
        run.truncate(sample);
    }
    (run, left_out)
}
