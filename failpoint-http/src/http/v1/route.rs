//! What is a route?

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
    /// With `{name}` where a name stands.
    pub(crate) path: &'static str,
    /// How clients that are generated call it.
    pub(crate) id: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) parameters: &'static [Parameter],
    pub(crate) matched: Option<Matched>,
    /// What may stand in the body.
    pub(crate) body: &'static [SchemaOf],
    pub(crate) answer: Answer,
    /// What may go wrong, beside what may go wrong with every request.
    pub(crate) refusals: &'static [Kind],
    pub(crate) act: Act,
}

/// What `If-Match` compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Matched {
    Generation,
    Revision,
}

/// What is answered where nothing goes wrong.
pub(crate) enum Answer {
    /// Nothing.
    Empty,
    Json(SchemaOf),
    /// JSON whose state `ETag` names.
    Tagged(SchemaOf),
    TextOrJson(SchemaOf),
    /// Text of this media type.
    Text(&'static str),
    /// Server-sent events with this data.
    Events(SchemaOf),
    /// A document of another standard.
    Document,
    /// For people.
    Html,
}

pub(crate) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// How an answer comes about.
#[derive(Clone, Copy)]
pub(crate) enum Act {
    Now(fn(&Call<'_>) -> Result<Reply, Box<Problem>>),
    /// The document of all routes.
    Document,
    /// For the carrier, since the request is held open.
    Held(Held),
}

/// What holds a request open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    Wait,
    Events,
}

impl Route {
    /// Whether the document says so.
    pub(crate) fn may_refuse(&self, problem: &Problem) -> bool {
        let is_it = |kind: &Kind| problem.kind == kind.urn();
        self.refusals.iter().chain(&ALWAYS).any(is_it)
    }

    /// Whether it tells something about points, and so asks for the token.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.path, "/healthz" | "/ui")
    }
}

/// What may go wrong with every request.
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
