//! The servers that a command asks, from `--addr` or from the environment.

use crate::args::Global;
use crate::status::Failure;
use failpoint_http::{Client, ClientError, ClientSet};
use std::env;

pub(crate) struct Servers {
    pub(crate) set: ClientSet,
    pub(crate) json: bool,
}

impl Servers {
    pub(crate) fn of(global: &Global) -> Result<Self, Failure> {
        let mut addresses = global.addr.clone();
        if addresses.is_empty() {
            addresses = from_env().ok_or_else(|| {
                Failure::usage(
                    "no server address: pass --addr 127.0.0.1:22381, or set GOFAIL_HTTP to the \
                     value that the server was started with",
                )
            })?;
        }
        let client = |address: &String| {
            let builder =
                Client::builder(address).timeout(global.patience).connect_timeout(global.patience);
            match &global.token {
                Some(token) => builder.token(token),
                None => builder.token_from_env(),
            }
            .build()
        };
        let set: Result<ClientSet, ClientError> = addresses.iter().map(client).collect();
        Ok(Self { set: set?, json: global.json })
    }

    pub(crate) fn are_several(&self) -> bool {
        self.set.clients().len() > 1
    }

    /// `ADDRESS: ` if there are several servers; empty otherwise.
    pub(crate) fn prefix(&self, address: &str) -> String {
        if self.are_several() { format!("{address}: ") } else { String::new() }
    }
}

fn from_env() -> Option<Vec<String>> {
    let value = |name| env::var(name).ok().filter(|value| !value.trim().is_empty());
    let text = value("GOFAIL_HTTP").or_else(|| value("FAILPOINT_HTTP"))?;
    Some(text.split(',').map(str::to_owned).collect())
}
