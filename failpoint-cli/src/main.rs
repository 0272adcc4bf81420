//! The command `failpoint`.
#![forbid(unsafe_code)]

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

mod report;

/// Failpoints of Rust servers, from the shell.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// One report of what many processes left behind.
    ///
    /// A process started with FAILPOINT_REPORT=FILE appends a line to FILE when it ends. This makes
    /// one report of all lines: the points that no process reached, and those that were armed
    /// somewhere and fired nowhere. Exits with 0; with 1 where a file cannot be read.
    Report {
        /// The files, in any order.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// The report as JSON.
        #[arg(long)]
        json: bool,
    },
}

fn main() -> ExitCode {
    let Command::Report { files, json } = Cli::parse().command;
    match report::merge(&files) {
        Ok(report) => {
            print!("{}", if json { report.to_json() } else { report.to_string() });
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("failpoint: {error}");
            ExitCode::FAILURE
        }
    }
}
