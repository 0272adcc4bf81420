//! How terms are printed, in their canonical form.
//!
//! Canonically: modifiers in the order in which they are asked, what is a default left out,
//! durations in the largest unit that fits, and all on one line that holds no hidden character. It
//! parses to equal terms.

use std::fmt::{self, Display, Formatter, Write as _};
use std::time::Duration;

use super::duration::Canonical;
use super::literal::quoted;
use super::{Condition, DEFAULT_WAIT_LIMIT, Op, PauseLimit, Pick, Span, Step, Term, Terms, Value};
use crate::visible::holds_hidden;

impl Display for Terms {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        separated(f, "->", &self.chain)
    }
}

impl Display for Term {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.when.is_empty() {
            f.write_str("when(")?;
            separated(f, ", ", &self.when)?;
            f.write_str("):")?;
        }
        if let Some(after) = self.after {
            write!(f, "after({}):", Canonical(after))?;
        }
        if let Some(for_) = self.for_ {
            write!(f, "for({}):", Canonical(for_))?;
        }
        if self.skip > 0 {
            write!(f, "skip({}):", self.skip)?;
        }
        match self.pick {
            Pick::All => {}
            Pick::Nth(n) => write!(f, "nth({n}):")?,
            Pick::Every(n) => write!(f, "every({n}):")?,
        }
        if let Some(chance) = self.chance {
            write!(f, "{chance}%")?;
        }
        if let Some(times) = self.times {
            write!(f, "{times}*")?;
        }
        separated(f, "&", &self.steps)
    }
}

impl Display for Condition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        // Narrower than the grammar: what looks like an operator, a list or an argument that
        // goes on is easier to read in quotes.
        let is_plain = |c: char| c.is_alphanumeric() || "_-.:/*?@+".contains(c);
        write!(f, "{}{}", self.key, self.op)?;
        if !self.value.is_empty() && self.value.chars().all(is_plain) {
            f.write_str(&self.value)
        } else {
            f.write_str(&quoted(&self.value))
        }
    }
}

impl Display for Op {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Op::Equal => "=",
            Op::NotEqual => "!=",
            Op::Glob => "~",
            Op::Less => "<",
            Op::AtMost => "<=",
            Op::Greater => ">",
            Op::AtLeast => ">=",
        })
    }
}

impl Display for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        match self {
            Step::Off | Step::Yield | Step::Break | Step::Abort | Step::Kill => Ok(()),
            Step::Return(None) | Step::Print(None) | Step::Panic(None) => Ok(()),
            Step::Return(Some(value)) => write!(f, "({value})"),
            // `print()` is `print`: text that is there and empty needs its quotes.
            Step::Print(Some(text)) | Step::Panic(Some(text)) if text.raw().is_empty() => {
                f.write_str("(\"\")")
            }
            Step::Print(Some(text)) | Step::Panic(Some(text)) => write!(f, "({text})"),
            Step::Sleep(span) | Step::Delay(span) => write!(f, "({span})"),
            Step::Pause(PauseLimit::Default) | Step::Exit(1) => Ok(()),
            Step::Pause(PauseLimit::Within(limit)) => write!(f, "({})", Canonical(*limit)),
            Step::Pause(PauseLimit::Never) => f.write_str("(never)"),
            Step::Exit(status) => write!(f, "({status})"),
            Step::Wait { point, count, limit } => {
                write!(f, "({point}")?;
                if *count != 1 || *limit != DEFAULT_WAIT_LIMIT {
                    write!(f, ", {count}")?;
                }
                end_with_limit(f, *limit)
            }
            Step::Barrier { count, limit } => {
                write!(f, "({count}")?;
                end_with_limit(f, *limit)
            }
        }
    }
}

impl Display for Span {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            Span::Fixed(duration) => write!(f, "{}", Canonical(duration)),
            Span::Range(low, high) => write!(f, "{}..{}", Canonical(low), Canonical(high)),
        }
    }
}

/// The text as it was written; where that holds a hidden character, the content in quotes.
impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if holds_hidden(self.raw()) {
            f.write_str(&quoted(self.content()))
        } else {
            f.write_str(self.raw())
        }
    }
}

fn end_with_limit(f: &mut Formatter<'_>, limit: Duration) -> fmt::Result {
    if limit != DEFAULT_WAIT_LIMIT {
        write!(f, ", {}", Canonical(limit))?;
    }
    f.write_char(')')
}

fn separated(f: &mut Formatter<'_>, separator: &str, items: &[impl Display]) -> fmt::Result {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            f.write_str(separator)?;
        }
        item.fmt(f)?;
    }
    Ok(())
}
