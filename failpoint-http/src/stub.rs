//! What is left of the control plane in a build without it: a line that says so.

use crate::address::Address;
use crate::error::ServeError;
use crate::reply::Reply;
use failpoint::__private::text::{to_stderr, visible};
use std::convert::Infallible;
use std::fmt;

/// Nothing listens, so no value of this type exists.
pub(crate) struct Running(Infallible);

impl Running {
    pub(crate) fn address(&self) -> &Address {
        match self.0 {}
    }
}

pub(crate) fn serve_from_env() -> Result<Option<Running>, ServeError> {
    failpoint::init_from_env().map_err(ServeError::Environment)?;
    let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if let Some(name) = ["GOFAIL_HTTP", "FAILPOINT_HTTP"].iter().find(|name| is_set(name)) {
        to_stderr(format_args!("failpoint: {name} is set, but {CompiledOut}"));
    }
    Ok(None)
}

pub(crate) fn serve(address: &str) -> Result<Option<Running>, ServeError> {
    let address = visible(address);
    to_stderr(format_args!("failpoint: nothing listens at {address}, for {CompiledOut}"));
    Ok(None)
}

pub(crate) fn respond(_: &str, _: &str, _: &[(&str, &str)], _: &[u8]) -> Reply {
    Reply::compiled_out(CompiledOut)
}

/// What is missing from this build, and how to have it.
pub(crate) struct CompiledOut;

impl fmt::Display for CompiledOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Another crate may have asked for failpoints alone. The feature named here turns on both.
        let what = if failpoint::enabled() {
            "the control plane of failpoints was"
        } else {
            "failpoints were"
        };
        write!(f, "{what} compiled out; build with --features failpoint-http/failpoints")
    }
}
