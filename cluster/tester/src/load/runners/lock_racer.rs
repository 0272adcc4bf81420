//! LOCK_RACER_RUNNER: several clients want one lock.

use rand::Rng;

use super::{TTL, Turns};
use crate::history::Compare;

pub(super) async fn run(mut turns: Turns) {
    let lock = format!("{}lock", turns.shared.prefix);
    while let Some(guard) = turns.next(6).await {
        let draw = turns.random.next_u64();
        let member = turns.shared.members.choose(draw);
        // A lease of its own for each turn: when it ends, nothing of the turn is left.
        let Some(lease) = turns.shared.grant(member, TTL).await else { continue };
        if let Some(key) = turns.shared.lock(member, &lock, lease).await {
            let mine = Compare::Value { key: key.clone(), equals: Some(String::new()) };
            let first = turns.fenced(member, mine.clone(), &lock).await;
            let last = turns.fenced(member, mine, &lock).await;
            if let (Some(first), Some(last)) = (first, last) {
                turns.held(&lock, &key, first, last);
            }
            if turns.shared.unlock(member, &key).await && first.is_some() && last.is_some() {
                turns.done();
            }
        }
        drop(guard);
        turns.give_back(lease).await;
    }
}
