//! Does every value of the data types survive printing and parsing, and no text harm the parsers?

use std::time::Duration;

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use crate::name;
use crate::terms::config::{self, parse_config};
use crate::terms::{
    Chance, Condition, DEFAULT_WAIT_LIMIT, Op, PauseLimit, Pick, Span, Step, Term, Terms, Value,
    literal, parse,
};
use crate::visible::holds_hidden;

/// Text of pieces that mean something somewhere in the grammar.
fn odd() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "\"",
            "`",
            "'",
            "(",
            ")",
            "->",
            ";",
            "=",
            "==",
            "!=",
            "~",
            "<",
            "<=",
            ">",
            ">=",
            ",",
            "&",
            "%",
            "*",
            ":",
            "\\",
            "\\n",
            "\\u{41}",
            "\n",
            "\r",
            "\t",
            "\0",
            " ",
            "..",
            ".",
            "é",
            "µ",
            "😀",
            "\u{85}",
            "\u{a0}",
            "\u{2028}",
            "\u{200f}",
            "a",
            "0",
            "-1",
            "-.5",
            "50",
            "99999999999999999999",
            "off",
            "return",
            "sleep",
            "10ms",
            "1.5s",
            "when",
            "nth",
            "wait",
            "pause",
            "never",
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// A value as users and callbacks make it, or spelled in quotes without need, or in backquotes.
fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        odd().prop_map(Value::new),
        odd().prop_map(|text| Value::spelled(&literal::quoted(&text), &text)),
        odd().prop_map(|text| {
            let text = text.replace('`', "");
            Value::spelled(&format!("`{text}`"), &text)
        }),
        Just(Value::spelled("", "")),
    ]
}

fn point() -> impl Strategy<Value = String> {
    "[A-Za-z0-9_.:/-]{1,12}".prop_filter("a good name", |text| name::fault(text).is_none())
}

fn count() -> impl Strategy<Value = u64> {
    prop_oneof![1..5_u64, 1..=u64::MAX, Just(u64::MAX)]
}

fn duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (0..200_u64).prop_map(Duration::from_millis),
        (0..10_000_u64).prop_map(Duration::from_secs),
        (any::<u64>(), 0..1_000_000_000_u32).prop_map(|(s, ns)| Duration::new(s, ns)),
        Just(DEFAULT_WAIT_LIMIT),
        Just(Duration::MAX),
    ]
}

fn span() -> impl Strategy<Value = Span> {
    prop_oneof![
        duration().prop_map(Span::Fixed),
        (duration(), duration()).prop_map(|(a, b)| Span::Range(a.min(b), a.max(b))),
    ]
}

fn limit() -> impl Strategy<Value = PauseLimit> {
    prop_oneof![
        Just(PauseLimit::Default),
        Just(PauseLimit::Never),
        duration().prop_map(PauseLimit::Within),
    ]
}

/// A step that others may follow.
fn going_on() -> impl Strategy<Value = Step> {
    prop_oneof![
        span().prop_map(Step::Sleep),
        span().prop_map(Step::Delay),
        limit().prop_map(Step::Pause),
        Just(Step::Yield),
        of(value()).prop_map(Step::Print),
        Just(Step::Break),
        (point(), count(), duration()).prop_map(|(point, count, limit)| Step::Wait {
            point,
            count,
            limit
        }),
        (count(), duration()).prop_map(|(count, limit)| Step::Barrier { count, limit }),
    ]
}

fn last() -> impl Strategy<Value = Step> {
    prop_oneof![
        of(value()).prop_map(Step::Return),
        of(value()).prop_map(Step::Panic),
        any::<u8>().prop_map(Step::Exit),
        Just(Step::Abort),
        Just(Step::Kill),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop_oneof![
        1 => Just(vec![Step::Off]),
        4 => vec(going_on(), 1..4),
        4 => (vec(going_on(), 0..3), last()).prop_map(|(mut steps, last)| {
            steps.push(last);
            steps
        }),
    ]
}

fn condition() -> impl Strategy<Value = Condition> {
    let ops = |ops: &[Op]| prop::sample::select(ops.to_vec());
    let of_text = (ops(&[Op::Equal, Op::NotEqual, Op::Glob]), odd());
    let of_numbers = (
        ops(&[Op::Less, Op::AtMost, Op::Greater, Op::AtLeast]),
        "-?([0-9]{1,40}(\\.[0-9]{0,5})?|\\.[0-9]{1,5})",
    );
    ("[A-Za-z_][A-Za-z0-9_.-]{0,8}", prop_oneof![of_text, of_numbers])
        .prop_map(|(key, (op, value))| Condition { key, op, value })
}

fn pick() -> impl Strategy<Value = Pick> {
    prop_oneof![Just(Pick::All), count().prop_map(Pick::Nth), count().prop_map(Pick::Every),]
}

fn chance() -> impl Strategy<Value = Chance> {
    ("[1-9]?[0-9]", "[0-9]{0,20}")
        .prop_map(|(whole, fraction)| Chance::from_percent(&whole, &fraction).expect("below 100"))
}

fn term() -> impl Strategy<Value = Term> {
    let time = (of(duration()), of(duration()));
    let counts = (prop_oneof![Just(0), count()], pick(), of(chance()), of(any::<u64>()));
    (vec(condition(), 0..3), time, counts, steps()).prop_map(
        |(when, (after, for_), (skip, pick, chance, times), steps)| Term {
            when,
            after,
            for_,
            skip,
            pick,
            chance,
            times,
            steps,
        },
    )
}

fn terms() -> impl Strategy<Value = Terms> {
    vec(term(), 1..4).prop_map(|chain| Terms { chain })
}

fn values(terms: &Terms) -> impl Iterator<Item = &Value> {
    let steps = terms.chain.iter().flat_map(|term| &term.steps);
    steps.filter_map(|step| match step {
        Step::Return(value) | Step::Print(value) | Step::Panic(value) => value.as_ref(),
        _ => None,
    })
}

proptest! {
    #[test]
    #[cfg_attr(miri, ignore = "long")]
    fn print_then_parse_is_identity(terms in terms()) {
        let printed = terms.to_string();
        prop_assert!(!holds_hidden(&printed), "{}", printed);
        let parsed = Terms::parse(&printed).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(&parsed, &terms, "{}", printed);
        prop_assert_eq!(parsed.to_string(), printed);
        // Equality looks at the content of values; the spelling stays too, where it can.
        for (before, after) in values(&terms).zip(values(&parsed)) {
            if !before.raw().is_empty() && !holds_hidden(before.raw()) {
                prop_assert_eq!(before.raw(), after.raw());
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "long")]
    fn a_word_is_found_where_it_begins_a_modifier_or_a_step(terms in terms()) {
        let printed = terms.to_string();
        let has_step = |word: &str| {
            terms.chain.iter().flat_map(|term| &term.steps).any(|step| step.word() == word)
        };
        let has_modifier = |has: fn(&Term) -> bool| terms.chain.iter().any(has);
        for (word, is_there) in [
            ("pause", has_step("pause")),
            ("wait", has_step("wait")),
            ("kill", has_step("kill")),
            ("after", has_modifier(|term| term.after.is_some())),
            ("for", has_modifier(|term| term.for_.is_some())),
        ] {
            let found = parse::find_word(&printed, |other| other == word);
            prop_assert_eq!(found.is_some(), is_there, "{}: {}", word, printed);
            if let Some((at, found)) = found {
                prop_assert_eq!(found, word);
                prop_assert!(printed[at..].starts_with(word), "{}: {}", word, printed);
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "long")]
    fn the_same_in_a_config(a in terms(), b in terms(), blank in "[ \t\n]{0,2}") {
        let text = format!("{blank}a{blank}={blank}{a}{blank};{blank}b{blank}={b}{blank}");
        let bindings = parse_config(&text).map_err(|errors| TestCaseError::fail(format!("{errors:?}")))?;
        prop_assert_eq!(bindings.len(), 2);
        prop_assert_eq!(&bindings[0].terms, &a);
        prop_assert_eq!(&bindings[1].terms, &b);
        prop_assert_eq!(&bindings[0].text, &a.to_string());
        prop_assert_eq!(&bindings[1].text, &b.to_string());
    }

    #[test]
    #[cfg_attr(miri, ignore = "long")]
    fn odd_text_harms_nobody(text in odd(), any in any::<String>()) {
        for text in [text, any] {
            crate::terms::round_trip(&text);
            config::round_trip(&text);
            for around in ["return({})", "when(k={}):off", "when(k<{}):off", "sleep({})", "wait(a,{})", "return(\"{}\")"] {
                let text = around.replace("{}", &text);
                crate::terms::round_trip(&text);
                config::round_trip(&format!("a={text};{text}"));
            }
        }
    }

    /// Near misses reach deeper than text that is wrong from the start.
    #[test]
    #[cfg_attr(miri, ignore = "long")]
    fn damaged_terms_harm_nobody(terms in terms(), at in any::<prop::sample::Index>(), odd in odd()) {
        let mut text = terms.to_string();
        let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        text.insert_str(places[at.index(places.len())], &odd);
        crate::terms::round_trip(&text);
        config::round_trip(&format!("a={text};b={text}"));
    }
}
