//! LEASE_RUNNER: a client keeps a lease alive.

use std::time::Duration;

use rand::Rng;
use tokio::time::sleep;

use super::Turns;
use crate::history::{Outcome, Request, Response};
use crate::load::leases::LONG_TTL;

/// How often a lease is renewed before it is revoked.
const RENEWALS: usize = 5;
/// How often it is tried to revoke it.
const REVOCATIONS: usize = 10;
/// How long it rests between two of them.
const REST: Duration = Duration::from_millis(200);

pub(super) async fn run(mut turns: Turns) {
    let key = format!("{}lease-{}", turns.shared.prefix, turns.client);
    while turn(&mut turns, &key).await.is_some() {}
}

/// One lease from its grant to its end. `None`: the load has stopped.
async fn turn(turns: &mut Turns, key: &str) -> Option<()> {
    let clock = turns.shared.recorder.clock();
    let ttl = LONG_TTL.as_nanos() as u64;
    let guard = turns.next(2).await?;
    let generation = turns.shared.generation();
    let draw = turns.random.next_u64();
    let member = turns.shared.members.choose(draw);
    let mut lives_until = clock.now() + ttl;
    let Some(lease) = turns.shared.grant(member, LONG_TTL).await else { return Some(()) };
    let value = turns.value();
    if !turns.shared.put_with(turns.client, member, key, value, lease).await {
        // The key may still be written. Whether the lease lives is not seen then.
        turns.shared.revoke(member, lease).await;
        return Some(());
    }
    drop(guard);
    for _ in 0..RENEWALS {
        sleep(REST).await;
        let _guard = turns.next(2).await?;
        if turns.shared.generation() != generation {
            return Some(());
        }
        let member = turns.shared.members.choose(turns.random.next_u64());
        let start = clock.now();
        let renewed = turns.shared.keep_alive(member, lease).await;
        if renewed.is_some_and(|left| !left.is_zero()) {
            lives_until = start + ttl;
        }
        let get = Request::Get { key: key.to_owned(), stale: false };
        let outcome = turns.shared.ask(turns.client, member, get).await;
        if matches!(outcome, Outcome::Done { response: Response::Value(None), .. }) {
            let now = clock.now();
            if now < lives_until {
                turns.violated(format!(
                    "lease {lease:x} of {} s and its key {key:?} were gone {} ms before their time",
                    LONG_TTL.as_secs(),
                    (lives_until - now) / 1_000_000
                ));
            }
            return Some(());
        }
    }
    let mut revoked = false;
    for _ in 0..REVOCATIONS {
        let guard = turns.next(2).await?;
        if turns.shared.generation() != generation {
            return Some(());
        }
        let member = turns.shared.members.choose(turns.random.next_u64());
        revoked |= turns.shared.revoke(member, lease).await;
        let get = Request::Get { key: key.to_owned(), stale: false };
        let outcome = turns.shared.ask(turns.client, member, get).await;
        match outcome {
            // Without an answer, the lease may have been revoked all the same.
            Outcome::Done { response: Response::Value(None), .. } => {
                turns.done();
                return Some(());
            }
            Outcome::Done { .. } if revoked => {
                turns.violated(format!("lease {lease:x} was revoked, but its key {key:?} exists"));
                turns.done();
                return Some(());
            }
            _ => {}
        }
        drop(guard);
        sleep(REST).await;
    }
    Some(())
}
