//! Whether the context of a site matches a `when`.
//!
//! What is compared is rendered as it is compared, into no text of its own where that can be
//! avoided.

use crate::runtime::sync::Arc;
use crate::terms::{Condition, Op, compare_numbers};
use std::cell::{Cell, OnceCell};
use std::cmp::Ordering;
use std::fmt::{self, Display, Write};
use std::thread::{self, Thread};
use wildmatch::WildMatch;

/// What a filter may ask of an evaluation: a key of the site's context, `thread`, or `scope`. What
/// there is under the key is shown to the second.
pub(crate) type Facts<'a> = &'a dyn Fn(&str, &mut dyn FnMut(&dyn Display));

/// What there is under `key`, as text.
pub(crate) fn fact(facts: Facts<'_>, key: &str) -> Option<String> {
    let mut found = None;
    facts(key, &mut |fact| found = Some(fact.to_string()));
    found
}

/// The conditions of one term; all have to hold.
#[derive(Debug)]
pub(crate) struct Filter {
    tests: Vec<Test>,
}

/// A condition, ready to be asked.
#[derive(Debug)]
struct Test {
    key: String,
    expected: Expected,
}

#[derive(Debug)]
enum Expected {
    Equal(String),
    NotEqual(String),
    Like(WildMatch),
    /// How it has to compare with a number.
    Ordered(fn(Ordering) -> bool, String),
}

impl Filter {
    pub(crate) fn new(conditions: &[Condition]) -> Self {
        Self { tests: conditions.iter().map(Test::new).collect() }
    }

    /// Whether it lets every evaluation through.
    pub(crate) fn is_empty(&self) -> bool {
        self.tests.is_empty()
    }

    /// Whether it lets an evaluation through. Renders the user's values: hold no lock.
    #[inline]
    pub(crate) fn admits(&self, facts: Facts<'_>) -> bool {
        self.tests.is_empty() || self.all_hold(facts)
    }

    #[inline(never)]
    fn all_hold(&self, facts: Facts<'_>) -> bool {
        self.tests.iter().all(|test| test.holds(facts))
    }
}

impl Test {
    fn new(condition: &Condition) -> Self {
        let value = condition.value.clone();
        let expected = match condition.op {
            Op::Equal => Expected::Equal(value),
            Op::NotEqual => Expected::NotEqual(value),
            Op::Glob => Expected::Like(WildMatch::new(&value)),
            Op::Less => Expected::Ordered(Ordering::is_lt, value),
            Op::AtMost => Expected::Ordered(Ordering::is_le, value),
            Op::Greater => Expected::Ordered(Ordering::is_gt, value),
            Op::AtLeast => Expected::Ordered(Ordering::is_ge, value),
        };
        Self { key: condition.key.clone(), expected }
    }

    /// A key that the site does not pass fits nothing.
    fn holds(&self, facts: Facts<'_>) -> bool {
        let mut holds = false;
        facts(&self.key, &mut |fact| {
            holds = match &self.expected {
                Expected::Equal(value) => is_shown_as(fact, value),
                Expected::NotEqual(value) => !is_shown_as(fact, value),
                Expected::Like(pattern) => with_text(fact, |text| pattern.matches(text)),
                Expected::Ordered(holds, number) => {
                    with_text(fact, |text| compare_numbers(text, number).is_some_and(holds))
                }
            };
        });
        holds
    }
}

/// Whether `fact` is rendered as `text`.
fn is_shown_as(fact: &dyn Display, text: &str) -> bool {
    /// What of the text was not rendered yet.
    struct Rest<'a>(&'a str);

    impl Write for Rest<'_> {
        fn write_str(&mut self, part: &str) -> fmt::Result {
            self.0 = self.0.strip_prefix(part).ok_or(fmt::Error)?;
            Ok(())
        }
    }

    let mut rest = Rest(text);
    write!(rest, "{fact}").is_ok() && rest.0.is_empty()
}

/// Renders `fact` into a text that this thread keeps for the next one.
fn with_text<R>(fact: &dyn Display, look: impl FnOnce(&str) -> R) -> R {
    thread_local! {
        static KEPT: Cell<String> = const { Cell::new(String::new()) };
    }
    // Taken, not borrowed: rendering is the user's code.
    let mut text = KEPT.try_with(Cell::take).unwrap_or_default();
    text.clear();
    // What is written before an error is what `to_string` would not give either.
    let rendered = write!(text, "{fact}");
    let result = look(if rendered.is_ok() { &text } else { "" });
    let _ = KEPT.try_with(|kept| kept.set(text));
    result
}

/// This thread, shown by its name, or by its id where it has none.
pub(crate) struct ThisThread(Option<Thread>);

impl ThisThread {
    pub(crate) fn get() -> Self {
        thread_local! {
            static THIS: OnceCell<Thread> = const { OnceCell::new() };
        }
        // Kept, because `thread::current` panics at the very end of a thread, when its last memory is
        // given back to an allocator. This is gone before then.
        Self(THIS.try_with(|this| this.get_or_init(thread::current).clone()).ok())
    }
}

/// Shows `look` how this thread is shown, as a text that the thread keeps.
pub(crate) fn with_thread_name<R>(look: impl FnOnce(&Arc<str>) -> R) -> R {
    thread_local! {
        static NAME: OnceCell<Arc<str>> = const { OnceCell::new() };
    }
    let made = || Arc::from(ThisThread::get().to_string());
    let mut look = Some(look);
    let mut show = |name: &Arc<str>| look.take().map(|look| look(name));
    let shown = NAME.try_with(|name| show(name.get_or_init(made))).ok().flatten();
    match shown {
        Some(result) => result,
        None => show(&made()).expect("it was shown nothing yet"),
    }
}

impl Display for ThisThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(thread) = &self.0 else { return f.write_str("a thread at its end") };
        match thread.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{:?}", thread.id()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shown in parts.
    struct Parts(&'static [&'static str]);

    impl Display for Parts {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.iter().try_for_each(|part| f.write_str(part))
        }
    }

    #[test]
    fn compares_what_is_rendered() {
        let facts = |key: &str, look: &mut dyn FnMut(&dyn Display)| match key {
            "key" => look(&Parts(&["ten", "", "ant"])),
            "offset" => look(&Parts(&["-40", "96", ".5"])),
            "no-number" => look(&f64::NAN),
            _ => {}
        };
        for (key, op, value, admits) in [
            ("key", Op::Equal, "tenant", true),
            ("key", Op::Equal, "tenan", false),
            ("key", Op::Equal, "tenants", false),
            ("key", Op::Equal, "ten", false),
            ("key", Op::Equal, "", false),
            ("key", Op::NotEqual, "tenant", false),
            ("key", Op::NotEqual, "ten", true),
            ("key", Op::Glob, "t*nt", true),
            ("key", Op::Glob, "t?nt", false),
            ("other", Op::Equal, "tenant", false),
            ("other", Op::NotEqual, "tenant", false),
            ("other", Op::Glob, "*", false),
            ("offset", Op::Less, "-4096", true),
            ("offset", Op::Less, "-4096.50", false),
            ("offset", Op::AtMost, "-4096.50", true),
            ("offset", Op::AtMost, "-4096.51", false),
            ("offset", Op::Greater, "-4096.51", true),
            ("offset", Op::Greater, "-4096.5", false),
            ("offset", Op::AtLeast, "-4096.5", true),
            ("offset", Op::AtLeast, "0", false),
            ("key", Op::Less, "0", false),
            ("key", Op::AtLeast, "0", false),
            ("no-number", Op::Less, "0", false),
            ("no-number", Op::AtLeast, "0", false),
            ("other", Op::Less, "0", false),
            ("other", Op::AtLeast, "0", false),
        ] {
            let condition = Condition { key: key.to_owned(), op, value: value.to_owned() };
            let filter = Filter::new(std::slice::from_ref(&condition));
            assert_eq!(filter.admits(&facts), admits, "{condition:?}");
        }
    }
}
