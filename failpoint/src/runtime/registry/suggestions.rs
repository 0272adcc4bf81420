//! The names nearest to one that no point has.
//!
//! The search compares every name, letter by letter: hold no lock.

use super::control::Control;
use crate::error::Error;
use crate::runtime::point_name::Name;
use crate::runtime::sync::MutexGuard;

/// For how many names of one request; who asks for more has something else wrong.
const SUGGESTED_FOR: usize = 8;
/// How many names are suggested: more would not be read.
const SHOWN: usize = 3;
/// Below this the names have nothing to do with each other.
const ALIKE: f64 = 0.75;
/// A longer name is like none in the source, and would take its length to compare with each.
const LONGEST: usize = 256;

/// The names that may have been meant.
pub(super) struct Suggestions {
    names: Vec<Name>,
    /// Those in lower case, once they are asked for.
    lower: Vec<String>,
    asked: usize,
}

/// The refusal for one name that was not found under the lock, which is given up first.
pub(super) fn unknown(control: MutexGuard<'_, Control>, name: &str) -> Error {
    let names = control.names();
    drop(control);
    Suggestions::among(names).refuse(name)
}

impl Suggestions {
    /// Suggests from `names`.
    pub(super) fn among(names: Vec<Name>) -> Self {
        Self { names, lower: Vec::new(), asked: 0 }
    }

    /// The refusal for `name`, with the names most like it.
    pub(super) fn refuse(&mut self, name: &str) -> Error {
        self.asked += 1;
        let suggests = self.asked <= SUGGESTED_FOR && name.len() <= LONGEST;
        let nearest = if suggests { self.nearest(name) } else { Vec::new() };
        Error::UnknownPoint { name: name.to_owned(), nearest }
    }

    fn nearest(&mut self, name: &str) -> Vec<String> {
        if self.lower.is_empty() {
            self.lower = self.names.iter().map(|name| name.to_ascii_lowercase()).collect();
        }
        let name = name.to_ascii_lowercase();
        let mut nearest: Vec<(f64, &Name)> = Vec::with_capacity(SHOWN + 1);
        for (lower, candidate) in self.lower.iter().zip(&self.names) {
            let likeness = strsim::jaro_winkler(&name, lower);
            if likeness >= ALIKE {
                // Of those that are alike as much the first by name stays first.
                let at = nearest.partition_point(|(other, _)| *other >= likeness);
                nearest.insert(at, (likeness, candidate));
                nearest.truncate(SHOWN);
            }
        }
        nearest.into_iter().map(|(_, name)| str::to_owned(name)).collect()
    }
}
