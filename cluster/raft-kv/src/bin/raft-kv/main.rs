//! The command `raft-kv`: runs members, and talks to them.

mod ask;
mod cluster;
mod serve;

use clap::{Parser, Subcommand};
use std::error::Error;
use std::io;
use std::process::ExitCode;

/// A replicated key-value store whose failpoints can be armed while it runs.
#[derive(Parser)]
#[command(version, subcommand_required = true, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run one member.
    Serve(serve::Arguments),
    /// Run a cluster on free ports of this machine, for as long as this command runs.
    Cluster(cluster::Arguments),
    /// Make a data directory from a snapshot, for a new cluster of one member.
    Restore(serve::RestoreArguments),
    #[command(flatten)]
    Ask(ask::Command),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Serve(arguments) => serve::main(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Cluster(arguments) => cluster::main(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Restore(arguments) => serve::restore(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Ask(command) => ask::main(&command),
    };
    done.unwrap_or_else(|error| {
        // The reader of a pipe, such as `head -1`, wants no more.
        let cause = error.downcast_ref::<io::Error>().map(io::Error::kind);
        if cause == Some(io::ErrorKind::BrokenPipe) {
            return ExitCode::SUCCESS;
        }
        eprintln!("raft-kv: {error}");
        ExitCode::FAILURE
    })
}

type Done<T = ()> = Result<T, Box<dyn Error>>;
