//! The OpenAPI 3.1 document of version 1, generated from the table of routes and the types in `wire`.

use super::ext::{self, Served};
use super::query::{Parameter, Takes};
use super::route::{ALWAYS, Answer, Matched, Route, SchemaOf};
use super::routes::ROUTES;
use crate::http::problem::Kind;
use crate::http::response::{NO_CONTENT, OK};
use crate::wire::{DURATION, Problem};
use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::sync::OnceLock;

#[cfg(test)]
mod tests;

/// The document, with the routes that extensions have added by now.
pub(super) fn with_extensions() -> Cow<'static, Value> {
    let mut document = Cow::Borrowed(document());
    for (prefix, routes) in ext::all() {
        for route in routes.iter() {
            let operations = &mut document.to_mut()["paths"][&route.path];
            operations[route.method.to_ascii_lowercase()] = of_extension(&prefix, route);
        }
    }
    document
}

/// The document of our own routes.
fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(written)
}

/// Requests and replies have separate schemas: in a reply every field is present, in a request optional
/// fields may be missing.
struct Schemas {
    asked: SchemaGenerator,
    answered: SchemaGenerator,
}

fn written() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut schemas = Schemas {
        asked: settings.clone().into_generator(),
        answered: settings.for_serialize().into_generator(),
    };
    let mut paths = Map::new();
    for route in ROUTES {
        let operations = paths.entry(route.path).or_insert_with(|| json!({}));
        operations[route.method.to_ascii_lowercase()] = operation(route, &mut schemas);
    }
    let mut components = schemas.asked.take_definitions(true);
    components.extend(schemas.answered.take_definitions(true));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "failpoint",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The control plane of failpoints. In addition to these routes, it has gofail's routes, which use plain text.",
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": { "token": {
                "type": "http",
                "scheme": "bearer",
                "description": "The value of FAILPOINT_HTTP_TOKEN, if it is set.",
            } },
        },
        // Both: whether a token is required depends on the listener.
        "security": [{}, { "token": [] }],
    })
}

fn operation(route: &Route, schemas: &mut Schemas) -> Value {
    let mut operation = json!({
        "operationId": route.id,
        "summary": route.summary,
        "parameters": parameters(route),
        "responses": responses(route, schemas),
    });
    if !route.body.is_empty() {
        let bodies: Vec<Value> =
            route.body.iter().map(|body| body(&mut schemas.asked).to_value()).collect();
        let schema = match bodies.as_slice() {
            [one] => one.clone(),
            several => json!({ "anyOf": several }),
        };
        operation["requestBody"] =
            json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    }
    if route.is_open() {
        operation["security"] = json!([]);
    }
    operation
}

/// An extension describes no bodies, and its handlers choose their statuses.
fn of_extension(prefix: &str, route: &Served) -> Value {
    let in_path = route.path.split('/').filter_map(ext::placeholder).map(|name| {
        let schema = json!({ "type": "string", "minLength": 1 });
        json!({ "name": name, "in": "path", "required": true, "schema": schema })
    });
    let in_query = route.parameters.iter().map(in_query);
    let problem = json!({ "$ref": "#/components/schemas/Problem" });
    let mut operation = json!({
        "operationId": format!("{} {}", route.method, route.path),
        "summary": route.about,
        "tags": [prefix],
        "parameters": in_path.chain(in_query).collect::<Vec<Value>>(),
        "responses": {
            "2XX": { "description": "Done." },
            "default": {
                "description": "Refused.",
                "content": { "application/problem+json": { "schema": problem } },
            },
        },
    });
    if matches!(route.method, "PUT" | "POST") {
        operation["requestBody"] = json!({ "content": { "*/*": {} } });
    }
    operation
}

fn in_query(Parameter { name, takes, about }: &Parameter) -> Value {
    json!({ "name": name, "in": "query", "description": about, "schema": taken(*takes) })
}

fn parameters(route: &Route) -> Vec<Value> {
    let mut parameters = Vec::new();
    if route.path.contains("{name}") {
        parameters.push(json!({
            "name": "name",
            "in": "path",
            "required": true,
            "description": "The name of the point. A `/` in it need not be encoded.",
            "schema": { "type": "string", "minLength": 1 },
        }));
    }
    parameters.extend(route.parameters.iter().map(in_query));
    if let Some(matched) = route.matched {
        let what = match matched {
            Matched::Generation => "the generation of the point",
            Matched::Revision => "the revision of all points",
        };
        parameters.push(json!({
            "name": "If-Match",
            "in": "header",
            "description": format!("Makes the change only if {what} is one of these `ETag`s."),
            // A list is accepted too, but rarely needed.
            "schema": { "anyOf": [
                { "type": "string", "enum": ["*"] },
                { "type": "string", "pattern": "^\"[0-9]+\"$" },
            ] },
        }));
    }
    parameters
}

fn taken(takes: Takes) -> Value {
    match takes {
        Takes::YesOrNo => json!({ "type": "string", "enum": ["true", "false", "1", "0"] }),
        Takes::Count => {
            json!({ "type": "integer", "format": "uint64", "minimum": 1, "maximum": u64::MAX })
        }
        Takes::Generation => {
            json!({ "type": "integer", "format": "uint64", "minimum": 0, "maximum": u64::MAX })
        }
        Takes::Duration => {
            json!({ "type": "string", "pattern": DURATION, "examples": ["10s", "250"] })
        }
        Takes::Text => json!({ "type": "string" }),
    }
}

fn responses(route: &Route, schemas: &mut Schemas) -> Value {
    let mut responses = Map::new();
    let (status, answer) = answer(&route.answer, &mut schemas.answered);
    responses.insert(status.to_string(), answer);
    let kinds = route.refusals.iter().chain(&ALWAYS);
    let kinds = kinds.filter(|kind| !(route.is_open() && **kind == Kind::NoToken));
    for kind in kinds {
        let (status, _, title) = kind.row();
        let response = responses.entry(status.to_string()).or_insert_with(|| {
            let schema = schemas.answered.subschema_for::<Problem>();
            json!({
                "description": "",
                "content": { "application/problem+json": { "schema": schema } },
            })
        });
        let known = response["description"].as_str().unwrap_or_default();
        let separator = if known.is_empty() { "" } else { "; " };
        response["description"] = format!("{known}{separator}`{}`: {title}", kind.urn()).into();
    }
    responses.into()
}

fn answer(answer: &Answer, generator: &mut SchemaGenerator) -> (u16, Value) {
    let mut content = |media_type: &str, schema: &SchemaOf| json!({ media_type: { "schema": schema(generator) } });
    let text = json!({ "schema": { "type": "string" } });
    match answer {
        Answer::Empty => (NO_CONTENT, json!({ "description": "Done." })),
        Answer::Json(schema) => {
            (OK, json!({ "description": "Done.", "content": content("application/json", schema) }))
        }
        Answer::Tagged(schema) => (
            OK,
            json!({
                "description": "Done.",
                "headers": { "ETag": {
                    "description": "The state, for `If-Match`.",
                    "required": true,
                    "schema": { "type": "string", "pattern": "^\"[0-9]+\"$" },
                } },
                "content": content("application/json", schema),
            }),
        ),
        Answer::TextOrJson(schema) => {
            let mut both = content("application/json", schema);
            both["text/plain"] = text;
            (OK, json!({ "description": "Done.", "content": both }))
        }
        Answer::Text(media_type) => {
            let mut content = json!({});
            content[media_type] = text;
            (OK, json!({ "description": "Done.", "content": content }))
        }
        // OpenAPI has no field for the schema of an event's data.
        Answer::Events(schema) => {
            let mut events = content("text/event-stream", schema);
            events["text/event-stream"]["schema"] = json!({
                "type": "string",
                "contentMediaType": "application/json",
                "contentSchema": events["text/event-stream"]["schema"].clone(),
            });
            (OK, json!({ "description": "Server-sent events.", "content": events }))
        }
        Answer::Document => {
            let content = json!({ "application/json": { "schema": { "type": "object" } } });
            (OK, json!({ "description": "OpenAPI 3.1.", "content": content }))
        }
        Answer::Html => (OK, json!({ "description": "A page.", "content": { "text/html": text } })),
    }
}
