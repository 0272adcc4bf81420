//! [`Call`]: the arguments of a route.

use super::query::{Parameter, Query};
use crate::http::problem::Kind;
use crate::http::request::Request;
use crate::percent::decode_strictly;
use crate::wire::Problem;
use std::borrow::Cow;

/// A parsed request for a route.
pub(crate) struct Call<'a> {
    pub(crate) request: &'a Request<'a>,
    /// The value of `{name}`; empty if the route has none.
    pub(crate) name: Cow<'a, str>,
    pub(crate) query: Query<'a>,
}

impl<'a> Call<'a> {
    pub(super) fn of(
        request: &'a Request<'a>,
        name: &'a str,
        parameters: &'static [Parameter],
    ) -> Result<Self, Box<Problem>> {
        let name = decode_strictly(name).ok_or_else(|| {
            let name = name.escape_debug();
            Kind::BadRequest.because(format!("the percent-encoding of {name} is broken"))
        })?;
        Ok(Self { request, name, query: Query::of(request, parameters)? })
    }
}
