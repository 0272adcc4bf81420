//! The access check: which requests are accepted.
//!
//! Web pages are refused: any page in a browser can send requests to `127.0.0.1`, and its author can
//! make a name that he owns resolve to that address (DNS rebinding). Such requests have a foreign
//! `Origin`, or a `Host` that is not allowed. All other requests need the token, if there is one.
//!
//! A request for an image or a script has neither header, so it is accepted if there is no token. It can
//! only be a `GET`, which changes nothing, and `cross-origin-resource-policy` on every reply
//! (`response`) keeps the browser from showing the page any of its content.

use crate::http::problem::HttpError;
use crate::http::request::Request;
use std::hint::black_box;
use std::net::IpAddr;

/// Which requests one listener or mounted router accepts.
#[derive(Clone, Default)]
pub(crate) struct Access {
    /// The names that are allowed as `Host` besides IP addresses and `localhost`; any name if `None`.
    pub(crate) hosts: Option<Vec<String>>,
    pub(crate) token: Option<String>,
}

/// Routes that need no token, because they contain no data.
const OPEN: [&str; 2] = ["/healthz", "/ui"];

impl Access {
    /// For a router in another server, which has its own access check.
    pub(crate) fn mounted() -> Self {
        Self::default()
    }

    pub(crate) fn admit(&self, request: &Request<'_>) -> Result<(), HttpError> {
        if !request.header("origin").all(|origin| is_own_origin(origin, request)) {
            return Err(HttpError::ForeignOrigin);
        }
        if let Some(names) = &self.hosts {
            if !request.header("host").all(|host| is_own_host(host, names)) {
                return Err(HttpError::ForeignHost);
            }
        }
        match &self.token {
            Some(token) if !is_open(request) && !has_token(request, token) => {
                Err(HttpError::NoToken)
            }
            _ => Ok(()),
        }
    }
}

fn is_open(request: &Request<'_>) -> bool {
    matches!(request.method, "GET" | "HEAD") && OPEN.contains(&request.path)
}

/// Whether `origin` is the address to which the request was sent.
fn is_own_origin(origin: &str, request: &Request<'_>) -> bool {
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    let host = request.header("host").next();
    match (authority, host) {
        (Some(authority), Some(host)) => authority.eq_ignore_ascii_case(host),
        _ => false,
    }
}

fn is_own_host(authority: &str, names: &[String]) -> bool {
    let host = host_of(authority);
    let is_address = host.parse::<IpAddr>().is_ok();
    is_address
        || host.eq_ignore_ascii_case("localhost")
        || names.iter().any(|name| name.eq_ignore_ascii_case(host))
}

/// `HOST:PORT` without the port, an IPv6 address without its brackets.
fn host_of(authority: &str) -> &str {
    if let Some((host, after)) = authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return if after.is_empty() || after.starts_with(':') { host } else { authority };
    }
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    host.strip_suffix('.').unwrap_or(host)
}

fn has_token(request: &Request<'_>, token: &str) -> bool {
    request.header("authorization").any(|value| {
        value.split_once(' ').is_some_and(|(scheme, given)| {
            scheme.eq_ignore_ascii_case("bearer") && is_same(given.trim(), token)
        })
    })
}

/// Compares in a time that depends only on the lengths, so that timing does not reveal how much of
/// `given` is right.
fn is_same(given: &str, token: &str) -> bool {
    let (given, token) = (given.as_bytes(), token.as_bytes());
    let mut differs = given.len() ^ token.len();
    for (at, byte) in given.iter().enumerate() {
        let expected = token.get(at % token.len().max(1)).copied().unwrap_or_default();
        differs = black_box(differs | usize::from(byte ^ expected));
    }
    differs == 0
}

#[cfg(test)]
mod tests {
    use super::Access;
    use crate::http::problem::HttpError;
    use crate::http::request::Request;

    fn admit(access: &Access, path: &str, headers: &[(&str, &str)]) -> Result<(), HttpError> {
        access.admit(&Request {
            method: "GET",
            path,
            query: "",
            headers,
            body: b"",
            from: "a test",
        })
    }

    #[test]
    fn a_host_is_an_address_localhost_or_named() {
        let access = Access { hosts: Some(vec!["pod.test".to_owned()]), token: None };
        for host in [
            "127.0.0.1",
            "127.0.0.1:22381",
            "10.1.2.3:1",
            "[::1]:22381",
            "[::1]",
            "localhost",
            "LOCALHOST:1",
            "localhost.:1",
            "pod.test",
            "Pod.Test:22381",
        ] {
            assert_eq!(admit(&access, "/", &[("Host", host)]), Ok(()), "{host}");
        }
        for host in [
            "evil.test",
            "evil.test:22381",
            "127.0.0.1.evil.test",
            "localhost.evil.test",
            "",
            "xpod.test",
            "127.0.0.1:80:80.evil",
            "[::1].evil.test",
            "[evil.test]",
            "evil:1]",
        ] {
            let refused = Err(HttpError::ForeignHost);
            assert_eq!(admit(&access, "/", &[("host", host)]), refused, "{host}");
        }
        assert_eq!(admit(&access, "/", &[]), Ok(()), "HTTP/1.0, which no browser sends");
        let two = [("host", "127.0.0.1"), ("host", "evil.test")];
        assert_eq!(admit(&access, "/", &two), Err(HttpError::ForeignHost));
        assert_eq!(admit(&Access::mounted(), "/", &[("host", "evil.test")]), Ok(()));
    }

    #[test]
    fn an_origin_is_the_address_of_the_request() {
        let access = Access { hosts: None, token: Some("secret".to_owned()) };
        let host = ("host", "127.0.0.1:22381");
        for origin in ["http://evil.test", "null", "http://127.0.0.1:8080", "http://127.0.0.1", ""]
        {
            let headers = [host, ("origin", origin)];
            assert_eq!(admit(&access, "/", &headers), Err(HttpError::ForeignOrigin), "{origin}");
        }
        let own = [host, ("Origin", "http://127.0.0.1:22381")];
        assert_eq!(admit(&access, "/", &own), Err(HttpError::NoToken));
        assert_eq!(admit(&Access::mounted(), "/", &own), Ok(()));
    }

    #[test]
    fn a_token_is_required() {
        let access = Access { hosts: None, token: Some("secret".to_owned()) };
        for wrong in [
            "Bearer",
            "Bearer ",
            "Bearer secre",
            "Bearer secret1",
            "Bearer Secret",
            "Basic secret",
            "secret",
            "Bearer secretsecret",
            "",
        ] {
            let headers = [("Authorization", wrong)];
            assert_eq!(admit(&access, "/", &headers), Err(HttpError::NoToken), "{wrong}");
        }
        for right in ["Bearer secret", "bearer  secret"] {
            assert_eq!(admit(&access, "/", &[("authorization", right)]), Ok(()), "{right}");
        }
        assert_eq!(admit(&access, "/healthz", &[]), Ok(()));
        assert_eq!(admit(&access, "/healthz2", &[]), Err(HttpError::NoToken));
    }
}
