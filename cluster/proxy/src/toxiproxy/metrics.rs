//! Prometheus' text format, with the names of toxiproxy.

use super::registry::Registry;
use std::fmt::Write as _;

const NAMES: [(&str, &str); 4] = [
    (
        "toxiproxy_proxy_received_bytes_total",
        "The total number of bytes received on a given proxy link",
    ),
    ("toxiproxy_proxy_sent_bytes_total", "The total number of bytes sent on a given proxy link"),
    ("failpoint_proxy_dropped_bytes_total", "Bytes that were received and will not be sent"),
    ("failpoint_proxy_lost_chunks_total", "Chunks and retransmissions that a loss delayed"),
];

pub(super) fn text(registry: &Registry) -> String {
    let mut text = String::new();
    for (n, (name, help)) in NAMES.into_iter().enumerate() {
        // Writing to a string does not fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter");
        for (labels, counts) in registry.counts() {
            let [proxy, listener, upstream] = labels.map(escape);
            for (direction, counters) in counts {
                let value =
                    [counters.received, counters.passed, counters.dropped, counters.lost][n];
                let _ = writeln!(
                    text,
                    "{name}{{direction=\"{direction}\",listener=\"{listener}\",proxy=\"{proxy}\",\
                     upstream=\"{upstream}\"}} {value}"
                );
            }
        }
    }
    text
}

fn escape(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
