//! `failpoint-disk`: every crash of the log.

use super::{Found, RECORDS, check, record};
use failpoint_disk::{Explore, Torn, Verdict, fs};
use std::path::Path;
use wrong_log::Log;

super::the_log!();

pub(super) fn look(name: &str, seed: u64) -> Found {
    let open = || Log::open(Path::new("/sim"), mistake(name)).expect("the disk works");
    Found::of(|| {
        let report = Explore::new().torn(Torn::Byte).seed(seed).progress(false).crashes(
            |run| {
                let (mut log, _) = open();
                for number in 0..RECORDS {
                    log.append(&record(number)).expect("the disk works");
                    run.ack(number);
                }
            },
            || open().1,
            |found, acked| check(found, acked.len()),
        );
        let states = report.states;
        let how = match &report.failure {
            Some(failure) => format!("{} operations; {states} states", failure.schedule_length),
            None if report.exhaustive => format!("{states} states, all"),
            None => format!("{states} states, {}", report.verdict),
        };
        (report.verdict == Verdict::Lost, how)
    })
}
