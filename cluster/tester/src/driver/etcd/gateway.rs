//! What does etcd's JSON gateway take and give?
//!
//! The gateway translates JSON to gRPC and back: 64-bit numbers are strings, keys and values are
//! base64, and a field that is zero, empty or false is left out. So every field has a default here.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use crate::driver::http::{Failure, Http, Lines, Reply};
use crate::history::Revision;

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GatewayError {
    /// Whether the request may have taken effect, or still will.
    pub(super) maybe: bool,
    /// What went wrong: etcd's own words, where it said something.
    pub(super) message: String,
}

/// The error about a revision that was compacted.
pub(super) const COMPACTED: &str = "etcdserver: mvcc: required revision has been compacted";

/// The client address of one member.
#[derive(Clone, Debug)]
pub(super) struct Gateway {
    http: Http,
}

impl Gateway {
    pub(super) fn new(address: &str) -> Result<Self, Failure> {
        Ok(Self { http: Http::new(address)? })
    }

    /// Makes one call.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        path: &str,
        request: &impl Serialize,
        limit: Duration,
    ) -> Result<T, GatewayError> {
        parse(&self.post(path, request, limit).await?)
    }

    /// Makes one call whose answer is a stream, and returns its first message.
    pub(super) async fn first<T: DeserializeOwned>(
        &self,
        path: &str,
        request: &impl Serialize,
        limit: Duration,
    ) -> Result<T, GatewayError> {
        let reply = self.post(path, request, limit).await?;
        if reply.status != 200 {
            return Err(refusal(&reply));
        }
        parse_streamed(reply.body.split(|&byte| byte == b'\n').next().unwrap_or_default())
    }

    /// Makes one call whose answer is a stream.
    pub(super) async fn stream(
        &self,
        path: &str,
        request: &impl Serialize,
        limit: Duration,
    ) -> Result<Lines, GatewayError> {
        let body = to_json(request)?;
        let (status, mut lines) = self.http.lines(Method::POST, path, body, limit).await?;
        if status != 200 {
            let line = tokio::time::timeout(limit, lines.next()).await;
            let body = line.ok().and_then(Result::ok).flatten().unwrap_or_default();
            return Err(refusal(&Reply { status, body }));
        }
        Ok(lines)
    }

    async fn post(
        &self,
        path: &str,
        request: &impl Serialize,
        limit: Duration,
    ) -> Result<Reply, GatewayError> {
        Ok(self.http.call(Method::POST, path, to_json(request)?, limit).await?)
    }
}

fn to_json(request: &impl Serialize) -> Result<Vec<u8>, GatewayError> {
    serde_json::to_vec(request)
        .map_err(|error| GatewayError { maybe: false, message: error.to_string() })
}

/// The header of every answer.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Header {
    #[serde(deserialize_with = "number")]
    pub(super) revision: u64,
    #[serde(deserialize_with = "number")]
    pub(super) member_id: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct KeyValue {
    pub(super) key: Bytes,
    pub(super) value: Bytes,
    #[serde(deserialize_with = "number")]
    pub(super) mod_revision: Revision,
}

/// The answer to a put, a range, a delete, or a transaction: the fields of all of them.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Answered {
    pub(super) header: Option<Header>,
    pub(super) kvs: Vec<KeyValue>,
    #[serde(deserialize_with = "number")]
    pub(super) deleted: u64,
    pub(super) succeeded: bool,
    pub(super) responses: Vec<AnsweredOperation>,
}

/// The answer to one operation of a transaction: one of the fields.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AnsweredOperation {
    pub(super) response_put: Option<Answered>,
    pub(super) response_range: Option<Answered>,
    pub(super) response_delete_range: Option<Answered>,
    pub(super) response_txn: Option<Answered>,
}

/// An answer of which nothing matters, but that it is one.
#[derive(Debug, Deserialize)]
pub(super) struct Headed {
    #[serde(rename = "header")]
    _header: Header,
}

/// Bytes, as base64.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bytes(pub(super) Vec<u8>);

impl Bytes {
    /// The text.
    pub(super) fn text(self) -> Result<String, GatewayError> {
        String::from_utf8(self.0).map_err(|error| {
            let bytes = STANDARD.encode(error.as_bytes());
            GatewayError::strange(format!(
                "a key or a value that is not UTF-8 (in base64: {bytes})"
            ))
        })
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(&text).map(Self).map_err(D::Error::custom)
    }
}

/// Text as the gateway takes it.
pub(super) fn encode(text: &str) -> String {
    STANDARD.encode(text)
}

/// The keys `from <= key < to` (`None`: all from `from` on) as the gateway takes them.
pub(super) fn interval(from: &str, to: Option<&str>) -> Value {
    // An empty key is refused, and the lowest one is a zero byte. A zero byte as the end stands for
    // no end, and an empty end for a single key.
    let key = if from.is_empty() { "\0" } else { from };
    let end = match to {
        None => "\0",
        Some(to) if from < to && to != "\0" => to,
        // Nothing is below the end, as in an interval that ends where it starts.
        Some(_) => return json!({ "key": encode("\u{1}"), "range_end": encode("\u{1}") }),
    };
    json!({ "key": encode(key), "range_end": encode(end) })
}

/// A number, which comes as text if it has 64 bits.
pub(super) fn number<'de, D, N>(deserializer: D) -> Result<N, D::Error>
where
    D: Deserializer<'de>,
    N: std::str::FromStr + TryFrom<u64>,
    N::Err: std::fmt::Display,
{
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Number {
        Text(String),
        Number(u64),
    }
    match Number::deserialize(deserializer)? {
        Number::Text(text) => text.parse().map_err(D::Error::custom),
        Number::Number(number) => {
            N::try_from(number).map_err(|_| D::Error::custom("the number is too large"))
        }
    }
}

fn parse<T: DeserializeOwned>(reply: &Reply) -> Result<T, GatewayError> {
    if reply.status != 200 {
        return Err(refusal(reply));
    }
    serde_json::from_slice(&reply.body)
        .map_err(|error| GatewayError::strange(format!("{error}: {}", excerpt(&reply.body))))
}

/// One message of a stream.
pub(super) fn parse_streamed<T: DeserializeOwned>(line: &[u8]) -> Result<T, GatewayError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Streamed<T> {
        Result(T),
        Error(StreamError),
    }
    #[derive(Deserialize)]
    struct StreamError {
        message: String,
    }
    match serde_json::from_slice(line) {
        Ok(Streamed::Result(message)) => Ok(message),
        Ok(Streamed::Error(error)) => Err(GatewayError { maybe: true, message: error.message }),
        Err(error) => Err(GatewayError::strange(format!("{error}: {}", excerpt(line)))),
    }
}

/// What etcd says in an answer that is no success.
fn refusal(reply: &Reply) -> GatewayError {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
        #[serde(default)]
        code: u32,
    }
    match serde_json::from_slice::<Refusal>(&reply.body) {
        Ok(Refusal { error, code }) => {
            GatewayError { maybe: !has_no_effect(code, &error), message: error }
        }
        Err(_) => {
            let (status, body) = (reply.status, excerpt(&reply.body));
            GatewayError::strange(format!("status {status}: {body}"))
        }
    }
}

/// Whether a request that ends with this error certainly has no effect, and never will.
///
/// What is not known here may have taken effect. So it is with `database space exceeded`: etcd
/// answers that also for a write that it has applied. A time-out, a stopped server and a closed
/// transport say nothing about a proposal that is on its way.
fn has_no_effect(code: u32, message: &str) -> bool {
    /// gRPC: the request is wrong in itself. etcd checks that before it proposes or applies it.
    const INVALID_ARGUMENT: u32 = 3;
    /// Refused before they are proposed, or where they are applied as a whole.
    const REFUSALS: [&str; 5] = [
        "etcdserver: too many requests",
        "raft proposal dropped",
        "etcdserver: requested lease not found",
        COMPACTED,
        "etcdserver: mvcc: required revision is a future revision",
    ];
    code == INVALID_ARGUMENT || REFUSALS.contains(&message)
}

/// The beginning of an answer, to be shown.
fn excerpt(body: &[u8]) -> String {
    const LONGEST: usize = 200;
    let text = String::from_utf8_lossy(&body[..body.len().min(LONGEST)]).trim().to_owned();
    if body.len() > LONGEST { format!("{text} …") } else { text }
}

impl GatewayError {
    /// An answer that etcd does not give.
    pub(super) fn strange(message: impl std::fmt::Display) -> Self {
        Self { maybe: true, message: format!("an answer that etcd does not give: {message}") }
    }
}

impl From<Failure> for GatewayError {
    fn from(failure: Failure) -> Self {
        Self { maybe: failure.sent, message: failure.message }
    }
}

#[cfg(test)]
mod tests {
    use serde::de::IgnoredAny;

    use super::{Answered, GatewayError, Reply, parse, parse_streamed};

    fn error(status: u16, body: &str) -> GatewayError {
        let reply = Reply { status, body: body.into() };
        parse::<Answered>(&reply).expect_err("it is no answer")
    }

    #[test]
    fn errors_are_known_by_their_effect() {
        for (code, message, maybe) in [
            (3, "etcdserver: duplicate key given in txn request", false),
            (5, "etcdserver: requested lease not found", false),
            (8, "etcdserver: too many requests", false),
            (2, "raft proposal dropped", false),
            (11, "etcdserver: mvcc: required revision has been compacted", false),
            // These are answered also for what was proposed, or even applied.
            (8, "etcdserver: mvcc: database space exceeded", true),
            (14, "etcdserver: request timed out", true),
            (14, "etcdserver: request timed out, possibly due to previous leader failure", true),
            (14, "etcdserver: leader changed", true),
            (14, "etcdserver: server stopped", true),
            (14, "transport is closing", true),
            (4, "context deadline exceeded", true),
            (2, "something new", true),
        ] {
            let body = format!(r#"{{"error":"{message}","message":"{message}","code":{code}}}"#);
            assert_eq!(error(503, &body), GatewayError { maybe, message: message.into() });
        }
    }

    #[test]
    fn answers_that_etcd_does_not_give_are_errors() {
        for (status, body, message) in [
            (404, "Not Found\n", "status 404: Not Found"),
            (200, "", "EOF while parsing a value at line 1 column 0: "),
            (200, "{\"header\":{\"revision\":\"x\"}}", "invalid digit found in string"),
            (200, "{\"kvs\":[{\"key\":\"%\"}]}", "Invalid symbol"),
            (200, "{\"kvs\":1}", "invalid type: integer `1`"),
        ] {
            let error = error(status, body);
            assert!(error.maybe, "{body}");
            assert!(error.message.starts_with("an answer that etcd does not give: "), "{error:?}");
            assert!(error.message.contains(message), "{error:?}");
        }
        let line =
            br#"{"error":{"grpc_code":14,"http_code":503,"message":"transport is closing"}}"#;
        let error = parse_streamed::<IgnoredAny>(line).expect_err("the stream has ended");
        assert_eq!(error.message, "transport is closing");
        parse_streamed::<IgnoredAny>(b"{}").expect_err("neither a result nor an error");
        parse_streamed::<IgnoredAny>(b"\xff").expect_err("no JSON");
    }
}
