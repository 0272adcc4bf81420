//! The command `failpoint`.
#![forbid(unsafe_code)]

mod args;
mod arm;
mod ask;
mod binary;
mod duration;
mod events;
mod output;
mod report;
mod screen;
mod servers;
mod show;
mod status;
mod verbs;
mod wait;
mod watch;
mod words;

use args::{Cli, Command, List};
use clap::{CommandFactory, Parser};
use output::Output;
use servers::Servers;
use status::{Failure, Status};
use std::io;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut output = Output::new();
    let status = run(cli, &mut output).unwrap_or_else(|failure| {
        output.error(&failure.why);
        failure.status
    });
    output.flush();
    match output.take_failure() {
        Some(error) => {
            output.error(&format!("cannot write the output: {error}"));
            status.max(Status::Refused).into()
        }
        None => status.into(),
    }
}

fn run(cli: Cli, output: &mut Output) -> Result<Status, Failure> {
    match cli.command {
        // These three ask no server.
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "failpoint", &mut script);
            output.text(&String::from_utf8_lossy(&script));
            Ok(Status::Done)
        }
        Command::Report { files } if !files.is_empty() => {
            let report = report::merge(&files).map_err(|why| Failure::new(Status::Refused, why))?;
            let text = if cli.global.json { report.to_json() } else { report.to_string() };
            output.text(&text);
            Ok(Status::Done)
        }
        Command::List(List { binary: Some(path), expect_none, glob, .. }) => {
            let matching = glob.as_deref().unwrap_or("*");
            binary::list(&path, matching, expect_none, cli.global.json, output)
        }
        command => {
            let servers = Servers::of(&cli.global)?;
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|error: io::Error| Failure::new(Status::Refused, error))?;
            runtime.block_on(ask(command, &servers, output))
        }
    }
}

async fn ask(command: Command, servers: &Servers, output: &mut Output) -> Result<Status, Failure> {
    match command {
        Command::List(list) => verbs::list(servers, list, output).await,
        Command::Get { names } => verbs::get(servers, names, output).await,
        Command::Arm(request) => arm::arm(servers, request, output).await,
        Command::Disarm { names, if_match } => {
            verbs::disarm(servers, names, if_match, output).await
        }
        Command::Reset => verbs::reset(servers, output).await,
        Command::Wait(request) => wait::wait(servers, request, output).await,
        Command::Resume { name, count } => verbs::resume(servers, name, count, output).await,
        Command::Events(request) => events::events(servers, request, output).await,
        Command::Watch(request) => watch::watch(servers, request).await,
        Command::Export => verbs::export(servers, output).await,
        Command::Report { .. } => verbs::report(servers, output).await,
        Command::Completions { .. } => Ok(Status::Done),
    }
}
