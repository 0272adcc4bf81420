//! How is an agent on another machine asked? Over HTTP, with its token.
//!
//! Each member's log is read in the background into a [`Logs`] of this process; its lines have the
//! time at which they arrive. The requests for lines also tell the agent that the tester is there: it
//! kills its members when they stop.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Method, RequestBuilder, StatusCode, redirect};
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

use super::wire::{Added, LONGEST_WAIT, Lines, Listed, Operated, PIECE, PREFIX, TESTER};
use super::{Agent, AgentError, MemberFiles, MemberState, Request};
use crate::cause::innermost;
use crate::clock::Clock;
use crate::process::logs::Logs;

/// How long the agent may take to answer, besides what the request waits for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two attempts to read lines of an agent that does not answer.
const PAUSE: Duration = Duration::from_millis(500);

/// How many requests for lines wait at the agent at once, and how long if there are more members.
const TAILS: usize = 8;
const SHORT_WAIT: Duration = Duration::from_millis(500);
/// The agent did nothing, because it has too much to do.
const TOO_MANY: &str = "urn:failpoint:too-many-calls";
/// Between two attempts where the agent has too much to do.
const BUSY: Duration = Duration::from_millis(20);

/// A `failpoint-agent` on another machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `HOST:PORT`.
    pub address: String,
    /// The file that has its token.
    pub token_file: Option<PathBuf>,
}

/// An agent on another machine. When it is dropped, the agent kills its members after a while.
#[derive(Debug)]
pub struct Remote {
    link: Arc<Link>,
    clock: Clock,
    members: Mutex<BTreeMap<String, Tail>>,
}

/// The log of a member, and the task that reads it.
#[derive(Debug)]
struct Tail {
    logs: Logs,
    task: AbortHandle,
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Debug)]
struct Link {
    client: reqwest::Client,
    address: String,
    token: Option<String>,
    /// What this tester calls itself.
    tester: String,
    /// The agent serves few requests at once. Those for lines leave room for others.
    tails: Semaphore,
}

impl Remote {
    /// An agent at this address. Nothing is asked of it yet. Logs have times of `clock`.
    ///
    /// # Errors
    /// The token cannot be read, or contains characters that a token cannot have.
    pub fn new(settings: &Settings, clock: Clock) -> Result<Self, AgentError> {
        let Settings { address, token_file } = settings;
        let failed = |message: String| AgentError { member: format!("agent {address}"), message };
        let token = match token_file {
            None => None,
            Some(path) => {
                let token = std::fs::read_to_string(path)
                    .map_err(|error| failed(format!("{}: {error}", path.display())))?;
                let token = token.trim();
                if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                    return Err(failed(format!(
                        "{}: expected a token of visible ASCII characters without blanks",
                        path.display()
                    )));
                }
                Some(token.to_owned())
            }
        };
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(PATIENCE)
            .build()
            .map_err(|error| failed(error.to_string()))?;
        let random = RandomState::new().hash_one(std::process::id());
        let (tester, tails) = (format!("{random:016x}"), Semaphore::new(TAILS));
        let link = Arc::new(Link { client, address: address.clone(), token, tester, tails });
        Ok(Self { link, clock, members: Mutex::default() })
    }

    fn members(&self) -> MutexGuard<'_, BTreeMap<String, Tail>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Agent for Remote {
    async fn add(&self, files: &MemberFiles) -> Result<(), AgentError> {
        let link = &self.link;
        let request = link.request(Method::PUT, &member_path(&files.name, "")).json(files);
        let Added { lines } = link.json(&files.name, request, PATIENCE).await?;
        let mut members = self.members();
        if !members.contains_key(&files.name) {
            let logs = Logs::new(&files.name, self.clock);
            let tail = tail(link.clone(), files.name.clone(), lines, logs.clone());
            let task = tokio::spawn(tail).abort_handle();
            members.insert(files.name.clone(), Tail { logs, task });
        }
        Ok(())
    }

    async fn operate(&self, member: &str, request: &Request) -> Result<MemberState, AgentError> {
        let link = &self.link;
        let asked = link.request(Method::POST, &member_path(member, "/operate")).json(request);
        // A stop may be followed by a SIGKILL, and a restore by a start.
        let limit = Duration::from_millis(request.limit_ms) * 2 + PATIENCE;
        match link.json(member, asked, limit).await? {
            Operated::Done(state) => Ok(state),
            Operated::Failed(message) => Err(AgentError { member: member.to_owned(), message }),
        }
    }

    async fn state(&self, member: &str) -> Result<MemberState, AgentError> {
        let request = self.link.request(Method::GET, &member_path(member, ""));
        self.link.json(member, request, PATIENCE).await
    }

    async fn ended(
        &self,
        member: &str,
        starts: u64,
        limit: Duration,
    ) -> Result<MemberState, AgentError> {
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let wait = left.min(LONGEST_WAIT);
            let query = format!("/ended?starts={starts}&limit_ms={}", wait.as_millis());
            let request = self.link.request(Method::GET, &member_path(member, &query));
            let state: MemberState = self.link.json(member, request, wait + PATIENCE).await?;
            if state.ended.is_some() || state.starts != starts || left == wait {
                return Ok(state);
            }
        }
    }

    fn logs(&self, member: &str) -> Result<Logs, AgentError> {
        match self.members().get(member) {
            Some(tail) => Ok(tail.logs.clone()),
            None => Err(AgentError {
                member: member.to_owned(),
                message: "this member is not known; add it first".into(),
            }),
        }
    }

    async fn archive(&self, member: &str, directory: &Path) -> Result<(), AgentError> {
        let link = &self.link;
        let request = link.request(Method::GET, &member_path(member, "/files"));
        let listed: Vec<Listed> = link.json(member, request, PATIENCE).await?;
        let failed = |message| AgentError { member: member.to_owned(), message };
        for Listed { path, size } in listed {
            let relative = Path::new(&path);
            let plain = relative.components().all(|part| matches!(part, Component::Normal(_)));
            if !plain || path.is_empty() {
                return Err(failed(format!("the agent lists the file {path:?}")));
            }
            let to = directory.join(relative);
            let write = |bytes: &[u8], from_start: bool| append(&to, bytes, from_start);
            write(&[], true).map_err(&failed)?;
            let mut offset = 0;
            // A log may grow faster than it is read.
            while offset < size {
                let query = format!("/file?path={}&offset={offset}", encoded(&path));
                let request = link.request(Method::GET, &member_path(member, &query));
                let piece = link.bytes(member, request, PATIENCE).await?;
                write(&piece, false).map_err(&failed)?;
                offset += piece.len() as u64;
                if piece.len() < PIECE {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn stop_all(&self) -> Result<(), AgentError> {
        let request = self.link.request(Method::POST, "stop-all");
        self.link.bytes("all members", request, PATIENCE).await.map(drop)
    }
}

/// Reads the lines of a member for ever.
async fn tail(link: Arc<Link>, member: String, mut after: usize, logs: Logs) {
    loop {
        // Never closed.
        let turn = link.tails.acquire().await;
        let limit = if link.tails.available_permits() > 0 { LONGEST_WAIT } else { SHORT_WAIT };
        let limit = limit.as_millis();
        let query = format!("/log?after={after}&limit_ms={limit}");
        let request = link.request(Method::GET, &member_path(&member, &query));
        let answer = link.json::<Lines>(&member, request, LONGEST_WAIT + PATIENCE).await;
        drop(turn);
        match answer {
            Ok(Lines { texts, dropped, last }) => {
                after = last;
                if dropped > 0 {
                    logs.push(&format!("failpoint-tester: {dropped} lines were dropped"));
                }
                logs.push_all(texts);
            }
            Err(_) => sleep(PAUSE).await,
        }
    }
}

impl Link {
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let more = if path.contains('?') { '&' } else { '?' };
        let Self { address, tester, .. } = self;
        let url = format!("http://{address}/v1/ext/{PREFIX}/{path}{more}{TESTER}={tester}");
        let request = self.client.request(method, url);
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn json<T: DeserializeOwned>(
        &self,
        member: &str,
        request: RequestBuilder,
        limit: Duration,
    ) -> Result<T, AgentError> {
        let bytes = self.bytes(member, request, limit).await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            self.error(member, &format!("gives an answer that cannot be read: {error}"))
        })
    }

    async fn bytes(
        &self,
        member: &str,
        request: RequestBuilder,
        limit: Duration,
    ) -> Result<Vec<u8>, AgentError> {
        #[derive(serde::Deserialize)]
        struct Problem {
            #[serde(default)]
            r#type: String,
            detail: String,
        }
        let deadline = Instant::now() + limit;
        loop {
            // The bodies of requests are no streams.
            let again = request.try_clone();
            let left = deadline.saturating_duration_since(Instant::now());
            let (status, body) = match again {
                Some(request) => self.answer(request.timeout(left)).await,
                None => return Err(self.error(member, "cannot be asked twice")),
            }
            .map_err(|error| {
                let what = if error.is_timeout() {
                    format!("does not answer within {limit:?}")
                } else {
                    format!("cannot be reached: {}", innermost(&error))
                };
                self.error(member, &what)
            })?;
            if status.is_success() {
                return Ok(body);
            }
            let why = match serde_json::from_slice(&body) {
                Ok(Problem { r#type, .. }) if r#type == TOO_MANY && Instant::now() < deadline => {
                    sleep(BUSY).await;
                    continue;
                }
                // The detail names variables and headers, which a configuration does not have.
                Ok(_) if status == StatusCode::UNAUTHORIZED => {
                    "refuses: this member's `token-file` is not a copy of the token of the agent"
                        .to_owned()
                }
                Ok(Problem { detail, .. }) => format!("refuses: {detail}"),
                Err(_) => format!("answers with status {status}"),
            };
            return Err(self.error(member, &why));
        }
    }

    async fn answer(&self, request: RequestBuilder) -> reqwest::Result<(StatusCode, Vec<u8>)> {
        let reply = request.send().await?;
        Ok((reply.status(), reply.bytes().await?.into()))
    }

    fn error(&self, member: &str, what: &str) -> AgentError {
        let message = format!("the agent at {} {what}", self.address);
        AgentError { member: member.to_owned(), message }
    }
}

fn member_path(name: &str, below: &str) -> String {
    format!("members/{}{below}", encoded(name))
}

/// Percent-encodes all that could have a meaning in a URL.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn append(to: &Path, bytes: &[u8], from_start: bool) -> Result<(), String> {
    use std::io::Write;

    let write = || {
        if let Some(parent) = to.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let mut options = std::fs::OpenOptions::new();
        options.create(true).write(true);
        if from_start {
            options.truncate(true)
        } else {
            options.append(true)
        };
        options.open(to)?.write_all(bytes)
    };
    write().map_err(|error| format!("{}: {error}", to.display()))
}
