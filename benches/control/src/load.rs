//! Starts the load generator from the serving process.

use crate::usage;
use std::collections::BTreeMap;
use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// How many connections ask at once, where nothing else is said.
pub(crate) const CONNECTIONS: usize = 16;
/// A generator that is not stopped ends after this time.
pub(crate) const LONGEST: Duration = Duration::from_secs(20);

/// A generator that runs.
pub(crate) struct Load {
    child: Child,
    said: BufReader<ChildStdout>,
    begun: Instant,
    control: Duration,
}

/// What a generator did, and what that took of the control plane's thread.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    figures: BTreeMap<String, f64>,
    pub(crate) took: Duration,
    pub(crate) control: Duration,
}

impl Load {
    /// Requests, as `METHOD PATH [BODY]`, over and over, for at most so long.
    pub(crate) fn requests(address: &str, limit: Duration, requests: &[String]) -> Self {
        Self::begin(
            ["requests", address, &CONNECTIONS.to_string(), &limit.as_millis().to_string()]
                .into_iter()
                .chain(requests.iter().map(String::as_str)),
        )
    }

    /// Comes back when it is about to ask.
    pub(crate) fn begin<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Self {
        let own = env::current_exe().expect("it runs");
        let child = Command::new(own)
            .arg("generate")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = child.expect("it can be started");
        let said = BufReader::new(child.stdout.take().expect("it is piped"));
        let (begun, control) = (Instant::now(), Duration::ZERO);
        let mut load = Self { child, said, begun, control };
        assert_eq!(load.line(), "begun");
        load.begun = Instant::now();
        load.control = usage::control_time();
        load
    }

    /// The next line that it says.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.said.read_line(&mut line).expect("it speaks text");
        assert!(line.ends_with('\n'), "the generator ended: {:?}", self.child.wait());
        line.trim_end().to_owned()
    }

    /// Ends it.
    pub(crate) fn stop(mut self) -> Loaded {
        drop(self.child.stdin.take());
        self.wait()
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> Loaded {
        let line = self.line();
        let took = self.begun.elapsed();
        let control = usage::control_time() - self.control;
        let figure = |word: &str| {
            let (name, value) = word.split_once('=')?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        let figures = line.split(' ').map(|word| figure(word).expect("a figure")).collect();
        let ended = self.child.wait().expect("it ends");
        assert!(ended.success(), "{ended}");
        let loaded = Loaded { figures, took, control };
        assert_eq!((loaded.figure("refused"), loaded.figure("failed")), (0.0, 0.0), "{line}");
        loaded
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        // Left behind only where something failed.
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

impl Loaded {
    pub(crate) fn figure(&self, name: &str) -> f64 {
        self.figures[name]
    }

    /// What of a core the control plane's thread had.
    pub(crate) fn share(&self) -> f64 {
        self.control.as_secs_f64() / self.took.as_secs_f64()
    }
}
