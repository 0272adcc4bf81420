//! What is a site?
//!
//! One static for each place in the source: a byte that says whether to go on, and what is known of
//! the place. The linker gathers them, so that a point is listed before it is first hit.

use crate::info::SiteInfo;
use crate::sync::Ordering;
use crate::sync::lasting::{AtomicBool, AtomicU8, OnceLock};
use crate::value::{BadTerm, FromTerm};
use std::any::Any;
use std::fmt;

mod list;

#[cfg_attr(miri, allow(unused_imports, unreachable_pub))]
pub use list::*;

/// One place in the source.
pub struct Site {
    switch: AtomicU8,
    reached: AtomicBool,
    /// Whether it was said that this site blocks an executor.
    complained: AtomicBool,
    line: u32,
    name: &'static str,
    accepts: &'static Accepts,
    file: &'static str,
    module: &'static str,
    package: &'static str,
    /// The point that this site was registered with. Its type stands to the right of this module.
    owner: OnceLock<&'static dyn Owner>,
}

/// What a site is registered with: its point, of which this module knows no more.
pub(crate) trait Owner: Any + Send + Sync {
    /// Whether an evaluation here was a hit that only had to be counted, and is counted.
    fn pass(&self) -> bool;

    fn as_any(&self) -> &dyn Any;
}

/// A switch that nobody has looked at yet: the first evaluation reads the environment, registers
/// the site where the linker did not, and marks it reached.
const UNSEEN: u8 = 1;
/// Nothing is armed here.
const IDLE: u8 = 0;
/// Go the cold way: something is armed, or somebody observes.
const ARMED: u8 = 2;

impl Site {
    /// A site of the point `name`, which must be a good name, but where `fail`'s macro stands: that
    /// took any.
    pub const fn new(
        name: &'static str,
        accepts: &'static Accepts,
        file: &'static str,
        line: u32,
        module: &'static str,
        package: Option<&'static str>,
    ) -> Self {
        if !accepts.is_fails {
            crate::name::assert_good(name);
        }
        Self {
            switch: AtomicU8::new(UNSEEN),
            reached: AtomicBool::new(false),
            complained: AtomicBool::new(false),
            line,
            name,
            accepts,
            file,
            module,
            package: match package {
                Some(package) => package,
                None => "",
            },
            owner: OnceLock::new(),
        }
    }

    /// The whole cost of an idle point: one load, one test, one branch.
    ///
    /// Relaxed, because the switch guards nothing: the cold half reads the plan through its own
    /// synchronization, and a switch seen late is an evaluation that came before the arming.
    #[inline(always)]
    pub fn armed(&self) -> bool {
        self.switch.load(Ordering::Relaxed) != IDLE
    }

    /// The point.
    pub fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn accepts(&self) -> &'static Accepts {
        self.accepts
    }

    /// `file:line`.
    pub(crate) fn at(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }

    pub(crate) fn info(&self) -> SiteInfo {
        SiteInfo {
            file: self.file,
            line: self.line,
            module: self.module,
            package: self.package,
            kind: self.accepts.kind,
            accepts: self.accepts.returns,
            reached: self.is_reached(),
        }
    }

    pub(crate) fn is_reached(&self) -> bool {
        self.reached.load(Ordering::Acquire)
    }

    /// Whether nobody has complained of this site yet.
    pub(crate) fn may_complain(&self) -> bool {
        !self.complained.load(Ordering::Relaxed)
    }

    /// The same, and from now on somebody has.
    pub(crate) fn is_first_complaint(&self) -> bool {
        !self.complained.swap(true, Ordering::Relaxed)
    }

    /// Notes that an evaluation came by. Only `point` calls this.
    pub(crate) fn reach(&self) {
        self.reached.store(true, Ordering::Release);
    }

    /// Sets the switch from what is true now. Only `point` calls this, with its lock held.
    pub(crate) fn set_switch(&self, armed: bool) {
        let value = match (armed, self.is_reached()) {
            (true, _) => ARMED,
            (false, true) => IDLE,
            (false, false) => UNSEEN,
        };
        self.switch.store(value, Ordering::Relaxed);
    }

    pub(crate) fn owner<T: Any>(&self) -> Option<&'static T> {
        self.owner.get()?.as_any().downcast_ref()
    }

    /// Whether this evaluation was a hit that only had to be counted, and is counted.
    #[inline]
    pub(crate) fn pass(&self) -> bool {
        self.is_reached() && self.owner.get().is_some_and(|owner| owner.pass())
    }

    /// Whether this call made `owner` the owner: a site is registered once.
    pub(crate) fn set_owner(&self, owner: &'static dyn Owner) -> bool {
        self.owner.set(owner).is_ok()
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
    check: fn(Option<&str>) -> Result<(), BadTerm>,
    /// Whether it stands where the macro of the crate `fail` stands.
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
    /// `fail_result!`: any value, or none.
    pub const RESULT: Accepts =
        Accepts { kind: "result", returns: Some("error"), check: |_| Ok(()), is_fails: false };

    /// The same as `NOTHING` for the macro of the crate `fail`.
    pub const FAILS_STATEMENT: Accepts = Accepts { is_fails: true, ..Accepts::NOTHING };
    /// The same as `TEXT` for the macro of the crate `fail`.
    pub const FAILS_CLOSURE: Accepts = Accepts { is_fails: true, ..Accepts::TEXT };

    /// A value of type `T`, which the source calls `named`.
    pub const fn typed<T: FromTerm>(kind: &'static str, named: &'static str) -> Accepts {
        Accepts {
            kind,
            returns: Some(named),
            check: |text| T::from_term(text).map(drop),
            is_fails: false,
        }
    }

    pub(crate) fn is_fails(&self) -> bool {
        self.is_fails
    }

    pub(crate) fn can_return(&self) -> bool {
        self.returns.is_some()
    }

    /// Whether the content of a `return(…)` fits. Calls the user's [`FromTerm`]: hold no lock.
    pub(crate) fn check(&self, text: Option<&str>) -> Result<(), BadTerm> {
        (self.check)(text)
    }
}

impl fmt::Debug for Accepts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.returns.unwrap_or("nothing"))
    }
}
