//! Volatile mode over the control plane.

use super::overlay::Overlay;
use super::{disk, start};
use crate::keep::Keep;
use crate::sim::image::Change;
use crate::sim::medium::{Fate, sectors};
use crate::sim::random_fates;
use failpoint_http::ext::{ExtendError, Refusal, Reply, Request, Route};
use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::thread;

pub(crate) fn extend() -> Result<(), ExtendError> {
    failpoint_http::extend(
        "disk",
        [
            Route::post("crash", crash)
                .about("Cuts the power: what is not durable is lost, and the process ends as by `kill`.")
                .parameter("keep", "What survives: `synced` (the default), `all`, or a seed to choose by."),
            Route::get("mode", |_| Ok(Reply::text(format!("{}\n", mode()?))))
                .about("Whether what is not synced is held back: `volatile` or `durable`."),
            Route::put("mode", set_mode).about("Changes it. `durable` writes everything back."),
            Route::get("unsynced", |_| unsynced()).about("What a crash would lose now, oldest first."),
        ],
    )
}

fn crash(request: &Request) -> Result<Reply, Refusal> {
    let keep = match request.query("keep") {
        None | Some("synced") => Keep::Synced,
        Some("all") => Keep::All,
        Some(seed) => Keep::Random(seed.parse().map_err(|_| {
            Refusal::new(422, format!("keep: expected synced, all or a seed, got `{seed}`"))
        })?),
    };
    let Some(disk) = disk().map_err(failed)?.filter(|disk| disk.lock().is_volatile()) else {
        let why = "nothing is held back: put `volatile` to /v1/ext/disk/mode, or start with \
                   FAILPOINT_DISK=volatile";
        return Err(Refusal::new(409, why));
    };
    let mut overlay = disk.lock();
    overlay.check_power().map_err(failed)?;
    let changes = overlay.pending.len();
    let kept = overlay.power_off(&keep).map_err(failed)?;
    drop(overlay);
    // The reply gets out first: the end of the process waits for it.
    let end = || failpoint::__bridge::end_process(format_args!("the disk was crashed over HTTP"));
    thread::Builder::new()
        .name("failpoint-disk-crash".into())
        .spawn(move || -> () { end() })
        .map_err(failed)?;
    Ok(Reply::json(format!(r#"{{"changes":{changes},"kept":{kept}}}"#))
        .logged(format!("{kept} of {changes} changes were kept")))
}

fn mode() -> Result<&'static str, Refusal> {
    let disk = disk().map_err(failed)?;
    let is_volatile = disk.is_some_and(|disk| disk.lock().is_volatile());
    Ok(if is_volatile { "volatile" } else { "durable" })
}

fn set_mode(request: &Request) -> Result<Reply, Refusal> {
    let was = mode()?;
    let now = match request.body().trim_ascii() {
        b"volatile" => {
            start().map_err(failed)?.lock().set_volatile(true).map_err(failed)?;
            "volatile"
        }
        b"durable" => {
            if let Some(disk) = disk().map_err(failed)? {
                let mut overlay = disk.lock();
                overlay.check_power().map_err(failed)?;
                overlay.set_volatile(false).map_err(failed)?;
            }
            "durable"
        }
        _ => return Err(Refusal::new(422, "the body: expected volatile or durable")),
    };
    Ok(Reply::done().logged(format!("was {was}, now {now}")))
}

fn unsynced() -> Result<Reply, Refusal> {
    let mode = mode()?;
    let Some(disk) = disk().map_err(failed)? else {
        return Ok(Reply::json(r#"{"mode":"durable","bytes":0,"changes":[]}"#));
    };
    let overlay = disk.lock();
    let changes: Vec<String> =
        overlay.pending.iter().map(|change| told(&overlay, change)).collect();
    let (bytes, changes) = (overlay.held(), changes.join(","));
    Ok(Reply::json(format!(r#"{{"mode":"{mode}","bytes":{bytes},"changes":[{changes}]}}"#)))
}

fn told(overlay: &Overlay, change: &Change) -> String {
    let path = |ino| quoted(&overlay.node(ino).seen_as);
    let name =
        |(dir, name): &(_, _)| quoted(&overlay.node(*dir).seen_as.join::<&Path>(as_path(name)));
    match change {
        Change::Write { ino, offset, data } => {
            let (path, len) = (path(*ino), data.len());
            format!(r#"{{"kind":"write","path":{path},"offset":{offset},"len":{len}}}"#)
        }
        Change::SetLen { ino, len } => {
            format!(r#"{{"kind":"set_len","path":{},"len":{len}}}"#, path(*ino))
        }
        Change::Link { dir, name: link, .. } => {
            format!(r#"{{"kind":"create","path":{}}}"#, name(&(*dir, link.clone())))
        }
        Change::Unlink { dir, name: link, .. } => {
            format!(r#"{{"kind":"remove","path":{}}}"#, name(&(*dir, link.clone())))
        }
        Change::Rename { from, to, .. } => {
            format!(r#"{{"kind":"rename","path":{},"to":{}}}"#, name(from), name(to))
        }
    }
}

fn as_path(name: &crate::sim::image::Name) -> &Path {
    Path::new(&**name)
}

/// A string of JSON.
fn quoted(path: &Path) -> String {
    let mut json = String::from("\"");
    for c in path.to_string_lossy().chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            c if c < ' ' => {
                let _ = write!(json, "\\u{:04x}", u32::from(c));
            }
            c => json.push(c),
        }
    }
    json.push('"');
    json
}

fn failed(error: io::Error) -> Refusal {
    Refusal::new(500, error.to_string())
}

impl Overlay {
    /// Makes durable what a crash keeps, and refuses everything from then on. How many changes were kept, in
    /// part at least.
    fn power_off(&mut self, keep: &Keep) -> io::Result<usize> {
        let fates = match keep {
            Keep::All => vec![Fate::Kept; self.pending.len()],
            Keep::Random(seed) => random_fates(&self.pending, *seed),
            _ => vec![Fate::Lost; self.pending.len()],
        };
        let survivors = self.with_older_ones(|place, _| fates[place] != Fate::Lost);
        let pending = std::mem::take(&mut self.pending);
        for ((change, fate), survives) in pending.into_iter().zip(fates).zip(&survivors) {
            if *survives {
                self.pending.extend(parts(change, &fate));
            }
        }
        self.is_off = true;
        self.write_back()?;
        Ok(survivors.iter().filter(|survives| **survives).count())
    }
}

/// What is left of a change. It is kept whole where its fate does not say what part is.
fn parts(change: Change, fate: &Fate) -> Vec<Change> {
    let Change::Write { ino, offset, data } = &change else { return vec![change] };
    let part = |start: usize, end: usize| {
        let offset = offset + start as u64;
        Change::Write { ino: *ino, offset, data: data[start..end].into() }
    };
    match fate {
        Fate::Prefix(bytes) => vec![part(0, (*bytes).min(data.len()))],
        Fate::Sectors(kept) => sectors(*offset, data.len())
            .enumerate()
            .filter(|(number, _)| kept & (1 << (*number).min(63)) != 0)
            .map(|(_, (start, end))| part(start, end))
            .collect(),
        _ => vec![change],
    }
}
