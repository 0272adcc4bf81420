//! The command `failpoint-tester`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use failpoint_tester::report::output::Output;

mod bench;
mod cases;
mod check;
mod run;
mod sim;
mod validate;

/// Injects faults into a running store under load, and checks that it keeps its promises.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Arguments),
    Validate(validate::Arguments),
    Cases(cases::Arguments),
    Check(check::Arguments),
    Sim(sim::Arguments),
    /// Measure a checker on the history of a simulated, correct store.
    Bench(bench::Arguments),
}

fn main() -> ExitCode {
    if let Some(status) = failpoint_tester::process::launch::main_if_asked() {
        return status;
    }
    let output = Output::default();
    let status = match Arguments::parse().command {
        Command::Run(arguments) => run::main(&arguments, &output),
        Command::Validate(arguments) => validate::main(&arguments, &output),
        Command::Cases(arguments) => cases::main(&arguments, &output),
        Command::Check(arguments) => check::main(arguments, &output),
        Command::Sim(arguments) => sim::main(&arguments, &output),
        Command::Bench(arguments) => bench::run(&arguments, &output),
    };
    output.end(status)
}
