//! Whether a site can take a returned value and passes the keys of a `when`.
//!
//! This calls the user's `FromTerm`: hold no lock.

use crate::error::Error;
use crate::runtime::log::{self, Level};
use crate::runtime::site::Site;
use crate::terms::{self, Step, Terms, Value};
use crate::value::Written;
use std::collections::BTreeSet;

/// The keys that every evaluation has.
const BUILT_IN: [&str; 2] = ["thread", "scope"];

/// Why `site` cannot take what `terms` may return, if it cannot.
pub(super) fn misfit(terms: &Terms, site: &'static Site) -> Option<Error> {
    terms.chain.iter().flat_map(|term| &term.steps).find_map(|action| {
        let Step::Return(value) = action else { return None };
        misfit_of(site, value.as_ref().map_or(Written::Nothing, written))
    })
}

fn written(value: &Value) -> Written<'_> {
    if value.is_word() { Written::Word(value.content()) } else { Written::Text(value.content()) }
}

/// Why `site` cannot take what is written in a `return`, if it cannot.
pub(crate) fn misfit_of(site: &'static Site, written: Written<'_>) -> Option<Error> {
    let (name, at) = (site.name().to_owned(), site.at());
    if !site.accepts().can_return() {
        return Some(Error::CannotReturn { name, at });
    }
    let bad = site.accepts().check(written).err()?;
    let got = written.content();
    let got = got.map_or("return".to_owned(), |content| format!("return({content})"));
    Some(Error::BadValue { name, at, expected: bad.to_string(), got })
}

/// Why a `when` of `terms` can never hold at the point `name`, which has these sites, if one
/// cannot.
pub(super) fn unknown_key(name: &str, terms: &Terms, sites: &[&'static Site]) -> Option<Error> {
    let mut conditions = terms.chain.iter().flat_map(|term| &term.when).peekable();
    conditions.peek()?;
    let keys: BTreeSet<&str> = sites.iter().flat_map(|site| site.keys()).copied().collect();
    let is_known = |key: &str| BUILT_IN.contains(&key) || keys.contains(key);
    let key = &conditions.find(|condition| !is_known(&condition.key))?.key;
    let nearest = terms::nearest(key, keys.iter().copied().chain(BUILT_IN));
    Some(Error::UnknownKey {
        name: name.to_owned(),
        key: key.clone(),
        nearest: nearest.map(str::to_owned),
        keys: keys.into_iter().map(str::to_owned).collect(),
    })
}

/// The point stays armed, and a site that cannot take the terms is left out.
pub(crate) fn say_passes_by(refusal: &Error) {
    log::say(Level::Error, format_args!("{refusal}; that site ignores the terms"));
}
