//! What does an idle point of a program written for `fail` cost: what ours does, or what `fail`'s does?

use crate::{Failure, Rooms, Side, progress, shown};
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use toml::{Table, Value};

/// Patched, a point may cost so many times what ours cost. Noise is below that, `fail` far above.
const WITHIN: f64 = 3.0;
/// Where both are next to nothing, a ratio says nothing: nanoseconds.
const NEXT_TO_NOTHING: f64 = 1.0;
/// Less than this cannot be told from nothing: nanoseconds.
const FLOOR: f64 = 0.3;

pub fn run(rooms: &Rooms) -> Result<(), Failure> {
    println!();
    progress("idle: building and measuring a loop over idle points, on fail and on ours");
    let fail = measure(rooms, Side::Fail)?;
    let patched = measure(rooms, Side::Ours)?;
    let row = |kind: &str, fails: &str, ours: Option<&str>| {
        let shown = |nanoseconds: f64| format!("{nanoseconds:.2} ns");
        let ours = ours.map_or_else(String::new, |ours| shown(patched[ours]));
        let least = if patched[fails] < FLOOR { ">" } else { "" };
        let ratio = fail[fails] / patched[fails].max(FLOOR);
        println!(
            "{kind:<24} {:>9}  {:>9}  {ours:>9}  {:>7}",
            shown(fail[fails]),
            shown(patched[fails]),
            format!("{least}{ratio:.1}")
        );
    };
    println!(
        "{:<24} {:>9}  {:>9}  {:>9}  {:>7}",
        "idle point", "fail", "patched", "our own", "ratio"
    );
    row("(\"literal\")", "fail", Some("ours"));
    row("(\"literal\", closure)", "fail-closure", Some("ours-closure"));
    row("(computed, closure)", "fail-computed", None);
    for (kind, ours) in [("fail", "ours"), ("fail-closure", "ours-closure")] {
        let (patched, ours) = (patched[kind], patched[ours]);
        if patched > NEXT_TO_NOTHING && patched > WITHIN * ours {
            return Err(format!("a patched idle point costs {patched} ns, ours {ours} ns").into());
        }
    }
    Ok(())
}

fn measure(rooms: &Rooms, side: Side) -> Result<BTreeMap<String, f64>, Failure> {
    let from = rooms.repository.join("tests/suites/consumers/idle");
    let name = if side == Side::Fail { "with-fail" } else { "with-ours" };
    let here = rooms.work.join("idle").join(name);
    fs::create_dir_all(here.join("src"))?;
    fs::copy(from.join("src/main.rs"), here.join("src/main.rs"))?;
    let mut manifest: Table = fs::read_to_string(from.join("Cargo.toml"))?.parse()?;
    let path = |room: &str| Value::from(shown(&rooms.repository.join(room)));
    manifest["dependencies"]["failpoint"]["path"] = path("failpoint");
    if side == Side::Ours {
        let fail = Table::from_iter([("path".to_owned(), path("compat/fail"))]);
        let crates_io = Table::from_iter([("fail".to_owned(), fail.into())]);
        let patch = Table::from_iter([("crates-io".to_owned(), crates_io.into())]);
        manifest.insert("patch".into(), patch.into());
    }
    fs::write(here.join("Cargo.toml"), toml::to_string(&manifest)?)?;
    let output = Command::new("cargo")
        .args(["run", "--quiet", "--release", "-j2"])
        .current_dir(&here)
        .env("CARGO_TARGET_DIR", rooms.work.join("build"))
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let mut measured = BTreeMap::new();
    for line in String::from_utf8(output.stdout)?.lines() {
        let (kind, nanoseconds) = line.split_once(' ').ok_or("a kind and a number")?;
        measured.insert(kind.to_owned(), nanoseconds.parse()?);
    }
    Ok(measured)
}
