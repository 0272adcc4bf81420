//! How does a client of a subject send its requests? By the calls `put`, `get`, `range` and `delete`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::http::{self, Filled};
use super::judge::{Answered, Found, Judge, Judged, NoAnswer};
use super::line::Connection;
use super::template::{Context, Escape, Values, fill};
use super::{Call, Settings, program};
use crate::agent::MemberFiles;
use crate::driver::http::Http;
use crate::driver::{Answer, Client, DriverError, Member};
use crate::history::{Outcome, Request, Response};

/// Makes calls.
pub(super) struct Asker {
    calls: BTreeMap<String, (Call, Judge)>,
    /// For each member, the values of the places that every call has, and its directory.
    members: Vec<(Vec<(&'static str, String)>, PathBuf)>,
    http: Http,
}

impl Asker {
    pub(super) fn new(
        settings: &Settings,
        members: &[Member],
        files: &[MemberFiles],
    ) -> Result<Self, DriverError> {
        let wrong = |call: &str| {
            let whom = format!("the call `{call}`");
            move |message| DriverError { whom, message }
        };
        let mut calls = BTreeMap::new();
        for (name, (call, expect)) in &settings.calls {
            let judge = Judge::new(expect).map_err(wrong(name))?;
            calls.insert(name.clone(), (call.clone(), judge));
        }
        let http = Http::anywhere().map_err(|failure| wrong("http")(failure.message))?;
        let values = |(member, files): (&Member, &MemberFiles)| {
            let (host, port) = member.client.rsplit_once(':').unwrap_or((&member.client, ""));
            let values = vec![
                ("name", member.name.clone()),
                ("client", member.client.clone()),
                ("host", host.trim_matches(['[', ']']).to_owned()),
                ("port", port.to_owned()),
                ("failpoint", member.failpoints.clone().unwrap_or_default()),
                ("data", files.data.display().to_string()),
                ("directory", files.directory.display().to_string()),
            ];
            (values, files.directory.clone())
        };
        Ok(Self { calls, members: members.iter().zip(files).map(values).collect(), http })
    }

    /// The values of a call: those of the member, and these.
    fn values<'a>(&'a self, member: usize, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let of = self.members[member].0.iter().map(|(name, value)| (*name, value.as_str()));
        of.chain(more.iter().copied()).collect()
    }

    pub(super) fn argument(
        &self,
        member: usize,
        text: &str,
        more: &Values<'_>,
    ) -> Result<String, String> {
        fill(text, &self.values(member, more), Context::Argument)
    }

    pub(super) fn argv(
        &self,
        member: usize,
        argv: &[String],
        more: &Values<'_>,
    ) -> Result<Vec<String>, String> {
        argv.iter().map(|text| self.argument(member, text, more)).collect()
    }

    pub(super) async fn ask(
        &self,
        member: usize,
        connection: &Connection,
        call: &str,
        more: &Values<'_>,
        limit: Duration,
    ) -> Result<Judged, NoAnswer> {
        let not_sent = NoAnswer::NotSent;
        let Some((call, judge)) = self.calls.get(call) else {
            return Err(not_sent(format!("there is no call `{call}`")));
        };
        let answered = self.send(member, connection, call, more, limit).await?;
        Ok(judge.judge(answered))
    }

    async fn send(
        &self,
        member: usize,
        connection: &Connection,
        call: &Call,
        more: &Values<'_>,
        limit: Duration,
    ) -> Result<Answered, NoAnswer> {
        let values = self.values(member, more);
        let filled = |text: &str, context| fill(text, &values, context).map_err(NoAnswer::NotSent);
        match call {
            Call::Program(argv) => {
                let argv = self.argv(member, argv, more).map_err(NoAnswer::NotSent)?;
                program::run(&argv, &self.members[member].1, limit).await
            }
            Call::Http { method, url, body, headers } => {
                let escape = Escape::of(headers);
                let header = |(name, value): &(String, String)| {
                    Ok((name.clone(), filled(value, Context::Header)?))
                };
                let request = Filled {
                    method: method.clone(),
                    url: filled(url, Context::Url)?,
                    headers: headers.iter().map(header).collect::<Result<_, _>>()?,
                    body: body
                        .as_ref()
                        .map(|body| filled(body, Context::Body(escape)))
                        .transpose()?,
                };
                http::ask(&self.http, request, limit).await
            }
            Call::Tcp { address, send } => {
                let address = filled(address, Context::Line)?;
                connection.ask(&address, &filled(send, Context::Line)?, limit).await
            }
        }
    }
}

/// A client of one member.
pub(super) struct CommandsClient {
    asker: Arc<Asker>,
    member: usize,
    connection: Connection,
    /// What keys begin with in the store, and not in histories.
    space: String,
}

impl CommandsClient {
    pub(super) fn new(asker: Arc<Asker>, member: usize, space: &str) -> Self {
        Self { asker, member, connection: Connection::default(), space: space.to_owned() }
    }

    async fn ask(
        &self,
        call: &str,
        values: &Values<'_>,
        limit: Duration,
    ) -> Result<Judged, NoAnswer> {
        self.asker.ask(self.member, &self.connection, call, values, limit).await
    }
}

#[async_trait]
impl Client for CommandsClient {
    async fn execute(&self, request: &Request, limit: Duration) -> Answer {
        let here = |key: &str| format!("{}{key}", self.space);
        let judged = match request {
            Request::Put { key, value } => {
                self.ask("put", &[("key", &here(key)), ("value", value)], limit).await
            }
            Request::Get { key, .. } => self.ask("get", &[("key", &here(key))], limit).await,
            Request::Range { from, to, .. } => {
                self.ask("range", &[("from", &here(from)), ("to", &here(to))], limit).await
            }
            Request::Delete { key } => self.ask("delete", &[("key", &here(key))], limit).await,
            Request::DeleteRange { .. } | Request::Txn { .. } => Err(NoAnswer::NotSent(
                "the driver `commands` has no transactions, and deletes one key at a time".into(),
            )),
        };
        let (outcome, error) = match judged {
            Ok(judged) => understood(request, judged, &self.space),
            Err(NoAnswer::NotSent(message)) => (Outcome::Failed, Some(message)),
            Err(NoAnswer::Lost(message)) => (lost(request), Some(message)),
        };
        Answer { outcome, error }
    }
}

/// A write without a clear answer may have taken effect. A read took no effect in any case.
fn lost(request: &Request) -> Outcome {
    match request {
        Request::Get { .. } | Request::Range { .. } => Outcome::Failed,
        _ => Outcome::Unknown,
    }
}

fn understood(request: &Request, judged: Judged, space: &str) -> (Outcome, Option<String>) {
    let response = match (request, judged) {
        (_, Judged::Failed(message)) => return (Outcome::Failed, Some(message)),
        (_, Judged::Unclear(message)) => return (lost(request), Some(message)),
        (Request::Get { .. }, Judged::Missing) => Response::Value(None),
        (Request::Get { .. }, Judged::Done(Found::Text(value))) => Response::Value(Some(value)),
        (Request::Delete { .. }, Judged::Missing) => Response::Deleted(0),
        (Request::Delete { .. }, Judged::Done(found)) => Response::Deleted(deleted(&found)),
        (Request::Put { .. }, Judged::Done(_)) => Response::Put,
        (Request::Range { .. }, Judged::Missing) => Response::Values(Vec::new()),
        (Request::Range { .. }, Judged::Done(found)) => match values(found, space) {
            Ok(values) => Response::Values(values),
            Err(message) => return (lost(request), Some(message)),
        },
        (_, Judged::Missing | Judged::Done(_)) => {
            return (lost(request), Some("the answer is of another kind than the request".into()));
        }
    };
    (Outcome::Done { response, revision: None }, None)
}

/// How many keys were deleted: the number in the answer, also as an integer of RESP; else 1.
fn deleted(found: &Found) -> u64 {
    match found {
        Found::Text(text) => {
            let text = text.trim();
            text.strip_prefix(':').unwrap_or(text).parse().unwrap_or(1)
        }
        Found::Array(_) => 1,
    }
}

/// Keys and values in the order of the keys: an array has them by turns, a text has `KEY VALUE` in each
/// line. Keys are told without `space`.
fn values(found: Found, space: &str) -> Result<Vec<(String, String)>, String> {
    let mut values: Vec<(String, String)> = match found {
        Found::Array(texts) if texts.len() % 2 != 0 => {
            return Err("the answer has a key without a value".to_owned());
        }
        Found::Array(texts) => {
            texts.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
        }
        Found::Text(text) => text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| line.split_once([' ', '\t']).unwrap_or((line, "")))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
    };
    for (key, _) in &mut values {
        if let Some(rest) = key.strip_prefix(space) {
            *key = rest.to_owned();
        }
    }
    values.sort();
    Ok(values)
}
