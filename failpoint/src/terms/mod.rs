//! The grammar of terms, and their data types.
//!
//! This module turns text into [`Terms`] and [`Terms`] into text, and knows nothing of points,
//! threads or time. Whatever was parsed prints to text that parses to equal terms; the printed
//! (canonical) text never holds a line end, nor another hidden character.
//!
//! ```ebnf
//! terms    = term { "->" term } ;                    (* the first term that allows, acts *)
//! term     = { modifier } step { "&" step } ;        (* one after the other, in the same hit *)
//! modifier = number "%" | int "*"
//!          | ( "skip" | "nth" | "every" ) "(" int ")" ":"
//!          | ( "for" | "after" ) "(" duration ")" ":"
//!          | "when" "(" condition { "," condition } ")" ":" ;
//! condition = key ( "=" | "==" | "!=" | "~" ) ( string | raw )
//!          | key ( "<" | "<=" | ">" | ">=" ) signed ;   (* quoted or not *)
//! step     = action [ "(" [ argument { "," argument } ] ")" ] ;
//! argument = string | raw ;                          (* raw: up to the matching ")", trimmed *)
//! string   = '"' { char | escape } '"' | "`" { char } "`" ;
//! signed   = [ "-" ] number ;                        (* of any length, compared exactly *)
//! number   = digits [ "." [ digits ] ] | "." digits ;
//! duration = int | span { span } ;                   (* a bare int is milliseconds *)
//! span     = number ( "ns" | "us" | "µs" | "ms" | "s" | "m" | "h" ) ;
//! range    = duration [ ".." duration ] ;            (* what sleep and delay take *)
//! key      = ( letter | "_" ) { letter | digit | "_" | "." | "-" } ;
//! escape   = "\" ( "n" | "t" | "r" | "\" | '"' | "'" | "0" | "a" | "b" | "f" | "v"
//!          | "x" 2 hex | "u" 4 hex | "u{" 1..6 hex "}" ) ;
//! ```
//! Blanks and line ends are allowed between tokens. Only `wait` and `barrier` take more than one
//! argument; everywhere else a comma in raw text is a comma. Integers have 64 bits.
//!
//! Terms hold [`MOST_PARTS`] steps and conditions at most.
//!
//! Beyond the grammar: a modifier is given at most once, `nth` and `every` exclude each other,
//! [last-only](Action::is_last_only) steps end their term, and `off` is a term alone.

use crate::visible::{holds_hidden, visible};
use std::borrow::Cow;
use std::str::FromStr;
use std::time::Duration;

pub(crate) use self::cursor::{Cursor, Expected};

pub(crate) use self::chance::Chance;
pub(crate) use self::error::ParseError;
#[cfg(feature = "runtime")]
pub(crate) use self::literal::holds_line_end;
pub(crate) use self::nearest::{most_alike, nearest};
pub(crate) use self::number::compare as compare_numbers;
pub(crate) use self::value::Value;

mod chance;
#[cfg(feature = "runtime")]
pub(crate) mod config;
mod cursor;
pub(crate) mod duration;
mod error;
mod literal;
mod nearest;
mod number;
pub(crate) mod parse;
mod print;
mod value;

#[cfg(all(test, feature = "runtime"))]
mod tests;

/// `text` on one line without hidden characters. If `text` parses as terms, the result parses to the
/// same terms.
pub fn visible_terms(text: &str) -> Cow<'_, str> {
    if !holds_hidden(text) {
        return text.into();
    }
    match text.parse::<Terms>() {
        Ok(terms) => terms.to_string().into(),
        Err(_) => visible(text).to_string().into(),
    }
}

/// How many steps and conditions the terms of one point hold at most, all together.
pub(crate) const MOST_PARTS: usize = 1_000;

/// How long `wait` and `barrier` wait where their terms do not say.
pub(crate) const DEFAULT_WAIT_LIMIT: Duration = Duration::from_secs(30);

/// What is written for a point: a chain of which the first term that allows, acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Terms {
    /// The terms in the order written; never empty.
    pub chain: Vec<Term>,
}

/// One link of a chain: when it allows, and what it then does.
///
/// The fields are in the order in which they are applied, whatever order they were written in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Term {
    /// What the site's context must look like; empty without `when`.
    pub when: Vec<Condition>,
    /// `after(d)`: allows from `d` after arming.
    pub after: Option<Duration>,
    /// `for(d)`: allows until `d` after arming.
    pub for_: Option<Duration>,
    /// `skip(n)`: does not allow the first `n`; 0 without `skip`.
    pub skip: u64,
    /// `nth(n)` or `every(n)`, counted on what `skip` left.
    pub pick: Pick,
    /// `p%`: allows by chance.
    pub chance: Option<Chance>,
    /// `n*`: at most `n` fires.
    pub times: Option<u64>,
    /// What is done, one after the other; never empty.
    pub steps: Vec<Step>,
}

/// Which of the hits that are left a term takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pick {
    /// All of them.
    All,
    /// Only the n-th, from 1.
    Nth(u64),
    /// The n-th, the 2n-th, and so on.
    Every(u64),
}

/// One comparison of `when`; a missing key does not match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    /// The name of a context value, or `thread`, or `scope`.
    pub key: String,
    /// How the two are compared.
    pub op: Op,
    /// What the context value is compared with, without quotes; a number where `op` orders.
    pub value: String,
}

/// How a [`Condition`] compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    /// `=`, also written `==`.
    Equal,
    /// `!=`.
    NotEqual,
    /// `~`: the value is a glob.
    Glob,
    /// `<`, of numbers: a context value that is no number does not match, here and below.
    Less,
    /// `<=`.
    AtMost,
    /// `>`.
    Greater,
    /// `>=`.
    AtLeast,
}

/// One step of a term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Does nothing and stops the chain.
    Off,
    /// Hands a value to the site; `None` for a bare `return`.
    Return(Option<Value>),
    /// Waits.
    Sleep(Span),
    /// Keeps the processor busy.
    Delay(Span),
    /// Waits until disarmed, re-armed, resumed, or the limit.
    Pause(PauseLimit),
    /// Gives up the time slice.
    Yield,
    /// Writes a line; `None` for the line that needs no text.
    Print(Option<Value>),
    /// Panics; `None` for the message that needs no text.
    Panic(Option<Value>),
    /// Stops in a debugger.
    Break,
    /// Ends the process with this status; 1 where none is written.
    Exit(u8),
    /// Aborts the process.
    Abort,
    /// Kills the process.
    Kill,
    /// Waits until another point has been hit.
    Wait {
        /// The name of that point; a good one.
        point: String,
        /// How many hits are waited for, from 1; 1 where it is not written.
        count: u64,
        /// How long at most; [`DEFAULT_WAIT_LIMIT`] where it is not written.
        limit: Duration,
    },
    /// Waits until enough callers are here.
    Barrier {
        /// How many callers, from 1.
        count: u64,
        /// How long at most; [`DEFAULT_WAIT_LIMIT`] where it is not written.
        limit: Duration,
    },
}

/// How long `pause` holds a caller at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PauseLimit {
    /// Nothing was written: the API it was armed through decides.
    Default,
    /// At most this long.
    Within(Duration),
    /// `never`: no limit.
    Never,
}

/// How long `sleep` and `delay` last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Span {
    /// Always this long.
    Fixed(Duration),
    /// Drawn per hit, both ends included; the first is not above the second.
    Range(Duration, Duration),
}

impl Terms {
    /// Parses terms, all of `text`.
    ///
    /// # Errors
    /// The first place at which `text` leaves the grammar, and what was expected there.
    pub(crate) fn parse(text: &str) -> Result<Terms, ParseError> {
        parse::whole(text).map_err(|expected| expected.within(&text.into()))
    }
}

impl Terms {
    /// How many steps and conditions there are.
    #[cfg_attr(not(feature = "runtime"), allow(dead_code))]
    pub(crate) fn parts(&self) -> usize {
        self.chain.iter().map(Term::parts).sum()
    }
}

impl Term {
    fn parts(&self) -> usize {
        self.steps.len() + self.when.len()
    }
}

impl FromStr for Terms {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Terms, ParseError> {
        Terms::parse(text)
    }
}

impl Op {
    /// Whether it compares numbers.
    pub(crate) fn is_ordering(self) -> bool {
        matches!(self, Op::Less | Op::AtMost | Op::Greater | Op::AtLeast)
    }
}

impl Step {
    /// The word that the action is written with.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Step::Off => "off",
            Step::Return(_) => "return",
            Step::Sleep(_) => "sleep",
            Step::Delay(_) => "delay",
            Step::Pause(_) => "pause",
            Step::Yield => "yield",
            Step::Print(_) => "print",
            Step::Panic(_) => "panic",
            Step::Break => "break",
            Step::Exit(_) => "exit",
            Step::Abort => "abort",
            Step::Kill => "kill",
            Step::Wait { .. } => "wait",
            Step::Barrier { .. } => "barrier",
        }
    }

    /// Whether nothing can come after it: it returns from the site, or it ends the process.
    pub(crate) fn is_last_only(&self) -> bool {
        matches!(self, Step::Return(_) | Step::Panic(_) | Step::Exit(_) | Step::Abort | Step::Kill)
    }
}

/// What the fuzz target asserts of arbitrary text: a refusal can be shown, and what is accepted
/// prints to one line that parses to the same.
///
/// # Panics
/// When that does not hold.
#[doc(hidden)]
pub fn round_trip(text: &str) {
    match Terms::parse(text) {
        Ok(terms) => {
            let printed = terms.to_string();
            assert!(!crate::visible::holds_hidden(&printed), "{printed:?}");
            assert_eq!(Terms::parse(&printed).as_ref(), Ok(&terms), "{printed:?}");
        }
        Err(error) => {
            assert!(text.is_char_boundary(error.offset), "{error:?}");
            assert!(error.to_string().contains('^'), "{error:?}");
        }
    }
}

/// Parses once, for a benchmark; returns whether the text is terms.
#[doc(hidden)]
pub fn parses(text: &str) -> bool {
    Terms::parse(text).is_ok()
}
