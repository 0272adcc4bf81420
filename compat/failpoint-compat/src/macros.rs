//! How does code mark a place, in the words of `fail`?

use failpoint::__bridge::compat::{self, Place};
use std::fmt;
use std::panic::Location;

/// Whether the macro of this crate leaves code: whether its feature `failpoints` is on.
pub const fn has_failpoints() -> bool {
    cfg!(feature = "failpoints")
}

/// Evaluates the point `name`; gives what `f` makes of what a `return` hands it.
#[doc(hidden)]
#[track_caller]
pub fn eval<R, F: FnOnce(Option<String>) -> R>(name: &str, f: F) -> Option<R> {
    let at = Location::caller();
    let place = Place { file: at.file(), line: at.line(), module: "", package: "" };
    compat::evaluate_computed(name, &place, log).map(f)
}

fn log(line: fmt::Arguments<'_>) {
    // Those who filter by target look for the crate that `fail` was.
    log::info!(target: "fail", "{line}");
}

/// Marks a point (the feature `failpoints` of this crate is on).
///
/// - `fail_point!("name")` can sleep, pause, panic, print; a `return` armed there panics.
/// - `fail_point!("name", |text| …)` can return from the function, too: the closure, which is given
///   an `Option<String>`, makes the value. Anything that is `FnOnce(Option<String>) -> R` does.
/// - `fail_point!("name", condition, |text| …)` is evaluated only where the condition holds.
///
/// A name is any expression that is a `&str`. Where it is a literal, or a `concat!`, the point is
/// listed before it is hit, and while idle it costs one load; a name that is computed is looked up.
#[cfg(feature = "failpoints")]
#[macro_export]
macro_rules! fail_point {
    ($name:literal) => { $crate::__listed!($name) };
    ($name:literal, $e:expr) => { $crate::__listed!($name, $e) };
    ($name:literal, $cond:expr, $e:expr) => {{
        if $cond {
            $crate::__listed!($name, $e)
        }
    }};
    (concat ! $parts:tt) => { $crate::__listed!($crate::__private::concat ! $parts) };
    (concat ! $parts:tt, $e:expr) => { $crate::__listed!($crate::__private::concat ! $parts, $e) };
    (concat ! $parts:tt, $cond:expr, $e:expr) => {{
        if $cond {
            $crate::__listed!($crate::__private::concat ! $parts, $e)
        }
    }};
    ($name:expr) => {{
        $crate::__private::evaluate_computed($name, $crate::__place!());
    }};
    ($name:expr, $e:expr) => {{
        if let $crate::__private::Some(__value) =
            $crate::__private::evaluate_computed_with($name, $crate::__place!(), $e)
        {
            return __value;
        }
    }};
    ($name:expr, $cond:expr, $e:expr) => {{
        if $cond {
            $crate::fail_point!($name, $e);
        }
    }};
}

/// A point whose name is known when it is compiled.
#[cfg(feature = "failpoints")]
#[doc(hidden)]
#[macro_export]
macro_rules! __listed {
    ($name:expr) => {{
        let __callsite =
            $crate::__private::__callsite!($name, $crate::__private::Accepts::FAILS_STATEMENT, ());
        if __callsite.armed() {
            $crate::__private::evaluate(__callsite);
        }
    }};
    ($name:expr, $e:expr) => {{
        let __callsite =
            $crate::__private::__callsite!($name, $crate::__private::Accepts::FAILS_CLOSURE, ());
        if __callsite.armed() {
            if let $crate::__private::Some(__value) =
                $crate::__private::evaluate_with(__callsite, $e)
            {
                return __value;
            }
        }
    }};
}

/// The place of a point whose name is computed.
#[cfg(feature = "failpoints")]
#[doc(hidden)]
#[macro_export]
macro_rules! __place {
    () => {{
        static __PLACE: $crate::__private::Place = $crate::__private::Place {
            file: $crate::__private::file!(),
            line: $crate::__private::line!(),
            module: $crate::__private::module_path!(),
            package: match $crate::__private::option_env!("CARGO_PKG_NAME") {
                $crate::__private::Some(package) => package,
                $crate::__private::None => "",
            },
        };
        &__PLACE
    }};
}

/// Marks a point (the feature `failpoints` of this crate is off): leaves nothing, and looks at
/// nothing that it is given.
#[cfg(not(feature = "failpoints"))]
#[macro_export]
macro_rules! fail_point {
    ($name:expr) => {{}};
    ($name:expr, $e:expr) => {{}};
    ($name:expr, $cond:expr, $e:expr) => {{}};
}

/// Everything that an expansion names.
#[doc(hidden)]
pub mod __private {
    #[cfg(feature = "failpoints")]
    pub use on::*;

    #[cfg(feature = "failpoints")]
    mod on {
        use crate::macros::log;
        use failpoint::__bridge::compat;
        use failpoint::__private::Callsite;

        pub use core::concat;
        pub use failpoint::__bridge::compat::{Accepts, Place};
        pub use failpoint::__callsite;
        pub use failpoint::__private::{None, Some, file, line, module_path, option_env};

        /// Evaluates a site that cannot return.
        #[track_caller]
        pub fn evaluate(callsite: Callsite) {
            if compat::evaluate(callsite, log).is_some() {
                cannot_return(callsite.site.name());
            }
        }

        /// Evaluates a site that can.
        #[track_caller]
        pub fn evaluate_with<R>(
            callsite: Callsite,
            f: impl FnOnce(Option<String>) -> R,
        ) -> Option<R> {
            compat::evaluate(callsite, log).map(f)
        }

        /// The same as [`evaluate`], by name.
        #[track_caller]
        pub fn evaluate_computed(name: &str, place: &Place) {
            if compat::evaluate_computed(name, place, log).is_some() {
                cannot_return(name);
            }
        }

        /// The same as [`evaluate_with`], by name.
        #[track_caller]
        pub fn evaluate_computed_with<R>(
            name: &str,
            place: &Place,
            f: impl FnOnce(Option<String>) -> R,
        ) -> Option<R> {
            compat::evaluate_computed(name, place, log).map(f)
        }

        #[track_caller]
        fn cannot_return(name: &str) {
            panic!("Return is not supported for the fail point \"{name}\"");
        }
    }
}
