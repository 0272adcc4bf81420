//! Who may send requests? A client that can create proxies can reach what this machine can reach, so the
//! server listens on loopback, or wants a token; and no web page may ask, whose author can make a name of
//! theirs resolve to 127.0.0.1.

use super::error::ApiError;
use axum::http::{HeaderMap, header};
use constant_time_eq::constant_time_eq;
use std::net::IpAddr;

/// Which requests are answered.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Access {
    /// The token that a request must have, as `Authorization: Bearer TOKEN`.
    pub token: Option<String>,
    /// The names that a request without a token may be sent to, besides `localhost` and IP addresses.
    pub hosts: Vec<String>,
}

impl Access {
    /// Requests with this token.
    pub fn with_token(token: impl Into<String>) -> Self {
        Self { token: Some(token.into()), hosts: Vec::new() }
    }

    /// Requests that are sent to `localhost`, to an IP address, or to one of these names.
    pub fn to_hosts(hosts: impl IntoIterator<Item = String>) -> Self {
        Self { token: None, hosts: hosts.into_iter().collect() }
    }

    pub(super) fn admit(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        // Toxiproxy's rule and words.
        if text(header::USER_AGENT).is_some_and(|agent| agent.starts_with("Mozilla/")) {
            return Err(ApiError::Forbidden("User agent not allowed"));
        }
        if headers.contains_key(header::ORIGIN) {
            return Err(ApiError::Forbidden(
                "web pages are not allowed: the request has an Origin",
            ));
        }
        match &self.token {
            Some(token) => {
                let given =
                    text(header::AUTHORIZATION).and_then(|given| given.strip_prefix("Bearer "));
                let right =
                    given.is_some_and(|given| constant_time_eq(given.as_bytes(), token.as_bytes()));
                if right { Ok(()) } else { Err(ApiError::Unauthorized) }
            }
            // HTTP/1.0 has no Host, and no browser speaks it.
            None if text(header::HOST).is_none_or(|host| self.is_own_host(host)) => Ok(()),
            None => Err(ApiError::Forbidden("the Host is not allowed; see --allow-host")),
        }
    }

    fn is_own_host(&self, host: &str) -> bool {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        let address =
            name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        address.parse::<IpAddr>().is_ok()
            || name.eq_ignore_ascii_case("localhost")
            || self.hosts.iter().any(|own| own.eq_ignore_ascii_case(name))
    }
}
