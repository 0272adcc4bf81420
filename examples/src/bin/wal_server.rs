//! A small durable server with failpoints, a load for it, and a demo of both.

#![forbid(unsafe_code)]

use failpoint_examples::curl::Curl;
use failpoint_examples::wal_server::load::Load;
use failpoint_examples::wal_server::process::{CONTROL, LISTENING};
use failpoint_examples::wal_server::store::{Store, Summary};
use failpoint_examples::wal_server::{demo, server};
use std::env;
use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const USAGE: &str = "\
usage: wal_server [serve] [--listen 127.0.0.1:7070] [--data DIR]
       wal_server load [--addr 127.0.0.1:7070] [--connections 4] [--seconds 30]
       wal_server demo

serve  keeps keys and values, durably; with GOFAIL_HTTP=127.0.0.1:22381 its failpoints can be armed
load   writes as fast as the server answers, and prints a line each second
demo   starts a server, puts a load on it, arms failpoints, kills it, and checks what is left";

const ADDRESS: &str = "127.0.0.1:7070";

fn main() -> ExitCode {
    let result = match Command::parse(env::args().skip(1)) {
        Ok(command) => command.run(),
        Err(error) => {
            eprintln!("wal_server: {error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wal_server: {error}");
            ExitCode::FAILURE
        }
    }
}

enum Command {
    Serve { listen: String, data: PathBuf },
    Load { address: String, connections: usize, seconds: u32 },
    Demo,
    Help,
}

impl Command {
    fn run(self) -> Result<(), Box<dyn Error>> {
        match self {
            Command::Serve { listen, data } => serve(&listen, data),
            Command::Load { address, connections, seconds } => load(&address, connections, seconds),
            Command::Demo => Ok(demo::run(&env::current_exe()?)?),
            Command::Help => Ok(writeln!(io::stdout(), "{USAGE}")?),
        }
    }
}

fn serve(listen: &str, data: PathBuf) -> Result<(), Box<dyn Error>> {
    // Before the control plane starts: /v1/ext/disk, for volatile mode.
    failpoint_disk::extend_control()?;
    // Started before the store, so that points in the recovery can be armed.
    let control = failpoint_http::serve_from_env()?;
    let (store, summary) = Store::open(&data)?;
    let listener = TcpListener::bind(listen)
        .map_err(|error| CannotListen { address: listen.to_owned(), error })?;

    let mut out = io::stdout();
    let Summary { records, keys, torn, .. } = summary;
    writeln!(out, "data in {}", data.display())?;
    writeln!(
        out,
        "recovered {keys} keys from {records} records, cut off {torn} bytes of a torn tail"
    )?;
    match control.address() {
        Some(address) => {
            writeln!(out, "{CONTROL}{address}")?;
            for line in lines_to_try(&Curl::new(&address.to_string())) {
                writeln!(out, "  {line}")?;
            }
        }
        None if failpoint::enabled() => {
            writeln!(out, "control plane: off; set GOFAIL_HTTP=127.0.0.1:22381 to arm failpoints")?;
        }
        None => writeln!(out, "control plane: off; failpoints were compiled out")?,
    }
    // Printed last: after this line, clients can connect.
    writeln!(out, "{LISTENING}{}", listener.local_addr()?)?;

    server::serve(&listener, &Arc::new(store));
    Ok(())
}

/// Commands with the bound port, ready to copy.
fn lines_to_try(curl: &Curl) -> Vec<String> {
    let list = curl.list();
    let sleep = curl.put("raftAfterSave", "sleep(100)");
    let count = curl.get("raftAfterSave/count");
    let disarm = curl.delete("raftAfterSave");
    let fail = curl.put("disk.write", "10%return(EIO)");
    let panic = curl.put("walAfterSync", "panic");
    [
        (list, "lists every point"),
        (sleep, "slows every save down by 100 ms"),
        (count, "counts the slow saves"),
        (disarm, "disarms the point"),
        (fail, "makes a tenth of the writes fail"),
        (panic, "ends a connection; with FAILPOINT_PANIC=abort, the server"),
    ]
    .map(|(request, what)| format!("{:<76}  # {what}", request.to_string()))
    .into()
}

fn load(address: &str, connections: usize, seconds: u32) -> Result<(), Box<dyn Error>> {
    // Different keys for each run, so that each key is written once.
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let load = Load::start(address, connections, &format!("load-{now}"))
        .map_err(|error| CannotReach { address: address.to_owned(), error })?;
    for second in 1..=seconds {
        thread::sleep(Duration::from_secs(1));
        writeln!(io::stdout(), "{second:>4} s {}", load.look())?;
    }
    let saved = load.finish().len();
    writeln!(io::stdout(), "{saved} writes were acknowledged")?;
    Ok(())
}

impl Command {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, UsageError> {
        let mut command = Command::Serve { listen: ADDRESS.into(), data: default_data() };
        let mut first = true;
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(UsageError::NoValue(argument.clone()));
            match (&mut command, argument.as_str()) {
                (Command::Serve { .. }, "serve") if first => {}
                (Command::Serve { .. }, "load") if first => {
                    command =
                        Command::Load { address: ADDRESS.into(), connections: 4, seconds: 30 };
                }
                (Command::Serve { .. }, "demo") if first => command = Command::Demo,
                (_, "--help" | "-h") => return Ok(Command::Help),
                (Command::Serve { listen, .. }, "--listen") => *listen = value()?,
                (Command::Serve { data, .. }, "--data") => *data = value()?.into(),
                (Command::Load { address, .. }, "--addr") => *address = value()?,
                (Command::Load { connections, .. }, "--connections") => {
                    *connections = number(&argument, value()?)?;
                }
                (Command::Load { seconds, .. }, "--seconds") => {
                    *seconds = number(&argument, value()?)?;
                }
                _ => return Err(UsageError::Unexpected(argument)),
            }
            first = false;
        }
        Ok(command)
    }
}

/// Not in the working directory, so that an example leaves no files in the repository.
fn default_data() -> PathBuf {
    env::temp_dir().join("wal_server")
}

fn number<N: FromStr>(option: &str, text: String) -> Result<N, UsageError> {
    text.parse().map_err(|_| UsageError::NoNumber { option: option.to_owned(), text })
}

#[derive(Debug)]
enum UsageError {
    Unexpected(String),
    NoValue(String),
    NoNumber { option: String, text: String },
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UsageError::Unexpected(argument) => write!(f, "unexpected argument `{argument}`"),
            UsageError::NoValue(option) => write!(f, "{option} takes a value"),
            UsageError::NoNumber { option, text } => {
                write!(f, "{option} takes a number, not `{text}`")
            }
        }
    }
}

#[derive(Debug)]
struct CannotListen {
    address: String,
    error: io::Error,
}

impl fmt::Display for CannotListen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "cannot listen on {}: {}; choose another with --listen 127.0.0.1:PORT (0 picks one)",
            self.address, self.error
        )
    }
}

impl Error for CannotListen {}

#[derive(Debug)]
struct CannotReach {
    address: String,
    error: io::Error,
}

impl fmt::Display for CannotReach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no wal_server at {}: {}; start one, or pass its address with --addr",
            self.address, self.error
        )
    }
}

impl Error for CannotReach {}
