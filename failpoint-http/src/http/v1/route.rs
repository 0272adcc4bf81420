//! [`Route`]: the description of a route.

use super::call::Call;
use super::query::Parameter;
use crate::http::problem::Kind;
use crate::http::response::Reply;
use crate::wire::Problem;
use schemars::Schema;
use schemars::generate::SchemaGenerator;

/// A method of a path.
pub(crate) struct Route {
    pub(crate) method: &'static str,
    /// With `{name}` as the placeholder for a name.
    pub(crate) path: &'static str,
    /// The operation's name in generated clients.
    pub(crate) id: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) parameters: &'static [Parameter],
    pub(crate) matched: Option<Matched>,
    /// The types that the body may have.
    pub(crate) body: &'static [SchemaOf],
    pub(crate) answer: Answer,
    /// The problems of this route, in addition to [`ALWAYS`].
    pub(crate) refusals: &'static [Kind],
    pub(crate) act: Act,
}

/// What `If-Match` compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Matched {
    Generation,
    Revision,
}

/// The reply on success.
pub(crate) enum Answer {
    /// Nothing.
    Empty,
    Json(SchemaOf),
    /// JSON with an `ETag`.
    Tagged(SchemaOf),
    TextOrJson(SchemaOf),
    /// Text of this media type.
    Text(&'static str),
    /// Server-sent events with this data.
    Events(SchemaOf),
    /// The OpenAPI document.
    Document,
    /// A page.
    Html,
}

pub(crate) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// How a route produces its reply.
#[derive(Clone, Copy)]
pub(crate) enum Act {
    Now(fn(&Call<'_>) -> Result<Reply, Box<Problem>>),
    /// The document of all routes.
    Document,
    /// By the transport, because the request is held open.
    Held(Held),
}

/// What holds a request open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    Wait,
    Events,
}

impl Route {
    /// Whether the document lists this problem for the route.
    pub(crate) fn may_refuse(&self, problem: &Problem) -> bool {
        let is_it = |kind: &Kind| problem.kind == kind.urn();
        self.refusals.iter().chain(&ALWAYS).any(is_it)
    }

    /// Whether it needs no token, because it contains no data.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.path, "/healthz" | "/ui")
    }
}

/// The problems of every route.
pub(crate) const ALWAYS: [Kind; 8] = [
    Kind::BadRequest,
    Kind::NoToken,
    Kind::ForeignOrigin,
    Kind::ForeignHost,
    Kind::MethodNotAllowed,
    Kind::BodyTooSlow,
    Kind::BodyTooLarge,
    Kind::Panicked,
];
