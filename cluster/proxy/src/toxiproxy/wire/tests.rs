use super::{ToxicChange, ToxicInput, ToxicOutput, parse};
use serde_json::{Value, json};

/// A toxic as it is shown after it was sent.
fn shown(sent: &Value) -> Result<Value, String> {
    let toxic = parse::<ToxicInput>(sent.to_string().as_bytes())
        .and_then(|input| input.toxic(|_| false))
        .map_err(|error| error.to_string())?;
    Ok(serde_json::to_value(ToxicOutput::from(toxic)).unwrap())
}

#[test]
fn each_type_is_shown_as_it_was_sent() {
    for (kind, attributes) in [
        ("latency", json!({"latency": 1000, "jitter": 5})),
        ("bandwidth", json!({"rate": 3})),
        ("slow_close", json!({"delay": 7})),
        ("timeout", json!({"timeout": 0})),
        ("timeout", json!({"timeout": 9})),
        ("reset_peer", json!({"timeout": 0})),
        ("slicer", json!({"average_size": 10, "size_variation": 3, "delay": 1})),
        ("limit_data", json!({"bytes": 0})),
        ("loss", json!({"probability": 0.25})),
        ("blackhole", json!({})),
    ] {
        let sent =
            json!({"type": kind, "stream": "UPstream", "toxicity": 0.1, "attributes": attributes});
        let expected = json!({
            "attributes": attributes, "name": format!("{kind}_upstream"), "type": kind,
            "stream": "upstream", "toxicity": 0.1_f32,
        });
        assert_eq!(shown(&sent).unwrap(), expected);
    }
}

#[test]
fn fields_left_out_have_the_values_of_toxiproxy() {
    let expected = json!({
        "attributes": {"latency": 0, "jitter": 0}, "name": "latency_downstream", "type": "latency",
        "stream": "downstream", "toxicity": 1,
    });
    for sent in [
        json!({"type": "latency"}),
        json!({"type": "latency", "name": "", "attributes": null, "toxicity": null, "stream": null}),
        json!({"type": "latency", "attributes": {"latency": null, "unknown": 1}, "unknown": 1}),
    ] {
        assert_eq!(shown(&sent).unwrap(), expected);
    }
}

#[test]
fn what_means_nothing_is_refused_with_the_place() {
    for (sent, error) in [
        (json!({"type": "latency", "stream": ""}), "stream was invalid"),
        (json!({"type": "nothing"}), "invalid toxic type"),
        (json!({}), "invalid toxic type"),
        (json!({"type": 1}), "bad request body: invalid type: integer `1`, expected a string"),
        (json!({"type": "latency", "attributes": 3}), "bad request body: attributes: invalid type"),
        (
            json!({"type": "latency", "attributes": {"latency": -1}}),
            "bad request body: attributes: -1 is not between 0 and 1000000000000000",
        ),
        (
            json!({"type": "limit_data", "attributes": {"bytes": 1_000_000_000_000_001_i64}}),
            "bad request body: attributes: 1000000000000001 is not between",
        ),
        (
            json!({"type": "bandwidth", "attributes": {"rate": 1.5}}),
            "bad request body: attributes: invalid type: floating point `1.5`",
        ),
    ] {
        let refused = shown(&sent).unwrap_err();
        assert!(refused.starts_with(error), "{sent}: {refused}");
    }
}

#[test]
fn a_change_keeps_what_it_does_not_name() {
    let toxic =
        json!({"type": "latency", "toxicity": 0.5, "attributes": {"latency": 10, "jitter": 3}});
    let toxic =
        parse::<ToxicInput>(toxic.to_string().as_bytes()).unwrap().toxic(|_| false).unwrap();
    let change = |text: &str| {
        let change: ToxicChange = parse(text.as_bytes()).unwrap();
        serde_json::to_value(ToxicOutput::from(change.apply(toxic.clone()).unwrap())).unwrap()
    };
    let changed = change(r#"{"attributes": {"latency": 20}} and more"#);
    assert_eq!(changed["attributes"], json!({"latency": 20, "jitter": 3}));
    assert_eq!(changed["toxicity"], json!(0.5));
    let changed = change(r#"{"toxicity": 0}"#);
    assert_eq!(changed["attributes"], json!({"latency": 10, "jitter": 3}));
    assert_eq!(changed["toxicity"], json!(0));
}
