//! What may a callback see, and what may it ask for?

use std::fmt;
use std::io;
use std::time::Duration;

/// One hit, as a callback armed with [`arm_with`](crate::arm_with) sees it.
pub struct Hit<'a> {
    point: &'a str,
    number: u64,
    facts: &'a dyn Fn(&str) -> Option<String>,
}

impl<'a> Hit<'a> {
    #[cfg(feature = "runtime")]
    pub(crate) fn new(
        point: &'a str,
        number: u64,
        facts: &'a dyn Fn(&str) -> Option<String>,
    ) -> Self {
        Self { point, number, facts }
    }

    /// The point.
    pub fn point(&self) -> &str {
        self.point
    }

    /// The number of the hit since the arming, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The value that the site passes under `key`, as text; `thread` and `scope` are built in.
    pub fn get(&self, key: &str) -> Option<String> {
        (self.facts)(key)
    }
}

impl fmt::Debug for Hit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hit").field("point", &self.point).field("number", &self.number).finish()
    }
}

/// What a callback asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Nothing: a hit and no fire.
    Pass,
    /// Nothing, but a fire, as `off` is.
    Off,
    /// Hands this to the site, as `return(TEXT)` does; `None` as a bare `return`.
    Return(Option<String>),
    /// Waits, the thread or the task.
    Sleep(Duration),
    /// Panics, with this text.
    Panic(Option<String>),
}

impl Action {
    /// Hands `value` to the site.
    ///
    /// ```
    /// use failpoint::Action;
    /// assert_eq!(Action::value(5), Action::Return(Some("5".to_owned())));
    /// ```
    pub fn value(value: impl fmt::Display) -> Self {
        Action::Return(Some(value.to_string()))
    }

    /// Hands an error of this kind to a site that makes an [`io::Error`] of it.
    ///
    /// ```
    /// use failpoint::Action;
    /// use std::io::ErrorKind;
    /// assert_eq!(Action::error(ErrorKind::TimedOut), Action::value("TimedOut"));
    /// ```
    pub fn error(kind: io::ErrorKind) -> Self {
        Action::value(format_args!("{kind:?}"))
    }
}
