//! The document against the table and against what is served.

use crate::http::dispatch::respond;
use crate::http::problem::Kind;
use crate::http::v1::openapi::document;
use crate::http::v1::route::ALWAYS;
use crate::http::v1::routes::ROUTES;
use crate::wire::DURATION;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Calls `look` with every object of `value`.
fn each_object(value: &Value, look: &mut impl FnMut(&serde_json::Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            look(object);
            object.values().for_each(|inner| each_object(inner, look));
        }
        Value::Array(items) => items.iter().for_each(|inner| each_object(inner, look)),
        _ => {}
    }
}

/// The methods of each path, in upper case.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let paths = document()["paths"].as_object().expect("paths");
    let methods = |item: &Value| {
        let operations = item.as_object().expect("operations");
        operations.keys().map(|method| method.to_ascii_uppercase()).collect()
    };
    paths.iter().map(|(path, item)| (path.clone(), methods(item))).collect()
}

#[test]
fn every_reference_leads_somewhere() {
    let mut references = 0;
    each_object(document(), &mut |object| {
        if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
            references += 1;
            let pointer = reference.strip_prefix('#').expect("a reference within the document");
            assert!(document().pointer(pointer).is_some(), "{reference}");
        }
    });
    assert!(references > ROUTES.len(), "every route can refuse");
}

#[test]
fn every_component_is_of_use() {
    let mut used = BTreeSet::new();
    each_object(document(), &mut |object| {
        used.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
    });
    let components = document()["components"]["schemas"].as_object().expect("schemas");
    for name in components.keys() {
        assert!(used.contains(&format!("#/components/schemas/{name}")), "{name}");
    }
}

#[test]
fn every_status_of_a_route_is_described() {
    let mut ids = BTreeSet::new();
    for route in ROUTES {
        let operation = &document()["paths"][route.path][route.method.to_ascii_lowercase()];
        assert!(ids.insert(operation["operationId"].as_str().expect("an id")), "{}", route.id);
        let responses = operation["responses"].as_object().expect("responses");
        let successes = responses.keys().filter(|status| status.starts_with('2')).count();
        assert_eq!(successes, 1, "{}", route.id);
        for kind in route.refusals.iter().chain(&ALWAYS) {
            if route.is_open() && *kind == Kind::NoToken {
                assert!(!responses.contains_key("401"));
                continue;
            }
            let response = &responses[&kind.row().0.to_string()];
            let about = response["description"].as_str().expect("a description");
            assert!(about.contains(&kind.urn()), "{}: {about}", route.id);
            assert!(response["content"]["application/problem+json"].is_object());
        }
        let asked = operation["parameters"].as_array().expect("parameters");
        let in_path: Vec<_> = asked.iter().filter(|one| one["in"] == "path").collect();
        assert_eq!(in_path.len(), route.path.matches('{').count(), "{}", route.id);
    }
}

#[test]
fn what_is_served_is_what_is_documented() {
    let documented = documented();
    let routed: BTreeSet<&str> = ROUTES.iter().map(|route| route.path).collect();
    assert!(documented.keys().map(String::as_str).eq(routed));
    for (path, methods) in documented {
        let path = path.replace("{name}", "document/nobody");
        let mut allowed = methods.clone();
        allowed.extend(methods.contains("GET").then(|| "HEAD".to_owned()));
        for method in ["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
            // Refused before anything is done: no route knows this parameter.
            let reply = respond(method, &format!("{path}?document"), &[], b"");
            let allow = reply.headers.iter().find(|(name, _)| *name == "allow");
            if allowed.contains(method) {
                assert_eq!(reply.status, 400, "{method} {path}");
                continue;
            }
            assert_eq!(reply.status, 405, "{method} {path}");
            let told: BTreeSet<String> =
                allow.expect("Allow").1.split(", ").map(str::to_owned).collect();
            assert_eq!(told, allowed, "{method} {path}");
        }
    }
}

#[test]
fn durations_say_how_they_are_written() {
    let schemas = &document()["components"]["schemas"];
    for body in ["Arm", "ArmAll"] {
        assert_eq!(schemas[body]["properties"]["ttl"]["pattern"], DURATION, "{body}");
    }
    let wait = &document()["paths"]["/v1/points/{name}/wait"]["get"]["parameters"];
    let timeout = wait.as_array().expect("parameters").iter().find(|one| one["name"] == "timeout");
    assert_eq!(timeout.expect("it is there")["schema"]["pattern"], DURATION);
}
