//! How is any subject run and asked? By programs, HTTP calls and lines over TCP.
//!
//! [`Settings`] name a [`Call`] for each thing that the tester needs of a subject. What the subject can
//! do follows from the calls that it has ([`Settings::abilities`]). The texts of a call have
//! [places](template::places) for values, such as `{key}`.
//!
//! # What an answer means
//! An answer is a text: the output of a program, the body of an HTTP answer, a line. An [`Expect`] says
//! what a text means; it is tried in the order *failed*, *missing*, *success*. Without one, these are
//! successes: the exit status 0, an HTTP status 2xx, a line that does not begin with `ERR` or a RESP
//! error. An HTTP status 404 and the nil of RESP mean that the key does not exist. An HTTP answer that is
//! not 2xx is judged with its status before the body: `503 overloaded`.
//!
//! A write whose answer is neither is [`Outcome::Unknown`]: it may have taken effect. Only a request that
//! was never sent, or an answer that `failed` matches, is [`Outcome::Failed`]. A read without a usable
//! answer is failed as well.
//!
//! [`Outcome::Unknown`]: crate::history::Outcome::Unknown
//! [`Outcome::Failed`]: crate::history::Outcome::Failed

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;

use super::{Abilities, Client, Driver, DriverError, Hash, Health, Member, Point, Start};
use crate::agent::{MemberFiles, Program};
use crate::history::Revision;

mod client;
mod follow;
mod http;
mod judge;
mod line;
mod outside;
mod program;
pub mod template;

use client::Asker;
use judge::{Found, Judged, NoAnswer};
use line::Connection;
pub use outside::Outside;

/// How long a call that is no request of a client may take.
const LIMIT: Duration = Duration::from_secs(10);

/// How long a question may take whose answer comes at once, or else says that a member is not well.
const PROBE: Duration = Duration::from_secs(2);

/// How the driver `commands` does something: a program, an HTTP call, or a line over TCP. Its texts have
/// places for values: those of [`template::EVERYWHERE`], and for some calls [more](template::places).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// A program with its arguments.
    Program(Vec<String>),
    /// An HTTP call.
    Http {
        /// `GET`, `POST`, …
        method: String,
        /// The URL.
        url: String,
        /// The body.
        body: Option<String>,
        /// The headers.
        headers: Vec<(String, String)>,
    },
    /// One line sent over TCP, and one line (or RESP reply) read: fast where a program for each
    /// request would be too slow.
    Tcp {
        /// `HOST:PORT`.
        address: String,
        /// The line, without its end.
        send: String,
    },
}

/// What the driver `commands` expects of the answer of a [`Call`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expect {
    /// A regular expression that an answer must match to count as success. Its first group, if it has
    /// one, is the value. With two groups, each match is a pair of key and value, for `range`.
    pub success: Option<String>,
    /// A regular expression for an answer that says that the key does not exist.
    pub missing: Option<String>,
    /// A regular expression for an answer that says that the request certainly took no effect.
    pub failed: Option<String>,
}

/// How any subject is run and asked.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The program that runs a member in the foreground. `None`: members are run [`Outside`].
    pub start: Option<Vec<String>>,
    /// Variables that are added to its environment, or to that of `launch`.
    pub env: BTreeMap<String, String>,
    /// Calls by name: `launch`, `running`, `stop`, `kill`, `pause`, `unpause`, `logs`, `health`, `leader`, `put`, `get`,
    /// `range`, `delete`, `hash`, `revision`.
    pub calls: BTreeMap<String, (Call, Expect)>,
    /// The points that it has, and what is known of them.
    pub points: BTreeMap<String, Point>,
}

impl Settings {
    /// What a subject of these members can do. A subject has no revisions, transactions, watches and
    /// leases here, and its members are not replaced.
    #[must_use]
    pub fn abilities(&self, members: &[Member]) -> Abilities {
        let has = |call: &str| self.calls.contains_key(call);
        let started = self.start.is_some();
        let both = |one, other| started || has(one) && has(other);
        Abilities {
            members: members.len(),
            leader: members.len() > 1 && has("leader"),
            ranges: has("range"),
            deletes: has("delete"),
            hash: has("hash"),
            // A point may end the process.
            failpoints: (started || has("launch"))
                && members.iter().all(|member| member.failpoints.is_some()),
            logs: started || has("logs"),
            stop: both("launch", "stop"),
            kill: both("launch", "kill"),
            pause: both("pause", "unpause"),
            ..Abilities::default()
        }
    }
}

/// The places of a call's texts, in their order: `{key}` is `key`. Those that neither
/// [`template::EVERYWHERE`] nor [`template::places`] has are mistakes, except in a body, where they are
/// text.
#[must_use]
pub fn placeholders_of(call: &Call) -> Vec<String> {
    let texts: Vec<&str> = match call {
        Call::Program(argv) => argv.iter().map(String::as_str).collect(),
        Call::Http { method: _, url, body, headers } => [url.as_str()]
            .into_iter()
            .chain(headers.iter().map(|(_, value)| value.as_str()))
            .chain(body.as_deref())
            .collect(),
        Call::Tcp { address, send } => vec![address, send],
    };
    texts.into_iter().flat_map(template::places_in).map(str::to_owned).collect()
}

/// A subject that is run and asked by programs, HTTP calls and lines.
pub struct Commands {
    settings: Settings,
    members: Vec<Member>,
    files: Vec<MemberFiles>,
    asker: Arc<Asker>,
    /// For each member, the connection of calls that are no requests of a client.
    own: Vec<Connection>,
    /// What all keys of clients begin with in the store.
    space: String,
}

impl Commands {
    /// The subject with these members, whose files go below `directory`.
    ///
    /// # Errors
    /// A call has a place that it does not have, or its regular expression is not one.
    pub fn new(
        settings: Settings,
        members: Vec<Member>,
        directory: &Path,
    ) -> Result<Self, DriverError> {
        let wrong = |whom: &str, message: String| DriverError { whom: whom.to_owned(), message };
        let directory = std::path::absolute(directory)
            .map_err(|error| wrong(&directory.display().to_string(), error.to_string()))?;
        let files: Vec<MemberFiles> = members
            .iter()
            .map(|member| {
                let directory = directory.join(&member.name);
                MemberFiles {
                    name: member.name.clone(),
                    data: directory.join("data"),
                    log: directory.join("log"),
                    directory,
                }
            })
            .collect();
        for (name, (call, _)) in &settings.calls {
            check(name, call).map_err(|message| wrong(&format!("the call `{name}`"), message))?;
        }
        let asker = Asker::new(&settings, &members, &files)?;
        let own = members.iter().map(|_| Connection::default()).collect();
        Ok(Self { settings, members, files, asker: Arc::new(asker), own, space: String::new() })
    }

    /// Lets all keys of clients begin with a text that no other run has. Answers are told without it.
    #[must_use]
    pub fn with_own_keys(self) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { space: format!("t{:x}-", now.as_nanos()), ..self }
    }

    /// Whether others run the members, or they run in the background: their agent is [`Outside`].
    #[must_use]
    pub fn is_outside(&self) -> bool {
        self.settings.start.is_none()
    }

    /// Makes a call that is no request of a client.
    async fn ask(
        &self,
        member: usize,
        call: &str,
        values: &[(&str, &str)],
        limit: Duration,
    ) -> Result<Judged, NoAnswer> {
        self.asker.ask(member, &self.own[member], call, values, limit).await
    }

    fn no_answer(&self, member: usize, call: &str, why: NoAnswer) -> DriverError {
        let message = format!("`{call}`: {}", why.message());
        DriverError { whom: self.members[member].name.clone(), message }
    }

    /// Asks whether a member serves: by `health`, else by what reads something. A paused process still
    /// accepts connections, so a connection says something only where nothing can be read.
    async fn serves(&self, member: usize) -> Result<bool, NoAnswer> {
        let key = format!("{}health", self.space);
        let judged = if self.has("health") {
            self.ask(member, "health", &[], LIMIT).await?
        } else if self.has("revision") {
            self.ask(member, "revision", &[], PROBE).await?
        } else if self.has("get") {
            self.ask(member, "get", &[("key", &key)], PROBE).await?
        } else {
            let connect = tokio::net::TcpStream::connect(&self.members[member].client);
            return match tokio::time::timeout(PROBE, connect).await {
                Ok(Ok(_)) => Ok(true),
                Ok(Err(error)) => Err(NoAnswer::NotSent(error.to_string())),
                Err(_) => Err(NoAnswer::late(PROBE)),
            };
        };
        Ok(match judged {
            Judged::Done(_) => true,
            Judged::Missing => !self.has("health") && !self.has("revision"),
            Judged::Failed(_) | Judged::Unclear(_) => false,
        })
    }

    /// The value in the answer to a call.
    async fn value(&self, member: usize, call: &str) -> Result<String, DriverError> {
        let judged = self.ask(member, call, &[], LIMIT).await;
        let message = match judged.map_err(|why| self.no_answer(member, call, why))? {
            Judged::Done(Found::Text(text)) => return Ok(text.trim().to_owned()),
            Judged::Done(Found::Array(values)) => return Ok(values.join("\n")),
            Judged::Missing => format!("`{call}`: it found nothing"),
            Judged::Failed(text) | Judged::Unclear(text) => format!("`{call}`: {text}"),
        };
        Err(DriverError { whom: self.members[member].name.clone(), message })
    }

    fn has(&self, call: &str) -> bool {
        self.settings.calls.contains_key(call)
    }

    /// The program of a call, if it is one.
    fn program(&self, member: usize, call: &str, signal: &str) -> Option<Program> {
        let (Call::Program(argv), _) = self.settings.calls.get(call)? else { return None };
        let argv = self.asker.argv(member, argv, &[("signal", signal)]).ok()?;
        Some(Program { argv, env: BTreeMap::new() })
    }

    /// The member that an answer names: by its name, an address, or its index.
    fn named(&self, answer: &str) -> Option<usize> {
        let is = |member: &Member| {
            [&member.name, &member.client, &member.peer].contains(&&answer.to_owned())
        };
        self.members
            .iter()
            .position(is)
            .or_else(|| answer.parse().ok().filter(|index| *index < self.members.len()))
    }
}

/// Whether a call can be made.
fn check(name: &str, call: &Call) -> Result<(), String> {
    let Some(more) = template::places(name) else {
        return Err("there is no such call".to_owned());
    };
    // Braces in a body may be its own.
    let strict = match call.clone() {
        Call::Http { method, url, body: _, headers } => {
            Call::Http { method, url, body: None, headers }
        }
        call => call,
    };
    for place in placeholders_of(&strict) {
        if !template::EVERYWHERE.iter().chain(more).any(|known| *known == place) {
            return Err(format!("it has no place {{{place}}}"));
        }
    }
    match call {
        Call::Program(argv) if argv.is_empty() => Err("it names no program".to_owned()),
        Call::Http { url, .. } if !url.starts_with("http://") => {
            Err("a URL starts with http://; there is no TLS".to_owned())
        }
        Call::Tcp { send, .. } if send.contains(['\n', '\r']) => {
            Err("it sends one line".to_owned())
        }
        _ => Ok(()),
    }
}

#[async_trait]
impl Driver for Commands {
    fn abilities(&self) -> Abilities {
        self.settings.abilities(&self.members)
    }

    fn files(&self, member: usize) -> MemberFiles {
        self.files[member].clone()
    }

    fn start(&self, member: usize, _start: &Start) -> Option<Program> {
        let argv = match &self.settings.start {
            Some(argv) => self.asker.argv(member, argv, &[]).ok()?,
            None => self.program(member, "launch", "")?.argv,
        };
        let mut env: BTreeMap<String, String> = self
            .settings
            .env
            .iter()
            .filter_map(|(name, value)| {
                Some((name.clone(), self.asker.argument(member, value, &[]).ok()?))
            })
            .collect();
        if let Some(address) = &self.members[member].failpoints {
            env.entry("GOFAIL_HTTP".to_owned()).or_insert_with(|| address.clone());
        }
        Some(Program { argv, env })
    }

    fn stop(&self, member: usize) -> Option<Program> {
        self.program(member, "stop", "TERM")
    }

    fn failpoints(&self, member: usize) -> Option<String> {
        self.members[member].failpoints.clone()
    }

    fn point(&self, name: &str) -> Point {
        self.settings.points.get(name).copied().unwrap_or_default()
    }

    async fn health(&self, member: usize) -> Result<Health, DriverError> {
        let serves = self.serves(member).await;
        let healthy = serves.map_err(|why| self.no_answer(member, "health", why))?;
        let mut health = Health { healthy, ..Health::default() };
        if !healthy {
            return Ok(health);
        }
        if self.abilities().leader {
            health.leader = self.named(&self.value(member, "leader").await?);
        }
        if self.has("revision") {
            health.revision = self.value(member, "revision").await?.parse().ok();
        }
        Ok(health)
    }

    async fn hash(&self, member: usize, _at: Option<Revision>) -> Result<Hash, DriverError> {
        let text = self.value(member, "hash").await?;
        Ok(Hash {
            revision: None,
            compacted: None,
            hash: text.parse().unwrap_or_else(|_| fnv(&text)),
        })
    }

    fn client(&self, member: usize) -> Box<dyn Client> {
        Box::new(client::CommandsClient::new(self.asker.clone(), member, &self.space))
    }
}

/// FNV-1a: the same text has the same number in every run.
fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
