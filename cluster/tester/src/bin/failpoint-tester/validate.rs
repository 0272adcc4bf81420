//! `failpoint-tester validate`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use failpoint_tester::config;

/// Check a configuration, and say what a run would do. Nothing is started.
///
/// Each mistake is a line `FILE:LINE:COLUMN: …`. The exit status is 0 without a mistake, else 1.
#[derive(Args)]
pub(super) struct Arguments {
    /// The configuration.
    config: PathBuf,
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let checked = config::load(&arguments.config).and_then(|config| {
        config.check_machine()?;
        Ok(config)
    });
    match checked {
        Ok(config) => {
            print!("{}: no mistakes\n\n{}", arguments.config.display(), config.plan());
            ExitCode::SUCCESS
        }
        Err(mistakes) => {
            eprintln!("{mistakes}");
            ExitCode::FAILURE
        }
    }
}
