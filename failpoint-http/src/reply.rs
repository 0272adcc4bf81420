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
        let headers = vec![("content-type", media_type.to_owned())];
        Self { status, headers, body: body.into_bytes() }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
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
pub(crate) use on::Refusal;

#[cfg(feature = "failpoints")]
mod on {
    use super::{Reply, TEXT};
    use crate::json;

    impl Reply {
        pub(crate) fn text(body: String) -> Self {
            Self::new(200, TEXT, body)
        }

        pub(crate) fn json(body: String) -> Self {
            Self::new(200, "application/json", body)
        }

        /// The change was made. gofail's clients take this status, and no other, for success.
        pub(crate) fn done() -> Self {
            Self { status: 204, headers: Vec::new(), body: Vec::new() }
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
    }

    /// Why a request was not done. Refusing changes nothing.
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
        SetUnknown(String),
        SetBadTerms(String),
        DeleteUnknown,
        DeleteIdle,
        /// Code of the program, asked whether it takes a value, panicked.
        Panicked,
    }

    impl Refusal {
        /// The table: status, title, text. What gofail says stands as gofail says it.
        #[rustfmt::skip]
        fn row(&self) -> (u16, &'static str, String) {
            use Refusal::*;
            let row = |status, title, text: &str| (status, title, text.to_owned());
            match self {
                NoToken => row(401, "no token", "send the token of FAILPOINT_HTTP_TOKEN as `Authorization: Bearer TOKEN`"),
                ForeignOrigin => row(403, "foreign origin", "a web page of another origin may not control failpoints"),
                ForeignHost => row(403, "foreign host", "the Host is neither an IP address nor localhost; to let it in, name it in FAILPOINT_HTTP_HOSTS"),

                BadPath => row(400, "malformed request URI", "malformed request URI"),
                BadMethod => row(405, "method not allowed", "Method not allowed"),
                BodyCutOff => row(400, "body cut off", "failed ReadAll in PUT"),
                BodyTooSlow => row(408, "body too slow", "the body did not come in time"),
                BodyTooLarge => row(413, "body too large", "the body is larger than 1 MiB"),
                Panicked => row(500, "panicked", "code of this program that judges values panicked; its log says where"),

                GetUnknown => row(404, "unknown point", "failed to GET: failpoint: failpoint does not exist"),
                GetIdle => row(404, "idle point", "failed to GET: failpoint: failpoint is disabled"),
                CountIdle => row(500, "idle point", "failed to GET: failpoint: failpoint is disabled"),

                SetUnknown(why) => (400, "unknown point", format!("fail to set failpoint: failpoint: failpoint does not exist: {why}")),
                SetBadTerms(why) => (400, "bad terms", format!("fail to set failpoint: failpoint: could not parse terms: {why}")),
                BadParameter(why) => (400, "bad parameter", format!("fail to set failpoint: {why}")),

                DeleteUnknown => row(400, "unknown point", "failed to delete failpoint failpoint: failpoint does not exist"),
                DeleteIdle => row(400, "idle point", "failed to delete failpoint failpoint: failpoint is disabled"),
            }
        }

        pub(crate) fn into_text(self) -> Reply {
            let (status, _, text) = self.row();
            self.add_headers(Reply::refused(status, format!("{text}\n")))
        }

        /// For a program: RFC 9457.
        pub(crate) fn into_problem(self) -> Reply {
            let (status, title, text) = self.row();
            let (title, detail) = (json::string(title), json::string(&text));
            let body = format!(r#"{{"title":{title},"status":{status},"detail":{detail}}}"#);
            self.add_headers(Reply::new(status, "application/problem+json", body + "\n"))
        }

        fn add_headers(&self, reply: Reply) -> Reply {
            match self {
                Refusal::BadMethod => reply.with("allow", "DELETE, GET, PUT"),
                Refusal::NoToken => reply.with("www-authenticate", "Bearer realm=\"failpoint\""),
                Refusal::BodyTooLarge | Refusal::BodyTooSlow => reply.closing(),
                _ => reply,
            }
        }
    }
}
