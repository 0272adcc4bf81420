//! The JSON of toxiproxy's API, and what it means.
//!
//! As there, unknown fields are ignored, `null` is a field left out, and only the first value of a body is
//! read. Numbers that mean nothing are refused; toxiproxy takes them, and what they do there is an accident.

use super::error::ApiError;
use crate::effect::{Direction, Effect, Toxic};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use std::time::Duration;

/// The largest number in a toxic. As milliseconds, it is thirty thousand years.
const LARGEST: i64 = 1_000_000_000_000_000;

/// Reads the first JSON value of a body.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    T::deserialize(&mut reader).map_err(|error| ApiError::BadRequestBody(error.to_string()))
}

/// A proxy to create, or what to change of one.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ProxyInput {
    pub(super) name: Option<String>,
    pub(super) listen: Option<String>,
    pub(super) upstream: Option<String>,
    pub(super) enabled: Option<bool>,
}

/// A proxy, as it is shown.
#[derive(Debug, Serialize)]
pub(super) struct ProxyOutput {
    pub(super) name: String,
    pub(super) listen: String,
    pub(super) upstream: String,
    pub(super) enabled: bool,
    pub(super) toxics: Vec<ToxicOutput>,
}

/// A toxic to create.
#[derive(Debug, Deserialize)]
pub(super) struct ToxicInput {
    name: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    stream: Option<String>,
    toxicity: Option<f32>,
    #[serde(default)]
    attributes: Value,
}

/// What to change of a toxic.
#[derive(Debug, Deserialize)]
pub(super) struct ToxicChange {
    toxicity: Option<f32>,
    #[serde(default)]
    attributes: Value,
}

/// A toxic, as it is shown.
#[derive(Debug, Serialize)]
pub(super) struct ToxicOutput {
    attributes: Attributes,
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    stream: String,
    #[serde(serialize_with = "whole_if_it_is")]
    toxicity: f32,
}

/// Writes 1 as `1`, as Go does.
fn whole_if_it_is<S: Serializer>(number: &f32, serializer: S) -> Result<S::Ok, S::Error> {
    if number.fract() == 0.0 {
        serializer.serialize_i64(*number as i64)
    } else {
        serializer.serialize_f32(*number)
    }
}

/// The types: those of toxiproxy, and two more.
const TYPES: [&str; 9] = [
    "latency",
    "bandwidth",
    "slow_close",
    "timeout",
    "reset_peer",
    "slicer",
    "limit_data",
    "loss",
    "blackhole",
];

/// The attributes of each type. A field that is left out is 0.
#[derive(Debug, PartialEq, Serialize)]
#[serde(untagged)]
enum Attributes {
    Latency(Latency),
    Bandwidth(Bandwidth),
    SlowClose(SlowClose),
    Timeout(Timeout),
    ResetPeer(ResetPeer),
    Slicer(Slicer),
    LimitData(LimitData),
    Loss(Loss),
    Blackhole(Blackhole),
}

macro_rules! attributes {
    ($($name:ident { $($field:ident: $type:ty),* })*) => {
        $(
            #[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
            #[serde(default)]
            struct $name { $($field: $type),* }
        )*
    };
}

attributes! {
    Latency { latency: Number, jitter: Number }
    Bandwidth { rate: Number }
    SlowClose { delay: Number }
    Timeout { timeout: Number }
    ResetPeer { timeout: Number }
    Slicer { average_size: Number, size_variation: Number, delay: Number }
    LimitData { bytes: Number }
    Loss { probability: f64 }
    Blackhole {}
}

/// A number from 0 to [`LARGEST`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
struct Number(u64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = i64::deserialize(deserializer)?;
        match u64::try_from(number) {
            Ok(value) if number <= LARGEST => Ok(Self(value)),
            _ => Err(serde::de::Error::custom(format!("{number} is not between 0 and {LARGEST}"))),
        }
    }
}

impl Number {
    fn milliseconds(self) -> Duration {
        Duration::from_millis(self.0)
    }

    fn size(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

fn milliseconds(duration: Duration) -> Number {
    Number(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

impl Attributes {
    /// The attributes of a type. Fields of `with` take the place of those of `fields`.
    fn parse(kind: &str, fields: Value, with: Value) -> Result<Self, ApiError> {
        let value = merge(fields, with);
        Ok(match kind {
            "latency" => Self::Latency(of(value)?),
            "bandwidth" => Self::Bandwidth(of(value)?),
            "slow_close" => Self::SlowClose(of(value)?),
            "timeout" => Self::Timeout(of(value)?),
            "reset_peer" => Self::ResetPeer(of(value)?),
            "slicer" => Self::Slicer(of(value)?),
            "limit_data" => Self::LimitData(of(value)?),
            "loss" => Self::Loss(of(value)?),
            "blackhole" => Self::Blackhole(of(value)?),
            _ => return Err(ApiError::InvalidToxicType),
        })
    }

    fn effect(&self) -> Effect {
        match self {
            Self::Latency(Latency { latency, jitter }) => {
                Effect::Delay { latency: latency.milliseconds(), jitter: jitter.milliseconds() }
            }
            // A kilobyte is 1000 bytes, as there.
            Self::Bandwidth(Bandwidth { rate }) => Effect::Bandwidth { rate: rate.0 * 1_000 },
            Self::SlowClose(SlowClose { delay }) => {
                Effect::SlowClose { delay: delay.milliseconds() }
            }
            Self::Timeout(Timeout { timeout }) => {
                Effect::Timeout { after: (timeout.0 > 0).then(|| timeout.milliseconds()) }
            }
            Self::ResetPeer(ResetPeer { timeout }) => {
                Effect::ResetPeer { after: timeout.milliseconds() }
            }
            Self::Slicer(Slicer { average_size, size_variation, delay }) => Effect::Slicer {
                average_size: average_size.size(),
                size_variation: size_variation.size(),
                delay: Duration::from_micros(delay.0),
            },
            Self::LimitData(LimitData { bytes }) => Effect::LimitData { bytes: bytes.0 },
            Self::Loss(Loss { probability }) => Effect::Loss { probability: *probability },
            Self::Blackhole(Blackhole {}) => Effect::Blackhole,
        }
    }

    /// The attributes of an effect, and its type.
    fn of(effect: &Effect) -> (&'static str, Self) {
        match *effect {
            Effect::Delay { latency, jitter } => (
                "latency",
                Self::Latency(Latency {
                    latency: milliseconds(latency),
                    jitter: milliseconds(jitter),
                }),
            ),
            Effect::Bandwidth { rate } => {
                ("bandwidth", Self::Bandwidth(Bandwidth { rate: Number(rate / 1_000) }))
            }
            Effect::SlowClose { delay } => {
                ("slow_close", Self::SlowClose(SlowClose { delay: milliseconds(delay) }))
            }
            Effect::Timeout { after } => {
                let timeout = milliseconds(after.unwrap_or_default());
                ("timeout", Self::Timeout(Timeout { timeout }))
            }
            Effect::ResetPeer { after } => {
                ("reset_peer", Self::ResetPeer(ResetPeer { timeout: milliseconds(after) }))
            }
            Effect::Slicer { average_size, size_variation, delay } => {
                let delay = Number(u64::try_from(delay.as_micros()).unwrap_or(u64::MAX));
                let [average_size, size_variation] =
                    [average_size, size_variation].map(|size| Number(size as u64));
                ("slicer", Self::Slicer(Slicer { average_size, size_variation, delay }))
            }
            Effect::LimitData { bytes } => {
                ("limit_data", Self::LimitData(LimitData { bytes: Number(bytes) }))
            }
            Effect::Loss { probability } => ("loss", Self::Loss(Loss { probability })),
            Effect::Blackhole => ("blackhole", Self::Blackhole(Blackhole {})),
        }
    }
}

fn of<T: DeserializeOwned>(value: Value) -> Result<T, ApiError> {
    T::deserialize(value).map_err(|error| ApiError::BadRequestBody(format!("attributes: {error}")))
}

/// The fields of both; those of `with` win. What is no object is left to the one who reads it.
fn merge(fields: Value, with: Value) -> Value {
    let with = match with {
        Value::Null => Map::new(),
        Value::Object(with) => with,
        other => return other,
    };
    let mut merged = match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    merged.extend(with.into_iter().filter(|(_, value)| !value.is_null()));
    Value::Object(merged)
}

impl ToxicInput {
    /// The toxic that it means, by the rules of toxiproxy: downstream, always, and named by its type.
    /// `taken` says whether there is one of that name. Errors come in the order of toxiproxy.
    pub(super) fn toxic(self, taken: impl FnOnce(&str) -> bool) -> Result<Toxic, ApiError> {
        let direction = match self.stream.as_deref().map(str::to_ascii_lowercase).as_deref() {
            None | Some("downstream") => Direction::Downstream,
            Some("upstream") => Direction::Upstream,
            Some(_) => return Err(ApiError::InvalidStream),
        };
        let kind = self.kind.unwrap_or_default();
        if !TYPES.contains(&kind.as_str()) {
            return Err(ApiError::InvalidToxicType);
        }
        let name = self.name.filter(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| format!("{kind}_{direction}"));
        if taken(&name) {
            return Err(ApiError::ToxicAlreadyExists);
        }
        Ok(Toxic {
            name,
            direction,
            effect: Attributes::parse(&kind, Value::Null, self.attributes)?.effect(),
            toxicity: self.toxicity.unwrap_or(1.0).into(),
        })
    }
}

impl ToxicChange {
    /// The toxic as it will be.
    pub(super) fn apply(self, toxic: Toxic) -> Result<Toxic, ApiError> {
        let (kind, attributes) = Attributes::of(&toxic.effect);
        // A struct of numbers is an object.
        let fields = serde_json::to_value(attributes).unwrap_or_default();
        Ok(Toxic {
            effect: Attributes::parse(kind, fields, self.attributes)?.effect(),
            toxicity: self.toxicity.map_or(toxic.toxicity, f64::from),
            ..toxic
        })
    }
}

impl From<Toxic> for ToxicOutput {
    fn from(toxic: Toxic) -> Self {
        let (kind, attributes) = Attributes::of(&toxic.effect);
        let stream = toxic.direction.to_string();
        Self { attributes, name: toxic.name, kind, stream, toxicity: toxic.toxicity as f32 }
    }
}

#[cfg(test)]
mod tests;
