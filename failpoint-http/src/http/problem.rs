//! The tables of all errors: why a request is refused, and with which status.

use crate::change::fail_crate;
use crate::change::policy::NotAllowed;
use crate::http::response::{OK, Reply};
use crate::wire::Problem;
use failpoint::__bridge::control::{Fault, Stale};
use failpoint::__private::text::{visible, visible_lines};
use failpoint::Error;
use serde::Serialize;

/// The kinds of problems. Programs distinguish them by `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    BadRequest,
    NoToken,
    ForeignOrigin,
    ForeignHost,
    NotAllowed,
    UnknownPoint,
    NoMatch,
    UnknownRoute,
    MethodNotAllowed,
    TimedOut,
    BodyTooSlow,
    Stale,
    BodyTooLarge,
    TooLarge,
    TooManyUnlisted,
    BadTerms,
    BadValue,
    UnknownKey,
    BadName,
    Several,
    /// By an extension, which names the status.
    Refused,
    Panicked,
    NeedsListener,
    TooManyReaders,
    TooManyCalls,
    /// Only on gofail's routes.
    IdlePoint,
}

impl Kind {
    /// The table of version 1: status, type, title.
    #[rustfmt::skip]
    pub(crate) fn row(self) -> (u16, &'static str, &'static str) {
        match self {
            Kind::BadRequest       => (400, "bad-request", "bad request"),
            Kind::NoToken          => (401, "no-token", "no token"),
            Kind::ForeignOrigin    => (403, "foreign-origin", "foreign origin"),
            Kind::ForeignHost      => (403, "foreign-host", "foreign host"),
            Kind::NotAllowed       => (403, "not-allowed", "not allowed"),
            Kind::UnknownPoint     => (404, "unknown-point", "unknown point"),
            Kind::NoMatch          => (404, "no-match", "no point matches"),
            Kind::UnknownRoute     => (404, "unknown-route", "unknown route"),
            Kind::IdlePoint        => (404, "idle-point", "idle point"),
            Kind::MethodNotAllowed => (405, "method-not-allowed", "method not allowed"),
            Kind::TimedOut         => (408, "timed-out", "timed out"),
            Kind::BodyTooSlow      => (408, "body-too-slow", "body too slow"),
            Kind::TooManyUnlisted  => (409, "too-many-unlisted", "too many points that no code declares"),
            Kind::Stale            => (412, "stale", "changed in the meantime"),
            Kind::BodyTooLarge     => (413, "body-too-large", "body too large"),
            Kind::TooLarge         => (413, "too-large", "too much in one change"),
            Kind::BadTerms         => (422, "bad-terms", "bad terms"),
            Kind::BadValue         => (422, "bad-value", "bad value"),
            Kind::UnknownKey       => (422, "unknown-key", "unknown key"),
            Kind::BadName          => (422, "bad-name", "bad name"),
            Kind::Several          => (422, "several", "several problems"),
            Kind::Refused          => (422, "refused", "refused"),
            Kind::Panicked         => (500, "panicked", "panicked"),
            Kind::NeedsListener    => (501, "needs-listener", "needs the listener"),
            Kind::TooManyReaders   => (503, "too-many-readers", "too many readers"),
            Kind::TooManyCalls     => (503, "too-many-calls", "too many calls of extensions"),
        }
    }

    /// Its `type`.
    pub(crate) fn urn(self) -> String {
        format!("urn:failpoint:{}", self.row().1)
    }

    /// A problem of this kind. Boxed, to keep `Result`s small.
    pub(crate) fn because(self, detail: impl Into<String>) -> Box<Problem> {
        let (status, _, title) = self.row();
        Box::new(Problem {
            kind: self.urn(),
            title: title.to_owned(),
            status,
            detail: detail.into(),
            name: None,
            offset: None,
            caret: None,
            nearest: Vec::new(),
            errors: Vec::new(),
            counts: None,
        })
    }
}

/// Errors that are common to gofail's routes and version 1, or that only gofail's routes have. A
/// refused request changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HttpError {
    ForeignOrigin,
    ForeignHost,
    NoToken,
    BadPath,
    BadMethod,
    BadParameter(String),
    BodyTooLarge,
    BodyTooSlow,
    BodyCutOff,
    GetUnknown,
    GetIdle,
    CountIdle,
    /// The crate `fail` does not count.
    Uncounted,
    SetUnknown(Why),
    SetBadTerms(Why),
    SetTooLarge(Why),
    SetTooManyUnlisted(Why),
    /// The terms are valid, but a site cannot take them.
    SetUnfit(Kind, Why),
    SetNotAllowed(String),
    DeleteUnknown(Why),
    DeleteIdle,
    /// A `FromTerm` implementation of the program panicked while it checked a value.
    Panicked,
}

/// What is wrong with terms: as text, and, for programs, with positions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Why {
    pub(crate) text: String,
    pub(crate) problem: Option<Box<Problem>>,
}

impl From<String> for Why {
    fn from(text: String) -> Self {
        Self { text, problem: None }
    }
}

impl HttpError {
    /// The table of gofail's routes: status, kind, text. gofail's own texts are unchanged.
    #[rustfmt::skip]
    fn row(&self) -> (u16, Kind, String) {
        use HttpError::*;
        let row = |status, kind, text: &str| (status, kind, text.to_owned());
        match self {
            NoToken => row(401, Kind::NoToken, "send the token of FAILPOINT_HTTP_TOKEN as `Authorization: Bearer TOKEN`; the request had none, or a different one"),
            ForeignOrigin => row(403, Kind::ForeignOrigin, "a web page from another origin cannot control failpoints"),
            ForeignHost => row(403, Kind::ForeignHost, "the Host is neither an IP address nor localhost; to allow it, add it to FAILPOINT_HTTP_HOSTS"),

            BadPath => row(400, Kind::BadRequest, "malformed request URI"),
            BadMethod => row(405, Kind::MethodNotAllowed, "Method not allowed"),
            BodyCutOff => row(400, Kind::BadRequest, "failed ReadAll in PUT"),
            BodyTooSlow => row(408, Kind::BodyTooSlow, "the body did not arrive in time"),
            BodyTooLarge => row(413, Kind::BodyTooLarge, "the body is larger than 1 MiB"),
            Panicked => row(500, Kind::Panicked, "the program's own code panicked while it checked a value; see the program's log"),

            GetUnknown => row(404, Kind::UnknownPoint, "failed to GET: failpoint: failpoint does not exist"),
            GetIdle => row(404, Kind::IdlePoint, "failed to GET: failpoint: failpoint is disabled"),
            CountIdle => row(500, Kind::IdlePoint, "failed to GET: failpoint: failpoint is disabled"),

            Uncounted => row(404, Kind::IdlePoint, "failed to GET: the crate fail does not count hits"),

            SetUnknown(why) => (400, Kind::UnknownPoint, format!("fail to set failpoint: failpoint: failpoint does not exist: {}", why.text)),
            SetBadTerms(why) => (400, Kind::BadTerms, format!("fail to set failpoint: failpoint: could not parse terms: {}", why.text)),
            SetTooLarge(why) => (413, Kind::TooLarge, format!("fail to set failpoint: {}", why.text)),
            SetTooManyUnlisted(why) => (409, Kind::TooManyUnlisted, format!("fail to set failpoint: {}", why.text)),
            SetUnfit(kind, why) => (400, *kind, format!("fail to set failpoint: failpoint: {}", why.text)),
            SetNotAllowed(why) => (403, Kind::NotAllowed, format!("fail to set failpoint: {why}")),
            BadParameter(why) => (400, Kind::BadRequest, format!("fail to set failpoint: {why}")),

            DeleteUnknown(why) => (400, Kind::UnknownPoint, format!("failed to delete failpoint failpoint: failpoint does not exist: {}", why.text)),
            DeleteIdle => row(400, Kind::IdlePoint, "failed to delete failpoint failpoint: failpoint is disabled"),
        }
    }

    pub(crate) fn into_text(self) -> Reply {
        let (status, _, text) = self.row();
        self.add_headers(Reply::refused(status, format!("{}\n", visible_lines(&text))))
    }

    /// As problem details, with gofail's status if it has one.
    pub(crate) fn into_problem(self) -> Reply {
        use HttpError::*;
        let (status, kind, text) = self.row();
        let mut problem = kind.because(text);
        problem.status = status;
        if let SetUnknown(why)
        | SetBadTerms(why)
        | SetTooLarge(why)
        | SetTooManyUnlisted(why)
        | SetUnfit(_, why)
        | DeleteUnknown(why) = &self
        {
            if let Some(found) = &why.problem {
                problem.name.clone_from(&found.name);
                problem.offset = found.offset;
                problem.caret.clone_from(&found.caret);
                problem.nearest.clone_from(&found.nearest);
                problem.errors.clone_from(&found.errors);
            }
        }
        self.add_headers(Reply::problem(&problem))
    }

    fn add_headers(&self, reply: Reply) -> Reply {
        match self {
            HttpError::BadMethod => reply.allowing("DELETE, GET, PUT"),
            HttpError::NoToken => reply.with("www-authenticate", "Bearer realm=\"failpoint\""),
            HttpError::BodyTooLarge | HttpError::BodyTooSlow => reply.closing(),
            _ => reply,
        }
    }
}

/// The statuses of other servers' control routes; see `compat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Foreign {
    Done,
    BadRequest,
    NotAllowed,
    NotFound,
    BadMethod,
    Missing,
}

impl Foreign {
    fn status(self) -> u16 {
        match self {
            Foreign::Done => OK,
            Foreign::BadRequest => 400,
            Foreign::NotAllowed => 403,
            Foreign::NotFound => 404,
            Foreign::BadMethod => 405,
            Foreign::Missing => 422,
        }
    }
}

impl Reply {
    /// Text as TiKV sends it: without headers or a final line end.
    pub(crate) fn bare(what: Foreign, body: String) -> Self {
        Self { status: what.status(), headers: Vec::new(), body: body.into_bytes() }
    }

    /// JSON as Neon sends it: without a final line end.
    pub(crate) fn bare_json(what: Foreign, value: &impl Serialize) -> Self {
        let mut reply = Self { status: what.status(), ..Self::json(value) };
        reply.body.truncate(reply.body.trim_ascii_end().len());
        reply
    }
}

/// How many problems a reply lists. The others are only counted.
const SHOWN: usize = 100;

/// All faults as one problem. A single fault becomes the problem itself.
pub(crate) fn of(mut faults: Vec<Fault>) -> Box<Problem> {
    if faults.len() == 1 {
        return Box::new(of_one(faults.remove(0)));
    }
    let lists = lists(faults.len());
    let mut all = Kind::Several
        .because(format!("{} problems, so nothing was changed; {lists}", faults.len()));
    all.errors = faults.into_iter().take(SHOWN).map(of_one).collect();
    all
}

/// All faults, one line each.
pub(crate) fn lines(whys: impl ExactSizeIterator<Item = String>) -> Vec<String> {
    let more = whys.len().saturating_sub(SHOWN);
    let mut lines: Vec<String> = whys.take(SHOWN).collect();
    lines.extend((more > 0).then(|| format!("and {more} more problems")));
    lines
}

fn lists(problems: usize) -> String {
    if problems <= SHOWN {
        "errors lists them".to_owned()
    } else {
        format!("errors lists the first {SHOWN} of them")
    }
}

pub(crate) fn unknown(error: Error) -> Box<Problem> {
    Box::new(fault_of(Some(Kind::UnknownPoint), None, error))
}

pub(crate) fn stale(stale: Stale) -> Box<Problem> {
    Kind::Stale.because(match stale {
        Stale(Some(now)) => {
            format!(
                "it is at {now} now, and If-Match names another generation; read the point again"
            )
        }
        Stale(None) => "If-Match asks for a point that does not exist".to_owned(),
    })
}

/// All points that are not allowed, as one problem.
pub(crate) fn not_allowed(mut refused: Vec<NotAllowed>) -> Box<Problem> {
    let problem = |one: NotAllowed| {
        let mut problem = Kind::NotAllowed.because(one.why);
        problem.name = one.name;
        problem
    };
    if refused.len() == 1 {
        return problem(refused.remove(0));
    }
    let lists = lists(refused.len());
    let mut all = Kind::NotAllowed
        .because(format!("{} points cannot be armed over HTTP; {lists}", refused.len()));
    all.errors = refused.into_iter().take(SHOWN).map(|one| *problem(one)).collect();
    all
}

/// The text of the error for a client.
pub(crate) fn explain(error: &Error) -> String {
    match error {
        Error::UnknownPoint { name, .. } if fail_crate::name_in(name).is_some() => format!(
            "`{name}` is a point of the crate `fail`; arm such points one at a time, with PUT /{name}",
            name = visible(name)
        ),
        Error::UnknownPoint { name, nearest, .. } if nearest.is_empty() => {
            format!(
                "no failpoint is named `{}` in this program; GET / lists all points",
                visible(name)
            )
        }
        _ => error.to_string(),
    }
}

/// The kind of one fault.
pub(crate) fn kind_of(error: &Error) -> Kind {
    match error {
        Error::UnknownPoint { .. } => Kind::UnknownPoint,
        Error::CannotReturn { .. } | Error::BadValue { .. } => Kind::BadValue,
        Error::UnknownKey { .. } => Kind::UnknownKey,
        Error::BadName { .. } => Kind::BadName,
        Error::TooLarge { .. } => Kind::TooLarge,
        Error::TooManyUnlisted { .. } => Kind::TooManyUnlisted,
        _ => Kind::BadTerms,
    }
}

fn of_one(fault: Fault) -> Problem {
    fault_of(None, fault.name, fault.error)
}

fn fault_of(kind: Option<Kind>, name: Option<String>, error: Error) -> Problem {
    let mut problem = *kind.unwrap_or_else(|| kind_of(&error)).because(match &error {
        Error::Parse { expected, .. } => format!("expected {expected}"),
        error => explain(error),
    });
    problem.name = name;
    match error {
        Error::UnknownPoint { name, nearest, .. } => {
            problem.name = Some(name);
            problem.nearest = nearest;
        }
        Error::UnknownKey { nearest, .. } => problem.nearest.extend(nearest),
        Error::Parse { offset, caret, .. } => {
            problem.offset = u64::try_from(offset).ok();
            problem.caret = Some(caret);
        }
        _ => {}
    }
    problem
}
