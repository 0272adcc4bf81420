//! `failpoint-tester validate`.

use std::path::PathBuf;

use clap::Args;
use failpoint_tester::config;
use failpoint_tester::report::output::Output;
use failpoint_tester::report::terminal::tell;

/// Check a configuration, and say what a run would do. Nothing is started.
///
/// Each mistake is a line `FILE:LINE:COLUMN: …`. The exit status is 0 without a mistake, else 1.
#[derive(Args)]
pub(super) struct Arguments {
    /// The configuration.
    config: PathBuf,
}

pub(super) fn main(arguments: &Arguments, output: &Output) -> u8 {
    let checked = config::load(&arguments.config).and_then(|config| {
        config.check_machine()?;
        Ok(config)
    });
    match checked {
        Ok(config) => {
            let file = arguments.config.display();
            output.text(&format!("{file}: no mistakes\n\n{}", config.plan()));
            0
        }
        Err(mistakes) => {
            tell(&mistakes.to_string());
            1
        }
    }
}
