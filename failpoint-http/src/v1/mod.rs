//! What does version 1 of the JSON routes do? So far, one thing.

use crate::json;
use crate::reply::Reply;
use crate::request::Request;
use failpoint::__private::control;
use failpoint::PointInfo;

/// The answer, where the request is for a route of version 1.
pub(crate) fn answer(request: &Request<'_>) -> Option<Reply> {
    match (request.method, request.path) {
        ("DELETE", "/v1/points") => Some(reset(request)),
        _ => None,
    }
}

/// Disarms all, releases everyone, says what was armed.
fn reset(request: &Request<'_>) -> Reply {
    let were_armed = failpoint::reset();
    let point = |point: &PointInfo| {
        let (name, terms) = (json::string(&point.name), json::optional(point.terms.as_deref()));
        let (hits, fires) = (point.hits, point.fires);
        format!(r#"{{"name":{name},"terms":{terms},"hits":{hits},"fires":{fires}}}"#)
    };
    for point in &were_armed {
        control::inform(format_args!(
            "failpoint-http: {} reset {}: was {}",
            request.from,
            point.name,
            point.terms.as_deref().unwrap_or("idle")
        ));
    }
    let were_armed: Vec<String> = were_armed.iter().map(point).collect();
    Reply::json(format!(r#"{{"disarmed":[{}]}}"#, were_armed.join(",")) + "\n")
}
