//! How does a program start so that it ends with the thread that started it?
//!
//! By a helper: `failpoint-agent launch PARENT_PID -- PROGRAM ARG…` asks the kernel for SIGKILL when
//! that thread ends, and replaces itself by the program. The commands `failpoint-agent` and
//! `failpoint-tester` are that helper themselves; a test or another program finds `failpoint-agent`
//! by [`helper`].

use std::convert::Infallible;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::{Signal, getppid, set_parent_process_death_signal};
use rustix::stdio::dup2_stdin;

use super::guard::{self, GUARD};
use super::{ProcessError, ignored};

/// The hidden first argument.
pub(super) const LAUNCH: &str = "launch";
/// The commands that know it.
const COMMANDS: [&str; 2] = ["failpoint-agent", "failpoint-tester"];

/// Does what the hidden first argument says, if there is one. `main` calls it before anything else:
///
/// ```no_run
/// fn main() -> std::process::ExitCode {
///     if let Some(status) = failpoint_tester::process::launch::main_if_asked() {
///         return status;
///     }
///     // …
///     std::process::ExitCode::SUCCESS
/// }
/// ```
pub fn main_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let asked = arguments.next()?;
    if asked == GUARD {
        let agent = arguments.next().unwrap_or_default();
        return Some(guard::main(&agent.to_string_lossy()));
    }
    if asked != LAUNCH {
        return super::checker::main_if_asked();
    }
    match launch(arguments) {
        Ok(never) => match never {},
        Err(status) => Some(status),
    }
}

/// Becomes the program. Standard input is the pipe to which an error goes; if it closes without one,
/// the program runs.
fn launch(mut arguments: impl Iterator<Item = OsString>) -> Result<Infallible, ExitCode> {
    const FAILED: u8 = 127;
    let usage = || {
        eprintln!("usage: failpoint-agent launch PARENT_PID -- PROGRAM ARG…");
        ExitCode::from(2)
    };
    let parent: i32 =
        arguments.next().and_then(|pid| pid.to_str()?.parse().ok()).ok_or_else(usage)?;
    if arguments.next().is_none_or(|dashes| dashes != "--") {
        return Err(usage());
    }
    let program = arguments.next().ok_or_else(usage)?;

    let failed = |report: Option<OwnedFd>, what: String| {
        if let Some(report) = report {
            let _ = File::from(report).write_all(what.as_bytes());
        }
        ExitCode::from(FAILED)
    };
    // A copy that closes when the program runs, above the three standard ones.
    let report = fcntl_dupfd_cloexec(io::stdin(), 3).ok();
    if let Err(error) = File::open("/dev/null").and_then(|null| Ok(dup2_stdin(null)?)) {
        return Err(failed(report, format!("/dev/null cannot be opened: {error}")));
    }
    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return Err(failed(report, format!("no parent-death signal can be set: {error}")));
    }
    // If the parent had ended before, the signal would never come.
    if getppid().map(|pid| pid.as_raw_nonzero().get()) != Some(parent) {
        return Err(failed(report, "the process that started it has ended".to_owned()));
    }
    if let Err(error) = ignored::reset() {
        return Err(failed(report, format!("ignored signals cannot be reset: {error}")));
    }
    let error = Command::new(&program).args(arguments).exec();
    let program = Path::new(&program);
    // A path that is not absolute starts there; a name without a slash is looked up in PATH.
    let place = std::env::current_dir()
        .ok()
        .filter(|_| program.is_relative() && program.as_os_str().as_encoded_bytes().contains(&b'/'))
        .map_or_else(String::new, |directory| format!(" in {}", directory.display()));
    Err(failed(report, format!("{} cannot be run{place}: {error}", program.display())))
}

/// The command that starts programs: the file in the variable `FAILPOINT_AGENT`; else the running
/// program, if it is one of the two commands; else `failpoint-agent` in the directory of the running
/// program, or in the directory above that.
///
/// # Errors
/// There is no such file.
pub fn helper() -> Result<PathBuf, ProcessError> {
    if let Some(path) = std::env::var_os("FAILPOINT_AGENT").filter(|path| !path.is_empty()) {
        let path = PathBuf::from(path);
        return if path.is_file() {
            Ok(path)
        } else {
            let message = format!("FAILPOINT_AGENT names {}, which is not a file", path.display());
            Err(ProcessError { message })
        };
    }
    let own = std::env::current_exe().unwrap_or_default();
    // The system adds a text to the name of a file that was replaced.
    let name = own.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if COMMANDS.contains(&name.trim_end_matches(" (deleted)")) {
        // Right even if the file was replaced since.
        return Ok(PathBuf::from("/proc/self/exe"));
    }
    let candidates = own.ancestors().skip(1).take(2).map(|directory| directory.join(COMMANDS[0]));
    candidates.into_iter().find(|path| path.is_file()).ok_or_else(|| ProcessError {
        message: format!(
            "the command failpoint-agent is neither beside {} nor in the directory above; members are \
             started by it: build it, or name it in the variable FAILPOINT_AGENT",
            own.display()
        ),
    })
}
