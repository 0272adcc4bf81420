//! How does the log grow by thousands of entries in a moment?

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::clients::Shared;
use crate::history::{Outcome, Request};

/// The numbers of these clients start here.
const FIRST_CLIENT: u64 = 1_000;
/// How many requests are in flight at once.
const CLIENTS: u64 = 32;

pub(super) async fn run(
    shared: &Arc<Shared>,
    member: usize,
    entries: u64,
    limit: Duration,
) -> Result<u64, String> {
    let deadline = Instant::now() + limit;
    let acknowledged = Arc::new(AtomicU64::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..CLIENTS.min(entries) {
        let (shared, acknowledged) = (Arc::clone(shared), Arc::clone(&acknowledged));
        tasks.spawn(async move {
            // Relaxed: the count is all that is shared.
            while acknowledged.load(Ordering::Relaxed) < entries && Instant::now() < deadline {
                let (client, member) =
                    (FIRST_CLIENT + number, shared.members.choose(member as u64));
                let key = format!("{}b{number:02}", shared.prefix);
                let value = format!("{client}-{}", shared.next_burst());
                let outcome = shared.ask(client, member, Request::Put { key, value }).await;
                if matches!(outcome, Outcome::Done { .. }) {
                    acknowledged.fetch_add(1, Ordering::Relaxed);
                } else {
                    sleep(Duration::from_millis(5)).await;
                }
            }
        });
    }
    while tasks.join_next().await.is_some() {}
    let acknowledged = acknowledged.load(Ordering::Relaxed);
    if acknowledged < entries {
        let why =
            shared.last_error().map_or(String::new(), |why| format!("; the last error: {why}"));
        return Err(format!(
            "only {acknowledged} of {entries} small writes were acknowledged within {limit:?}{why}"
        ));
    }
    Ok(acknowledged)
}
