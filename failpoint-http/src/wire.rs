//! The types of the JSON routes, version 1.
//!
//! The control plane serves these types, `/openapi.json` is generated from them, and the client reads
//! them. A reader ignores unknown fields, so fields may be added. A request with an unknown field is
//! refused, because it would not do what its sender expects.
//!
//! Times are RFC 3339 in UTC. Durations are written as in terms (`30s`, `1.5m`, a bare number is
//! milliseconds). Counts are those of the current arming.

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The pattern of a duration greater than zero, for the schema. Longer texts are accepted, too.
#[cfg(feature = "failpoints")]
pub(crate) const DURATION: &str = concat!(
    r"^([1-9][0-9]{0,8}(ns)?|",
    r"(([1-9][0-9]{0,8}(\.[0-9]{0,9})?|0?\.[0-9]{0,2}[1-9])(us|ms|s|m|h)){1,3})$",
);

/// Answer to `GET /v1/points` and `PUT /v1/points`: points, sorted by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "failpoints", derive(schemars::JsonSchema))]
pub struct Points {
    /// The count of all armings and disarmings in this process; also the `ETag`.
    pub revision: u64,
    /// The points that match the filters, or the points that were armed.
    pub points: Vec<Point>,
}

/// The state of a point. Answer to `GET /v1/points/{name}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "failpoints", derive(schemars::JsonSchema))]
pub struct Point {
    /// The name.
    pub name: String,
    /// The places in the source; empty for a name that no code declares.
    pub sites: Vec<Site>,
    /// The values that every site accepts from `return`, such as `text` or `u64`; null if a site cannot
    /// return.
    pub accepts: Option<String>,
    /// The terms as written; null when idle.
    pub terms: Option<String>,
    /// Whether it is armed globally.
    pub armed: bool,
    /// The revision at which it was last armed or disarmed, 0 if never; also the `ETag`.
    pub generation: u64,
    /// Hits since it was armed; 0 when idle, and for a point of the crate `fail` (`fail/NAME`), which
    /// does not count.
    pub hits: u64,
    /// Fires since it was armed; 0 when idle, and for `fail/NAME`.
    pub fires: u64,
    /// Callers that are paused now; 0 for `fail/NAME`.
    pub paused: u64,
    /// When a term other than `off` last acted in this arming.
    pub last_fire: Option<String>,
}

/// One place in the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "failpoints", derive(schemars::JsonSchema))]
pub struct Site {
    /// The file, as the compiler was given it.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The module path.
    pub module: String,
    /// The cargo package; empty in a build without cargo.
    pub package: String,
    /// The macro form: `statement`, `closure`, `value` or `result`.
    pub kind: String,
    /// The values that it accepts from `return`; null if it cannot return.
    pub accepts: Option<String>,
    /// The keys of the context that it passes, for `when(KEY=…)`, in the order of the source.
    #[serde(default)]
    pub keys: Vec<String>,
    /// Whether this process has reached the site.
    pub reached: bool,
}

/// Body of `PUT /v1/points/{name}` and of `PUT /v1/points?match=GLOB`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "failpoints", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Arm {
    /// What to do there, such as `3*sleep(100)->off`.
    #[cfg_attr(feature = "failpoints", schemars(example = "3*sleep(100)->off"))]
    pub terms: String,
    /// The point is disarmed after this time, unless it is armed again before.
    #[cfg_attr(feature = "failpoints", schemars(example = "30s", regex(pattern = DURATION)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<String>,
}

/// Body of `PUT /v1/points`: several points, all of them or none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "failpoints", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ArmAll {
    /// Terms by name.
    #[serde(deserialize_with = "each_once")]
    #[cfg_attr(feature = "failpoints", schemars(with = "BTreeMap<String, String>"))]
    pub points: BTreeMap<String, String>,
    /// As in [`Arm`].
    #[cfg_attr(feature = "failpoints", schemars(example = "30s", regex(pattern = DURATION)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<String>,
}

/// Answer to `PUT` and `DELETE` of one point: the terms before, and the point after the change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "failpoints", derive(schemars::JsonSchema))]
pub struct Changed {
    /// The terms before; null if it was idle.
    pub was: Option<String>,
    /// A note about effects that the caller may not expect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The point after the change.
    #[serde(flatten)]
    pub point: Point,
}

/// Answer to `DELETE /v1/points`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "failpoints", derive(schemars::JsonSchema))]
pub struct Reset {
    /// The revision after it.
    pub revision: u64,
    /// What was armed, sorted by name.
    pub disarmed: Vec<WasArmed>,
}

/// A point that was armed before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "failpoints", derive(schemars::JsonSchema))]
pub struct WasArmed {
    /// The name.
    pub name: String,
    /// The terms.
    pub terms: String,
    /// Hits in that arming.
    pub hits: u64,
    /// Fires in that arming.
    pub fires: u64,
}

/// Answer to `GET /v1/points/{name}/wait`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "failpoints", derive(schemars::JsonSchema))]
pub struct Waited {
    /// Why the wait is over.
    pub outcome: Outcome,
    /// The counts of the arming when the wait ended.
    #[serde(flatten)]
    pub counts: Counts,
}

/// How a wait can end, apart from a timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "failpoints", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The number was reached.
    Reached,
    /// The arming has ended: the point was disarmed, armed again or reset.
    Disarmed,
}

/// The counts of one arming.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "failpoints", derive(schemars::JsonSchema))]
pub struct Counts {
    /// The point.
    pub name: String,
    /// Which arming; for an idle point, the revision of its last disarming.
    pub generation: u64,
    /// Hits.
    pub hits: u64,
    /// Fires.
    pub fires: u64,
    /// Callers that are paused.
    pub paused: u64,
}

/// Answer to `POST /v1/points/{name}/resume`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "failpoints", derive(schemars::JsonSchema))]
pub struct Resumed {
    /// How many paused callers were resumed.
    pub resumed: u64,
    /// How many callers are still paused.
    pub paused: u64,
}

/// Data of an event of `GET /v1/events`, whose `event:` field is its kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "failpoints", derive(schemars::JsonSchema))]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The point.
    pub name: String,
    /// The terms of the arming it belongs to.
    pub terms: String,
    /// Which arming.
    pub generation: u64,
    /// The thread it happened on.
    pub thread: String,
    /// For a fire, the context that the site passed.
    pub context: BTreeMap<String, String>,
    /// When.
    pub time: String,
}

/// What can happen at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "failpoints", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// It was armed.
    Armed,
    /// Its arming is over.
    Disarmed,
    /// A term acted.
    Fired,
    /// A caller was paused.
    Paused,
    /// A paused caller was resumed.
    Resumed,
}

impl EventKind {
    /// Every kind there is.
    pub const ALL: [Self; 5] =
        [Self::Armed, Self::Disarmed, Self::Fired, Self::Paused, Self::Resumed];

    /// The word for it, as in `event:` and in `?kinds=`.
    ///
    /// ```
    /// use failpoint_http::wire::EventKind;
    /// assert_eq!(EventKind::Fired.as_str(), "fired");
    /// ```
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Armed => "armed",
            Self::Disarmed => "disarmed",
            Self::Fired => "fired",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
        }
    }
}

/// Data of the event `lost`: this reader was too slow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "failpoints", derive(schemars::JsonSchema))]
pub struct Lost {
    /// How many events it missed just before the next one.
    pub lost: u64,
}

/// Answer to `GET /v1/report`: what has not been tried in this process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "failpoints", derive(schemars::JsonSchema))]
pub struct Report {
    /// Points that were never evaluated.
    pub never_reached: Vec<String>,
    /// Points that were armed and never fired.
    pub never_fired: Vec<String>,
    /// Names in the environment that no code declares.
    pub pending: Vec<String>,
    /// Names that several packages declare, with the packages.
    pub shared: BTreeMap<String, Vec<String>>,
}

/// Answer to `GET /v1/export` if JSON is requested; otherwise the body is the value as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "failpoints", derive(schemars::JsonSchema))]
pub struct Export {
    /// What is armed, as a value for `GOFAIL_FAILPOINTS`, without callbacks.
    pub failpoints: String,
}

/// Answer to `GET /v1/info`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "failpoints", derive(schemars::JsonSchema))]
pub struct Info {
    /// The version of the control plane.
    pub version: String,
    /// The process.
    pub pid: u32,
    /// The seed of all chances.
    pub seed: u64,
    /// Whether failpoints are compiled in; always true in an answer.
    pub compiled_in: bool,
    /// What an injected panic does: `unwind`, `abort`, or `exit:STATUS`.
    pub panic: String,
    /// How many points code declares.
    pub points: u64,
    /// Whether more points may be listed after their first evaluation, because the program takes the
    /// crate `failpoint` from a shared library. Known on Linux only.
    #[serde(default)]
    pub partial: bool,
    /// How many are armed.
    pub armed: u64,
    /// As in [`Points`].
    pub revision: u64,
    /// The routes that other crates have added, by the prefix of the extension:
    /// `POST /v1/ext/disk/crash`.
    #[serde(default)]
    pub extensions: BTreeMap<String, Vec<String>>,
}

/// Why a request was refused: RFC 9457, `application/problem+json`. A refused request changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "failpoints", derive(schemars::JsonSchema))]
pub struct Problem {
    /// What kind of problem, for programs: `urn:failpoint:unknown-point` and the like.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// This one in full: what was wrong, where, and what to do.
    pub detail: String,
    /// The point it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where in the terms the fault is, in bytes from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Two lines: the terms, and a caret under the fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caret: Option<String>,
    /// Names that are similar to an unknown name or key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nearest: Vec<String>,
    /// All problems, if there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Problem>,
    /// The counts when a wait timed out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
}

/// A map in which no name is given twice: one of the two values would be lost.
fn each_once<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    struct EachOnce;

    impl<'de> Visitor<'de> for EachOnce {
        type Value = BTreeMap<String, String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("terms by name")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut points = BTreeMap::new();
            while let Some((name, terms)) = map.next_entry::<String, String>()? {
                if let Some(_terms) = points.insert(name.clone(), terms) {
                    return Err(A::Error::custom(format_args!("`{name}` is given twice")));
                }
            }
            Ok(points)
        }
    }

    from.deserialize_map(EachOnce)
}
