//! The command line: verbs, arguments and their help.

use crate::duration::parse as duration;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use failpoint_http::wire::EventKind;
use std::path::PathBuf;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  export GOFAIL_HTTP=127.0.0.1:22381            the address of the server
  failpoint list                                every point, and what is armed
  failpoint arm raftAfterSave 'sleep(100)'      arm one
  failpoint arm --ttl 30s a=panic 'b=3*off'     arm both or neither, for 30 s
  failpoint wait raftAfterSave --hits 2         wait until the point was hit twice
  failpoint resume raftAfterSave                resume the callers that are paused there
  failpoint reset                               disarm all points
  failpoint watch                               a live table
  failpoint --addr :22381,:22382,:22383 list    several servers at once
  failpoint list --binary target/release/server the points in the file of a program

Exit status: 0 done, 1 refused, 2 usage, 3 not reachable, 4 timed out. With several servers, the
highest status is used. These commands also work with a Go server that uses gofail: list, get, arm,
disarm, reset, export.";

const GLOBAL: &str = "Options of all commands";

/// Lists, arms, waits for and watches the failpoints of running servers.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Args)]
pub(crate) struct Global {
    /// The servers: HOST:PORT, http://HOST:PORT/prefix, or unix:/path. Repeat the option, or
    /// separate addresses by commas. Default: GOFAIL_HTTP, then FAILPOINT_HTTP.
    #[arg(long, global = true, help_heading = GLOBAL, value_delimiter = ',', value_name = "ADDRESS")]
    pub(crate) addr: Vec<String>,
    /// The token of the servers. Other users can see your command line, so prefer
    /// FAILPOINT_HTTP_TOKEN or FAILPOINT_HTTP_TOKEN_FILE.
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "SECRET")]
    pub(crate) token: Option<String>,
    /// How long to wait for a connection and for a reply. `wait` adds its own timeout.
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "TIME", value_parser = duration, default_value = "10s")]
    pub(crate) patience: Duration,
    /// Print JSON instead of text; with several servers, an object with one entry per address.
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub(crate) json: bool,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists the points of servers, or of a program's file.
    #[command(visible_alias = "ls")]
    List(List),
    /// Shows points in full: terms, counts, places in the source.
    Get {
        /// The points to show.
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
    /// Arms points.
    ///
    /// Takes NAME TERMS for one point, NAME=TERMS for each of several points, or only TERMS with
    /// --match. Several points are armed together or not at all; so are several servers.
    Arm(Arm),
    /// Disarms points. It is no error if a point is idle.
    Disarm {
        /// The points to disarm.
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
        /// Disarm only if this is still the generation of the point.
        #[arg(long, value_name = "GENERATION")]
        if_match: Option<u64>,
    },
    /// Disarms all points, resumes all paused callers, and prints what was armed.
    Reset,
    /// Waits until a point is hit.
    ///
    /// Counts hits of the current arming, or, if the point is idle, of the next one. With several
    /// servers, waits for all of them, or with --any for the first.
    Wait(Wait),
    /// Resumes the callers that are paused at a point. The point stays armed.
    Resume {
        /// The point.
        name: String,
        /// How many callers to resume; all of them if omitted.
        #[arg(value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
        count: Option<u64>,
    },
    /// Shows a live table of points, until q or ctrl-C. Needs a terminal.
    Watch(Watch),
    /// Prints one line per event, until the server ends.
    Events(Events),
    /// Prints what is armed, as a value for GOFAIL_FAILPOINTS.
    Export,
    /// Lists points that were never reached, and points that were armed and never fired.
    ///
    /// Without FILES, it asks the running servers. A process that was started with
    /// FAILPOINT_REPORT=FILE appends a line to FILE when it ends. With FILES, the command merges all
    /// lines into one report: the points that no process reached, and those that were armed in some
    /// process and fired in none. Exits with 1 if a file cannot be read.
    Report {
        /// Files that FAILPOINT_REPORT wrote, in any order.
        files: Vec<PathBuf>,
    },
    /// Prints a completion script for a shell.
    ///
    /// For bash: source <(failpoint completions bash)
    Completions {
        /// The shell.
        shell: Shell,
    },
}

#[derive(Args)]
pub(crate) struct List {
    /// Only points that are armed.
    #[arg(long, conflicts_with = "idle")]
    pub(crate) armed: bool,
    /// Only points that are idle.
    #[arg(long)]
    pub(crate) idle: bool,
    /// Only points that the process has reached.
    #[arg(long, conflicts_with = "unreached")]
    pub(crate) reached: bool,
    /// Only points that the process has not reached.
    #[arg(long)]
    pub(crate) unreached: bool,
    /// Only points whose name matches; `*` and `?` are wildcards.
    #[arg(long = "match", value_name = "GLOB")]
    pub(crate) glob: Option<String>,
    /// Read the points from the file of a program (ELF), without running it.
    #[arg(
        long,
        value_name = "PATH",
        conflicts_with_all = ["armed", "idle", "reached", "unreached", "addr", "token"]
    )]
    pub(crate) binary: Option<PathBuf>,
    /// With --binary: exit with 1 if the program has a point. For a release build.
    #[arg(long, requires = "binary")]
    pub(crate) expect_none: bool,
}

#[derive(Args)]
pub(crate) struct Arm {
    /// NAME TERMS, or NAME=TERMS …, or only TERMS with --match.
    #[arg(required = true, value_name = "NAME=TERMS")]
    pub(crate) what: Vec<String>,
    /// Have the server disarm the points after this time, such as 30s.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) ttl: Option<Duration>,
    /// Accept a name that no code declares.
    #[arg(long)]
    pub(crate) unlisted: bool,
    /// Arm every point whose name matches; `*` and `?` are wildcards.
    #[arg(long = "match", value_name = "GLOB")]
    pub(crate) glob: Option<String>,
    /// Arm only if this is still the generation of the point; with several points, the revision of
    /// the process.
    #[arg(long, value_name = "GENERATION")]
    pub(crate) if_match: Option<u64>,
}

#[derive(Args)]
pub(crate) struct Wait {
    /// The point.
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) what: What,
    /// Count only hits of the arming with this generation.
    #[arg(long, value_name = "GENERATION")]
    pub(crate) since: Option<u64>,
    /// How long to wait, at most ten minutes.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "30s")]
    pub(crate) timeout: Duration,
    /// With several servers, stop waiting when the first of them reaches it.
    #[arg(long)]
    pub(crate) any: bool,
}

#[derive(Args)]
#[group(multiple = false)]
pub(crate) struct What {
    /// Wait for this many hits. This is the default, with 1.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) hits: Option<u64>,
    /// Wait for this many fires.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) fires: Option<u64>,
    /// Wait until this many callers are paused at the same time.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) paused: Option<u64>,
}

#[derive(Args)]
pub(crate) struct Watch {
    /// Only points whose name matches; `*` and `?` are wildcards.
    #[arg(long = "match", value_name = "GLOB")]
    pub(crate) glob: Option<String>,
}

#[derive(Args)]
pub(crate) struct Events {
    /// Only points whose name matches; `*` and `?` are wildcards.
    #[arg(long = "match", value_name = "GLOB")]
    pub(crate) glob: Option<String>,
    /// Only events of these kinds.
    #[arg(long, value_delimiter = ',', value_name = "KIND")]
    pub(crate) kinds: Vec<Kind>,
    /// Stop after this many events.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Kind {
    Armed,
    Disarmed,
    Fired,
    Paused,
    Resumed,
}

impl From<Kind> for EventKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Armed => EventKind::Armed,
            Kind::Disarmed => EventKind::Disarmed,
            Kind::Fired => EventKind::Fired,
            Kind::Paused => EventKind::Paused,
            Kind::Resumed => EventKind::Resumed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        Cli::command().debug_assert();
    }
}
