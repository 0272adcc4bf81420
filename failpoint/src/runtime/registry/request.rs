//! What is to be armed, and what happens to an unknown name.

use crate::error::Error;
use crate::runtime::plan::{Behavior, Callback};
use crate::runtime::sync::Arc;
use crate::terms::config::{self, Binding};
use crate::terms::{self, Term, Terms};

/// One point to arm.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) name: String,
    pub(crate) behavior: Behavior,
    pub(crate) text: Arc<str>,
    pub(crate) unknown: Unknown,
}

/// What becomes of a name that no site has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    Refused,
    /// Armed all the same: asked for on purpose.
    Armed,
    /// Kept until such a site registers.
    Pending,
}

impl Request {
    pub(crate) fn new(name: String, terms: Terms, text: &str, unknown: Unknown) -> Self {
        let text = text.trim();
        // Shown on one line, so what was written over several is shown as it is printed.
        let text: Arc<str> =
            if terms::holds_line_end(text) { terms.to_string().into() } else { text.into() };
        Self { name, behavior: Behavior::Terms(Arc::new(terms)), text, unknown }
    }

    /// The request to arm `name` with `text`.
    pub(crate) fn parse(name: &str, text: &str, unknown: Unknown) -> Result<Self, Error> {
        let terms = Terms::parse(text)?;
        Ok(Self::new(name.to_owned(), terms, text, unknown))
    }

    /// The requests of a whole config, and all that is wrong with its text.
    pub(crate) fn parse_config(text: &str, unknown: Unknown) -> (Vec<Self>, Vec<Error>) {
        let Ok((bindings, faults)) = config::read_config(text) else {
            return (Vec::new(), vec![Error::TooLarge { most: config::MOST_PARTS }]);
        };
        let request =
            |binding: Binding| Self::new(binding.name, binding.terms, &binding.text, unknown);
        let errors = faults.into_iter().map(|fault| fault.error.into());
        (bindings.into_iter().map(request).collect(), errors.collect())
    }

    /// The request to ask `callback` at every hit of `name`.
    pub(crate) fn callback(name: &str, callback: Arc<Callback>, unknown: Unknown) -> Self {
        let (behavior, text) = (Behavior::Callback(callback), "callback".into());
        Self { name: name.to_owned(), behavior, text, unknown }
    }

    /// None for a callback.
    pub(super) fn terms(&self) -> Option<&Terms> {
        match &self.behavior {
            Behavior::Terms(terms) => Some(terms),
            Behavior::Callback(_) => None,
        }
    }

    /// One that only names a point, whose terms are bad.
    pub(crate) fn of_name(name: &str, unknown: Unknown) -> Self {
        let behavior = Behavior::Terms(Arc::new(Terms { chain: Vec::new() }));
        Self { name: name.to_owned(), behavior, text: "".into(), unknown }
    }

    /// The same for another point.
    pub(crate) fn at(&self, name: &str, unknown: Unknown) -> Self {
        Self { name: name.to_owned(), unknown, ..self.clone() }
    }

    /// What it counts for in a change: see [`config::MOST_PARTS`].
    pub(crate) fn parts(&self) -> usize {
        self.terms().map_or(1, Terms::parts)
    }

    /// The terms, one after the other; none for a callback.
    pub(crate) fn chain(&self) -> &[Term] {
        self.terms().map_or(&[], |terms| &terms.chain)
    }

    /// The points that `wait` steps name, each once.
    pub(super) fn targets(&self) -> Vec<&str> {
        let mut targets: Vec<&str> =
            self.chain().iter().flat_map(Term::waits).map(String::as_str).collect();
        targets.sort_unstable();
        targets.dedup();
        targets
    }
}
