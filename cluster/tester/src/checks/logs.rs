//! LOGS: does a member's log show trouble that the tester did not cause?
//!
//! A line that a pattern matches is trouble. It is excused where the tester caused it: a panic
//! that names a point which was armed on this member at that time, or the dump of a process to
//! which the tester sent SIGQUIT. Every other one counts, also beside an excused one. Rust prints
//! the message of a panic on the line after the place, so that line may name the point as well.

use std::fmt::{self, Display, Formatter};

use regex::RegexSet;

/// The default patterns: what Go and Rust programs print when they panic or give up, the detectors
/// of data races, the sanitizers, and C's `assert`.
///
/// What Go prints is no part of a line of JSON or of a quoted text: a server may log the panic of
/// another program.
pub const PATTERNS: [&str; 8] = [
    r#"^[^{"]*\bpanic: "#,
    r#"^[^{"]*\bfatal error: "#,
    r#"^[^{"]*\bSIG(ABRT|BUS|FPE|ILL|QUIT|SEGV|SYS|TRAP): "#,
    r"\bpanicked at \S",
    r"\bfatal runtime error: ",
    r"\bWARNING: DATA RACE\b",
    r"\b(ERROR|WARNING): (Address|Leak|Memory|Thread)Sanitizer\b",
    r"\bAssertion .* failed\.",
];

/// Patterns, compiled.
#[derive(Clone, Debug)]
pub struct Patterns(RegexSet);

/// A pattern that is no regular expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    /// The pattern.
    pub pattern: String,
    /// What is wrong with it.
    pub message: String,
}

impl Display for PatternError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no regular expression: {}", self.pattern, self.message)
    }
}

impl std::error::Error for PatternError {}

impl Patterns {
    /// Compiles regular expressions of the [crate `regex`](https://docs.rs/regex/1/regex/#syntax).
    ///
    /// # Errors
    /// The first one that is not a regular expression.
    pub fn new<P: AsRef<str>>(patterns: &[P]) -> Result<Self, PatternError> {
        if let Ok(set) = RegexSet::new(patterns) {
            return Ok(Self(set));
        }
        // The error of a set does not say which pattern it is about.
        for pattern in patterns.iter().map(AsRef::as_ref) {
            if let Err(error) = regex::Regex::new(pattern) {
                let text = error.to_string();
                let message = text.lines().last().unwrap_or_default();
                let message = message.strip_prefix("error: ").unwrap_or(message).to_owned();
                return Err(PatternError { pattern: pattern.to_owned(), message });
            }
        }
        let message = "together they are too large".to_owned();
        let pattern = patterns.first().map_or(String::new(), |first| first.as_ref().to_owned());
        Err(PatternError { pattern, message })
    }

    /// The first pattern that matches a line.
    #[must_use]
    pub fn matching(&self, line: &str) -> Option<&str> {
        let first = self.0.matches(line).iter().next()?;
        Some(&self.0.patterns()[first])
    }
}

impl Default for Patterns {
    /// [`PATTERNS`].
    fn default() -> Self {
        Self::new(&PATTERNS).expect("the patterns are constant")
    }
}

/// A line of a member's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// The member.
    pub member: String,
    /// Its place in the log; the first is 1.
    pub number: usize,
    /// When it was read, by the clock of the tester.
    pub time: u64,
    /// The text.
    pub text: String,
}

/// Something that the tester did to a member, from `start` to `end` by its clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The member.
    pub member: String,
    /// When it began.
    pub start: u64,
    /// The last moment at which its traces may be in the log.
    pub end: u64,
    /// What a line must contain to be a trace of it: the name of the point, or `SIGQUIT`.
    pub trace: String,
}

/// A line that nothing excuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The line.
    pub line: LogLine,
    /// The pattern that matches it.
    pub pattern: String,
}

impl Display for Trouble {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let LogLine { member, number, text, .. } = &self.line;
        write!(f, "line {number} of the log of {member} matches {}: {text}", self.pattern)
    }
}

/// Checks the lines of all members, those of one member in their order. The first line that counts is reported.
///
/// # Errors
/// That line.
///
/// ```
/// use failpoint_tester::checks::logs::{Cause, LogLine, Patterns, check};
///
/// let armed = Cause { member: "m1".into(), start: 10, end: 20, trace: "raftAfterSave".into() };
/// let line = |time, text: &str| LogLine { member: "m1".into(), number: 7, time, text: text.into() };
/// let ours = line(15, "panic: failpoint panic: raftAfterSave");
/// assert_eq!(check([&ours], &Patterns::default(), &[armed.clone()]), Ok(()));
///
/// let theirs = line(16, "panic: index out of range");
/// let trouble = check([&ours, &theirs], &Patterns::default(), &[armed]).unwrap_err();
/// assert_eq!(trouble.line, theirs);
/// ```
pub fn check<'a>(
    lines: impl IntoIterator<Item = &'a LogLine>,
    patterns: &Patterns,
    causes: &[Cause],
) -> Result<(), Box<Trouble>> {
    let lines: Vec<&LogLine> = lines.into_iter().collect();
    for (index, line) in lines.iter().enumerate() {
        let Some(pattern) = patterns.matching(&line.text) else { continue };
        let next = lines[index + 1..].iter().find(|next| next.member == line.member);
        let message = next.filter(|next| patterns.matching(&next.text).is_none());
        let excused = causes.iter().any(|cause| {
            cause.member == line.member
                && (cause.start..=cause.end).contains(&line.time)
                && (names(&line.text, &cause.trace)
                    || message.is_some_and(|message| names(&message.text, &cause.trace)))
        });
        if !excused {
            let (line, pattern) = ((*line).clone(), pattern.to_owned());
            return Err(Box::new(Trouble { line, pattern }));
        }
    }
    Ok(())
}

/// Whether a text contains a trace as a whole: the point `save` is not named by `saveSnapshot`.
fn names(text: &str, trace: &str) -> bool {
    let part = |other: Option<char>| {
        other.is_some_and(|other| other.is_ascii_alphanumeric() || other == '_')
    };
    text.match_indices(trace).any(|(start, found)| {
        !part(text[..start].chars().next_back())
            && !part(text[start + found.len()..].chars().next())
    })
}

/// The lines of the same log around trouble: the line itself, which starts with `> `, and at most
/// `lines` before it and behind it.
#[must_use]
pub fn around<'a>(
    log: impl IntoIterator<Item = &'a LogLine>,
    trouble: &Trouble,
    lines: usize,
) -> Vec<String> {
    let LogLine { member, number, .. } = &trouble.line;
    log.into_iter()
        .filter(|line| line.member == *member && line.number.abs_diff(*number) <= lines)
        .map(|line| format!("{} {}", if line.number == *number { ">" } else { " " }, line.text))
        .collect()
}
