//! The route `/v1/failpoints` of Neon's servers.
//!
//! | request | answer |
//! |---|---|
//! | `PUT …/v1/failpoints` `[{"name": "…", "actions": "…"}]` | 200 `null`; 400 `{"msg": "…"}` |
//! | another path · method | 404 · 405, `{"msg": "…"}` |
//!
//! All of the points are armed or none. If a name is given twice, the last one applies. To disarm a
//! point, Neon arms `"off"`, which does nothing and counts.
//!
//! ```text
//! $ curl -XPUT -d'[{"name":"before-upload","actions":"pause"}]' 127.0.0.1:9898/v1/failpoints
//! null
//! ```

use crate::Reply;

/// Answers a request for `/v1/failpoints`, at the root or below a prefix such as `/debug`, as the
/// pageserver, the safekeeper and the storage controller do.
///
/// `path` is raw; names of `headers` may be in any case. See [`respond`](crate::respond) for what the
/// caller must do.
///
/// ```
/// use failpoint_http::compat::neon::respond;
/// let body = br#"[{"name": "before-upload", "actions": "off"}]"#;
/// let reply = respond("PUT", "/v1/failpoints", &[], body);
/// assert_eq!(reply.status, if cfg!(feature = "failpoints") { 200 } else { 501 });
/// ```
#[cfg(feature = "failpoints")]
pub fn respond(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    super::respond_by(method, path, headers, body, on::answer)
}

/// Answers that failpoints were compiled out.
#[cfg(not(feature = "failpoints"))]
pub fn respond(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    crate::respond(method, path, headers, body)
}

#[cfg(feature = "failpoints")]
mod on {
    use crate::http::compat::on::arm;
    use crate::http::problem::Foreign;
    use crate::http::request::Request;
    use crate::http::response::Reply;
    use failpoint::__bridge::control::ArmRequest;
    use serde::{Deserialize, Serialize};
    use std::collections::BTreeMap;

    #[derive(Deserialize)]
    struct Configured {
        name: String,
        actions: String,
    }

    #[derive(Serialize)]
    struct Failed {
        msg: String,
    }

    pub(super) fn answer(request: &Request<'_>) -> Reply {
        if !request.path.ends_with("/v1/failpoints") {
            return failed(Foreign::NotFound, format!("there is nothing at {}", request.path));
        }
        if request.method != "PUT" {
            return failed(Foreign::BadMethod, "failpoints are configured with PUT".to_owned());
        }
        if request.body.is_empty() {
            return failed(Foreign::BadRequest, "missing request body".to_owned());
        }
        let all: Vec<Configured> = match serde_json::from_slice(request.body) {
            Ok(all) => all,
            Err(error) => {
                let msg = format!("Failed to parse json request: {error}");
                return failed(Foreign::BadRequest, msg);
            }
        };
        let mut arm_request = ArmRequest::default();
        let all: BTreeMap<_, _> = all.iter().map(|one| (&*one.name, &*one.actions)).collect();
        all.into_iter().for_each(|(name, actions)| arm_request.add(name, actions, true));
        match arm(arm_request, request) {
            Ok(()) => Reply::bare_json(Foreign::Done, &()),
            Err((why, text)) => failed(why, format!("Failed to configure failpoints: {text}")),
        }
    }

    fn failed(why: Foreign, msg: String) -> Reply {
        Reply::bare_json(why, &Failed { msg })
    }
}
