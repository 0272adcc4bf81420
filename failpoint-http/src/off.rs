//! The control plane in a build without failpoints: it only prints that failpoints were compiled out.

use crate::address::Address;
use crate::error::ServeError;
use crate::ext::{ExtendError, Route};
use crate::http::response::Reply;
use failpoint::__private::compiled_out::{self, BuildWith};
use failpoint::__private::text::{to_stderr, visible};
use std::convert::Infallible;
use std::fmt;

/// Nothing ever listens, so there is no value of this type.
pub(crate) struct Running(Infallible);

impl Running {
    pub(crate) fn address(&self) -> Option<&Address> {
        match self.0 {}
    }
}

pub(crate) fn serve_from_env() -> Result<Option<Running>, ServeError> {
    let control = ["GOFAIL_HTTP", "FAILPOINT_HTTP"];
    // Another crate may have enabled failpoints without the control plane.
    if failpoint::enabled() {
        failpoint::init_from_env().map_err(ServeError::Environment)?;
        compiled_out::say_of(&control, what(), HINT);
    } else {
        let all = [&control[..], &["GOFAIL_FAILPOINTS", "FAILPOINTS"]].concat();
        compiled_out::say_of(&all, what(), HINT);
    }
    Ok(None)
}

pub(crate) fn serve(address: &str) -> Result<Option<Running>, ServeError> {
    let address = visible(address);
    to_stderr(format_args!("failpoint: nothing listens at {address}: {CompiledOut}"));
    Ok(None)
}

pub(crate) fn respond(_: &str, _: &str, _: &[(&str, &str)], _: &[u8]) -> Reply {
    Reply::compiled_out(CompiledOut)
}

pub(crate) fn extend(_: &str, _: impl IntoIterator<Item = Route>) -> Result<(), ExtendError> {
    Ok(())
}

/// This feature also turns failpoints on.
const HINT: BuildWith = BuildWith("failpoint-http/failpoints");

fn what() -> &'static str {
    if failpoint::enabled() { "the control plane of failpoints was" } else { "failpoints were" }
}

/// What is missing from this build, and how to enable it.
pub(crate) struct CompiledOut;

impl fmt::Display for CompiledOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} compiled out; {HINT}", what())
    }
}
