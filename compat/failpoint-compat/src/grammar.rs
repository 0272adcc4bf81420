//! What do the actions of `fail` say?
//!
//! ```text
//! config  = [ binding ] { ";" [ binding ] }
//! binding = name "=" actions
//! actions = action { "->" action }
//! action  = [ number "%" ] [ count "*" ] task [ "(" argument ")" ]
//! ```
//! Not the language of `failpoint`: this one knows no quotes and no blanks but around a whole
//! action, splits at every `->` and `;` wherever it is, and keeps an argument to the letter. What
//! it takes and what it refuses, and in which words, is what programs written for `fail` lean on.

use failpoint::__bridge::compat::{Task, Term};
use std::time::Duration;

/// The chain that `actions` write.
pub(crate) fn parse(actions: &str) -> Result<Vec<Term>, String> {
    actions.split("->").map(|action| term(action.trim())).collect()
}

/// The names and actions of a config; where there is no `=`, the text that lacks it.
pub(crate) fn bindings(config: &str) -> impl Iterator<Item = Result<(&str, &str), &str>> {
    let bindings = config.split(';').map(str::trim).filter(|binding| !binding.is_empty());
    bindings.map(|binding| binding.split_once('=').ok_or(binding))
}

fn term(text: &str) -> Result<Term, String> {
    // The argument first: it may hold what else would be a `%` or a `*`.
    let (head, argument) = match text.split_once('(') {
        None => (text, None),
        Some((head, rest)) => match rest.strip_suffix(')') {
            Some(argument) => (head, Some(argument)),
            None => return Err("parentheses do not match".to_owned()),
        },
    };
    let (percent, head) = match head.split_once('%') {
        None => (100.0, head),
        Some((number, head)) => {
            let number = number.parse();
            (number.map_err(|error| format!("failed to parse frequency: {error}"))?, head)
        }
    };
    let (times, word) = match head.split_once('*') {
        None => (None, head),
        Some((number, word)) => {
            let number = number.parse::<usize>();
            let number = number.map_err(|error| format!("failed to parse count: {error}"))?;
            (Some(number as u64), word)
        }
    };
    Ok(Term { percent, times, task: task(word, argument)? })
}

fn task(word: &str, argument: Option<&str>) -> Result<Task, String> {
    let text = || argument.map(str::to_owned);
    Ok(match word {
        "off" => Task::Off,
        "return" => Task::Return(text()),
        "sleep" => Task::Sleep(milliseconds(argument)?),
        "delay" => Task::Delay(milliseconds(argument)?),
        "panic" => Task::Panic(text()),
        "print" => Task::Print(text()),
        "pause" => Task::Pause,
        "yield" => Task::Yield,
        _ => return Err(format!("unrecognized command {word:?}")),
    })
}

fn milliseconds(argument: Option<&str>) -> Result<Duration, String> {
    // Also where it is a `delay`.
    let number = argument.ok_or("sleep require timeout")?.parse();
    number.map(Duration::from_millis).map_err(|error| format!("failed to parse timeout: {error}"))
}

#[cfg(test)]
mod tests {
    use super::{Task, Term, bindings, parse};
    use std::time::Duration;

    fn term(percent: f32, times: Option<u64>, task: Task) -> Term {
        Term { percent, times, task }
    }

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn what_is_taken() {
        let hour = Duration::from_millis(3_600_000);
        for (actions, chain) in [
            ("off", vec![term(100.0, None, Task::Off)]),
            ("return", vec![term(100.0, None, Task::Return(None))]),
            ("return()", vec![term(100.0, None, Task::Return(text("")))]),
            ("return(\"x\")", vec![term(100.0, None, Task::Return(text("\"x\"")))]),
            ("return( x )", vec![term(100.0, None, Task::Return(text(" x ")))]),
            ("return(x))", vec![term(100.0, None, Task::Return(text("x)")))]),
            ("return(2%5*6)", vec![term(100.0, None, Task::Return(text("2%5*6")))]),
            ("5%1*sleep(3600000)", vec![term(5.0, Some(1), Task::Sleep(hour))]),
            ("125%+2*delay(3600000)", vec![term(125.0, Some(2), Task::Delay(hour))]),
            (" .5%panic(a b) ", vec![term(0.5, None, Task::Panic(text("a b")))]),
            ("print(10% done)", vec![term(100.0, None, Task::Print(text("10% done")))]),
            ("pause(ignored)", vec![term(100.0, None, Task::Pause)]),
            ("yield()", vec![term(100.0, None, Task::Yield)]),
            (
                "20*off->return(true)",
                vec![
                    term(100.0, Some(20), Task::Off),
                    term(100.0, None, Task::Return(text("true"))),
                ],
            ),
            (
                " 1*off -> 1*return ->\noff",
                vec![
                    term(100.0, Some(1), Task::Off),
                    term(100.0, Some(1), Task::Return(None)),
                    term(100.0, None, Task::Off),
                ],
            ),
        ] {
            assert_eq!(parse(actions).as_ref(), Ok(&chain), "{actions}");
        }
        assert!(parse("NaN%off").unwrap()[0].percent.is_nan());
    }

    #[test]
    fn what_is_refused() {
        for (actions, why) in [
            ("", "unrecognized command \"\""),
            ("off->", "unrecognized command \"\""),
            ("Return", "unrecognized command \"Return\""),
            ("return (x)", "unrecognized command \"return \""),
            ("2 *off", "failed to parse count: invalid digit found in string"),
            ("2* off", "unrecognized command \" off\""),
            ("2*50%off", "failed to parse frequency: invalid float literal"),
            ("ab%off", "failed to parse frequency: invalid float literal"),
            ("ab*off", "failed to parse count: invalid digit found in string"),
            ("-1*off", "failed to parse count: invalid digit found in string"),
            ("return(x", "parentheses do not match"),
            ("return(x)y", "parentheses do not match"),
            ("return(a->b)", "parentheses do not match"),
            ("sleep", "sleep require timeout"),
            ("delay", "sleep require timeout"),
            ("sleep()", "failed to parse timeout: cannot parse integer from empty string"),
            ("sleep(10ms)", "failed to parse timeout: invalid digit found in string"),
            ("nth(2):return", "parentheses do not match"),
            ("exit", "unrecognized command \"exit\""),
        ] {
            assert_eq!(parse(actions), Err(why.to_owned()), "{actions}");
        }
    }

    #[test]
    fn configs() {
        let config = " a=return(k=v) ;; b = off; c; ";
        let bindings: Vec<_> = bindings(config).collect();
        assert_eq!(bindings, [Ok(("a", "return(k=v)")), Ok(("b ", " off")), Err("c")]);
    }
}
