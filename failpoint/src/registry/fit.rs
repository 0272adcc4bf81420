//! Can a site take what is returned there?
//!
//! This calls the user's `FromTerm`: hold no lock.

use crate::error::Error;
use crate::log::{self, Level};
use crate::site::Site;
use crate::terms::{Action, Terms};

/// Why `site` cannot take what `terms` may return, if it cannot.
pub(super) fn misfit(terms: &Terms, site: &'static Site) -> Option<Error> {
    terms.chain.iter().flat_map(|term| &term.steps).find_map(|action| {
        let Action::Return(value) = action else { return None };
        misfit_of(site, value.as_ref().map(|value| value.content()))
    })
}

/// Why `site` cannot take the content of a `return`, if it cannot.
pub(crate) fn misfit_of(site: &'static Site, content: Option<&str>) -> Option<Error> {
    let (name, at) = (site.name().to_owned(), site.at());
    if !site.accepts().can_return() {
        return Some(Error::CannotReturn { name, at });
    }
    let bad = site.accepts().check(content).err()?;
    let got = content.map_or("return".to_owned(), |content| format!("return({content})"));
    Some(Error::BadValue { name, at, expected: bad.to_string(), got })
}

/// What is armed stands, and a site that cannot take it was left out.
pub(crate) fn say_passes_by(refusal: &Error) {
    log::say(Level::Error, format_args!("{refusal}; that site passes by"));
}
