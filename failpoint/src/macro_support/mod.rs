//! Everything that an expansion names.
//!
//! Not for use: it changes without notice.

use core::fmt::Display;
pub use core::option::Option::{self, None, Some};
pub use core::primitive::str;
pub use core::result::Result::{self, Err, Ok};
pub use core::{compile_error, concat, file, line, module_path, option_env, panic, stringify};

#[cfg(feature = "failpoints")]
mod imp {
    pub use crate::runtime::eval::task::{Done, Waits, awaited, begun};
    pub use crate::runtime::eval::{evaluate, ready, sync};
    pub use crate::runtime::site::*;
}

#[cfg(not(feature = "failpoints"))]
mod imp {
    #[cfg(not(feature = "attributes"))]
    pub use crate::__check_name as check_name;
    use crate::value::FromTerm;
    #[cfg(feature = "attributes")]
    pub use failpoint_macros::check_name;

    /// What a site that is compiled out matches on.
    #[derive(Debug)]
    pub enum World {
        Off,
    }

    pub use World::Off;

    /// What a `return` may hand to a site: only the types are checked.
    #[derive(Debug)]
    pub struct Accepts;

    impl Accepts {
        pub const fn typed<T: FromTerm>(_: &'static str, _: &'static str) -> Accepts {
            Accepts
        }
    }

    /// What the static of a site would check of its name.
    #[track_caller]
    pub const fn check(name: &'static str) {
        crate::name::assert_good(name);
    }

    /// What the static of a site would check of the keys of its context.
    #[track_caller]
    pub const fn check_keys(keys: &[&str]) {
        crate::key::assert_distinct(keys);
    }

    /// Takes what context is given.
    pub fn unused(_: &str, _: &dyn core::fmt::Display) {}

    /// An await that is never reached.
    pub async fn awaited() {}

    /// A call that a const function may not make. The result is for `clippy::missing_const_for_fn`:
    /// it sees no call in an arm that is dropped, but it sees the local for the result, and takes
    /// no function for const that has a local with a function pointer. The line is for lints that
    /// compare code: two points are not the same code.
    pub fn not_const(_: u32) -> fn() {
        || {}
    }

    /// Takes the place of a value in code that is checked and never made.
    pub fn never<T>() -> T {
        unreachable!("this arm is never reached")
    }
}

pub use imp::*;

// The list of sites holds one of ours, with the machinery alone as well.
#[cfg(all(feature = "runtime", not(feature = "failpoints")))]
pub use crate::runtime::site::Site;

// In both worlds: the proc macros run on the host, where cargo may have them on for a library that
// is off.
mod on_return;
#[cfg(feature = "failpoints")]
mod test_scope;

pub use on_return::OnReturn;
#[cfg(feature = "failpoints")]
pub use test_scope::{Outcome, Succeeded, TestScope};

/// What the sister crates say where they, too, were compiled out.
pub mod compiled_out {
    pub use crate::compiled_out::{BuildWith, say_of};
}

/// How the sister crates show text to a person, in both worlds.
pub mod text {
    pub use crate::stderr::line as to_stderr;
    pub use crate::terms::visible_terms;
    pub use crate::visible::{
        Visible, holds_hidden, is_hidden, visible, visible_json, visible_lines,
    };
}

/// What context is given; a function, so that errors point at the value.
#[inline]
pub fn shown<T: Display>(value: &T) -> &dyn Display {
    value
}

/// A scope passed by hand, by value, by reference or behind pointers: the call coerces them all.
#[inline]
pub fn through(scope: &crate::Scope) -> &crate::Scope {
    scope
}

/// The key of a context value, of the identifier that was written.
pub const fn key(identifier: &'static str) -> &'static str {
    crate::key::plain(identifier)
}

/// `WORD` or `WORD:VALUE`, taken apart.
pub fn word_and_value(text: &str) -> (&str, Option<&str>) {
    match text.split_once(':') {
        Some((word, value)) => (word, Some(value)),
        None => (text, None),
    }
}

/// What is wrong with the value that a word has.
pub fn bad_value(word: &str, bad: &crate::BadTerm) -> crate::BadTerm {
    crate::BadTerm::expected(format!("after `{word}:` {bad}"))
}

/// Calls a closure of the text; gives its parameter the type.
#[inline]
pub fn call<R>(text: Option<String>, closure: impl FnOnce(Option<String>) -> R) -> R {
    closure(text)
}

/// Calls a closure of a typed value.
#[inline]
pub fn call_typed<T, R>(value: T, closure: impl FnOnce(T) -> R) -> R {
    closure(value)
}

/// Calls what was written where a closure is expected, but does not look like one.
#[inline]
pub fn call_responder<R>(text: Option<String>, responder: impl Responder<R>) -> R {
    responder(text)
}

/// What can be given instead of the closure.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a closure that a failpoint can call",
    label = "neither a condition nor a closure",
    note = "for a condition write fail_point!(\"name\", if CONDITION); \
            for a closure write |v| …, or anything that is FnOnce(Option<String>) -> R"
)]
pub trait Responder<R>: FnOnce(Option<String>) -> R {}

// Else the compiler tells of the closure that `F` is not, and not what to write.
#[diagnostic::do_not_recommend]
impl<F, R> Responder<R> for F where F: FnOnce(Option<String>) -> R {}
