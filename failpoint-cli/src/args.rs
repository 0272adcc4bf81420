//! What can be written on the command line?

use crate::duration::parse as duration;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use failpoint_http::wire::EventKind;
use std::path::PathBuf;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  export GOFAIL_HTTP=127.0.0.1:22381            what the server was started with
  failpoint list                                every point, and what is armed
  failpoint arm raftAfterSave 'sleep(100)'      arm one
  failpoint arm --ttl 30s a=panic 'b=3*off'     arm several or none, for 30 s
  failpoint wait raftAfterSave --hits 2         until the server came by twice
  failpoint resume raftAfterSave                let go who stands in `pause`
  failpoint reset                               disarm all
  failpoint watch                               a live table
  failpoint --addr :22381,:22382,:22383 list    several servers at once

Exit status: 0 done, 1 refused, 2 usage, 3 not reachable, 4 time ran out. Of several servers, the
highest counts. Against a gofail in Go: list, get, arm, disarm, reset, export.";

/// Failpoints of running servers, from the shell.
#[derive(Parser)]
#[command(version, about, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Args)]
pub(crate) struct Global {
    /// The servers: HOST:PORT, http://HOST:PORT/prefix, or unix:/path; repeated, or with commas
    /// between. Else GOFAIL_HTTP or FAILPOINT_HTTP says it.
    #[arg(long, global = true, value_delimiter = ',', value_name = "ADDRESS")]
    pub(crate) addr: Vec<String>,
    /// The secret that the servers ask for. Others can see a command line: better set
    /// FAILPOINT_HTTP_TOKEN, or FAILPOINT_HTTP_TOKEN_FILE.
    #[arg(long, global = true, value_name = "SECRET")]
    pub(crate) token: Option<String>,
    /// How long connecting and answering may take, beyond what a server is asked to wait.
    #[arg(long, global = true, value_name = "TIME", value_parser = duration, default_value = "10s")]
    pub(crate) patience: Duration,
    /// JSON instead of text; with several servers an object by address.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists the points.
    #[command(visible_alias = "ls")]
    List(List),
    /// Shows all that is known of points: terms, counts, places in the source.
    Get {
        /// The points.
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
    /// Arms points.
    ///
    /// Written as NAME TERMS, or as NAME=TERMS any number of times, or with --match as TERMS alone.
    /// Several points, and several servers, are armed all or none.
    Arm(Arm),
    /// Disarms points; an idle one is no error.
    Disarm {
        /// The points.
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
        /// Only if this is still the generation of the point.
        #[arg(long, value_name = "GENERATION")]
        if_match: Option<u64>,
    },
    /// Disarms all points, lets everybody go, and says what was armed.
    Reset,
    /// Waits until a server has come by a point.
    ///
    /// It counts from the arming in force, or at an idle point from the next one. Of several servers
    /// all have to reach it, or with --any one.
    Wait(Wait),
    /// Lets those go who stand in `pause` at a point; it stays armed.
    Resume {
        /// The point.
        name: String,
        /// How many; all if left out.
        #[arg(value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
        count: Option<u64>,
    },
    /// A live table, until q or ctrl-C. Needs a terminal.
    Watch(Watch),
    /// What happens, line by line, until the server ends.
    Events(Events),
    /// What is armed, as one value of GOFAIL_FAILPOINTS.
    Export,
    /// What was never tried: by a server that runs, or by all that left a line in files.
    ///
    /// A process started with FAILPOINT_REPORT=FILE appends a line to FILE when it ends. With files,
    /// one report is made of all lines: the points that no process reached, and those that were
    /// armed somewhere and fired nowhere. Exits with 1 where a file cannot be read.
    Report {
        /// The files, in any order.
        files: Vec<PathBuf>,
    },
    /// A script that completes this command's words in a shell.
    ///
    /// For bash: source <(failpoint completions bash)
    Completions {
        /// The shell.
        shell: Shell,
    },
}

#[derive(Args)]
pub(crate) struct List {
    /// Those that are armed.
    #[arg(long, conflicts_with = "idle")]
    pub(crate) armed: bool,
    /// Those that are not.
    #[arg(long)]
    pub(crate) idle: bool,
    /// Those that the process has come by.
    #[arg(long, conflicts_with = "unreached")]
    pub(crate) reached: bool,
    /// Those that it has not.
    #[arg(long)]
    pub(crate) unreached: bool,
    /// Those whose name matches.
    #[arg(long = "match", value_name = "GLOB")]
    pub(crate) glob: Option<String>,
}

#[derive(Args)]
pub(crate) struct Arm {
    /// NAME TERMS, or NAME=TERMS …, or with --match TERMS.
    #[arg(required = true, value_name = "NAME=TERMS")]
    pub(crate) what: Vec<String>,
    /// Disarms by itself after this time, such as 30s.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) ttl: Option<Duration>,
    /// Takes a name that no code declares.
    #[arg(long)]
    pub(crate) unlisted: bool,
    /// Arms every point whose name matches.
    #[arg(long = "match", value_name = "GLOB")]
    pub(crate) glob: Option<String>,
    /// Only if this is still the generation of the point; with several, the revision of the process.
    #[arg(long, value_name = "GENERATION")]
    pub(crate) if_match: Option<u64>,
}

#[derive(Args)]
pub(crate) struct Wait {
    /// The point.
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) what: What,
    /// Only of the arming with this generation.
    #[arg(long, value_name = "GENERATION")]
    pub(crate) since: Option<u64>,
    /// For how long, at most ten minutes.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "30s")]
    pub(crate) timeout: Duration,
    /// One of several servers is enough.
    #[arg(long)]
    pub(crate) any: bool,
}

#[derive(Args)]
#[group(multiple = false)]
pub(crate) struct What {
    /// Until so many hits; 1 unless something else is asked for.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) hits: Option<u64>,
    /// Until so many fires.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) fires: Option<u64>,
    /// Until so many stand in `pause` at once.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) paused: Option<u64>,
}

#[derive(Args)]
pub(crate) struct Watch {
    /// Points whose name matches.
    #[arg(long = "match", value_name = "GLOB")]
    pub(crate) glob: Option<String>,
}

#[derive(Args)]
pub(crate) struct Events {
    /// Points whose name matches.
    #[arg(long = "match", value_name = "GLOB")]
    pub(crate) glob: Option<String>,
    /// Of these kinds alone.
    #[arg(long, value_delimiter = ',', value_name = "KIND")]
    pub(crate) kinds: Vec<Kind>,
    /// Ends after so many.
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
