//! Which routes are there? The one table: requests are dispatched by it, and the document is written
//! from it, so that nothing is served that is not described.

use super::query::{Parameter, Takes};
use super::route::{Act, Answer, Held, Matched, Route};
use super::{about, metrics, points};
use crate::http::problem::Kind;
use crate::http::response::PROMETHEUS;
use crate::wire::{
    Arm, ArmAll, Changed, Event, Export, Info, Point, Points, Report, Reset, Resumed, Waited,
};
use schemars::generate::SchemaGenerator;
use schemars::{JsonSchema, Schema};

/// Why an arming is refused.
const ARMING: [Kind; 11] = [
    Kind::NotAllowed,
    Kind::UnknownPoint,
    Kind::NoMatch,
    Kind::TooManyUnlisted,
    Kind::Stale,
    Kind::TooLarge,
    Kind::BadTerms,
    Kind::BadValue,
    Kind::UnknownKey,
    Kind::BadName,
    Kind::Several,
];

const ARMED: Parameter = Parameter {
    name: "armed",
    takes: Takes::YesOrNo,
    about: "Only those that are armed, or only those that are idle.",
};
const REACHED: Parameter = Parameter {
    name: "reached",
    takes: Takes::YesOrNo,
    about: "Only points that were reached, or only points that were not.",
};
const MATCH: Parameter = Parameter {
    name: "match",
    takes: Takes::Text,
    about: "Only points whose names match: `*` is any text, `?` any character.",
};
const UNLISTED: Parameter = Parameter {
    name: "unlisted",
    takes: Takes::YesOrNo,
    about: "Takes names that no code declares.",
};

/// A template with more after its `{name}` stands before one with less.
pub(crate) const ROUTES: &[Route] = &[
    Route {
        method: "GET",
        path: "/v1/points",
        id: "listPoints",
        summary: "Every point, sorted by name.",
        parameters: &[ARMED, REACHED, MATCH],
        matched: None,
        body: &[],
        answer: Answer::Tagged(of::<Points>),
        refusals: &[],
        act: Act::Now(points::list),
    },
    Route {
        method: "PUT",
        path: "/v1/points",
        id: "armPoints",
        summary: "Arms several points, or with `match` every point that matches: all of them or none.",
        parameters: &[MATCH, UNLISTED],
        matched: Some(Matched::Revision),
        body: &[of::<ArmAll>, of::<Arm>],
        answer: Answer::Tagged(of::<Points>),
        refusals: &ARMING,
        act: Act::Now(points::arm_all),
    },
    Route {
        method: "DELETE",
        path: "/v1/points",
        id: "reset",
        summary: "Disarms all, releases everyone, says what was armed.",
        parameters: &[],
        matched: Some(Matched::Revision),
        body: &[],
        answer: Answer::Tagged(of::<Reset>),
        refusals: &[Kind::Stale],
        act: Act::Now(points::reset),
    },
    Route {
        method: "GET",
        path: "/v1/points/{name}/wait",
        id: "waitForPoint",
        summary: "Returns when the point has the requested number of hits, fires or paused callers, or when it is disarmed.",
        parameters: &[
            Parameter { name: "hits", takes: Takes::Count, about: "Until it has so many hits." },
            Parameter { name: "fires", takes: Takes::Count, about: "Until it has so many fires." },
            Parameter {
                name: "paused",
                takes: Takes::Count,
                about: "Until so many callers are paused there.",
            },
            Parameter {
                name: "since",
                takes: Takes::Generation,
                about: "The arming that is meant; else the one in force, or the next.",
            },
            Parameter {
                name: "timeout",
                takes: Takes::Duration,
                about: "How long at most: 30s if it is not said, no more than 10m.",
            },
        ],
        matched: None,
        body: &[],
        answer: Answer::Json(of::<Waited>),
        refusals: &[Kind::UnknownPoint, Kind::TimedOut, Kind::TooManyReaders, Kind::NeedsListener],
        act: Act::Held(Held::Wait),
    },
    Route {
        method: "POST",
        path: "/v1/points/{name}/resume",
        id: "resumePoint",
        summary: "Lets paused callers go, the oldest first; the point stays armed.",
        parameters: &[Parameter {
            name: "n",
            takes: Takes::Count,
            about: "How many at most; all if it is not said.",
        }],
        matched: None,
        body: &[],
        answer: Answer::Json(of::<Resumed>),
        refusals: &[Kind::UnknownPoint],
        act: Act::Now(points::resume),
    },
    Route {
        method: "GET",
        path: "/v1/points/{name}",
        id: "getPoint",
        summary: "One point.",
        parameters: &[],
        matched: None,
        body: &[],
        answer: Answer::Tagged(of::<Point>),
        refusals: &[Kind::UnknownPoint],
        act: Act::Now(points::get),
    },
    Route {
        method: "PUT",
        path: "/v1/points/{name}",
        id: "armPoint",
        summary: "Arms a point, in the place of what was armed there.",
        parameters: &[UNLISTED],
        matched: Some(Matched::Generation),
        body: &[of::<Arm>],
        answer: Answer::Tagged(of::<Changed>),
        refusals: &ARMING,
        act: Act::Now(points::arm),
    },
    Route {
        method: "DELETE",
        path: "/v1/points/{name}",
        id: "disarmPoint",
        summary: "Disarms a point, whether it was armed or not.",
        parameters: &[],
        matched: Some(Matched::Generation),
        body: &[],
        answer: Answer::Tagged(of::<Changed>),
        refusals: &[Kind::UnknownPoint, Kind::Stale],
        act: Act::Now(points::disarm),
    },
    Route {
        method: "GET",
        path: "/v1/events",
        id: "events",
        summary: "What happens at points, as it happens.",
        parameters: &[
            MATCH,
            Parameter {
                name: "kinds",
                takes: Takes::Text,
                about: "Only these, with commas between: armed, disarmed, fired, paused, resumed.",
            },
        ],
        matched: None,
        body: &[],
        answer: Answer::Events(of::<Event>),
        refusals: &[Kind::TooManyReaders, Kind::NeedsListener],
        act: Act::Held(Held::Events),
    },
    Route {
        method: "GET",
        path: "/v1/report",
        id: "report",
        summary: "What has not been tried in this process.",
        parameters: &[],
        matched: None,
        body: &[],
        answer: Answer::Json(of::<Report>),
        refusals: &[],
        act: Act::Now(about::report),
    },
    Route {
        method: "GET",
        path: "/v1/export",
        id: "export",
        summary: "What is armed, as one value of GOFAIL_FAILPOINTS.",
        parameters: &[],
        matched: None,
        body: &[],
        answer: Answer::TextOrJson(of::<Export>),
        refusals: &[],
        act: Act::Now(about::export),
    },
    Route {
        method: "GET",
        path: "/v1/info",
        id: "info",
        summary: "This process.",
        parameters: &[],
        matched: None,
        body: &[],
        answer: Answer::Json(of::<Info>),
        refusals: &[],
        act: Act::Now(about::info),
    },
    Route {
        method: "GET",
        path: "/healthz",
        id: "healthz",
        summary: "Whether the control plane answers; asks for no token.",
        parameters: &[],
        matched: None,
        body: &[],
        answer: Answer::Empty,
        refusals: &[],
        act: Act::Now(about::healthz),
    },
    Route {
        method: "GET",
        path: "/ui",
        id: "page",
        summary: "A page that shows points and arms them. The page itself needs no token.",
        parameters: &[],
        matched: None,
        body: &[],
        answer: Answer::Html,
        refusals: &[],
        act: Act::Now(about::page),
    },
    Route {
        method: "GET",
        path: "/metrics",
        id: "metrics",
        summary: "Hits and fires in all armings, paused callers and what is armed, for Prometheus.",
        parameters: &[],
        matched: None,
        body: &[],
        answer: Answer::Text(PROMETHEUS),
        refusals: &[],
        act: Act::Now(metrics::metrics),
    },
    Route {
        method: "GET",
        path: "/openapi.json",
        id: "document",
        summary: "This document.",
        parameters: &[],
        matched: None,
        body: &[],
        answer: Answer::Document,
        refusals: &[],
        act: Act::Document,
    },
];

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}
