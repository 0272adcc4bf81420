//! The table of routes. It dispatches requests, and the OpenAPI document is generated from it, so every
//! route is documented.

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
    about: "Only points that are armed, or only points that are idle.",
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
    about: "Allows names that no code declares.",
};

/// If two templates match a path, the first one is used, so the longer one comes first.
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
        summary: "Disarms all points, resumes all paused callers, and returns what was armed.",
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
            Parameter { name: "hits", takes: Takes::Count, about: "Wait for this many hits." },
            Parameter { name: "fires", takes: Takes::Count, about: "Wait for this many fires." },
            Parameter {
                name: "paused",
                takes: Takes::Count,
                about: "Wait until this many callers are paused.",
            },
            Parameter {
                name: "since",
                takes: Takes::Generation,
                about: "The generation of the arming; by default the current arming, or, if the point is idle, the next one.",
            },
            Parameter {
                name: "timeout",
                takes: Takes::Duration,
                about: "The longest time to wait: 30s by default, at most 10m.",
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
        summary: "Resumes paused callers, the oldest first. The point stays armed.",
        parameters: &[Parameter {
            name: "n",
            takes: Takes::Count,
            about: "How many callers to resume at most; all by default.",
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
        summary: "Arms a point, and replaces what was armed there.",
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
        summary: "Disarms a point, whether it is armed or not.",
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
        summary: "A stream of the events at points.",
        parameters: &[
            MATCH,
            Parameter {
                name: "kinds",
                takes: Takes::Text,
                about: "Only events of these kinds, separated by commas: armed, disarmed, fired, paused, resumed.",
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
        summary: "The points that were never reached, or armed and never fired.",
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
        summary: "What is armed, as a value for GOFAIL_FAILPOINTS.",
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
        summary: "Facts about the process and the control plane.",
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
        summary: "Checks that the control plane answers. Needs no token.",
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
        summary: "Hits and fires over all armings, paused callers and armed points, for Prometheus.",
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
