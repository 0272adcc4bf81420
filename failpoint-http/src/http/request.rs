//! A request, independent of the transport.

use crate::percent::decode;
use std::borrow::Cow;

/// A request to the control plane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    /// The raw path, without the query.
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a [u8],
    /// The client, for the log.
    pub(crate) from: &'a str,
}

impl<'a> Request<'a> {
    /// Every value of a header; `name` may be in any case.
    pub(crate) fn header(&self, name: &str) -> impl Iterator<Item = &'a str> {
        let named = self.headers.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name));
        named.map(|(_, value)| *value)
    }

    /// Whether the caller asks for JSON. The default is text.
    pub(crate) fn wants_json(&self) -> bool {
        let types = self.header("accept").flat_map(|value| value.split(','));
        let mut types = types.map(|one| one.split(';').next().unwrap_or_default().trim());
        types.any(|one| {
            one.eq_ignore_ascii_case("application/json")
                || one.eq_ignore_ascii_case("application/problem+json")
        })
    }

    /// The parameters of the query, decoded.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> {
        self.query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
    }
}
