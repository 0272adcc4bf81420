//! Which cases does a round have?

use super::nearest::hint;
use super::reader::{Field, Reader, Section};
use super::yaml::Value;
use crate::cases::{Availability, CASES, Case, Fault};
use crate::driver::Abilities;

/// The cases. Without abilities, which a mistake in `driver` hides, names are checked all the same.
pub(super) fn read(
    reader: &mut Reader<'_>,
    top: &Section<'_>,
    abilities: Option<&Abilities>,
) -> Vec<&'static Case> {
    let external = top.has("external");
    let mut chosen: Vec<&'static Case> = Vec::new();
    match top.field("cases") {
        Some(field) if !is_all(&field) => {
            for entry in reader.entries(&field) {
                for case in named(reader, &entry, abilities, external) {
                    if chosen.contains(&case) {
                        if !is_pattern(&entry) {
                            let message = format!("the case `{}` is already chosen", case.name);
                            reader.mistake(entry.node.at, message);
                        }
                        continue;
                    }
                    chosen.push(case);
                }
            }
        }
        _ => chosen.extend(CASES.iter().filter(|case| runs(case, abilities, external).is_ok())),
    }
    if let Some(field) = top.field("except") {
        for entry in reader.entries(&field) {
            let Some(text) = reader.text(&entry) else { continue };
            let matches = |case: &&'static Case| matches(&text, case.name);
            if !CASES.iter().any(|case| matches(&case)) {
                unknown(reader, &entry, &text);
            }
            chosen.retain(|case| !matches(case));
        }
        if chosen.is_empty() && abilities.is_some() {
            reader.mistake(field.node.at, "`except` leaves no case");
        }
    }
    chosen
}

/// Whether a case can be run on this subject, or the reason why not.
fn runs(case: &Case, abilities: Option<&Abilities>, external: bool) -> Result<(), String> {
    if case.fault == Fault::External && !external {
        return Err("the configuration has no `external` program".to_owned());
    }
    match abilities.map(|abilities| case.availability(abilities)) {
        Some(Availability::NotApplicable(reason) | Availability::NotAvailable(reason)) => {
            Err(reason)
        }
        Some(Availability::Available) | None => Ok(()),
    }
}

fn is_all(field: &Field<'_>) -> bool {
    matches!(&field.node.value, Value::Text(text) if text == "all")
}

fn is_pattern(field: &Field<'_>) -> bool {
    matches!(&field.node.value, Value::Text(text) if text.contains('*'))
}

/// The cases that an entry stands for.
fn named(
    reader: &mut Reader<'_>,
    entry: &Field<'_>,
    abilities: Option<&Abilities>,
    external: bool,
) -> Vec<&'static Case> {
    let Some(text) = reader.text(entry) else { return Vec::new() };
    let all: Vec<&'static Case> = CASES.iter().filter(|case| matches(&text, case.name)).collect();
    let Some(first) = all.first() else {
        unknown(reader, entry, &text);
        return Vec::new();
    };
    let first = runs(first, abilities, external);
    let running: Vec<&'static Case> =
        all.into_iter().filter(|case| runs(case, abilities, external).is_ok()).collect();
    if let (Err(reason), []) = (first, running.as_slice()) {
        let message = if is_pattern(entry) {
            format!("no case `{text}` can be run here: {reason}")
        } else {
            format!("the case `{text}` cannot be run here: {reason}")
        };
        reader.mistake(entry.node.at, message);
    }
    running
}

fn unknown(reader: &mut Reader<'_>, entry: &Field<'_>, text: &str) {
    let close = match hint(text, CASES.iter().map(|case| case.name)) {
        close if close.is_empty() => "; `failpoint-tester cases` lists them".to_owned(),
        close => close,
    };
    let what = if text.contains('*') { "no case fits" } else { "unknown case" };
    let _: Option<()> = {
        reader.mistake(entry.node.at, format!("{what} `{text}`{close}"));
        None
    };
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
