//! Does every text of the golden table give what the table says, alone and in a config?

use std::fmt::Write as _;

use crate::terms::config::parse_config;
use crate::terms::{Chance, Step, Terms};

const TABLE: &str = include_str!("golden.txt");

enum Expected<'a> {
    Canonical(&'a str),
    Error { offset: usize, begin: &'a str },
}

/// The rows: what the table says, the text that it means, and the result.
fn rows() -> impl Iterator<Item = (&'static str, String, Expected<'static>)> {
    TABLE
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .skip(2) // the two that show the form
        .map(|row| {
            let (shown, result) = row.split_once(" | ").expect(row);
            let text = shown.replace('␠', " ").replace('⏎', "\n").replace('∅', "");
            let result = match result.strip_prefix("error at ") {
                None => Expected::Canonical(result),
                Some(error) => {
                    let (offset, begin) = error.split_once(": ").expect(row);
                    let offset = offset.parse().expect(row);
                    Expected::Error { offset, begin }
                }
            };
            (shown, text, result)
        })
}

/// All rows that fail, so that one run shows what a change breaks.
fn assert_rows(mut wrong: impl FnMut(&str, &Expected<'_>) -> Option<String>) {
    let mut failures = String::new();
    for (shown, text, expected) in rows() {
        if let Some(why) = wrong(&text, &expected) {
            writeln!(failures, "{shown} | {why}").expect("a String takes it");
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}

#[test]
fn the_table_holds() {
    assert!(rows().count() > 200, "the table was not read");
    assert_rows(|text, expected| match (Terms::parse(text), expected) {
        (Ok(terms), Expected::Canonical(canonical)) => {
            let printed = terms.to_string();
            (printed != *canonical).then_some(printed)
        }
        (Err(error), Expected::Error { offset, begin }) => {
            let holds = error.offset == *offset && error.expected.starts_with(begin);
            (!holds).then(|| format!("error at {}: {}", error.offset, error.expected))
        }
        (Ok(terms), Expected::Error { .. }) => Some(terms.to_string()),
        (Err(error), Expected::Canonical(_)) => Some(error.to_string()),
    });
}

#[test]
fn canonical_text_means_the_same_and_is_its_own_canonical() {
    assert_rows(|text, expected| {
        let Expected::Canonical(canonical) = expected else {
            return None;
        };
        let again = Terms::parse(canonical);
        let holds =
            again == Terms::parse(text) && again.is_ok_and(|again| again.to_string() == *canonical);
        (!holds).then(|| (*canonical).to_owned())
    });
}

#[test]
fn the_table_holds_in_a_config() {
    assert_rows(|text, expected| match expected {
        Expected::Canonical(canonical) => {
            let config = parse_config(&format!("a ={text};b={text}"));
            let holds = config.as_ref().is_ok_and(|bindings| {
                bindings.len() == 2
                    && bindings.iter().all(|binding| {
                        binding.terms.to_string() == *canonical && binding.text == text.trim()
                    })
            });
            (!holds).then(|| format!("{config:?}"))
        }
        // Of these the terms end at the `;`, and the rest is wrong in another way.
        Expected::Error { .. } if text.contains(';') => None,
        Expected::Error { offset, .. } => {
            let before = "é=1;a=";
            let errors = parse_config(&format!("{before}{text}")).unwrap_err();
            let [_, _, error] = &errors[..] else {
                return Some(format!("{errors:?}"));
            };
            let holds =
                error.error.offset == before.len() + offset && error.name.as_deref() == Some("a");
            (!holds).then(|| error.to_string())
        }
    });
}

#[test]
fn equal_terms() {
    for (left, right) in [
        ("return(\"hello\")", "return(hello)"),
        ("2*50%return", "50%2*return"),
        ("50%off", "50.0%off"),
        ("50%off", "050.%off"),
        ("pause", "pause()"),
        ("exit", "exit(1)"),
        ("sleep(90s)", "sleep(\"1m30s\")"),
    ] {
        assert_eq!(Terms::parse(left), Terms::parse(right), "{left} {right}");
    }
    assert_ne!(Terms::parse("return"), Terms::parse("return()"));
}

#[test]
fn values_keep_their_spelling_and_have_a_content() {
    for (argument, raw, content) in [
        ("", "", ""),
        ("  ", "", ""),
        (" a  b ", "a  b", "a  b"),
        ("\"\"", "\"\"", ""),
        (" \" a \" ", "\" a \"", " a "),
        ("\"a->b\"", "\"a->b\"", "a->b"),
        ("a->b", "a->b", "a->b"),
        ("\"a;b=c\"", "\"a;b=c\"", "a;b=c"),
        ("\"a)b\"", "\"a)b\"", "a)b"),
        ("\"é\\n\\\"q\\\"\"", "\"é\\n\\\"q\\\"\"", "é\n\"q\""),
        ("a(b)c", "a(b)c", "a(b)c"),
        ("(x)", "(x)", "(x)"),
        ("'a'", "'a'", "'a'"),
        ("a\\n", "a\\n", "a\\n"),
        ("a\nb", "a\nb", "a\nb"),
        ("`\\n\n`", "`\\n\n`", "\\n\n"),
        (
            r#""\t\r\\\'\0\a\b\f\v\x41\u{1F600}\u00e9""#,
            r#""\t\r\\\'\0\a\b\f\v\x41\u{1F600}\u00e9""#,
            "\t\r\\'\0\x07\x08\x0c\x0bA😀é",
        ),
    ] {
        let terms = Terms::parse(&format!("return({argument})")).expect(argument);
        let [Step::Return(Some(value))] = &terms.chain[0].steps[..] else {
            panic!("{argument}: {terms:?}");
        };
        assert_eq!((value.raw(), value.content()), (raw, content), "{argument}");
        assert_eq!(!value.is_word(), raw.len() > content.len(), "{argument}");
    }
}

#[test]
fn chances_are_probabilities() {
    for (text, probability) in
        [("0%off", 0.0), ("50.%off", 0.5), (".5%off", 0.005), ("100%off", 1.0)]
    {
        let chance = Terms::parse(text).expect(text).chain[0].chance;
        let found = chance.as_ref().map(Chance::probability);
        assert!(
            found.is_some_and(|found| (found - probability).abs() < 1e-17),
            "{text}: {found:?}"
        );
    }
}

/// Debug builds of a quadratic parser would take minutes for these.
#[test]
#[cfg_attr(miri, ignore = "long")]
fn long_and_deep_text_is_no_trouble() {
    const LEN: usize = 1 << 18;
    let deep = format!("return({}{})", "(".repeat(LEN), ")".repeat(LEN));
    assert_eq!(Terms::parse(&deep).map(|terms| terms.to_string()), Ok(deep));
    for part in
        ["(", "return(", "return(x)->", "x", "9", "9%", "print&", "\"", "when(", "\\", "é\n"]
    {
        let text = part.repeat(LEN / part.len());
        crate::terms::round_trip(&text);
        crate::terms::round_trip(&format!("return(\"{text}"));
        crate::terms::round_trip(&format!("return({text}"));
    }
    for part in [
        ";",
        "=",
        "a;",
        "a=;",
        "a=return(;",
        "a=\";",
        "a=return(\"\\\";",
        "a=return(a,\"((\");",
        "a=wait(a,x\"((\");",
        "a=`;`",
    ] {
        crate::terms::config::round_trip(&part.repeat((1 << 14) / part.len()));
    }
}
