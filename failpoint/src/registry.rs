//! Which points are there, and how is what they do changed?
//!
//! One lock, `control`, orders all changes and all listings, so that several points change at once
//! or not at all. It is held for moments and never while anything of the user's runs: values are
//! checked before it is taken, and what a change releases is woken and dropped after.

use crate::config::{self, Binding};
use crate::error::Error;
use crate::event::EventKind;
use crate::events;
use crate::info::PointInfo;
use crate::log::{self, Level};
use crate::name;
use crate::plan::{Callback, Order, Origin, Plan};
use crate::point::{InForce, Point, Tried};
use crate::reporting::Report;
use crate::site::{self, Home, Site};
use crate::slot::Slot;
use crate::sync::{Arc, AtomicBool, Mutex, MutexGuard, Ordering};
use crate::terms::{self, Action, Term, Terms};
use std::collections::{BTreeMap, HashSet};
use std::sync::OnceLock;

pub(crate) struct Registry {
    control: Mutex<Control>,
    /// Whether the linker's list was read.
    listed: OnceLock<()>,
    /// Set by the first arming: until then nobody need look for a name.
    is_touched: AtomicBool,
}

struct Control {
    points: BTreeMap<&'static str, &'static Point>,
    /// Terms for names that no site bears yet, from the environment.
    pending: BTreeMap<String, Request>,
    /// Raised by every arming and disarming.
    generation: u64,
    /// Raised by every site that registers: what was checked against the sites may be stale.
    sites: u64,
}

/// One point to arm.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) name: String,
    pub(crate) order: Order,
    pub(crate) text: String,
    /// What becomes of a name that no site bears.
    pub(crate) unknown: Unknown,
    /// Sites that cannot take what the terms return, where the door refuses nothing: they pass by.
    pub(crate) misfits: Vec<&'static Site>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    Refused,
    /// Armed all the same: asked for on purpose.
    Armed,
    /// Kept until such a site registers.
    Pending,
}

/// What an arming made.
#[derive(Clone, Debug)]
pub(crate) struct Arming {
    pub(crate) point: &'static Point,
    pub(crate) plan: Arc<Plan>,
    /// The terms that were in force there before.
    pub(crate) was: Option<String>,
}

/// What must hold for a change to be made; asked under the lock that the change is made under.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    #[default]
    None,
    /// Every point to be changed is there.
    Known,
    /// Every point to be changed is there, at one of these generations.
    Generation(Vec<u64>),
    /// The count of all changes is one of these.
    Revision(Vec<u64>),
}

/// Somebody else was faster: the generation or revision that there is; `None` for no such point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stale(pub Option<u64>);

/// Why nothing was changed.
#[derive(Clone, Debug)]
pub(crate) enum Unarmed {
    Faults(Vec<Error>),
    Stale(Stale),
}

/// What a disarming over HTTP made.
#[derive(Clone, Debug)]
pub struct Disarmed {
    /// The point as it stood, if it was armed.
    pub was: Option<PointInfo>,
    /// As it stands now.
    pub now: PointInfo,
}

/// What a change over HTTP made, and the count of all changes right after it.
#[derive(Clone, Debug)]
pub struct Changed<T> {
    /// The count.
    pub revision: u64,
    /// What was made.
    pub made: T,
}

impl Request {
    /// The request to arm `name` with `text`.
    pub(crate) fn parse(name: &str, text: &str, unknown: Unknown) -> Result<Self, Error> {
        let terms = Terms::parse(text)?;
        Ok(Self::new(name.to_owned(), terms, text, unknown))
    }

    /// The requests of a whole config, and all that is wrong with its text.
    pub(crate) fn parse_config(text: &str, unknown: Unknown) -> (Vec<Self>, Vec<Error>) {
        let (bindings, faults) = config::read_config(text);
        let request =
            |binding: Binding| Self::new(binding.name, binding.terms, &binding.text, unknown);
        let errors = faults.into_iter().map(|fault| fault.error.into());
        (bindings.into_iter().map(request).collect(), errors.collect())
    }

    /// The request to ask `callback` at every hit of `name`.
    pub(crate) fn callback(name: &str, callback: Arc<Callback>) -> Self {
        Self {
            name: name.to_owned(),
            order: Order::Callback(callback),
            text: "callback".to_owned(),
            unknown: Unknown::Refused,
            misfits: Vec::new(),
        }
    }

    /// The terms, one after the other; none for a callback.
    pub(crate) fn chain(&self) -> &[Term] {
        self.terms().map_or(&[], |terms| &terms.chain)
    }

    fn terms(&self) -> Option<&Terms> {
        match &self.order {
            Order::Terms(terms) => Some(terms),
            Order::Callback(_) => None,
        }
    }

    pub(crate) fn new(name: String, terms: Terms, text: &str, unknown: Unknown) -> Self {
        let text = text.trim();
        // Shown on one line, so what was written over several is shown as it is printed.
        let text = if terms::holds_line_end(text) { terms.to_string() } else { text.to_owned() };
        Self { name, order: Order::Terms(terms), text, unknown, misfits: Vec::new() }
    }
}

/// The registry of this process.
pub(crate) fn registry() -> &'static Registry {
    static REGISTRY: Registry = Registry {
        control: Mutex::new(Control::new()),
        is_touched: AtomicBool::new(false),
        listed: OnceLock::new(),
    };
    &REGISTRY
}

impl Registry {
    /// A registry that knows of no list.
    #[cfg(all(test, loom))]
    pub(crate) fn new() -> Self {
        let is_touched = AtomicBool::new(false);
        Self { control: Mutex::new(Control::new()), listed: OnceLock::from(()), is_touched }
    }

    /// The one lock, with all that the linker listed behind it.
    ///
    /// The list is read when somebody first asks for anything, and not by the evaluations, which
    /// register their own sites: no caller waits for ten thousand others.
    fn control(&self) -> MutexGuard<'_, Control> {
        self.listed.get_or_init(|| match site::linked() {
            Ok(sites) => self.control.lock().add_listed(sites.collect()),
            Err(why) => log::say(Level::Error, format_args!("{why}")),
        });
        self.control.lock()
    }

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
        match self.arm_if(requests, slot, &Precondition::None) {
            Ok(armed) => Ok(armed.made),
            Err(Unarmed::Faults(errors)) => Err(errors),
            // Nothing was to hold.
            Err(Unarmed::Stale(_)) => Err(Vec::new()),
        }
    }

    /// The same, where `precondition` holds.
    pub(crate) fn arm_if(
        &self,
        requests: Vec<Request>,
        slot: Slot<'_>,
        precondition: &Precondition,
    ) -> Result<Changed<Vec<Arming>>, Unarmed> {
        loop {
            let (sites_then, errors) = self.faults(&requests);
            if !errors.is_empty() {
                return Err(Unarmed::Faults(errors));
            }
            let control = self.control();
            // A site that registered meanwhile was not asked: ask again.
            if control.sites != sites_then {
                continue;
            }
            let names = requests.iter().map(|request| request.name.as_str());
            control.check(precondition, names).map_err(Unarmed::Stale)?;
            if !requests.is_empty() {
                self.is_touched.store(true, Ordering::Relaxed);
            }
            return Ok(Control::apply(control, requests, slot));
        }
    }

    /// Arms for the crate `fail`, which refuses no name and no value: a site of ours that cannot
    /// take what the terms return passes by, as one does that registers later.
    pub(crate) fn arm_leniently(&self, mut request: Request) -> Arming {
        loop {
            let control = self.control();
            let point = control.points.get(request.name.as_str());
            let (sites_then, sites) = (control.sites, point.map(|point| point.sites()));
            drop(control);
            let terms = request.terms();
            let refusal = |site| Some((site, misfit(terms?, site)?));
            let ours = sites.into_iter().flatten().filter(|site| !site.accepts().is_fails());
            let misfits: Vec<(&'static Site, Error)> = ours.filter_map(refusal).collect();

            let mut control = self.control();
            if control.sites != sites_then {
                continue;
            }
            self.is_touched.store(true, Ordering::Relaxed);
            control.pending.remove(&request.name);
            request.misfits = misfits.iter().map(|(site, _)| *site).collect();
            let arming = Control::apply(control, vec![request], Slot::Fail).made.remove(0);
            for (_, refusal) in misfits {
                log::say(Level::Error, format_args!("{refusal}; that site passes by"));
            }
            return arming;
        }
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
        errors.extend(self.faults(&requests).1);
        Err(errors)
    }

    /// What is wrong with `requests`, and which state of the sites was asked.
    pub(crate) fn faults(&self, requests: &[Request]) -> (u64, Vec<Error>) {
        let mut errors = Vec::new();
        let mut to_check = Vec::new();
        let control = self.control();
        for request in requests {
            // What the macro of the crate `fail` declares may bear a name that ours would not take.
            let why = name::fault(&request.name);
            if let Some(why) = why.filter(|_| !control.is_known(&request.name)) {
                errors.push(Error::BadName { name: request.name.clone(), why });
                continue;
            }
            for target in request.chain().iter().flat_map(Term::waits) {
                if *target == request.name {
                    errors.push(Error::WaitsForItself { name: target.clone() });
                } else if !control.is_known(target) {
                    errors.push(control.unknown(target));
                }
            }
            match control.points.get(request.name.as_str()) {
                Some(point) if point.is_declared() => to_check.push((request, point.sites())),
                _ if request.unknown == Unknown::Refused => {
                    errors.push(control.unknown(&request.name));
                }
                _ => {}
            }
        }
        let sites = control.sites;
        drop(control);
        let misfits = to_check.into_iter().filter_map(|(request, sites)| {
            let terms = request.terms()?;
            sites.into_iter().find_map(|site| misfit(terms, site))
        });
        errors.extend(misfits);
        (sites, errors)
    }

    /// Disarms `name` in `slot`; says whether it was armed.
    pub(crate) fn disarm(&self, name: &str, slot: Slot<'_>) -> Result<bool, Error> {
        let control = self.control();
        if !control.is_known(name) {
            return Err(match name::fault(name) {
                Some(why) => Error::BadName { name: name.to_owned(), why },
                None => control.unknown(name),
            });
        }
        Ok(Control::disarm_named(control, name, slot))
    }

    /// Disarms `name` for everybody, where `precondition` holds.
    pub(crate) fn disarm_if(
        &self,
        name: &str,
        precondition: &Precondition,
    ) -> Result<Disarmed, Unarmed> {
        let control = self.control();
        let Some(point) = control.visible_named(name) else {
            return Err(Unarmed::Faults(vec![control.unknown(name)]));
        };
        control.check(precondition, [name]).map_err(Unarmed::Stale)?;
        let before = point.info();
        let disarmed = Control::disarm(control, &[point.name()], Slot::Global);
        let was = disarmed.made.into_iter().next();
        let generation = if was.is_some() { disarmed.revision } else { before.generation };
        Ok(Disarmed { was, now: point.info_of(None, generation) })
    }

    /// Disarms `name` for everybody, known or not, and what is pending for it.
    pub(crate) fn disarm_leniently(&self, name: &str) -> bool {
        let mut control = self.control();
        control.pending.remove(name);
        Control::disarm_named(control, name, Slot::Fail)
    }

    /// Whether anything was ever armed, or is pending.
    pub(crate) fn is_touched(&self) -> bool {
        self.is_touched.load(Ordering::Relaxed)
    }

    /// The point of a name that some place computes, if anything is or may come to be armed there.
    pub(crate) fn find_armed(&self, name: &str) -> Option<&'static Point> {
        let mut control = self.control();
        if control.pending.contains_key(name) {
            return Some(control.point_named(name));
        }
        control.points.get(name).copied().filter(|point| point.snapshot().is_some())
    }

    /// Ends the arming that made `plan`, and only that one.
    pub(crate) fn disarm_plan(&self, point: &'static Point, plan: &Arc<Plan>) -> bool {
        let control = self.control();
        let is_current = point.plan().is_some_and(|current| Arc::ptr_eq(&current, plan));
        is_current && !Control::disarm(control, &[point.name()], Slot::Global).made.is_empty()
    }

    /// Ends the arming of `generation`, and only that one.
    pub(crate) fn disarm_generation(&self, name: &str, generation: u64) -> bool {
        let point = self.control().points.get(name).copied();
        let current = point.and_then(|point| Some((point, point.plan()?)));
        current.is_some_and(|(point, plan)| {
            plan.generation == generation && self.disarm_plan(point, &plan)
        })
    }

    /// Disarms everything for everybody; gives what was armed, as it stood.
    pub(crate) fn reset(&self) -> Vec<PointInfo> {
        self.reset_if(&Precondition::None).map_or_else(|_| Vec::new(), |reset| reset.made)
    }

    /// The same, where `precondition` holds.
    pub(crate) fn reset_if(
        &self,
        precondition: &Precondition,
    ) -> Result<Changed<Vec<PointInfo>>, Stale> {
        let mut control = self.control();
        control.check(precondition, [])?;
        control.pending.clear();
        let names: Vec<&'static str> = control.points.keys().copied().collect();
        Ok(Control::disarm(control, &names, Slot::Global))
    }

    /// Disarms everything that a scope armed.
    pub(crate) fn reset_scope(&self, slot: Slot<'_>) {
        let control = self.control();
        let names: Vec<&'static str> = slot.armed().iter().map(|point| point.name()).collect();
        Control::disarm(control, &names, slot);
    }

    /// The point of this name, if any code declares it or somebody armed it.
    pub(crate) fn find(&self, name: &str) -> Result<&'static Point, Error> {
        let control = self.control();
        control.points.get(name).copied().ok_or_else(|| control.unknown(name))
    }

    /// Every point that code declares or somebody armed, by name.
    pub(crate) fn points(&self) -> Vec<PointInfo> {
        self.listing().made
    }

    /// The same, with the count of all changes at that moment.
    pub(crate) fn listing(&self) -> Changed<Vec<PointInfo>> {
        let control = self.control();
        let made = control.visible().map(|point| point.info()).collect();
        Changed { revision: control.generation, made }
    }

    /// What is armed for everybody with terms, by name.
    pub(crate) fn armed_terms(&self) -> Vec<Arc<Plan>> {
        let control = self.control();
        let plans = control.points.values().filter_map(|point| point.plan());
        plans.filter(|plan| plan.callback.is_none()).collect()
    }

    pub(crate) fn point(&self, name: &str) -> Result<PointInfo, Error> {
        let control = self.control();
        let found = control.visible_named(name).map(Point::info);
        found.ok_or_else(|| control.unknown(name))
    }

    /// How the point of this name stands for everybody.
    pub(crate) fn in_force(&self, name: &str) -> Result<InForce, Error> {
        let control = self.control();
        let found = control.visible_named(name).map(Point::in_force);
        found.ok_or_else(|| control.unknown(name))
    }

    /// How `point` stands now.
    pub(crate) fn still_in_force(&self, point: &'static Point) -> InForce {
        let _control = self.control();
        point.in_force()
    }

    /// What `read` makes of every point, also of those that nobody declares and nobody arms any
    /// more, at one moment between two changes; and the count of all changes.
    pub(crate) fn survey<T>(&self, read: impl Fn(InForce) -> T) -> (u64, Vec<T>) {
        let control = self.control();
        let read = control.points.values().map(|point| read(point.in_force())).collect();
        (control.generation, read)
    }

    /// The point of a site that the linker may not have listed.
    pub(crate) fn register(&self, site: &'static Site) -> &'static Point {
        let (point, misfits, pending) = loop {
            if let Some(point) = site.owner::<Point>() {
                return point;
            }
            let mut control = self.control.lock();
            let (point, generation) = (control.point_named(site.name()), control.generation);
            drop(control);
            // A site of `fail` takes what came through the door of `fail`.
            let at_home = |plan: &Plan| site.accepts().is_fails() && plan.origin == Origin::Fail;
            let refusal = |plan: Arc<Plan>| {
                Some((misfit(&plan.terms, site).filter(|_| !at_home(&plan))?, plan))
            };
            let misfits: Vec<(Error, Arc<Plan>)> =
                point.plans().into_iter().filter_map(refusal).collect();

            let mut control = self.control.lock();
            // Something was armed meanwhile, and the site was not asked; or another thread came by
            // and registers it.
            if control.generation != generation || site.owner::<Point>().is_some() {
                continue;
            }
            // Noted before anybody can find the site armed.
            misfits.iter().for_each(|(_, plan)| plan.add_misfit(site));
            control.add_site(site);
            let pending = control.pending.remove(site.name());
            drop(control);
            break (point, misfits, pending);
        };
        for (refusal, _) in misfits {
            log::say(Level::Error, format_args!("{refusal}; that site passes by"));
        }
        if let Some(request) = pending {
            let request = Request { unknown: Unknown::Refused, ..request };
            if let Err(errors) = self.arm(vec![request], Slot::Environment) {
                let refusal = Error::Config(errors);
                log::say(Level::Error, format_args!("from the environment: {refusal}"));
            }
        }
        point
    }

    pub(crate) fn is_known(&self, name: &str) -> bool {
        self.control().is_known(name)
    }

    /// The points that code declares.
    pub(crate) fn declared(&self) -> Vec<&'static Point> {
        let control = self.control();
        control.points.values().copied().filter(|point| point.is_declared()).collect()
    }

    /// What has been tried of each point that code declares.
    pub(crate) fn tried(&self) -> Vec<Tried> {
        self.declared().into_iter().map(Point::tried).collect()
    }

    /// What has not been tried so far.
    pub(crate) fn report(&self) -> Report {
        let tried = self.tried();
        let names = |which: fn(&Tried) -> bool| {
            tried.iter().filter(|tried| which(tried)).map(|tried| tried.name.to_owned()).collect()
        };
        let shared = tried.iter().filter(|tried| tried.packages.len() > 1);
        let owned = |packages: &[&str]| packages.iter().map(|&name| name.to_owned()).collect();
        Report {
            never_reached: names(|tried| !tried.reached),
            never_fired: names(|tried| tried.armed && !tried.fired),
            pending: self.control().pending.keys().cloned().collect(),
            shared: shared.map(|tried| (tried.name.to_owned(), owned(&tried.packages))).collect(),
        }
    }

    /// Every plan that is armed, for messages about who waits for what.
    pub(crate) fn plans(&self) -> Vec<Arc<Plan>> {
        self.control().points.values().flat_map(|point| point.plans()).collect()
    }

    /// How many points code declares, and the names of those that are armed.
    ///
    /// A first evaluation says this, and so does not wait for the list to be put in order.
    pub(crate) fn summary(&self) -> (usize, Vec<&'static str>) {
        let unread = self.listed.get().is_none().then(site::linked).and_then(Result::ok);
        if let Some(sites) = unread {
            // Room for all from the start: growing would hash every name once more.
            let mut names = HashSet::with_capacity(sites.size_hint().1.unwrap_or(0));
            names.extend(sites.map(|site| site.name()));
            return (names.len(), Vec::new());
        }
        let control = self.control();
        let declared = control.points.values().filter(|point| point.is_declared()).count();
        let armed = control.points.values().filter(|point| point.plan().is_some());
        (declared, armed.map(|point| point.name()).collect())
    }
}

impl Control {
    const fn new() -> Self {
        Self { points: BTreeMap::new(), pending: BTreeMap::new(), generation: 0, sites: 0 }
    }

    /// Adds what the linker listed to what has registered so far. Sorted by name first, so that points
    /// and homes are two allocations and the map is built in one go.
    fn add_listed(&mut self, mut sites: Vec<&'static Site>) {
        sites.retain(|site| !site.is_settled());
        sites.sort_by_key(|site| site.name());
        let (known, new): (Vec<_>, Vec<_>) = sites
            .chunk_by(|one, next| one.name() == next.name())
            .partition(|sites| self.points.contains_key(sites[0].name()));
        known.into_iter().flatten().for_each(|site| self.add_site(site));
        let points = new.iter().map(|sites| Point::declared(sites[0].name(), sites.to_vec()));
        let points: &'static [Point] = points.collect::<Vec<_>>().leak();
        let owned = || {
            new.iter()
                .zip(points)
                .flat_map(|(sites, point)| sites.iter().map(move |site| (site, point)))
        };
        let homes: &'static [Home] =
            owned().map(|(_, point)| Home::new(point)).collect::<Vec<_>>().leak();
        for ((site, _), home) in owned().zip(homes) {
            site.settle(home);
        }
        self.sites += homes.len() as u64;
        self.points.append(&mut points.iter().map(|point| (point.name(), point)).collect());
    }

    fn add_site(&mut self, site: &'static Site) {
        let point = self.point_named(site.name());
        // Two threads may come by an unlisted site at once; one of them registers it.
        if site.settle(Box::leak(Box::new(Home::new(point)))) {
            point.add_site(site);
            self.sites += 1;
        }
    }

    /// The point of this name, made if need be. Points live as long as the process: their number is
    /// bounded by the names in the source and those armed on purpose.
    fn point_named(&mut self, name: &str) -> &'static Point {
        if let Some(point) = self.points.get(name) {
            return point;
        }
        let name: &'static str = Box::leak(Box::from(name));
        let point: &'static Point = Box::leak(Box::new(Point::new(name)));
        self.points.insert(name, point);
        point
    }

    fn visible(&self) -> impl Iterator<Item = &'static Point> + '_ {
        let visible = |point: &&'static Point| point.is_declared() || point.plan().is_some();
        self.points.values().copied().filter(visible)
    }

    fn visible_named(&self, name: &str) -> Option<&'static Point> {
        let point = *self.points.get(name)?;
        (point.is_declared() || point.plan().is_some()).then_some(point)
    }

    fn is_known(&self, name: &str) -> bool {
        self.visible_named(name).is_some()
    }

    /// Whether a change of `names` may be made.
    fn check<'n>(
        &self,
        precondition: &Precondition,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Result<(), Stale> {
        let generation = |name: &str| self.visible_named(name).map(|point| point.info().generation);
        let mut names = names.into_iter();
        match precondition {
            Precondition::None => Ok(()),
            Precondition::Revision(revisions) if revisions.contains(&self.generation) => Ok(()),
            Precondition::Revision(_) => Err(Stale(Some(self.generation))),
            Precondition::Known => {
                names.try_for_each(|name| generation(name).map(drop).ok_or(Stale(None)))
            }
            Precondition::Generation(generations) => names.try_for_each(|name| {
                let now = generation(name);
                if now.is_some_and(|now| generations.contains(&now)) {
                    Ok(())
                } else {
                    Err(Stale(now))
                }
            }),
        }
    }

    /// The refusal for `name`, with the names most like it.
    fn unknown(&self, name: &str) -> Error {
        /// More would not be read.
        const SHOWN: usize = 3;
        /// Below this the names have nothing to do with each other.
        const ALIKE: f64 = 0.75;
        let lower = name.to_ascii_lowercase();
        let mut alike: Vec<(f64, &str)> = self
            .visible()
            .map(|point| {
                (strsim::jaro_winkler(&lower, &point.name().to_ascii_lowercase()), point.name())
            })
            .filter(|(likeness, _)| *likeness >= ALIKE)
            .collect();
        alike.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
        let nearest = alike.into_iter().take(SHOWN).map(|(_, name)| name.to_owned()).collect();
        Error::UnknownPoint { name: name.to_owned(), nearest }
    }

    /// Puts all of `requests` in force, then lets go of what they replace.
    fn apply(
        mut control: MutexGuard<'_, Self>,
        requests: Vec<Request>,
        slot: Slot<'_>,
    ) -> Changed<Vec<Arming>> {
        let mut over = Vec::new();
        let mut armings = Vec::new();
        for request in requests {
            if request.unknown == Unknown::Pending && !control.is_known(&request.name) {
                control.pending.insert(request.name.clone(), request);
                continue;
            }
            control.generation += 1;
            let generation = control.generation;
            let point = control.point_named(&request.name);
            let Request { order, text, misfits, .. } = request;
            let plan = Arc::new(Plan::new(point.name(), order, text, slot.setting(), generation));
            misfits.into_iter().for_each(|site| plan.add_misfit(site));
            // Observed first: a passage right after the arming counts.
            for (target, observation) in plan.observed() {
                control.point_named(target).observe(observation.clone());
            }
            let old = slot.put(point, Some(plan.clone()), generation);
            let was = old.as_ref().map(|old| old.text.clone());
            over.extend(old);
            armings.push(Arming { point, plan, was });
        }
        control.end(&over);
        let revision = control.generation;
        drop(control);
        conclude(&over);
        slot.ring(armings.iter().map(|arming| arming.point));
        armings.iter().for_each(|arming| events::publish_plain(&arming.plan, EventKind::Armed));
        Changed { revision, made: armings }
    }

    /// Disarms one point, if there is one of that name; says whether it was armed.
    fn disarm_named(control: MutexGuard<'_, Self>, name: &str, slot: Slot<'_>) -> bool {
        let names: Vec<&'static str> =
            control.points.get_key_value(name).map(|(&name, _)| name).into_iter().collect();
        !Control::disarm(control, &names, slot).made.is_empty()
    }

    /// Disarms `names` in `slot`; gives those that were armed, as they stood.
    fn disarm(
        mut control: MutexGuard<'_, Self>,
        names: &[&'static str],
        slot: Slot<'_>,
    ) -> Changed<Vec<PointInfo>> {
        let mut over = Vec::new();
        let mut were_armed = Vec::new();
        for name in names {
            let point = control.points[name];
            if slot.plan(point).is_some() {
                were_armed.push(point.info());
                control.generation += 1;
                over.extend(slot.put(point, None, control.generation));
            }
        }
        control.end(&over);
        let revision = control.generation;
        drop(control);
        conclude(&over);
        Changed { revision, made: were_armed }
    }

    /// Takes the observations of `over` from the points they observe.
    fn end(&self, over: &[Arc<Plan>]) {
        for plan in over {
            for (target, observation) in plan.observed() {
                if let Some(point) = self.points.get(target) {
                    point.unobserve(observation);
                }
            }
        }
    }
}

/// Lets go of whoever stands at plans that are over. No lock is held: wakers are somebody's code.
fn conclude(over: &[Arc<Plan>]) {
    for plan in over {
        plan.gate.close();
        events::publish_plain(plan, EventKind::Disarmed);
    }
}

/// Why `site` cannot take what `terms` may return, if it cannot. Calls the user's `FromTerm`.
fn misfit(terms: &Terms, site: &'static Site) -> Option<Error> {
    terms.chain.iter().flat_map(|term| &term.steps).find_map(|action| {
        let Action::Return(value) = action else { return None };
        misfit_of(site, value.as_ref().map(|value| value.content()))
    })
}

/// Why `site` cannot take the content of a `return`, if it cannot. Calls the user's `FromTerm`.
pub(crate) fn misfit_of(site: &'static Site, content: Option<&str>) -> Option<Error> {
    let (name, at) = (site.name().to_owned(), site.at());
    if !site.accepts().can_return() {
        return Some(Error::CannotReturn { name, at });
    }
    let bad = site.accepts().check(content).err()?;
    let got = content.map_or("return".to_owned(), |content| format!("return({content})"));
    Some(Error::BadValue { name, at, expected: bad.to_string(), got })
}
