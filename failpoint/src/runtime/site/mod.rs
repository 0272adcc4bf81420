//! A site: one place in the source.
//!
//! Two statics for each place in the source. The **site** is what is known of the place; the linker
//! gathers the sites, so that a point is listed before it is first hit. The **switch** is the byte
//! that an evaluation tests.
//!
//! They are two, and the site does not know its switch before the first evaluation brings it,
//! because what the linker gathers, and all that this refers to, may be seen by others: in a
//! library, the address of such a static is loaded before its byte is. Nobody need find the switch
//! sooner: it starts as *unseen*, and an unseen switch goes the cold way.

use crate::info::SiteInfo;
use crate::runtime::sync::lasting::{self, AtomicBool, AtomicU8};
use crate::runtime::sync::{OnceLock, Ordering};
use crate::value::{self, BadTerm, FromTerm, Written};
use std::any::Any;
use std::fmt;

mod list;

// One way of listing has more to show than the others.
#[allow(unused_imports, unreachable_pub)]
pub use list::*;

/// What a site is registered with: its point. Its type is defined above this module.
pub(crate) type Owner = dyn Any + Send + Sync;

/// The byte that an evaluation tests.
#[derive(Debug)]
pub struct Switch(AtomicU8);

/// A switch that no evaluation has read yet: the first evaluation reads the environment, registers
/// the site where the linker did not, and marks it reached.
const UNSEEN: u8 = 1;
/// Nothing is armed here.
const IDLE: u8 = 0;
/// Take the slow path: something is armed, or a plan observes the point.
const ARMED: u8 = 2;

impl Switch {
    /// The value of a new static: a constant is made once, a call at every site.
    #[allow(clippy::declare_interior_mutable_const)]
    pub const UNSEEN: Switch = Switch(AtomicU8::new(UNSEEN));
}

/// Where an evaluation takes place.
#[derive(Clone, Copy, Debug)]
pub struct Callsite {
    /// The switch of this site and of no other.
    pub switch: &'static Switch,
    /// The site.
    pub site: &'static Site,
}

impl Callsite {
    /// The whole cost of an idle point: one load, one test, one branch.
    ///
    /// Relaxed, because the switch guards nothing: the cold half reads the plan through its own
    /// synchronization, and a switch seen late is an evaluation that came before the arming.
    #[inline(always)]
    pub fn armed(self) -> bool {
        self.switch.0.load(Ordering::Relaxed) != IDLE
    }

    /// Whether that was for what is armed, and not because it is unseen.
    #[inline]
    pub(crate) fn is_seen_armed(self) -> bool {
        self.switch.0.load(Ordering::Relaxed) == ARMED
    }
}

/// One place in the source.
///
/// The layout is fixed, because `failpoint list --binary` reads sites from the file of a program. The
/// section's name bears the version of the layout.
#[repr(C)]
pub struct Site {
    name: &'static str,
    place: &'static Place,
    line: u32,
    /// Whether it was said that this site blocks an executor.
    complained: AtomicBool,
    /// Where it is registered. Not here, so that the statics of a site stay small.
    registration: lasting::OnceLock<&'static Registration>,
}

/// What becomes known of a site in the running program.
pub(crate) struct Registration {
    owner: &'static Owner,
    /// Brought by the first evaluation.
    switch: OnceLock<&'static Switch>,
}

impl Registration {
    pub(crate) fn new(owner: &'static Owner) -> Self {
        Self { owner, switch: OnceLock::new() }
    }
}

/// What sites of one kind in one file have in common: the compiler makes it once for them all.
///
/// The layout is fixed, as that of [`Site`].
#[derive(Debug)]
#[repr(C)]
pub struct Place {
    /// `file!()`.
    pub file: &'static str,
    /// `module_path!()`.
    pub module: &'static str,
    /// What cargo calls the package, if cargo builds it.
    pub package: Option<&'static str>,
    /// The keys of its context.
    pub keys: &'static [&'static str],
    /// What a `return` may hand to it.
    pub accepts: &'static Accepts,
}

// What `failpoint list --binary` relies on. A model has larger cells.
#[cfg(not(all(test, loom)))]
const _: () = {
    use std::mem::offset_of;

    const WORD: usize = size_of::<usize>();
    assert!(offset_of!(Site, name) == 0 && offset_of!(Site, place) == 2 * WORD);
    assert!(offset_of!(Site, line) == 3 * WORD);
    assert!(size_of::<Site>() == if WORD == 8 { 6 } else { 7 } * WORD);
    assert!(offset_of!(Place, file) == 0 && offset_of!(Place, module) == 2 * WORD);
    assert!(offset_of!(Place, package) == 4 * WORD && offset_of!(Place, keys) == 6 * WORD);
};

impl Site {
    /// A site of the point `name`, which must be a good name, except for a site of `fail`'s macro:
    /// that took any. The keys of its context must differ.
    #[track_caller]
    pub const fn new(name: &'static str, place: &'static Place, line: u32) -> Self {
        if !place.accepts.is_fails {
            crate::name::assert_good(name);
        }
        crate::key::assert_distinct(place.keys);
        Self {
            name,
            place,
            line,
            complained: AtomicBool::new(false),
            registration: lasting::OnceLock::new(),
        }
    }

    /// The point.
    pub fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn accepts(&self) -> &'static Accepts {
        self.place.accepts
    }

    /// The keys of its context, in the order in which an evaluation brings the values.
    #[inline]
    pub(crate) fn keys(&self) -> &'static [&'static str] {
        self.place.keys
    }

    /// `file:line`.
    pub(crate) fn at(&self) -> String {
        format!("{}:{}", self.place.file, self.line)
    }

    pub(crate) fn info(&self) -> SiteInfo {
        let Place { file, module, package, accepts, keys } = self.place;
        SiteInfo {
            file,
            line: self.line,
            module,
            package: package.unwrap_or_default(),
            kind: accepts.kind,
            accepts: accepts.returns,
            keys,
            reached: self.is_reached(),
        }
    }

    /// Whether an evaluation reached it.
    pub(crate) fn is_reached(&self) -> bool {
        self.switch().is_some()
    }

    fn switch(&self) -> Option<&'static Switch> {
        self.registration.get()?.switch.get().copied()
    }

    /// Whether no warning about this site was logged yet.
    pub(crate) fn may_complain(&self) -> bool {
        !self.complained.load(Ordering::Relaxed)
    }

    /// The same, and from now on one was.
    pub(crate) fn is_first_complaint(&self) -> bool {
        !self.complained.swap(true, Ordering::Relaxed)
    }

    /// Notes that an evaluation reached a registered site. Only `point` calls this.
    pub(crate) fn mark_reached(&self, switch: &'static Switch) {
        if let Some(registration) = self.registration.get() {
            // Another evaluation that came first brought the same one.
            let _ = registration.switch.set(switch);
        }
    }

    /// Sets the switch from what is true now. Only `point` calls this, with its lock held. One that
    /// no evaluation has brought is unseen, and stays it.
    pub(crate) fn set_switch(&self, armed: bool) {
        if let Some(switch) = self.switch() {
            switch.0.store(if armed { ARMED } else { IDLE }, Ordering::Relaxed);
        }
    }

    pub(crate) fn owner<T: Any>(&self) -> Option<&'static T> {
        self.registration.get()?.owner.downcast_ref()
    }

    /// The same, once an evaluation reached it.
    #[inline]
    pub(crate) fn reached_owner<T: Any>(&self) -> Option<&'static T> {
        let registration = self.registration.get()?;
        registration.switch.get()?;
        registration.owner.downcast_ref()
    }

    pub(crate) fn is_registered(&self) -> bool {
        self.registration.get().is_some()
    }

    /// Whether this call set the registration: a site is registered once.
    pub(crate) fn register(&self, registration: &'static Registration) -> bool {
        self.registration.set(registration).is_ok()
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site").field("name", &self.name).field("at", &self.at()).finish()
    }
}

/// What a `return` may hand to a site.
pub struct Accepts {
    kind: &'static str,
    returns: Option<&'static str>,
    check: fn(Written<'_>) -> Result<(), BadTerm>,
    /// Whether it is a site of the macro of the crate `fail`.
    is_fails: bool,
}

impl Accepts {
    /// A plain statement: it cannot return.
    pub const NOTHING: Accepts = Accepts {
        kind: "statement",
        returns: None,
        check: |_| Err(BadTerm::expected("nothing")),
        is_fails: false,
    };
    /// A closure of the text: any value, or none.
    pub const TEXT: Accepts =
        Accepts { kind: "closure", returns: Some("text"), check: |_| Ok(()), is_fails: false };
    /// `fail_result!`: any value, or none, but no word that is the slip of an errno.
    pub const RESULT: Accepts = Accepts {
        kind: "result",
        returns: Some("error"),
        check: |written| match written {
            Written::Word(word) => value::not_a_slip(word),
            Written::Nothing | Written::Text(_) => Ok(()),
        },
        is_fails: false,
    };

    /// The same as `NOTHING` for the macro of the crate `fail`.
    pub const FAILS_STATEMENT: Accepts = Accepts { is_fails: true, ..Accepts::NOTHING };
    /// The same as `TEXT` for the macro of the crate `fail`.
    pub const FAILS_CLOSURE: Accepts = Accepts { is_fails: true, ..Accepts::TEXT };

    /// A value of type `T`, which the source calls `named`.
    pub const fn typed<T: FromTerm>(kind: &'static str, named: &'static str) -> Accepts {
        Accepts {
            kind,
            returns: Some(named),
            check: |written| written.check::<T>(),
            is_fails: false,
        }
    }

    pub(crate) fn is_fails(&self) -> bool {
        self.is_fails
    }

    pub(crate) fn can_return(&self) -> bool {
        self.returns.is_some()
    }

    /// Whether what is written in a `return` fits. Calls the user's [`FromTerm`]: hold no lock.
    pub(crate) fn check(&self, written: Written<'_>) -> Result<(), BadTerm> {
        (self.check)(written)
    }
}

impl fmt::Debug for Accepts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.returns.unwrap_or("nothing"))
    }
}
