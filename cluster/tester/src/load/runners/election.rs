//! ELECTION_RUNNER: several clients want to lead.

use rand::Rng;

use super::{TTL, Turns};
use crate::history::Compare;

pub(super) async fn run(mut turns: Turns) {
    let name = format!("{}election", turns.shared.prefix);
    while let Some(guard) = turns.next(7).await {
        let (draw, other) = (turns.random.next_u64(), turns.random.next_u64());
        let member = turns.shared.members.choose(draw);
        let Some(lease) = turns.shared.grant(member, TTL).await else { continue };
        let value = turns.value();
        if let Some(leadership) = turns.shared.campaign(member, &name, &value, lease).await {
            let key = leadership.key.clone();
            let mine = Compare::ModRevision { key: key.clone(), equals: leadership.revision };
            let first = turns.fenced(member, mine.clone(), &name).await;
            let asked = turns.shared.members.choose(other);
            let told = turns.shared.leader(asked, &name).await;
            let last = turns.fenced(member, mine, &name).await;
            if let (Some(first), Some(last)) = (first, last) {
                turns.held(&name, &key, first, last);
                if let Some(told) = told.filter(|told| told.as_deref() != Some(value.as_str())) {
                    let told = told.map_or("no leader".to_owned(), |told| format!("{told:?}"));
                    turns.violated(format!(
                        "{name}: {value:?} was the leader from revision {first} to {last}, but in between a client was told {told}"
                    ));
                }
            }
            if turns.shared.resign(member, &leadership).await && first.is_some() && last.is_some() {
                turns.done();
            }
        }
        drop(guard);
        turns.give_back(lease).await;
    }
}
