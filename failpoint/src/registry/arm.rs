//! What is armed, and what is refused?
//!
//! Sites are asked whether they can take what the terms return. That calls the user's `FromTerm`, so
//! it comes before the lock; where a site registers meanwhile, all are asked again.

use super::Registry;
use super::change::{Arming, Changed, Misfits};
use super::control::Control;
use super::fit::{misfit, say_passes_by, unknown_key};
use super::precondition::{Precondition, Stale};
use super::request::{Request, Unknown};
use crate::error::Error;
use crate::name;
use crate::site::Site;
use crate::slot::Slot;
use crate::sync::MutexGuard;
use crate::terms::Term;

/// Why nothing was changed.
#[derive(Clone, Debug)]
pub(crate) enum Unchanged {
    Faults(Vec<Error>),
    Stale(Stale),
}

impl Registry {
    /// Arms all of `requests` or none, in `slot`. A refusal holds one error for each fault.
    pub(crate) fn arm(
        &self,
        requests: Vec<Request>,
        slot: Slot<'_>,
    ) -> Result<Vec<Arming>, Vec<Error>> {
        // The environment that asks for nothing does not have the list read for it.
        if requests.is_empty() {
            return Ok(Vec::new());
        }
        let control = self.ask(&requests)?;
        Ok(self.put_in_force(control, requests.into_iter().map(fitting), slot).made)
    }

    /// The same for everybody over HTTP, where `precondition` holds.
    pub(crate) fn arm_if(
        &self,
        requests: Vec<Request>,
        precondition: &Precondition,
    ) -> Result<Changed<Vec<Arming>>, Unchanged> {
        let control = self.ask(&requests).map_err(Unchanged::Faults)?;
        let names = requests.iter().map(|request| request.name.as_str());
        control.check(precondition, names).map_err(Unchanged::Stale)?;
        Ok(self.put_in_force(control, requests.into_iter().map(fitting), Slot::Remote))
    }

    /// Arms a parsed config, all of it or none: where its text holds errors, those of what could be
    /// parsed are added.
    pub(crate) fn arm_config(
        &self,
        (requests, mut errors): (Vec<Request>, Vec<Error>),
        slot: Slot<'_>,
    ) -> Result<Vec<Arming>, Vec<Error>> {
        if errors.is_empty() {
            return self.arm(requests, slot);
        }
        errors.extend(self.faults(&requests));
        Err(errors)
    }

    /// Arms for the crate `fail`, which refuses no name and no value: a site of ours that cannot
    /// take what the terms return passes by, as one does that registers later.
    pub(crate) fn arm_leniently(&self, request: Request) -> Arming {
        loop {
            let control = self.control();
            let point = control.points.get(request.name.as_str());
            let (sites_then, sites) = (control.sites, point.map(|point| point.sites()));
            drop(control);
            let ours = sites.into_iter().flatten().filter(|site| !site.accepts().is_fails());
            let refusal = |site| Some((site, misfit(request.terms()?, site)?));
            let misfits: Vec<(&'static Site, Error)> = ours.filter_map(refusal).collect();

            let mut control = self.control();
            if control.sites != sites_then {
                continue;
            }
            control.pending.remove(&request.name);
            let request = (request, misfits.iter().map(|(site, _)| *site).collect());
            let arming = self.put_in_force(control, [request], Slot::Fail).made.remove(0);
            misfits.iter().for_each(|(_, refusal)| say_passes_by(refusal));
            return arming;
        }
    }

    /// What is wrong with `requests`.
    pub(crate) fn faults(&self, requests: &[Request]) -> Vec<Error> {
        self.ask(requests).err().unwrap_or_default()
    }

    /// The lock, where nothing is wrong with `requests` and no site that may say otherwise has come.
    fn ask(&self, requests: &[Request]) -> Result<MutexGuard<'_, Control>, Vec<Error>> {
        loop {
            let control = self.control();
            let (mut errors, to_ask) = control.faults(requests);
            let sites_then = control.sites;
            drop(control);
            for (request, sites) in to_ask {
                let Some(terms) = request.terms() else { continue };
                // On purpose, a name is armed for a site that is still to come, with its key.
                if request.unknown != Unknown::Armed {
                    errors.extend(unknown_key(&request.name, terms, &sites));
                }
                errors.extend(sites.into_iter().find_map(|site| misfit(terms, site)));
            }
            if !errors.is_empty() {
                return Err(errors);
            }
            let control = self.control();
            if control.sites == sites_then {
                return Ok(control);
            }
        }
    }
}

/// One that every site of its name can take.
fn fitting(request: Request) -> (Request, Misfits) {
    (request, Misfits::new())
}

impl Control {
    /// What is wrong with the names in `requests`; and the sites that are still to be asked.
    fn faults<'r>(
        &self,
        requests: &'r [Request],
    ) -> (Vec<Error>, Vec<(&'r Request, Vec<&'static Site>)>) {
        let mut errors = Vec::new();
        let mut to_ask = Vec::new();
        for request in requests {
            // What the macro of the crate `fail` declares may bear a name that ours would not take.
            let why = name::fault(&request.name);
            if let Some(why) = why.filter(|_| !self.is_known(&request.name)) {
                errors.push(Error::BadName { name: request.name.clone(), why });
                continue;
            }
            for target in request.chain().iter().flat_map(Term::waits) {
                if *target == request.name {
                    errors.push(Error::WaitsForItself { name: target.clone() });
                } else if !self.is_known(target) {
                    errors.push(self.unknown(target));
                }
            }
            match self.points.get(request.name.as_str()) {
                Some(point) if point.is_declared() => to_ask.push((request, point.sites())),
                _ if request.unknown == Unknown::Refused => {
                    errors.push(self.unknown(&request.name));
                }
                _ => {}
            }
        }
        (errors, to_ask)
    }
}
