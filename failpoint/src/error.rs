//! What can go wrong when a point is armed or waited for, and what to do about it.
//!
//! The same types exist in both worlds. `Debug` prints the `Display` text, because a `main` that
//! returns an error prints its `Debug`.

#[cfg(feature = "runtime")]
use crate::library;
use crate::terms::ParseError;
use crate::visible::visible;
use std::fmt;
use std::time::Duration;

/// Why a request to arm, disarm or look up a point was refused. A refusal changes nothing.
///
/// ```
/// # #[cfg(feature = "failpoints")] {
/// let refusal = failpoint::arm("no-such-point", "panic").unwrap_err();
/// assert!(matches!(refusal, failpoint::Error::UnknownPoint { .. }));
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// No site in this program has the name.
    #[non_exhaustive]
    UnknownPoint {
        /// The name that was asked for.
        name: String,
        /// The names most like it, best first; may be empty.
        nearest: Vec<String>,
    },
    /// The terms hold a `return`, and a site of this name has nothing to return with.
    #[non_exhaustive]
    CannotReturn {
        /// The point.
        name: String,
        /// The first site that cannot, as `file:line`.
        at: String,
    },
    /// The value of a `return` does not fit the type of a site.
    #[non_exhaustive]
    BadValue {
        /// The point.
        name: String,
        /// The first site that refuses, as `file:line`.
        at: String,
        /// What that site takes.
        expected: String,
        /// What was written.
        got: String,
    },
    /// A `when` asks for a key that no site of the point passes, so it could never hold.
    #[non_exhaustive]
    UnknownKey {
        /// The point.
        name: String,
        /// The key.
        key: String,
        /// The key most like it, which may be one that is built in.
        nearest: Option<String>,
        /// The keys that the sites of the point pass; may be empty.
        keys: Vec<String>,
    },
    /// The terms do not follow the grammar.
    #[non_exhaustive]
    Parse {
        /// Where it went wrong, in bytes from the start of the text.
        offset: usize,
        /// What was expected there.
        expected: String,
        /// The line that holds the place, with a caret under it.
        caret: String,
    },
    /// A config (several bindings) was refused; none of it was applied. One error per fault.
    Config(Vec<Error>),
    /// The text is not valid as the name of a point.
    #[non_exhaustive]
    BadName {
        /// What was given.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// `wait(P)` names the point that it is armed at: it would wait for itself.
    #[non_exhaustive]
    WaitsForItself {
        /// The point.
        name: String,
    },
    /// The terms would wait for another caller, or for the real clock, in a scope that
    /// [is simulated](crate::Scope::simulate).
    #[non_exhaustive]
    CannotSimulate {
        /// The point.
        name: String,
        /// The action or modifier, such as `pause` or `after`.
        action: &'static str,
        /// Where it begins, in bytes from the start of the text.
        offset: usize,
        /// Why, and what to do instead.
        instead: &'static str,
        /// The line that holds the place, with a caret under it.
        caret: String,
    },
    /// An environment variable holds something else than it should.
    #[non_exhaustive]
    BadVariable {
        /// The variable.
        variable: &'static str,
        /// What it holds.
        got: String,
        /// What it takes.
        expected: &'static str,
    },
    /// One change would arm too much. Nothing of it was looked at.
    #[non_exhaustive]
    TooLarge {
        /// How many points, steps and conditions a change may hold, all together.
        most: usize,
    },
    /// Too many points are armed that no code declares, so that no more may be armed over HTTP.
    #[non_exhaustive]
    TooManyUnlisted {
        /// How many there may be.
        most: usize,
    },
    /// What an environment variable arms is refused.
    #[non_exhaustive]
    InVariable {
        /// The variable.
        variable: &'static str,
        /// Why.
        error: Box<Error>,
    },
    /// This build contains no failpoints.
    CompiledOut,
}

#[cfg(feature = "runtime")]
impl Error {
    /// The point that it is about, where that is known.
    pub(crate) fn point(&self) -> Option<&str> {
        match self {
            Error::UnknownPoint { name, .. }
            | Error::CannotReturn { name, .. }
            | Error::BadValue { name, .. }
            | Error::UnknownKey { name, .. }
            | Error::BadName { name, .. }
            | Error::CannotSimulate { name, .. }
            | Error::WaitsForItself { name } => Some(name),
            _ => None,
        }
    }
}

/// What to say where failpoints were compiled out.
pub(crate) const COMPILED_OUT: &str =
    "failpoints were compiled out; build with --features failpoint/failpoints";

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::UnknownPoint { name, nearest } => {
                write!(f, "no failpoint is named `{}` in this program", visible(name))?;
                match nearest.as_slice() {
                    [] => write!(f, "; failpoint::points() lists all of them"),
                    names => write!(f, "; the nearest are {}", quoted(names)),
                }?;
                #[cfg(feature = "runtime")]
                if let Some(library) = library::holding_this_crate() {
                    write!(
                        f,
                        "; the crate `failpoint` is in the shared library {}, so points outside of \
                         it are listed only after their first evaluation",
                        visible(&library.to_string_lossy())
                    )?;
                }
                Ok(())
            }
            Error::CannotReturn { name, at } => write!(
                f,
                "the failpoint `{name}` cannot return: its site at {at} has no closure; write \
                 fail_point!(\"{name}\", |v| …) there, or arm something else than `return`",
                name = visible(name)
            ),
            Error::BadValue { name, at, expected, got } => write!(
                f,
                "the failpoint `{}` does not take {}: its site at {at} expects {}",
                visible(name),
                visible(got),
                visible(expected)
            ),
            Error::UnknownKey { name, key, nearest, keys } => {
                let name = visible(name);
                write!(
                    f,
                    "no site of the failpoint `{name}` passes `{key}`, so `when` never holds"
                )?;
                if let Some(nearest) = nearest {
                    write!(f, " (did you mean `{nearest}`?)")?;
                }
                match keys.as_slice() {
                    [] => write!(
                        f,
                        "; its sites pass no context: write fail_point!(\"{name}\", {key} = …) \
                         there, or filter by `thread` or `scope`"
                    ),
                    keys => write!(f, "; its sites pass {}", quoted(keys)),
                }
            }
            Error::Parse { expected, caret, .. } => write!(f, "expected {expected}\n{caret}"),
            Error::Config(errors) => {
                let plural = if errors.len() == 1 { "" } else { "s" };
                write!(f, "{} error{plural}, so nothing was applied:", errors.len())?;
                errors.iter().try_for_each(|error| write!(f, "\n{error}"))
            }
            Error::BadName { name, why } => {
                write!(f, "`{}` is not a valid failpoint name: {why}", name.escape_debug())
            }
            Error::WaitsForItself { name } => {
                write!(
                    f,
                    "wait({name}) at the failpoint `{name}` would wait for itself; name another",
                    name = visible(name)
                )
            }
            Error::CannotSimulate { name, action, instead, caret, .. } => write!(
                f,
                "`{action}` at the failpoint `{}` cannot be simulated: {instead}\n{caret}",
                visible(name)
            ),
            Error::BadVariable { variable, got, expected } => {
                write!(f, "{variable} is `{}`; it takes {expected}", got.escape_debug())
            }
            Error::TooLarge { most } => write!(
                f,
                "one change arms at most {most} points, steps and conditions in all, with 1 MiB of \
                 text; arm them in parts"
            ),
            Error::TooManyUnlisted { most } => write!(
                f,
                "at most {most} points that no code declares may be armed at once; disarm those \
                 that are done, or name points that the code declares"
            ),
            Error::InVariable { variable, error } => write!(f, "{variable}: {error}"),
            Error::CompiledOut => f.write_str(COMPILED_OUT),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}

impl From<ParseError> for Error {
    fn from(error: ParseError) -> Self {
        let caret = error.caret();
        Error::Parse { offset: error.offset, expected: error.expected, caret }
    }
}

/// Why a wait ended without what it waited for.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitError {
    /// The time given ran out. The counts are those of the arming that was waited for.
    #[non_exhaustive]
    TimedOut {
        /// The point.
        name: String,
        /// What was waited for, such as `2 hits`.
        wanted: String,
        /// How long was waited.
        waited: Duration,
        /// Hits since the arming.
        hits: u64,
        /// Fires since the arming.
        fires: u64,
        /// Callers that are paused now.
        paused: u64,
        /// What to say of evaluations that came from outside the scope which arms the point, and of
        /// a scope that was never entered.
        outside: Option<String>,
    },
    /// The time given ran out, and nothing was armed at the point: an idle point counts nothing.
    #[non_exhaustive]
    Idle {
        /// The point.
        name: String,
        /// What was waited for, such as `2 hits`.
        wanted: String,
        /// How long was waited.
        waited: Duration,
    },
    /// The point cannot be waited for: it does not exist, or failpoints are compiled out.
    Refused(Error),
    /// The arming that was waited for is over: disarmed, armed again, or reset.
    #[non_exhaustive]
    Disarmed {
        /// The point.
        name: String,
        /// What was waited for, such as `2 hits`.
        wanted: String,
    },
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WaitError::TimedOut { name, wanted, waited, hits, fires, paused, outside } => {
                write!(
                    f,
                    "waited {waited:?} for {wanted} of the failpoint `{name}`; since it was armed \
                     it had {hits} hits and {fires} fires, and {paused} callers are paused there",
                    name = visible(name)
                )?;
                if let Some(outside) = outside {
                    write!(f, "; {}", visible(outside))?;
                } else if *hits == 0 {
                    write!(
                        f,
                        "; no code reached it: does the code run, and is the condition of the point true?"
                    )?;
                }
                Ok(())
            }
            WaitError::Idle { name, wanted, waited } => write!(
                f,
                "waited {waited:?} for {wanted} of the failpoint `{name}`, and nothing was armed \
                 there; arm it first: an idle point counts nothing",
                name = visible(name)
            ),
            WaitError::Refused(error) => error.fmt(f),
            WaitError::Disarmed { name, wanted } => write!(
                f,
                "the failpoint `{name}` was disarmed, armed again or reset during the wait for \
                 {wanted}",
                name = visible(name)
            ),
        }
    }
}

impl fmt::Debug for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for WaitError {}

/// `a`, `b` and `c`, each in backquotes.
fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{}`", visible(name))).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::Error;

    #[test]
    fn what_others_wrote_is_shown_on_one_line() {
        let odd = || "\u{9b}a\n".to_owned();
        let shown = "\\u{9b}a\\n";
        for error in [
            Error::UnknownPoint { name: odd(), nearest: vec![odd()] },
            Error::CannotReturn { name: odd(), at: "a.rs:1".into() },
            Error::BadValue { name: odd(), at: "a.rs:1".into(), expected: odd(), got: odd() },
            Error::BadName { name: odd(), why: "it is odd" },
            Error::WaitsForItself { name: odd() },
            Error::BadVariable { variable: "V", got: odd(), expected: "another" },
        ] {
            let text = error.to_string();
            assert!(text.contains(shown) && !text.contains(['\n', '\u{9b}']), "{text:?}");
        }
    }

    #[test]
    fn debug_is_display() {
        let error = Error::UnknownPoint { name: "a".into(), nearest: vec!["b".into()] };
        assert_eq!(format!("{error:?}"), error.to_string());
    }
}
