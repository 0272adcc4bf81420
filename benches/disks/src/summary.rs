//! What is printed at the end.

use failpoint_disk::{Report, Verdict};
use std::process::ExitCode;

/// Prints the report, then one line of JSON. Returns the exit status.
pub(crate) fn tell(report: &Report) -> ExitCode {
    println!("{report}");
    println!("{}", json(report));
    match report.verdict {
        Verdict::Held => ExitCode::SUCCESS,
        Verdict::Lost => ExitCode::from(3),
        _ => ExitCode::FAILURE,
    }
}

fn json(report: &Report) -> String {
    let length = report.failure.as_ref().map(|failure| failure.schedule_length);
    let length = length.map_or("null".to_owned(), |length| length.to_string());
    format!(
        "{{\"states\":{},\"states_per_second\":{:.0},\"verdict\":\"{}\",\"exhaustive\":{},\
         \"schedule_length\":{length},\"seed\":{}}}",
        report.states,
        report.states_per_second(),
        report.verdict,
        report.exhaustive,
        report.seed,
    )
}
