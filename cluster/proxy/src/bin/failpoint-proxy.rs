//! The command `failpoint-proxy`: TCP proxies with toxics, controlled over toxiproxy's HTTP API.

use clap::Parser;
use failpoint_proxy::toxiproxy::{Access, Toxiproxy};
use failpoint_proxy::{Event, Sink};
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// How large a token file is at most.
const MAX_TOKEN: u64 = 64 << 10;

type Done<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// TCP proxies that delay, lose, cut and reset, controlled over toxiproxy's HTTP API.
///
/// Who can send it requests can reach, through a proxy, whatever this machine can reach. So it listens on
/// loopback only, unless it is given a token. HTTP is not encrypted.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where it listens for requests. Without a token this must be a loopback address; port 0 takes a free
    /// port.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8474")]
    listen: String,
    /// A file with proxies to start with: toxiproxy's JSON.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A file with the token that requests must have: `Authorization: Bearer TOKEN`.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Listen beyond loopback without a token: for a network that only the test can reach.
    #[arg(long, conflicts_with = "token_file")]
    insecure: bool,
    /// A name under which clients reach it without a token, besides localhost and IP addresses. May be
    /// given several times.
    #[arg(long, value_name = "NAME")]
    allow_host: Vec<String>,
    /// What all random choices come from.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Log each connection.
    #[arg(long)]
    verbose: bool,
    /// Stop when standard input ends: a parent that ends in any way takes it along.
    #[arg(long, hide = true)]
    until_stdin_closes: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Writes a line to standard error. If that is closed, the proxies go on.
fn say(line: &str) {
    // Names come from clients: no control character reaches the terminal.
    let line: String = line.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    let _ = writeln!(io::stderr(), "failpoint-proxy: {line}");
}

#[tokio::main]
async fn run(arguments: &Arguments) -> Done {
    let access = access(arguments)?;
    let verbose = arguments.verbose;
    let sink: Sink = Arc::new(move |name, event| {
        if verbose || is_important(event) {
            say(&format!("{name}: {event}"));
        }
    });
    let toxiproxy = Toxiproxy::new(arguments.seed, Some(sink));
    let listener = listen(arguments).await?;
    if let Some(file) = &arguments.config {
        let json = fs::read(file).map_err(|error| about(file, error))?;
        toxiproxy.populate(&json).await.map_err(|error| about(file, error))?;
    }
    // Who waits for this line can connect.
    let _ = writeln!(io::stdout(), "failpoint-proxy: listening at {}", listener.local_addr()?);
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        served = axum::serve(listener, toxiproxy.router(access)) => served?,
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        () = stdin_closes(), if arguments.until_stdin_closes => {}
    }
    toxiproxy.stop().await;
    Ok(())
}

/// Whether it is logged without `--verbose`.
fn is_important(event: &Event) -> bool {
    !matches!(event, Event::Accepted { .. } | Event::Ended { .. })
}

fn about(file: &Path, error: impl std::fmt::Display) -> String {
    format!("{}: {error}", file.display())
}

fn access(arguments: &Arguments) -> Done<Access> {
    let Some(file) = &arguments.token_file else {
        return Ok(Access::to_hosts(arguments.allow_host.clone()));
    };
    let mut text = String::new();
    let opened = fs::File::open(file).map_err(|error| about(file, error))?;
    opened.take(MAX_TOKEN + 1).read_to_string(&mut text).map_err(|error| about(file, error))?;
    let token = text.trim();
    if token.is_empty() || text.len() as u64 > MAX_TOKEN {
        return Err(about(file, "the token must have 1 byte to 64 KiB").into());
    }
    Ok(Access::with_token(token))
}

async fn listen(arguments: &Arguments) -> Done<TcpListener> {
    let address = &arguments.listen;
    let addresses: Vec<_> = tokio::net::lookup_host(address)
        .await
        .map_err(|error| format!("{address}: {error}"))?
        .collect();
    let beyond = addresses.iter().any(|address| !address.ip().is_loopback());
    if beyond && arguments.token_file.is_none() {
        if !arguments.insecure {
            return Err(format!(
                "{address} is not a loopback address: every machine that reaches it could reach what this \
                 one can. Give a --token-file, or --insecure if only the test reaches it"
            )
            .into());
        }
        say(&format!("warning: {address} is open to every machine that reaches it"));
    }
    Ok(TcpListener::bind(&addresses[..]).await.map_err(|error| format!("{address}: {error}"))?)
}

/// Returns when standard input ends. A thread waits for that: tokio's would hold up the end.
async fn stdin_closes() {
    let (closed, closes) = oneshot::channel();
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = closed.send(());
    });
    let _ = closes.await;
}
