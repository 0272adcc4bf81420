//! Requests about one point that clients and guards share.

use super::caller::{Caller, Request};
use super::error::ClientError;
use super::path;
use super::wait::Wait;
use crate::wire::{Resumed, Waited};
use hyper::Method;

pub(super) async fn wait(caller: &Caller, name: &str, wait: Wait) -> Result<Waited, ClientError> {
    caller.json(Request::get(wait.path(name)).waits(wait.limit())).await
}

pub(super) async fn resume(
    caller: &Caller,
    name: &str,
    count: Option<u64>,
) -> Result<Resumed, ClientError> {
    let path = format!("{}/resume", path::point(name));
    let path = path::with_query(&path, [("n", count.map(|count| count.to_string()))]);
    caller.json(Request::new(Method::POST, path)).await
}
