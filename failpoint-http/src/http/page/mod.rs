//! What does a browser get at `/ui`? One file, which asks version 1 for everything that it shows.
//!
//! It holds no data, so it is given to whoever may come this far without a token. The policy lets it
//! run its own style and script, known by their hashes, and reach its own origin, and nothing else:
//! should markup ever come in with a name or with terms, it could neither run nor load anything.

use crate::http::response::Reply;

const PAGE: &str = include_str!("page.html");

/// What a browser may do for the page. The hashes are of what stands between the tags; a test says
/// what they have to be. Constants, since a browser takes every line end for a line feed before it
/// hashes: so they hold too where a checkout made something else of them.
const POLICY: &str = "default-src 'none'; \
    style-src 'sha256-7U6qZJrfhiVG6oDceA3sJtOrr3YgE/1JWTDbWZiLRdU='; \
    script-src 'sha256-p32xP9a0abVXEHvkXR0fXmdXZoZU1Q0Sp4zYxB1+66o='; \
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
