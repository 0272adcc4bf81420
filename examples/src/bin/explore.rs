//! Crashes a log everywhere and prints what was found. See `--help`.

use failpoint_disk::{Explore, Torn};
use failpoint_examples::explore::{self, Mistake};
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let report = Explore::new().torn(Torn::Byte).process_deaths(true).crashes(
        explore::workload,
        explore::recover,
        explore::check,
    );
    println!("{report}");
        for _ in 0..40 {
            let _ = Explore::new().torn(Torn::Byte).process_deaths(true).crashes(
                explore::workload,
                explore::recover,
                explore::check,
            );
        }
        return ExitCode::SUCCESS;
    }
    let syncs = Explore::new().torn(Torn::Byte).process_deaths(true).syncs(
        explore::workload,
        explore::recover,
        explore::check,
    );
    println!("{syncs}");
    let _ = (Mistake::NoSync, Duration::MAX);
    ExitCode::SUCCESS
}
