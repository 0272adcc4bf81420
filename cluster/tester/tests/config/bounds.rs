//! No text makes the reading panic, or take long.

use std::fmt::Write;

use failpoint_tester::config::KEYS;
use proptest::prelude::*;

use super::parse;

fn refused(text: &str) -> String {
    parse(text).expect_err("it is refused").to_string()
}

#[test]
fn a_billion_laughs() {
    let mut text = "a0: &a0 [ha, ha]\n".to_owned();
    for level in 1..30 {
        let below = format!("*a{}", level - 1);
        writeln!(text, "a{level}: &a{level} [{}]", vec![below; 10].join(", ")).unwrap();
    }
    let said = refused(&text);
    assert!(said.contains("this is not YAML that can be read here"), "{said}");
}

#[test]
fn depth_and_size() {
    let nested = |open: &str| format!("driver: {}", open.repeat(100_000));
    for text in [nested("["), nested("{a: "), nested("- "), nested("? ")] {
        let said = refused(&text);
        assert!(said.starts_with("c.yaml:1:"), "{said}");
    }
    let blocks: String = (0..1_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    assert!(refused(&blocks).starts_with("c.yaml:"));

    let long = format!("driver: etcd\nname: {}", "a".repeat(2 << 20));
    let said = refused(&long);
    assert_eq!(said, "c.yaml:1:1: the file has 2097171 bytes; a configuration has at most 1048576");
}

#[test]
fn many_mistakes_are_not_all_shown() {
    let keys: String = (0..20_000).map(|number| format!("k{number}: 1\n")).collect();
    let said = refused(&keys);
    assert_eq!(said.lines().count(), 101, "{said}");
    assert_eq!(said.lines().last(), Some("c.yaml: and 19901 more mistakes"));

    let points = vec!["a"; 20_000].join(", ");
    let text = format!(
        "driver: etcd\nmembers: {{failpoints: true, count: 1}}\nfailpoints: {{points: [{points}]}}"
    );
    let said = refused(&text);
    assert!(said.contains("has 20000 entries; at most 1000 are read"), "{said}");
}

#[test]
fn patterns_that_are_too_large_together() {
    let patterns = |length: usize, count: usize| {
        let patterns: Vec<String> =
            (0..count).map(|number| format!("'x{number}\\w{{{length}}}'")).collect();
        parse(&format!("driver: etcd\nlog-patterns: [{}]", patterns.join(", ")))
    };
    let longest = (1..1_000).take_while(|length| patterns(*length, 1).is_ok()).last();
    let longest = longest.expect("a short pattern is right");
    assert_eq!(
        patterns(longest, 100).expect_err("each is as large as one may be").to_string(),
        "c.yaml:2:15: `log-patterns`: together they are too large; write fewer or simpler ones"
    );
}

/// Pieces of configurations, so that random texts get past the first key.
fn piece() -> impl Strategy<Value = String> {
    let words: Vec<String> = KEYS
        .iter()
        .flat_map(|key| key.path.split(['.', '[', ']']).map(str::to_owned))
        .filter(|word| !word.is_empty() && word != "*" && word != "CALL")
        .collect();
    prop_oneof![
        4 => prop::sample::select(words).prop_map(|word| format!("{word}: ")),
        4 => prop::sample::select(vec![
            "\n", "\n  ", "\n    ", "\n- ", "[", "]", "{", "}", ", ", "'", "\"", "&a ", "*a", "<<: ", "| ", "> ",
            "# ", "---\n", "!!str ", "\t", "${", "}", "$", "{key}", "%",
        ]).prop_map(str::to_owned),
        3 => prop::sample::select(vec![
            "etcd", "all", "true", "3", "-1", "1e999", "0x10", "500ms", "32KiB", "127.0.0.1:0", "[::1]:1", "SIGTERM_*",
            "KV_HASH", "LEASE", "panic", "sleep(1)", "leader", "99999999999999999999999", ".nan", "~",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>()) {
        let _ = parse(&text);
    }

    #[test]
    fn no_text_like_a_configuration_panics(pieces in prop::collection::vec(piece(), 0..40)) {
        let _ = parse(&pieces.concat());
        let _ = parse(&format!("driver: etcd\n{}", pieces.concat()));
    }

    #[test]
    fn no_value_of_a_key_panics(at in 0..KEYS.len(), value in "(\\PC{0,20}|[0-9.]{1,9}[a-zA-Z]{0,3}|[a-z.]{0,5}:[0-9]{0,6})") {
        let path = KEYS[at].path.replace("CALL", "driver.commands.put").replace("[]", "").replace('*', "x");
        let quoted = serde_json::to_string(&value).expect("a text");
        let mut text = quoted;
        for key in path.split('.').rev() {
            text = if key == "members" && !text.starts_with('"') {
                format!("{{{key}: [{text}]}}")
            } else {
                format!("{{{key}: {text}}}")
            };
        }
        let _ = parse(&text);
    }
}
