//! The command `failpoint-agent`: runs members on this machine for a tester on another one.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use clap::Parser;
use failpoint_tester::agent::embedded::Embedded;
use failpoint_tester::agent::routes::Served;
use failpoint_tester::clock::Clock;
use failpoint_tester::process::launch;
use failpoint_tester::report::output::Output;
use failpoint_tester::report::terminal::tell;

/// Runs members on this machine for a failpoint-tester on another one.
///
/// It runs the programs that it is told to run, with its own rights: who has the token can do here what
/// its user can do. HTTP is not encrypted. So give it a user with few rights, a token of its own, and a
/// network that only the test can reach.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where it listens. Without a token this must be a loopback address; port 0 takes a free port.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:22390")]
    listen: String,
    /// The directory below which members have their files.
    #[arg(long)]
    directory: PathBuf,
    /// A file with the token that requests must have.
    #[arg(long)]
    token_file: Option<PathBuf>,
    /// Kill the members when no tester has asked for so many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    alone: u64,
}

fn main() -> ExitCode {
    if let Some(status) = launch::main_if_asked() {
        return status;
    }
    let arguments = Arguments::parse();
    if let Some(file) = &arguments.token_file {
        return with_token(file, &arguments);
    }
    match serve(&arguments) {
        Ok(status) => status,
        Err(why) => {
            tell(&format!("failpoint-agent: {why}"));
            ExitCode::FAILURE
        }
    }
}

/// Starts itself again, in the same process, with the token file where the control plane looks for it.
fn with_token(file: &Path, arguments: &Arguments) -> ExitCode {
    let error = Command::new("/proc/self/exe")
        .arg0("failpoint-agent")
        .args(["--listen", &arguments.listen, "--alone", &arguments.alone.to_string()])
        .arg("--directory")
        .arg(&arguments.directory)
        .env("FAILPOINT_HTTP_TOKEN_FILE", file)
        .env_remove("FAILPOINT_HTTP_TOKEN")
        .exec();
    tell(&format!("failpoint-agent: {error}"));
    ExitCode::FAILURE
}

fn serve(arguments: &Arguments) -> Result<ExitCode, Box<dyn std::error::Error>> {
    // Its control plane is for members; it has no points of its own.
    failpoint::__bridge::control::do_not_announce();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let agent =
        Embedded::below(&arguments.directory, Clock::start()).map_err(|error| error.message)?;
    let served = Served::extend(agent, runtime.handle().clone())?;
    let control = failpoint_http::serve(&arguments.listen)?;
    let output = Output::default();
    if let Some(address) = control.address() {
        output.line(format_args!("failpoint-agent: listening at {address}"));
    }
    // What started it has gone, or will not learn the address.
    if output.has_no_reader() || output.is_incomplete() {
        return Ok(ExitCode::from(u8::from(!output.has_no_reader())));
    }
    runtime.block_on(served.watch(Duration::from_secs(arguments.alone)));
    // Dropping it waits until the last reply was sent.
    drop(control);
    Ok(ExitCode::SUCCESS)
}
