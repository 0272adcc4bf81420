//! Crashes published storage engines everywhere, and compares the explorer with other crates. See `--help`.

mod arguments;
mod compare;
mod raft_engine_log;
mod redb_engine;
mod summary;

use arguments::{Arguments, Subject};
use raft_engine_log::Names;
use redb_engine::Create;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("disks: {error}\n{}", arguments::USAGE);
            return ExitCode::from(2);
        }
    };
    match arguments.subject {
        Subject::Help => {
            println!("{}", arguments::USAGE);
            ExitCode::SUCCESS
        }
        Subject::Compare => compare::run(arguments.seed),
        Subject::Redb { in_place } => {
            let create = if in_place { Create::InPlace } else { Create::Renamed };
            summary::tell(&redb_engine::explore(&arguments, create))
        }
        Subject::RaftEngine { names } => {
            let names = if names { Names::AsSynced } else { Names::AtOnce };
            summary::tell(&raft_engine_log::explore(&arguments, names))
        }
    }
}
