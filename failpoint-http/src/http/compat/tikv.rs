//! The routes below `/fail` of TiKV's status server.
//!
//! | request | answer |
//! |---|---|
//! | `GET /fail`, `GET /fail/` | 200, what is armed as `name=terms`, one to a line |
//! | `PUT /fail/name` | 200 `Added fail point with name: …, actions: …`; 422 without a name or a body; 400 and why |
//! | `DELETE /fail/name` | 200 `Deleted fail point with name: …`, armed or not; 422 without a name |
//! | another path · method | 404 · 405, empty |
//!
//! ```text
//! $ curl -XPUT -d'pause' 127.0.0.1:20180/fail/raft_before_save
//! Added fail point with name: raft_before_save, actions: pause
//! ```

use crate::Reply;

/// Answers a request for `/fail` or below it, as TiKV does.
///
/// `path` is raw; names of `headers` may be in any case. See [`respond`](crate::respond) for what the
/// caller must do.
///
/// ```
/// use failpoint_http::compat::tikv::respond;
/// let reply = respond("PUT", "/fail/raft_before_save", &[], b"off");
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
    use crate::change;
    use crate::http::compat::on::arm;
    use crate::http::problem::Foreign;
    use crate::http::request::Request;
    use crate::http::response::Reply;
    use failpoint::__bridge::control::{self, ArmRequest, PointView, Precondition};
    use failpoint::__private::text::{visible, visible_lines};

    pub(super) fn answer(request: &Request<'_>) -> Reply {
        let name = request.path.strip_prefix("/fail/");
        match (request.method, name) {
            ("GET", None) if request.path == "/fail" => list(),
            ("GET", Some("")) => list(),
            ("GET", _) => Reply::bare(Foreign::NotFound, String::new()),
            ("PUT" | "DELETE", Some("")) => {
                Reply::bare(Foreign::Missing, "Missing param name".to_owned())
            }
            ("PUT", Some(name)) => put(name, request),
            ("DELETE", Some(name)) => delete(name, request),
            _ => Reply::bare(Foreign::BadMethod, String::new()),
        }
    }

    fn list() -> Reply {
        let points = control::listing().made;
        let line =
            |point: &PointView| Some(format!("{}={}", visible(point.name()), point.shown()?));
        let armed: Vec<String> = points.iter().filter_map(line).collect();
        Reply::bare(Foreign::Done, armed.join("\n"))
    }

    fn put(name: &str, request: &Request<'_>) -> Reply {
        let actions = std::str::from_utf8(request.body).unwrap_or_default();
        if actions.is_empty() {
            return Reply::bare(Foreign::Missing, "Missing param actions".to_owned());
        }
        let mut arm_request = ArmRequest::default();
        arm_request.add(name, actions, true);
        match arm(arm_request, request) {
            Ok(()) => Reply::bare(
                Foreign::Done,
                format!(
                    "Added fail point with name: {}, actions: {}",
                    visible(name),
                    visible_lines(actions)
                ),
            ),
            Err((why, text)) => Reply::bare(why, visible_lines(&text).to_string()),
        }
    }

    fn delete(name: &str, request: &Request<'_>) -> Reply {
        // An unknown point is not armed, which is what the caller wants.
        let _ = change::disarm(name, &Precondition::None, request.from);
        Reply::bare(Foreign::Done, format!("Deleted fail point with name: {}", visible(name)))
    }
}
