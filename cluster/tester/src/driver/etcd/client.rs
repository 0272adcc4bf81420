//! How is one member of etcd asked to read and write?

use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::gateway::{Answered, AnsweredOperation, Gateway, GatewayError, encode, interval};
use super::watch;
use crate::driver::{Answer, Client, DriverError, Leases, WatchStream};
use crate::history::{Compare, Outcome, Request, Response, Revision};

/// A client of one member.
#[derive(Clone, Debug)]
pub(super) struct EtcdClient {
    /// The name of the member, for errors.
    pub(super) name: String,
    pub(super) gateway: Gateway,
}

impl EtcdClient {
    pub(super) fn error(&self, message: impl Into<String>) -> DriverError {
        DriverError { whom: self.name.clone(), message: message.into() }
    }

    pub(super) fn fail(&self, error: GatewayError) -> DriverError {
        self.error(error.message)
    }

    /// Makes a call that can write, if `writes`, and says what is known afterwards.
    pub(super) async fn ask(
        &self,
        path: &str,
        body: &Value,
        request: &Request,
        limit: Duration,
    ) -> Answer {
        let answered = self.gateway.call(path, body, limit).await;
        match answered.and_then(|answered| done(request, answered)) {
            Ok(outcome) => Answer { outcome, error: None },
            Err(error) => {
                // A read has no effect, whether it is answered or not.
                let maybe = error.maybe && request.can_write();
                let outcome = if maybe { Outcome::Unknown } else { Outcome::Failed };
                Answer { outcome, error: Some(error.message) }
            }
        }
    }
}

#[async_trait]
impl Client for EtcdClient {
    async fn execute(&self, request: &Request, limit: Duration) -> Answer {
        let (path, body) = call(request);
        self.ask(path, &body, request, limit).await
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

/// The path and the body of a request.
fn call(request: &Request) -> (&'static str, Value) {
    let path = match request {
        Request::Put { .. } => "/v3/kv/put",
        Request::Get { .. } | Request::Range { .. } => "/v3/kv/range",
        Request::Delete { .. } | Request::DeleteRange { .. } => "/v3/kv/deleterange",
        Request::Txn { .. } => "/v3/kv/txn",
    };
    (path, body(request))
}

fn body(request: &Request) -> Value {
    match request {
        Request::Put { key, value } => json!({ "key": encode(key), "value": encode(value) }),
        Request::Get { key, stale } => json!({ "key": encode(key), "serializable": stale }),
        Request::Range { from, to, stale } => {
            let mut body = interval(from, Some(to));
            body["serializable"] = (*stale).into();
            body
        }
        Request::Delete { key } => json!({ "key": encode(key) }),
        Request::DeleteRange { from, to } => interval(from, Some(to)),
        Request::Txn { compare, then, otherwise } => json!({
            "compare": compare.iter().map(comparison).collect::<Vec<_>>(),
            "success": then.iter().map(operation).collect::<Vec<_>>(),
            "failure": otherwise.iter().map(operation).collect::<Vec<_>>(),
        }),
    }
}

fn comparison(compare: &Compare) -> Value {
    let (key, target, field, value) = match compare {
        Compare::Value { key, equals: Some(value) } => (key, "VALUE", "value", encode(value)),
        Compare::Value { key, equals: None } => (key, "CREATE", "create_revision", "0".into()),
        Compare::ModRevision { key, equals } => (key, "MOD", "mod_revision", equals.to_string()),
    };
    json!({ "key": encode(key), "result": "EQUAL", "target": target, field: value })
}

fn operation(request: &Request) -> Value {
    let name = match request {
        Request::Put { .. } => "request_put",
        Request::Get { .. } | Request::Range { .. } => "request_range",
        Request::Delete { .. } | Request::DeleteRange { .. } => "request_delete_range",
        Request::Txn { .. } => "request_txn",
    };
    Value::Object(Map::from_iter([(name.to_owned(), body(request))]))
}

/// What a client knows after this answer.
fn done(request: &Request, answered: Answered) -> Result<Outcome, GatewayError> {
    // Every answer has a header with the revision of the state: of the one after the write, if
    // there was one, and else of the one that was read. No state of etcd has the revision 0.
    let revision = answered.header.map(|header| header.revision).filter(|&revision| revision > 0);
    let Some(revision) = revision else {
        return Err(GatewayError::strange("no revision in the header"));
    };
    let response = response(request, answered)?;
    Ok(Outcome::Done { response, revision: Some(revision) })
}

fn response(request: &Request, answered: Answered) -> Result<Response, GatewayError> {
    match request {
        Request::Put { .. } => Ok(Response::Put),
        Request::Get { key, .. } => {
            let mut entries = answered.kvs.into_iter();
            let entry = entries.next();
            if entries.next().is_some() || entry.as_ref().is_some_and(|e| e.key.0 != key.as_bytes())
            {
                return Err(GatewayError::strange("other keys than the one that was asked for"));
            }
            Ok(Response::Value(entry.map(|entry| entry.value.text()).transpose()?))
        }
        Request::Range { .. } => {
            let entries: Result<_, GatewayError> = answered
                .kvs
                .into_iter()
                .map(|entry| Ok((entry.key.text()?, entry.value.text()?)))
                .collect();
            Ok(Response::Values(entries?))
        }
        Request::Delete { .. } | Request::DeleteRange { .. } => {
            Ok(Response::Deleted(answered.deleted))
        }
        Request::Txn { then, otherwise, .. } => {
            let branch = if answered.succeeded { then } else { otherwise };
            if branch.len() != answered.responses.len() {
                return Err(GatewayError::strange("not one answer for each request of the branch"));
            }
            let responses = branch.iter().zip(answered.responses);
            let responses = responses
                .map(|(request, answered)| response(request, answer_to(request, answered)?))
                .collect::<Result<_, _>>()?;
            Ok(Response::Txn { succeeded: answered.succeeded, responses })
        }
    }
}

/// The answer of the kind that the request asked for.
fn answer_to(request: &Request, answered: AnsweredOperation) -> Result<Answered, GatewayError> {
    let answer = match request {
        Request::Put { .. } => answered.response_put,
        Request::Get { .. } | Request::Range { .. } => answered.response_range,
        Request::Delete { .. } | Request::DeleteRange { .. } => answered.response_delete_range,
        Request::Txn { .. } => answered.response_txn,
    };
    answer.ok_or_else(|| GatewayError::strange("an answer of another kind than the request"))
}
