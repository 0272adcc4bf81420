//! The mount's routes of the control plane, below `/v1/ext/disk/`.

use super::disk::Keep;
use super::serve::Served;
use failpoint_http::ext::{ExtendError, Refusal, Reply, Route};
use serde_json::json;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

/// How long a crash waits for the kernel to forget. The kernel may wait for requests that are paused.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) fn extend(served: &Arc<Served>) -> Result<(), ExtendError> {
    let (for_crash, for_unsynced) = (served.clone(), served.clone());
    failpoint_http::extend(
        "disk",
        [
            Route::post("crash", move |request| crash(&for_crash, request.query("keep")))
                .about(
                    "Crashes the mounted disk: what was not synced is lost, and each open handle fails \
                     with EIO.",
                )
                .parameter(
                    "keep",
                    "Which unsynced changes survive: `synced` (none, the default), `all`, or a number, \
                     the seed of a choice by chance.",
                ),
            Route::get("unsynced", move |_| Ok(unsynced(&for_unsynced)))
                .about("What a crash may lose now, oldest first."),
        ],
    )
}

fn crash(served: &Served, keep: Option<&str>) -> Result<Reply, Refusal> {
    let keep = match keep.unwrap_or("synced") {
        "synced" => Keep::Synced,
        "all" => Keep::All,
        seed => Keep::Random(seed.parse().map_err(|_| {
            Refusal::new(
                422,
                "keep: expected `synced`, `all` or a number, the seed of a choice by chance",
            )
        })?),
    };
    let (done, forgotten) = channel();
    let (kept, lost) = served.crash(keep, done);
    let is_forgotten = forgotten.recv_timeout(PATIENCE).is_ok();
    let body = json!({ "lost": lost, "kept": kept, "forgotten_by_kernel": is_forgotten });
    Ok(Reply::json(body.to_string()).logged(format!("lost {lost} changes, kept {kept}")))
}

fn unsynced(served: &Served) -> Reply {
    let disk = served.disk();
    let body = json!({
        "unsynced": disk.unsynced(),
        "bytes": disk.unsynced_bytes(),
        "crashes": disk.crashes(),
    });
    drop(disk);
    Reply::json(body.to_string())
}
