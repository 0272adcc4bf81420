//! LOGS: does a member's log show trouble that the tester did not cause?
//!
//! A line that contains a pattern is trouble. It is excused where the tester caused it: a panic
//! that names a point which was armed on this member at that time, or the dump of a process to
//! which the tester sent SIGQUIT. Every other one counts, also beside an excused one. Rust prints
//! the message of a panic on the line after the place, so that line may name the point as well.

use std::fmt::{self, Display, Formatter};

/// What Go and Rust programs print when they panic, and Go's race detector.
pub const PATTERNS: [&str; 4] = ["panic:", "panicked at", "fatal error:", "WARNING: DATA RACE"];

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
    /// The pattern that it contains.
    pub pattern: String,
}

impl Display for Trouble {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let LogLine { member, number, text, .. } = &self.line;
        write!(f, "the log of {member} has {:?} in line {number}: {text}", self.pattern)
    }
}

/// Checks the lines of all members, those of one member in their order. The first line that counts is reported.
///
/// # Errors
/// That line.
///
/// ```
/// use failpoint_tester::checks::logs::{Cause, LogLine, PATTERNS, check};
///
/// let armed = Cause { member: "m1".into(), start: 10, end: 20, trace: "raftAfterSave".into() };
/// let line = |time, text: &str| LogLine { member: "m1".into(), number: 7, time, text: text.into() };
/// let ours = line(15, "panic: failpoint panic: raftAfterSave");
/// assert_eq!(check([&ours], &PATTERNS, &[armed.clone()]), Ok(()));
///
/// let theirs = line(16, "panic: index out of range");
/// let trouble = check([&ours, &theirs], &PATTERNS, &[armed]).unwrap_err();
/// assert_eq!(
///     trouble.to_string(),
///     "the log of m1 has \"panic:\" in line 7: panic: index out of range"
/// );
/// ```
pub fn check<'a>(
    lines: impl IntoIterator<Item = &'a LogLine>,
    patterns: &[&str],
    causes: &[Cause],
) -> Result<(), Box<Trouble>> {
    let lines: Vec<&LogLine> = lines.into_iter().collect();
    let pattern_of = |line: &LogLine| patterns.iter().find(|pattern| line.text.contains(**pattern));
    for (index, line) in lines.iter().enumerate() {
        let Some(pattern) = pattern_of(line) else { continue };
        let next = lines[index + 1..].iter().find(|next| next.member == line.member);
        let message = next.filter(|next| pattern_of(next).is_none());
        let excused = causes.iter().any(|cause| {
            cause.member == line.member
                && (cause.start..=cause.end).contains(&line.time)
                && (line.text.contains(&cause.trace)
                    || message.is_some_and(|message| message.text.contains(&cause.trace)))
        });
        if !excused {
            let (line, pattern) = ((*line).clone(), (*pattern).to_owned());
            return Err(Box::new(Trouble { line, pattern }));
        }
    }
    Ok(())
}
