//! Arms points, or refuses to.
//!
//! What is asked for is looked at before the lock is taken: sites are asked whether they can take
//! what the terms return, which calls the user's `FromTerm`, names are suggested for those that are
//! not there, and plans are made. If a site registers in the meantime, all of it is done again.

use super::Registry;
use super::change::{Arming, Changed, Draft};
use super::control::{Control, MOST_UNLISTED};
use super::fit::{misfit, say_passes_by, unknown_key};
use super::precondition::{Precondition, Stale};
use super::request::{Request, Unknown};
use super::suggestions::Suggestions;
use crate::error::Error;
use crate::name;
use crate::runtime::plan::Plan;
use crate::runtime::point_name::Name;
use crate::runtime::registry::point::{Point, PointRef};
use crate::runtime::registry::target::Target;
use crate::runtime::site::Site;
use crate::runtime::sync::{Arc, MutexGuard};
use std::collections::BTreeSet;

/// Why nothing was changed.
#[derive(Clone, Debug)]
pub(crate) enum Unchanged {
    Faults(Vec<Error>),
    Stale(Stale),
}

/// What there was of the names in some requests, at one moment.
struct Found<'r> {
    /// Of each request.
    bearers: Vec<Bearer>,
    /// The points that `wait` steps name, and that are not known.
    unknown_targets: BTreeSet<&'r str>,
    /// From the names there are, where one was not found.
    suggestions: Suggestions,
    /// The count of sites then.
    sites: u64,
}

/// Who bears a name.
#[derive(Clone, Copy)]
enum Bearer {
    /// A point that code declares.
    Declared(&'static Point),
    /// A point that is only armed.
    Armed,
    None,
}

/// What is wrong with a good name, where no code declares it.
pub(crate) fn why_not_unlisted(name: &str) -> Option<&'static str> {
    (name.len() > 255).then_some("a name that no code declares is at most 255 bytes long")
}

impl Registry {
    /// Arms all of `requests` or none, in `target`. A refusal holds one error for each fault.
    pub(crate) fn arm(
        &self,
        requests: Vec<Request>,
        target: Target<'_>,
    ) -> Result<Vec<Arming>, Vec<Error>> {
        // The environment that asks for nothing does not have the list read for it.
        if requests.is_empty() {
            return Ok(Vec::new());
        }
        let (drafts, control) = self.draft(&requests, target)?;
        Ok(self.put_in_force(control, drafts, target).made)
    }

    /// The same globally over HTTP, where `precondition` holds.
    pub(crate) fn arm_if(
        &self,
        requests: Vec<Request>,
        precondition: &Precondition,
    ) -> Result<Changed<Vec<Arming>>, Unchanged> {
        let (drafts, control) = self.draft(&requests, Target::Remote).map_err(Unchanged::Faults)?;
        let names = requests.iter().map(|request| request.name.as_str());
        control.check(precondition, names).map_err(Unchanged::Stale)?;
        let unlisted = drafts.iter().filter(|draft| draft.point.is_none());
        if !control.has_room_for(unlisted.map(|draft| draft.request.name.as_str())) {
            let refusal = Error::TooManyUnlisted { most: MOST_UNLISTED };
            return Err(Unchanged::Faults(vec![refusal]));
        }
        Ok(self.put_in_force(control, drafts, Target::Remote))
    }

    /// Arms a parsed config, all of it or none: where its text holds errors, those of what could be
    /// parsed are added.
    pub(crate) fn arm_config(
        &self,
        (requests, mut errors): (Vec<Request>, Vec<Error>),
        target: Target<'_>,
    ) -> Result<Vec<Arming>, Vec<Error>> {
        if errors.is_empty() {
            return self.arm(requests, target);
        }
        errors.extend(self.faults(&requests));
        Err(errors)
    }

    /// Arms for the crate `fail`, which refuses no name and no value: a site of ours that cannot
    /// take what the terms return passes by, as one does that registers later.
    pub(crate) fn arm_leniently(&self, request: Request) -> Arming {
        let requests = [request];
        let [request] = &requests;
        loop {
            let found = self.look_up(&requests);
            let misfits: Vec<_> = found.bearers[0]
                .sites()
                .into_iter()
                .filter(|site| !site.accepts().is_fails())
                .filter_map(|site| Some((site, misfit(request.terms()?, site)?)))
                .collect();
            let draft = found.bearers[0].draft(request, Target::Fail);
            misfits.iter().for_each(|(site, _)| draft.plan.add_misfit(site));

            let mut control = self.control();
            if control.sites != found.sites {
                continue;
            }
            control.pending.remove(&request.name);
            let arming = self.put_in_force(control, vec![draft], Target::Fail).made.remove(0);
            misfits.iter().for_each(|(_, refusal)| say_passes_by(refusal));
            return arming;
        }
    }

    /// What is wrong with `requests`.
    pub(crate) fn faults(&self, requests: &[Request]) -> Vec<Error> {
        self.look_up(requests).faults(requests)
    }

    /// What to put in force, and the lock, where nothing is wrong with `requests` and no site that
    /// may say otherwise has come.
    fn draft<'r>(
        &self,
        requests: &'r [Request],
        target: Target<'_>,
    ) -> Result<(Vec<Draft<'r>>, MutexGuard<'_, Control>), Vec<Error>> {
        loop {
            let mut found = self.look_up(requests);
            let errors = found.faults(requests);
            if !errors.is_empty() {
                return Err(errors);
            }
            let bearers = found.bearers.iter().zip(requests);
            let drafts = bearers.map(|(bearer, request)| bearer.draft(request, target)).collect();
            let control = self.control();
            if control.sites == found.sites {
                return Ok((drafts, control));
            }
        }
    }

    fn look_up<'r>(&self, requests: &'r [Request]) -> Found<'r> {
        let mut targets: BTreeSet<&str> = requests.iter().flat_map(Request::targets).collect();
        let mut bearers = Vec::with_capacity(requests.len());
        let control = self.control();
        bearers.extend(requests.iter().map(|request| Bearer::of(&request.name, &control)));
        targets.retain(|target| !control.is_known(target));
        let is_unknown = |(bearer, request): (&Bearer, &Request)| bearer.is_unknown_to(request);
        let is_all_known = targets.is_empty() && !bearers.iter().zip(requests).any(is_unknown);
        let names = if is_all_known { Vec::new() } else { control.names() };
        let sites = control.sites;
        drop(control);
        let suggestions = Suggestions::among(names);
        Found { bearers, unknown_targets: targets, suggestions, sites }
    }
}

impl Found<'_> {
    /// What is wrong with the requests: their names, then what their sites cannot take.
    fn faults(&mut self, requests: &[Request]) -> Vec<Error> {
        let mut errors = Vec::new();
        let mut misfits = Vec::new();
        for (request, bearer) in requests.iter().zip(&self.bearers) {
            if let Some(why) = bearer.fault(request) {
                errors.push(Error::BadName { name: request.name.clone(), why });
                continue;
            }
            for target in request.targets() {
                if target == request.name {
                    errors.push(Error::WaitsForItself { name: target.to_owned() });
                } else if self.unknown_targets.contains(target) {
                    errors.push(self.suggestions.refuse(target));
                }
            }
            if bearer.is_unknown_to(request) {
                errors.push(self.suggestions.refuse(&request.name));
            }
            if let (Bearer::Declared(point), Some(terms)) = (bearer, request.terms()) {
                let sites = point.sites();
                // On purpose, a name is armed for a site that is still to come, with its key.
                if request.unknown != Unknown::Armed {
                    misfits.extend(unknown_key(&request.name, terms, &sites));
                }
                misfits.extend(sites.into_iter().find_map(|site| misfit(terms, site)));
            }
        }
        errors.append(&mut misfits);
        errors
    }
}

impl Bearer {
    fn of(name: &str, control: &Control) -> Self {
        match control.visible(name) {
            Some(PointRef::Declared(point)) => Bearer::Declared(point),
            Some(PointRef::Unlisted(_)) => Bearer::Armed,
            None => Bearer::None,
        }
    }

    /// What is wrong with a name, if anything. What bears it already may bear it: the macro of the
    /// crate `fail` takes names that ours would not.
    fn fault(self, request: &Request) -> Option<&'static str> {
        if !matches!(self, Bearer::None) {
            return None;
        }
        let is_unlisted = request.unknown != Unknown::Refused;
        let too_long = || why_not_unlisted(&request.name).filter(|_| is_unlisted);
        name::fault(&request.name).or_else(too_long)
    }

    fn is_unknown_to(self, request: &Request) -> bool {
        request.unknown == Unknown::Refused && !matches!(self, Bearer::Declared(_))
    }

    fn sites(self) -> Vec<&'static Site> {
        match self {
            Bearer::Declared(point) => point.sites(),
            Bearer::Armed | Bearer::None => Vec::new(),
        }
    }

    fn draft<'r>(self, request: &'r Request, target: Target<'_>) -> Draft<'r> {
        let Request { name, behavior, text, .. } = request;
        let (point, name) = match self {
            Bearer::Declared(point) => (Some(point), point.name().clone()),
            Bearer::Armed | Bearer::None => (None, Name::Shared(name.as_str().into())),
        };
        let plan = Arc::new(Plan::new(name, behavior.clone(), text.clone(), target.source()));
        Draft { request, point, plan }
    }
}
