//! `powercut`: a crash at each acknowledgement, of which only what was synced survives.

use super::{Found, RECORDS, check, record};
use powercut::{CrashState, Scenario, ScratchDir, SyncJournal, Tier, Verdict, Violation};
use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::path::Path;
use wrong_log::Log;

super::the_log!();
super::watched::watched_fs!(std::fs);

thread_local! {
    static JOURNAL: RefCell<SyncJournal> = RefCell::new(SyncJournal::complete());
}

fn operation() -> io::Result<()> {
    Ok(())
}

fn sync_file(file: &File, path: &Path) -> io::Result<()> {
    JOURNAL.with_borrow(|journal| journal.sync_all(file, path)).map(drop)
}

fn sync_dir(path: &Path) -> io::Result<()> {
    JOURNAL.with_borrow(|journal| journal.sync_dir(path)).map(drop)
}

pub(super) fn look(name: &str, _: u64) -> Found {
    Found::of(|| {
        let mut note = "";
        for acks in 1..=RECORDS {
            match crash(name, acks) {
                Ok((Verdict::Survived, has_notes)) if has_notes => note = ", with a note",
                Ok((Verdict::Survived, _)) => {}
                Ok((Verdict::Lost, _)) => return (true, format!("at acknowledgement {acks}")),
                Ok((verdict, _)) => return (false, format!("{verdict} at acknowledgement {acks}")),
                Err(error) => return (false, format!("it failed: {error}")),
            }
        }
        (false, format!("{RECORDS} crashes{note}"))
    })
}

/// Returns the verdict, and whether there is a note about a directory that was never synced.
fn crash(name: &str, acks: usize) -> powercut::Result<(Verdict, bool)> {
    let store = ScratchDir::new("log")?;
    let journal = SyncJournal::complete();
    JOURNAL.set(journal.clone());
    let mut log = None;
    let acked =
        Scenario::new(store.path(), journal).label(name).tier(Tier::PowerCut).ack(|| {
            let (open, _) = Log::open(store.path(), mistake(name)).expect("the disk works");
            let open = log.insert(open);
            for number in 0..acks {
                open.append(&record(number)).expect("the disk works");
            }
            acks
        })?;
    let has_notes = acked.crash_state().notes().iter().any(|note| note.contains("directory"));
    let report = acked.check(|crash: &CrashState, &acks| {
        let found = Log::open(crash.dir(), mistake(name)).map(|(_, found)| found);
        let checked = match found {
            Ok(found) => check(&found, acks),
            Err(error) => Err(format!("the log does not open: {error}")),
        };
        checked.err().map(Violation::lost).into_iter().collect()
    });
    Ok((report.verdict(), has_notes))
}
