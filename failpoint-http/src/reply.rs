//! What is answered? The one file that names a status code.

/// An answer of the control plane, for any server to carry; given by [`respond`](crate::respond).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Name and value, the names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// The body; empty for 204.
    pub body: Vec<u8>,
}

const TEXT: &str = "text/plain; charset=utf-8";

impl Reply {
    fn new(status: u16, media_type: &str, body: String) -> Self {
        // Keeps pages of other origins from loading what is read without their `Origin`, as an image
        // or a script is: that it loads, and what terms do as a script, would tell them something.
        let policy = ("cross-origin-resource-policy", "same-origin".to_owned());
        let headers = vec![("content-type", media_type.to_owned()), policy];
        Self { status, headers, body: body.into_bytes() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// An error as Go's `http.Error` writes it, which gofail answers with.
    fn refused(status: u16, text: String) -> Self {
        Self::new(status, TEXT, text).with("x-content-type-options", "nosniff")
    }

    /// All that a build without failpoints answers.
    #[cfg(not(feature = "failpoints"))]
    pub(crate) fn compiled_out(why: impl std::fmt::Display) -> Self {
        Self::refused(501, format!("{why}\n"))
    }
}

#[cfg(feature = "failpoints")]
pub(crate) use on::{Foreign, Kind, NO_CONTENT, OK, PROMETHEUS, Refusal};

#[cfg(feature = "failpoints")]
mod on {
    use super::{Reply, TEXT};
    use crate::wire::Problem;
    use serde::Serialize;

    /// What was asked for is in the body.
    pub(crate) const OK: u16 = 200;
    /// It was done, and there is nothing to say. gofail's clients take this status, and no other,
    /// for the success of a change.
    pub(crate) const NO_CONTENT: u16 = 204;

    /// What Prometheus reads.
    pub(crate) const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

    impl Reply {
        pub(crate) fn prometheus(body: String) -> Self {
            Self::new(OK, PROMETHEUS, body)
        }

        /// The head of a stream of events.
        pub(crate) fn events() -> Self {
            Self::new(OK, "text/event-stream", String::new()).with("cache-control", "no-store")
        }

        pub(crate) fn text(body: String) -> Self {
            Self::new(OK, TEXT, body)
        }

        pub(crate) fn json(value: &impl Serialize) -> Self {
            Self::new(OK, "application/json", written(value))
        }

        pub(crate) fn html(body: String) -> Self {
            Self::new(OK, "text/html; charset=utf-8", body)
        }

        pub(crate) fn done() -> Self {
            Self { status: NO_CONTENT, headers: Vec::new(), body: Vec::new() }
        }

        /// For a program: RFC 9457.
        pub(crate) fn problem(problem: &Problem) -> Self {
            Self::new(problem.status, "application/problem+json", written(problem))
        }

        /// Names the state that the answer is about, for `If-Match`.
        pub(crate) fn tagged(self, state: u64) -> Self {
            self.with("etag", format!("\"{state}\""))
        }

        /// Names the methods that there are.
        pub(crate) fn allowing(self, methods: &str) -> Self {
            self.with("allow", methods)
        }

        /// Says on the side what the caller may not expect; `note` is ASCII.
        pub(crate) fn noting(self, note: Option<String>) -> Self {
            match note {
                Some(note) => self.with("failpoint-note", note),
                None => self,
            }
        }

        /// What is left of the request will not be read.
        pub(crate) fn closing(self) -> Self {
            self.with("connection", "close")
        }

        /// The same without its body, of which only the length is told.
        pub(crate) fn of_head(mut self) -> Self {
            let body = std::mem::take(&mut self.body);
            if self.status == NO_CONTENT {
                return self;
            }
            self.with("content-length", body.len().to_string())
        }
    }

    /// What servers answered that had control routes of their own; see `compat`.
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
        /// Text as TiKV gives it: with no header, and no line end of its own.
        pub(crate) fn bare(what: Foreign, body: String) -> Self {
            Self { status: what.status(), headers: Vec::new(), body: body.into_bytes() }
        }

        /// JSON as Neon gives it: with no line end.
        pub(crate) fn bare_json(what: Foreign, value: &impl Serialize) -> Self {
            Self::new(what.status(), "application/json", written(value).trim_end().to_owned())
        }
    }

    /// On one line, with its end.
    fn written(value: &impl Serialize) -> String {
        // Our types hold nothing that JSON cannot: no maps but of text, no foreign `Serialize`.
        serde_json::to_string(value).unwrap_or_default() + "\n"
    }

    /// The kinds of problems, which programs tell apart by `type`.
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
        BadTerms,
        BadValue,
        BadName,
        Several,
        Panicked,
        NeedsListener,
        TooManyReaders,
        /// Only gofail's routes refuse for this.
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
                Kind::Stale            => (412, "stale", "changed meanwhile"),
                Kind::BodyTooLarge     => (413, "body-too-large", "body too large"),
                Kind::BadTerms         => (422, "bad-terms", "bad terms"),
                Kind::BadValue         => (422, "bad-value", "bad value"),
                Kind::BadName          => (422, "bad-name", "bad name"),
                Kind::Several          => (422, "several", "several problems"),
                Kind::Panicked         => (500, "panicked", "panicked"),
                Kind::NeedsListener    => (501, "needs-listener", "needs the listener"),
                Kind::TooManyReaders   => (503, "too-many-readers", "too many readers"),
            }
        }

        /// Its `type`.
        pub(crate) fn urn(self) -> String {
            format!("urn:failpoint:{}", self.row().1)
        }

        /// A problem of this kind. In a box, since it is the smaller half of results.
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

    /// Why a request was not done, where gofail's routes and version 1 say it alike, or only gofail's
    /// do. Refusing changes nothing.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) enum Refusal {
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
        SetUnknown(String),
        SetBadTerms(String),
        SetNotAllowed(String),
        DeleteUnknown,
        DeleteIdle,
        /// Code of the program, asked whether it takes a value, panicked.
        Panicked,
    }

    impl Refusal {
        /// The table of gofail's routes: status, kind, text. What gofail says stands as gofail says it.
        #[rustfmt::skip]
        fn row(&self) -> (u16, Kind, String) {
            use Refusal::*;
            let row = |status, kind, text: &str| (status, kind, text.to_owned());
            match self {
                NoToken => row(401, Kind::NoToken, "send the token of FAILPOINT_HTTP_TOKEN as `Authorization: Bearer TOKEN`"),
                ForeignOrigin => row(403, Kind::ForeignOrigin, "a web page of another origin may not control failpoints"),
                ForeignHost => row(403, Kind::ForeignHost, "the Host is neither an IP address nor localhost; to let it in, name it in FAILPOINT_HTTP_HOSTS"),

                BadPath => row(400, Kind::BadRequest, "malformed request URI"),
                BadMethod => row(405, Kind::MethodNotAllowed, "Method not allowed"),
                BodyCutOff => row(400, Kind::BadRequest, "failed ReadAll in PUT"),
                BodyTooSlow => row(408, Kind::BodyTooSlow, "the body did not come in time"),
                BodyTooLarge => row(413, Kind::BodyTooLarge, "the body is larger than 1 MiB"),
                Panicked => row(500, Kind::Panicked, "code of this program that judges values panicked; its log says where"),

                GetUnknown => row(404, Kind::UnknownPoint, "failed to GET: failpoint: failpoint does not exist"),
                GetIdle => row(404, Kind::IdlePoint, "failed to GET: failpoint: failpoint is disabled"),
                CountIdle => row(500, Kind::IdlePoint, "failed to GET: failpoint: failpoint is disabled"),

                Uncounted => row(404, Kind::IdlePoint, "failed to GET: the crate fail does not count what comes by at its points"),

                SetUnknown(why) => (400, Kind::UnknownPoint, format!("fail to set failpoint: failpoint: failpoint does not exist: {why}")),
                SetBadTerms(why) => (400, Kind::BadTerms, format!("fail to set failpoint: failpoint: could not parse terms: {why}")),
                SetNotAllowed(why) => (403, Kind::NotAllowed, format!("fail to set failpoint: {why}")),
                BadParameter(why) => (400, Kind::BadRequest, format!("fail to set failpoint: {why}")),

                DeleteUnknown => row(400, Kind::UnknownPoint, "failed to delete failpoint failpoint: failpoint does not exist"),
                DeleteIdle => row(400, Kind::IdlePoint, "failed to delete failpoint failpoint: failpoint is disabled"),
            }
        }

        pub(crate) fn into_text(self) -> Reply {
            let (status, _, text) = self.row();
            self.add_headers(Reply::refused(status, format!("{text}\n")))
        }

        /// For a program; the status is gofail's where gofail has one.
        pub(crate) fn into_problem(self) -> Reply {
            let (status, kind, text) = self.row();
            let problem = Problem { status, ..*kind.because(text) };
            self.add_headers(Reply::problem(&problem))
        }

        fn add_headers(&self, reply: Reply) -> Reply {
            match self {
                Refusal::BadMethod => reply.allowing("DELETE, GET, PUT"),
                Refusal::NoToken => reply.with("www-authenticate", "Bearer realm=\"failpoint\""),
                Refusal::BodyTooLarge | Refusal::BodyTooSlow => reply.closing(),
                _ => reply,
            }
        }
    }
}
