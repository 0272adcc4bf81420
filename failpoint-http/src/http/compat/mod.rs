//! Control routes of servers that used the crate `fail`.
//!
//! Each module answers as one server does, so its test harness works unchanged. As in `fail`, a name
//! that no code declares is accepted. The policy and the log are the same as for all other routes, and a
//! foreign `Origin` is refused.
//!
//! On hyper 0.14:
//!
//! ```
//! # use hyper014 as hyper;
//! use hyper::{Body, Request, Response};
//!
//! async fn fail(request: Request<Body>) -> hyper::Result<Response<Body>> {
//!     // Sends the reply before an armed `kill` ends the process.
//!     let _hold = failpoint::hold_exit();
//!     let (head, body) = request.into_parts();
//!     let body = hyper::body::to_bytes(body).await?;
//!     let headers: Vec<(&str, &str)> = head
//!         .headers
//!         .iter()
//!         .map(|(name, value)| (name.as_str(), value.to_str().unwrap_or("?")))
//!         .collect();
//!     let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
//!     let reply = failpoint_http::compat::tikv::respond(head.method.as_str(), path, &headers, &body);
//!     let mut response = Response::builder().status(reply.status);
//!     for (name, value) in reply.headers {
//!         response = response.header(name, value);
//!     }
//!     Ok(response.body(reply.body.into()).expect("a status and headers that are such"))
//! }
//! ```
//! `tests/compat_routes.rs` runs the same over sockets.

pub mod neon;
pub mod tikv;

#[cfg(feature = "failpoints")]
use on::respond_by;

#[cfg(feature = "failpoints")]
mod on {
    use crate::change::{self, Unarmed};
    use crate::http::dispatch;
    use crate::http::problem::Foreign;
    use crate::http::problem::{explain, lines};
    use crate::http::request::Request;
    use crate::http::response::Reply;
    use failpoint::__bridge::control::{ArmError, ArmRequest, Precondition};

    /// Lets `act` answer if the access check accepts the request.
    pub(super) fn respond_by(
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        act: impl FnOnce(&Request<'_>) -> Reply,
    ) -> Reply {
        dispatch::respond_by(method, path, headers, body, "compat::respond()", |request| {
            dispatch::guarded(request, || Ok(act(request)))
        })
    }

    /// Arms all points or none; the error has the reason as text.
    pub(super) fn arm(
        arm_request: ArmRequest,
        request: &Request<'_>,
    ) -> Result<(), (Foreign, String)> {
        match change::arm(arm_request, None, &Precondition::None, request.from) {
            Ok(_) => Ok(()),
            Err(Unarmed::NotAllowed(refused)) => {
                let whys = lines(refused.into_iter().map(|one| one.why));
                Err((Foreign::NotAllowed, whys.join("\n")))
            }
            Err(Unarmed::ArmError(ArmError::Faults(faults))) => {
                let whys = lines(faults.iter().map(|fault| explain(&fault.error)));
                Err((Foreign::BadRequest, whys.join("\n")))
            }
            // There is no precondition.
            Err(Unarmed::ArmError(ArmError::Stale(_))) => Err((Foreign::BadRequest, String::new())),
        }
    }
}
