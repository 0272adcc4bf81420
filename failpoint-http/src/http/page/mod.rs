//! The page at `/ui`: one file, which gets all its data from the routes of version 1.
//!
//! It contains no data, so it needs no token. Its content security policy allows only its own style and
//! script, by their hashes, and requests to its own origin. So if a name or terms ever injected markup,
//! that could neither run nor load anything.

use crate::http::response::Reply;

const PAGE: &str = include_str!("page.html");

/// The content security policy. The hashes are of the text between the tags; a test prints the right
/// ones. They are constants because a browser normalizes line ends before it hashes, so they also hold
/// if a checkout converted them.
const POLICY: &str = "default-src 'none'; \
    style-src 'sha256-s63GEG32I5zs53cwX8QGpRyRTVfzedWsqjlAXJwmD/Y='; \
    script-src 'sha256-UUVIaX6bGI2ri2Dkz+NLK1ToA4zDk/9CePEAufdPXbE='; \
    connect-src 'self'; \
    img-src data:; \
    base-uri 'none'; \
    form-action 'none'; \
    frame-ancestors 'none'; \
    require-trusted-types-for 'script'; \
    trusted-types 'none'";

/// The answer to `GET /ui`.
pub(crate) fn reply() -> Reply {
    Reply::html(PAGE.to_owned())
        .with("content-security-policy", POLICY)
        .with("x-content-type-options", "nosniff")
        .with("referrer-policy", "no-referrer")
        .with("cross-origin-opener-policy", "same-origin")
        .with("cache-control", "no-store")
}
