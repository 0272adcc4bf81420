//! Which cases does a round have?

use super::nearest::hint;
use super::reader::{Reader, Section};
use super::types::Config;
use super::yaml::Value;
use crate::cases::{Availability, CASES, Case, Fault};
use crate::driver::Abilities;

/// What cases need of a subject.
#[derive(Clone, Copy)]
struct Subject<'a> {
    /// `None`: a mistake in `driver` hides them. Names are checked all the same.
    abilities: Option<&'a Abilities>,
    /// Whether there is a program of EXTERNAL.
    external: bool,
}

/// The cases. Without abilities, which a mistake in `driver` hides, names are checked all the same.
pub(super) fn read(
    reader: &mut Reader<'_>,
    top: &Section<'_>,
    abilities: Option<&Abilities>,
) -> Vec<&'static Case> {
    let subject = Subject { abilities, external: top.has("external") };
    let mut chosen: Vec<&'static Case> = Vec::new();
    match top.field("cases") {
        Some(field) if !matches!(&field.node.value, Value::Text(text) if text == ALL) => {
            for entry in reader.entries(&field) {
                let Some(text) = reader.text(&entry) else { continue };
                if let Err(message) = subject.choose(&mut chosen, &text) {
                    reader.mistake(entry.node.at, message);
                }
            }
        }
        _ => chosen = subject.all(),
    }
    if let Some(field) = top.field("except") {
        for entry in reader.entries(&field) {
            let Some(text) = reader.text(&entry) else { continue };
            let matches = |case: &&'static Case| matches(&text, case.name);
            if !CASES.iter().any(|case| matches(&case)) {
                reader.mistake(entry.node.at, unknown(&text));
            }
            chosen.retain(|case| !matches(case));
        }
        if chosen.is_empty() && abilities.is_some() {
            reader.mistake(field.node.at, "`except` leaves no case");
        }
    }
    chosen
}

/// All cases that can be run.
const ALL: &str = "all";

impl Config {
    /// Takes these cases instead of those of the file, in this order: `all`, or names and patterns as
    /// in a list of `cases`. What the file leaves out with `except` can be chosen again.
    ///
    /// # Errors
    /// All mistakes, one a line: a name that no case has, a case that this subject cannot be put
    /// through, or one that is named twice.
    pub fn choose_cases<T: AsRef<str>>(&mut self, entries: &[T]) -> Result<(), String> {
        let abilities = self.abilities();
        let subject = Subject { abilities: Some(&abilities), external: self.external.is_some() };
        let mut chosen = Vec::new();
        let mut mistakes = Vec::new();
        match entries {
            [all] if all.as_ref() == ALL => chosen = subject.all(),
            _ => mistakes.extend(
                entries
                    .iter()
                    .filter_map(|entry| subject.choose(&mut chosen, entry.as_ref()).err()),
            ),
        }
        if mistakes.is_empty() {
            self.cases = chosen;
            self.shuffle = false;
            return Ok(());
        }
        Err(mistakes.join("\n"))
    }
}

impl Subject<'_> {
    /// Whether a case can be run, or the reason why not.
    fn runs(self, case: &Case) -> Result<(), String> {
        if case.fault == Fault::External && !self.external {
            return Err("the configuration has no `external` program".to_owned());
        }
        match self.abilities.map(|abilities| case.availability(abilities)) {
            Some(Availability::NotApplicable(reason) | Availability::NotAvailable(reason)) => {
                Err(reason)
            }
            Some(Availability::Available) | None => Ok(()),
        }
    }

    /// All that can be run.
    fn all(self) -> Vec<&'static Case> {
        CASES.iter().filter(|case| self.runs(case).is_ok()).collect()
    }

    /// Adds the cases for which an entry stands.
    fn choose(self, chosen: &mut Vec<&'static Case>, entry: &str) -> Result<(), String> {
        let is_pattern = entry.contains('*');
        let mut first_reason = None;
        let (mut fits, mut runs) = (false, false);
        for case in CASES.iter().filter(|case| matches(entry, case.name)) {
            fits = true;
            if let Err(reason) = self.runs(case) {
                first_reason.get_or_insert(reason);
                continue;
            }
            runs = true;
            if !chosen.contains(&case) {
                chosen.push(case);
            } else if !is_pattern {
                return Err(format!("the case `{}` is already chosen", case.name));
            }
        }
        match first_reason {
            _ if !fits => Err(unknown(entry)),
            Some(reason) if !runs && is_pattern => {
                Err(format!("no case `{entry}` can be run here: {reason}"))
            }
            Some(reason) if !runs => {
                Err(format!("the case `{entry}` cannot be run here: {reason}"))
            }
            _ => Ok(()),
        }
    }
}

/// What is said of an entry that no case fits.
fn unknown(entry: &str) -> String {
    let close = match hint(entry, CASES.iter().map(|case| case.name)) {
        close if close.is_empty() => "; `failpoint-tester cases` lists them".to_owned(),
        close => close,
    };
    let what = if entry.contains('*') { "no case fits" } else { "unknown case" };
    format!("{what} `{entry}`{close}")
}

/// Whether a name fits a pattern, in which `*` stands for any characters.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, name, fits) in [
            ("A", "A", true),
            ("A", "AB", false),
            ("A*", "AB", true),
            ("*B", "AB", true),
            ("A*C", "ABC", true),
            ("A*C*", "ABCD", true),
            ("A*A", "A", false),
            ("*", "", true),
            ("", "A", false),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }
}
