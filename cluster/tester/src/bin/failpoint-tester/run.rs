//! `failpoint-tester run`.

use std::future::{Future, poll_fn};
use std::path::PathBuf;
use std::task::Poll;
use std::time::Duration;

use clap::Args;
use failpoint_tester::clock::Clock;
use failpoint_tester::config::{self, Config};
use failpoint_tester::process::is_ignored;
use failpoint_tester::report::collect::Collector;
use failpoint_tester::report::event::Observer;
use failpoint_tester::report::files::{self, Directory};
use failpoint_tester::report::junit;
use failpoint_tester::report::live::Live;
use failpoint_tester::report::metrics::Metrics;
use failpoint_tester::report::output::Output;
use failpoint_tester::report::terminal::{Terminal, tell};
use failpoint_tester::run::{self, Claim, Options, Subject, Why};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Run a configuration: inject faults under load, and check what comes out.
///
/// The last line of the output is a summary in JSON. The exit status is 0 if all is well; 3 if a
/// violation was found, or a fault was not felt or did not heal; 4 if a check could not decide; 1 if
/// the set-up does not work, or the summary or the file of --junit cannot be written; 130 after Ctrl-C.
#[derive(Args)]
pub(super) struct Arguments {
    /// The configuration.
    config: PathBuf,
    /// How many rounds; each has all cases once. 0: until it is interrupted. The default is 1, and with
    /// --for as many as there is time for.
    #[arg(long)]
    rounds: Option<u64>,
    /// After this time, no further case is started: `90s`, `30m`, `8h`, `7d`. With --rounds, the run ends
    /// at what comes first.
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    time: Option<Duration>,
    /// Where the draws start. The default is drawn and printed.
    #[arg(long)]
    seed: Option<u64>,
    /// Only these cases, in this order: names, and patterns such as `SIGTERM_*`, as in the configuration.
    /// Its `except` does not count then.
    #[arg(long, value_delimiter = ',', value_name = "CASES")]
    cases: Vec<String>,
    /// The directory of the report. By default, a new one in the directory of the configuration.
    #[arg(long, value_name = "DIRECTORY")]
    out: Option<PathBuf>,
    /// Write the results as JUnit XML, too.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Serve Prometheus metrics at `HOST:PORT` while it runs.
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<String>,
}

/// A number with a unit: `s`, `m`, `h` or `d`.
fn time(text: &str) -> Result<Duration, String> {
    let units = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];
    let read = units.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, *seconds)));
    let Some((number, seconds)) = read else {
        return Err("write a number with a unit, such as 90s, 30m, 8h or 7d".to_owned());
    };
    let number: u64 = number.parse().map_err(|_| format!("{number:?} is no number"))?;
    let seconds = number.checked_mul(seconds).ok_or("that is too long")?;
    Ok(Duration::from_secs(seconds))
}

pub(super) fn main(arguments: &Arguments, output: &Output) -> u8 {
    prepare(arguments, output).and_then(Prepared::run).unwrap_or_else(|message| {
        tell(&message);
        1
    })
}

/// All that is needed before anything is started.
struct Prepared {
    config: Config,
    options: Options,
    clock: Clock,
    collector: Collector,
    observers: Vec<Box<dyn Observer>>,
    junit: Option<PathBuf>,
    metrics: Option<String>,
    claim: Claim,
}

fn prepare(arguments: &Arguments, output: &Output) -> Result<Prepared, String> {
    let mut config = config::load(&arguments.config).map_err(|mistakes| mistakes.to_string())?;
    if !arguments.cases.is_empty() {
        config.choose_cases(&arguments.cases)?;
    }
    if let Some(path) = &arguments.junit {
        files::can_write(path)?;
    }
    let claim = Claim::new(&config.directory)?;
    config.choose_ports().map_err(|error| format!("no port is free: {error}"))?;
    config.check_machine().map_err(|mistakes| mistakes.to_string())?;

    let seed = arguments.seed.unwrap_or_else(drawn);
    let clock = Clock::start();
    let collector = Collector::new(clock, replay(arguments, seed));
    let started = collector.report().started;
    let directory = match &arguments.out {
        None => Directory::create(&config.directory, seed, started)
            .map_err(|error| error.to_string())?,
        Some(out) => {
            std::fs::create_dir_all(out)
                .map_err(|error| format!("{}: cannot be created: {error}", out.display()))?;
            Directory::at(out.clone())
        }
    };
    files::can_write(&directory.path().join(files::JSON))?;
    let options = Options {
        seed,
        rounds: match (arguments.rounds, arguments.time) {
            (None, None) => Some(1),
            (rounds, _) => rounds.filter(|rounds| *rounds > 0),
        },
        time: arguments.time,
        directory: Some(directory.clone()),
    };
    let observers: Vec<Box<dyn Observer>> = vec![
        Box::new(Live::start(collector.clone(), directory.clone())),
        Box::new(Terminal::new(Some(directory.path().join(files::HTML)), Box::new(output.clone()))),
    ];
    let (junit, metrics) = (arguments.junit.clone(), arguments.metrics.clone());
    Ok(Prepared { config, options, clock, collector, observers, junit, metrics, claim })
}

impl Prepared {
    fn run(self) -> Result<u8, String> {
        let Self { config, options, clock, collector, mut observers, junit, metrics, claim } = self;
        let runtime = tokio::runtime::Runtime::new()
            .map_err(|error| format!("no runtime can be started: {error}"))?;
        let ended = runtime.block_on(async {
            let interrupt = interrupted().map_err(|error| error.to_string())?;
            let subject = Subject::new(&config, clock)?;
            let _server = match &metrics {
                Some(address) => {
                    let metrics = Metrics::new();
                    observers.push(Box::new(metrics.clone()));
                    Some(metrics.serve(address).await.map_err(|error| error.to_string())?)
                }
                None => None,
            };
            Ok::<_, String>(
                run::run(config, options, subject, collector, observers, interrupt).await,
            )
        });
        // A checker may still be at work after an interrupt.
        runtime.shutdown_background();
        drop(claim);
        let ended = ended?;
        for problem in &ended.problems {
            tell(problem);
        }
        match &ended.why {
            Some(Why::Interrupted { members: 1 }) => tell("interrupted; 1 member was ended"),
            Some(Why::Interrupted { members }) => {
                tell(&format!("interrupted; {members} members were ended"));
            }
            Some(Why::Setup(why) | Why::Subject(why)) => {
                tell(&format!("the run cannot go on: {why}"));
            }
            None => {}
        }
        let status = ended.status();
        let Some(path) = junit else { return Ok(status) };
        match junit::write(&ended.report, &path) {
            Err(error) => {
                tell(&error.to_string());
                Ok(if status == 0 { 1 } else { status })
            }
            Ok(()) => Ok(status),
        }
    }
}

/// Completes at the first SIGINT, SIGTERM or SIGHUP. A SIGINT or SIGTERM after it ends the process at
/// once, and members end with it.
fn interrupted() -> std::io::Result<impl Future<Output = ()>> {
    let mut signals = vec![signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?];
    // `nohup` lets a program ignore it.
    if !is_ignored(SignalKind::hangup().as_raw_value())? {
        signals.push(signal(SignalKind::hangup())?);
    }
    let (first, interrupted) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        next(&mut signals).await;
        let _ = first.send(());
        // A terminal that is closed may send SIGHUP twice.
        next(&mut signals[..2]).await;
        std::process::exit(130);
    });
    Ok(async move {
        // The task above ends only with the process.
        let _ = interrupted.await;
    })
}

/// Completes at the next of these signals.
async fn next(signals: &mut [Signal]) {
    poll_fn(|context| {
        match signals.iter_mut().any(|signal| signal.poll_recv(context).is_ready()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
}

/// A seed that differs from run to run.
fn drawn() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    // Short enough to be typed again.
    RandomState::new().hash_one(std::process::id()) % 1_000_000_000
}

/// The command that runs the same schedule again.
fn replay(arguments: &Arguments, seed: u64) -> String {
    let config = arguments.config.to_string_lossy();
    let mut command = format!("failpoint-tester run {} --seed {seed}", quoted(&config));
    // One round is the default only without a time.
    let is_default = |rounds: &u64| *rounds == 1 && arguments.time.is_none();
    if let Some(rounds) = arguments.rounds.filter(|rounds| !is_default(rounds)) {
        command.push_str(&format!(" --rounds {rounds}"));
    }
    if let Some(time) = arguments.time {
        command.push_str(&format!(" --for {}s", time.as_secs()));
    }
    if !arguments.cases.is_empty() {
        command.push_str(&format!(" --cases {}", quoted(&arguments.cases.join(","))));
    }
    command
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./,=:@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
