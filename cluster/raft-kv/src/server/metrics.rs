//! What has the server done? In the text format of Prometheus.

use super::locked;
use super::refusal::Refusal;
use crate::Status;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the server started, and the state of the node when it was last between two steps.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    requests: Mutex<BTreeMap<(&'static str, &'static str), u64>>,
    status: Mutex<Status>,
    watches_opened: AtomicU64,
    watches_closed: AtomicU64,
    slow_watches: AtomicU64,
    inputs_dropped: AtomicU64,
    messages_sent: AtomicU64,
    messages_dropped: AtomicU64,
    leader_changes: AtomicU64,
    disk_errors: AtomicU64,
}

impl Metrics {
    pub(super) fn answered(&self, kind: &'static str, refusal: Option<&Refusal>) {
        let result = refusal.map_or("ok", |refusal| refusal.kind().1);
        *locked(&self.requests).entry((kind, result)).or_default() += 1;
    }

    pub(super) fn watch_opened(&self) {
        self.watches_opened.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn watch_closed(&self) {
        self.watches_closed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn slow_watch(&self) {
        self.slow_watches.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn input_dropped(&self) {
        self.inputs_dropped.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn message(&self, is_sent: bool) {
        let counter = if is_sent { &self.messages_sent } else { &self.messages_dropped };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn disk_error(&self) {
        self.disk_errors.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes over how the node is now.
    pub(super) fn set_status(&self, status: Status) {
        let before = std::mem::replace(&mut *locked(&self.status), status.clone());
        if status.leader != 0 && before.leader != status.leader {
            self.leader_changes.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// All of it as text.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, help: &str, values: &[(String, u64)]| {
            let _ = writeln!(text, "# HELP raft_kv_{name} {help}\n# TYPE raft_kv_{name} {kind}");
            for (labels, value) in values {
                let _ = writeln!(text, "raft_kv_{name}{labels} {value}");
            }
        };
        let one = |value: u64| [(String::new(), value)];
        let count = |counter: &AtomicU64| one(counter.load(Ordering::Relaxed));

        let requests: Vec<_> = locked(&self.requests)
            .iter()
            .map(|((kind, result), &count)| {
                (format!("{{kind=\"{kind}\",result=\"{result}\"}}"), count)
            })
            .collect();
        family("requests_total", "counter", "Requests that were answered.", &requests);
        let status = locked(&self.status).clone();
        for (name, help, value) in [
            ("has_leader", "Whether the member knows a leader.", u64::from(status.leader != 0)),
            ("is_leader", "Whether it leads.", u64::from(status.leader == status.id)),
            ("term", "Its term.", status.term),
            ("commit_index", "The index up to which entries are committed.", status.commit),
            ("applied_index", "The index up to which they are applied.", status.applied),
            ("snapshot_index", "The index of its last snapshot.", status.snapshot_index),
            ("revision", "The revision of its store.", status.revision),
            ("compacted_revision", "The revision that was compacted.", status.compacted),
            ("members", "The members that it knows.", status.members.len() as u64),
        ] {
            family(name, "gauge", help, &one(value));
        }
        let (opened, closed) = (&self.watches_opened, &self.watches_closed);
        let open = opened.load(Ordering::Relaxed).saturating_sub(closed.load(Ordering::Relaxed));
        family("watches", "gauge", "Watches that are open.", &one(open));
        for (name, help, counter) in [
            (
                "slow_watches_total",
                "Watches that ended because their client is slow.",
                &self.slow_watches,
            ),
            ("leader_changes_total", "Leaders that the member came to know.", &self.leader_changes),
            ("messages_sent_total", "Messages to peers.", &self.messages_sent),
            (
                "messages_dropped_total",
                "Messages to peers that found no place in a queue.",
                &self.messages_dropped,
            ),
            (
                "inputs_dropped_total",
                "Messages of peers that found no place in the queue of the node.",
                &self.inputs_dropped,
            ),
            ("disk_errors_total", "Errors of the disk that stopped the node.", &self.disk_errors),
        ] {
            family(name, "counter", help, &count(counter));
        }
        text
    }
}
