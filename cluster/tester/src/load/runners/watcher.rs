//! WATCH_RUNNER: a client watches, and another revision and other keys each time.

use std::sync::Arc;
use std::time::Duration;

use rand::{Rng, RngExt};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::Turns;
use crate::history::{Epoch, Event, Revision, Watch};
use crate::load::clients::Shared;

/// How long a watch may take at the end to deliver what is left.
const CATCH_UP: Duration = Duration::from_secs(10);

pub(super) async fn run(mut turns: Turns) {
    // Whether the last watch could not be opened where it was asked for: that may be compacted.
    let mut refused = false;
    while let Some(guard) = turns.next(1).await {
        let shared = Arc::clone(&turns.shared);
        let generation = shared.generation();
        let member = shared.members.choose(turns.random.next_u64());
        let life = Duration::from_millis(turns.random.random_range(200..3_000));
        let watch = draw(&mut turns, refused);
        let (first, from, to) = (watch.first, watch.from.clone(), watch.to.clone());
        let open = shared.clients[member].watch(&from, to.as_deref(), first);
        refused = true;
        let Ok(Ok(mut stream)) = timeout(shared.limit, open).await else {
            // A member that refuses connections does so at once.
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        refused = false;
        let number = shared.next_watcher();
        shared.recorder.opened(number, watch.clone());
        drop(guard);
        let mut seen = first - 1;
        let end = Instant::now() + life;
        loop {
            let mut stopped = turns.stopped.clone();
            // At the end it gets the time that it needs.
            let stopping = *stopped.borrow();
            let over = async {
                let _ = stopped.wait_for(|stopped| *stopped).await;
                if seen < due(&shared, &watch) {
                    sleep(CATCH_UP).await;
                }
            };
            let message = tokio::select! {
                biased;
                () = sleep_until(end), if !stopping => break,
                message = stream.next() => message,
                () = over => {
                    late(&turns, &watch, number, member, seen).await;
                    break;
                }
            };
            let Ok(message) = message else { break };
            if shared.generation() != generation {
                break;
            }
            let last = message.changes.last().map_or(0, |change| change.revision);
            seen = seen.max(last);
            shared.recorder.delivered(number, message.changes);
        }
        if seen >= first {
            turns.done();
        }
    }
}

/// Draws what to watch.
fn draw(turns: &mut Turns, refused: bool) -> Watch {
    let recorder = &turns.shared.recorder;
    let start = recorder.read(|history| history.epochs.last().map_or(0, |epoch| epoch.revision));
    let latest = recorder.latest().max(start);
    let prefix = &turns.shared.prefix;
    let back = match turns.random.random_range(0..4) {
        0 => latest - start,
        1 => (latest - start) / 2,
        2 => (latest - start).min(100),
        _ => 0,
    };
    let back = if refused { 0 } else { back };
    let keys = turns.shared.settings.keys.max(1);
    let key = turns.random.random_range(0..keys);
    let (from, to) = match turns.random.random_range(0..3) {
        0 => (prefix.clone(), None),
        1 => (format!("{prefix}k"), Some(format!("{prefix}l"))),
        _ => (format!("{prefix}k{key:06}"), Some(format!("{prefix}k{:06}", key + 3))),
    };
    Watch { first: latest - back + 1, from, to, deliveries: Vec::new() }
}

/// The last revision that is known of which the watch must get an event; 0: none.
fn due(shared: &Shared, watch: &Watch) -> Revision {
    let last = |epoch: &Epoch| {
        let covered = |event: &Event| watch.covers(event.key());
        let mut changes = epoch.changes.iter().rev();
        let last = changes.find(|change| change.events.iter().any(covered));
        last.map(|change| change.revision).filter(|&revision| revision >= watch.first)
    };
    shared.recorder.read(|history| history.epochs.last().and_then(last)).unwrap_or(0)
}

/// The load has stopped. If the watch has not got all that is known of its keys, though its member is
/// healthy, that is a violation.
async fn late(turns: &Turns, watch: &Watch, number: u64, member: usize, seen: Revision) {
    let (first, due) = (watch.first, due(&turns.shared, watch));
    if seen >= due {
        return;
    }
    let health = turns.shared.driver.health(member).await;
    if health.is_ok_and(|health| health.healthy) {
        turns.violated(format!(
            "watch {number} from revision {first} on got nothing after revision {seen} within {CATCH_UP:?}, but revision {due} changed a key of it"
        ));
    }
}
