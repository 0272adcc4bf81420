//! How is one member of raft-kv asked to read and write?

use std::time::Duration;

use async_trait::async_trait;
use raft_kv::client::{Client as Library, ClientError, ReadOptions};
use raft_kv::{Comparison, KeyRange, KeyValue, Operation, OperationResponse, Put, Range};
use raft_kv::{Target, Txn};

use super::{fail, watch};
use crate::driver::{Answer, Client, DriverError, Leases, WatchStream};
use crate::history::{Compare, Outcome, Request, Response, Revision};

/// A client of one member.
#[derive(Clone, Debug)]
pub(super) struct KvClient {
    /// The name of the member, for errors.
    pub(super) name: String,
    pub(super) client: Library,
}

impl KvClient {
    pub(super) fn within(&self, limit: Duration) -> Library {
        self.client.clone().limit(limit)
    }

    pub(super) fn fail(&self, error: &ClientError) -> DriverError {
        fail(&self.name, error)
    }
}

/// What a client knows after this.
pub(super) fn answer(
    request: &Request,
    asked: Result<(Response, Revision), ClientError>,
) -> Answer {
    match asked {
        Ok((response, revision)) => {
            let outcome = Outcome::Done { response, revision: Some(revision) };
            Answer { outcome, error: None }
        }
        Err(error) => {
            // A read has no effect, whether it is answered or not.
            let maybe = error.is_unknown() && request.can_write();
            let outcome = if maybe { Outcome::Unknown } else { Outcome::Failed };
            Answer { outcome, error: Some(error.to_string()) }
        }
    }
}

#[async_trait]
impl Client for KvClient {
    async fn execute(&self, request: &Request, limit: Duration) -> Answer {
        answer(request, ask(&self.within(limit), request).await)
    }

    fn leases(&self) -> Option<&dyn Leases> {
        Some(self)
    }

    async fn watch(
        &self,
        from: &str,
        to: Option<&str>,
        first: Revision,
    ) -> Result<Box<dyn WatchStream>, DriverError> {
        Ok(Box::new(watch::open(self, from, to, first).await?))
    }
}

/// Sends a request. Every answer has the revision of the state: of the one after the write, if there
/// was one, and else of the one that was read.
async fn ask(client: &Library, request: &Request) -> Result<(Response, Revision), ClientError> {
    let read = |stale: bool| ReadOptions { stale, ..ReadOptions::default() };
    match request {
        Request::Put { key, value } => Ok((Response::Put, client.put(key, value).await?)),
        Request::Get { key, stale } => {
            let got = client.get_with(key, read(*stale)).await?;
            Ok((Response::Value(got.kv.map(|kv| kv.value)), got.revision))
        }
        Request::Range { from, to, stale } => {
            let found = client.range(from, Some(to), read(*stale)).await?;
            Ok((Response::Values(pairs(found.kvs)), found.revision))
        }
        Request::Delete { key } => {
            let done = client.delete(key).await?;
            Ok((Response::Deleted(done.deleted), done.revision))
        }
        Request::DeleteRange { from, to } => {
            let done = client.delete_range(from, Some(to)).await?;
            Ok((Response::Deleted(done.deleted), done.revision))
        }
        Request::Txn { compare, then, otherwise } => {
            let txn = Txn {
                compare: compare.iter().flat_map(comparisons).collect(),
                then: operations(then)?,
                otherwise: operations(otherwise)?,
            };
            let done = client.txn(&txn).await?;
            let branch = if done.succeeded { then } else { otherwise };
            let responses = branch.iter().zip(done.responses);
            let responses = responses.map(|(request, answered)| response(request, answered));
            let responses = responses.collect();
            Ok((Response::Txn { succeeded: done.succeeded, responses }, done.revision))
        }
    }
}

fn pairs(kvs: Vec<KeyValue>) -> Vec<(String, String)> {
    kvs.into_iter().map(|kv| (kv.key, kv.value)).collect()
}

/// A key that does not exist has an empty value there, and no value here.
fn comparisons(compare: &Compare) -> Vec<raft_kv::Compare> {
    let is = |key: &str, is, target| raft_kv::Compare { key: key.to_owned(), is, target };
    let (equal, differs) = (Comparison::Equal, Comparison::NotEqual);
    match compare {
        Compare::Value { key, equals: Some(value) } => vec![
            is(key, differs, Target::CreateRevision(0)),
            is(key, equal, Target::Value(value.clone())),
        ],
        Compare::Value { key, equals: None } => vec![is(key, equal, Target::CreateRevision(0))],
        Compare::ModRevision { key, equals } => vec![is(key, equal, Target::ModRevision(*equals))],
    }
}

fn operations(requests: &[Request]) -> Result<Vec<Operation>, ClientError> {
    requests.iter().map(operation).collect()
}

fn operation(request: &Request) -> Result<Operation, ClientError> {
    let range = |keys| Operation::Range(Range { keys, ..Range::default() });
    let between =
        |from: &str, to: &str| KeyRange { from: from.to_owned(), to: Some(to.to_owned()) };
    Ok(match request {
        Request::Put { key, value } => {
            Operation::Put(Put { key: key.clone(), value: value.clone(), lease: 0 })
        }
        Request::Get { key, .. } => range(KeyRange::key(key)),
        Request::Range { from, to, .. } => range(between(from, to)),
        Request::Delete { key } => Operation::Delete(KeyRange::key(key)),
        Request::DeleteRange { from, to } => Operation::Delete(between(from, to)),
        Request::Txn { .. } => {
            let message = "raft-kv has no transactions in transactions".to_owned();
            return Err(ClientError::Invalid(message));
        }
    })
}

fn response(request: &Request, answered: OperationResponse) -> Response {
    match (request, answered) {
        (_, OperationResponse::Put) => Response::Put,
        (_, OperationResponse::Delete { deleted }) => Response::Deleted(deleted),
        (Request::Get { .. }, OperationResponse::Range(mut found)) => {
            Response::Value(found.kvs.pop().map(|kv| kv.value))
        }
        (_, OperationResponse::Range(found)) => Response::Values(pairs(found.kvs)),
    }
}
