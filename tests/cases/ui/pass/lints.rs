//! Is every lint silent about a function because it holds a point, in the world where it is in force
//! and in the other? An `expect` shows that the lint would speak if there were no point.
#![deny(warnings)]
#![deny(
    ambiguous_negative_literals,
    closure_returning_async_block,
    deprecated_in_future,
    deprecated_safe_2024,
    edition_2024_expr_fragment_specifier,
    elided_lifetimes_in_paths,
    explicit_outlives_requirements,
    ffi_unwind_calls,
    if_let_rescope,
    impl_trait_overcaptures,
    impl_trait_redundant_captures,
    keyword_idents_2018,
    keyword_idents_2024,
    let_underscore_drop,
    macro_use_extern_crate,
    meta_variable_misuse,
    missing_copy_implementations,
    missing_debug_implementations,
    missing_docs,
    missing_unsafe_on_extern,
    non_ascii_idents,
    redundant_lifetimes,
    rust_2021_incompatible_closure_captures,
    rust_2021_incompatible_or_patterns,
    rust_2021_prefixes_incompatible_syntax,
    rust_2021_prelude_collisions,
    rust_2024_guarded_string_incompatible_syntax,
    rust_2024_incompatible_pat,
    rust_2024_prelude_collisions,
    single_use_lifetimes,
    tail_expr_drop_order,
    trivial_casts,
    trivial_numeric_casts,
    unit_bindings,
    unnameable_types,
    unreachable_pub,
    unsafe_attr_outside_unsafe,
    unsafe_op_in_unsafe_fn,
    unused_crate_dependencies,
    unused_extern_crates,
    unused_import_braces,
    unused_lifetimes,
    unused_macro_rules,
    unused_qualifications,
    unused_results,
    variant_size_differences,
    future_incompatible,
    nonstandard_style,
    rust_2018_idioms,
    unused
)]

use failpoint::{
    Action, Armed, BadTerm, Error, FromTerm, Injected, Scope, Subscription, fail_point,
    fail_point_async, fail_result, fail_result_async, fail_value, fail_value_async, failpoint,
};
use std::future::Future;
use std::io;
use std::pin::Pin;

/// Each method could be a `const fn` if it held no point.
#[derive(Debug)]
pub struct Wal {
    len: usize,
    synced: usize,
    name: String,
}

impl Wal {
    /// Holds no point.
    #[expect(clippy::missing_const_for_fn, reason = "there is no point")]
    pub fn without(&mut self) {
        self.synced = self.len;
    }

    /// A point alone.
    pub fn plain(&mut self) {
        fail_point!("lints/plain");
        self.synced = self.len;
    }

    /// A name that is checked by a constant.
    pub fn named(&mut self) {
        const NAME: &str = "lints/named";
        fail_point!(NAME);
        fail_point!(concat!("lints/", "named"));
        self.synced = self.len;
    }

    /// The last expression.
    pub fn last(&mut self) {
        self.synced = self.len;
        fail_point!("lints/last");
    }

    /// A condition.
    #[must_use]
    pub fn condition(&self) -> usize {
        fail_point!("lints/condition", if self.len > 1);
        self.len
    }

    /// Context.
    #[must_use]
    pub fn context(&self) -> usize {
        fail_point!("lints/context", len = self.len);
        self.len
    }

    /// A scope.
    #[must_use]
    pub fn scoped(&self, scope: &Scope) -> usize {
        fail_point!(in scope, "lints/scoped");
        self.len
    }

    /// A closure of the text.
    #[must_use]
    pub fn text(&self) -> usize {
        fail_point!("lints/text", |_| 3);
        self.len
    }

    /// A typed closure.
    #[must_use]
    pub fn typed(&self) -> usize {
        fail_point!("lints/typed", |len: usize| len);
        self.len
    }

    /// A function in the place of the closure.
    #[must_use]
    pub fn callable(&self) -> usize {
        fail_point!("lints/callable", length);
        self.len
    }

    /// The three arguments of the crate `fail`.
    #[must_use]
    pub fn three(&self) -> usize {
        fail_point!("lints/three", self.len > 1, |_| 3);
        self.len
    }

    /// A value, or not.
    #[must_use]
    pub fn unit_value(&self) -> bool {
        fail_value!("lints/unit").is_some() && self.len > 1
    }

    /// A typed value.
    #[must_use]
    pub fn value(&self) -> Option<usize> {
        if self.len > 1 { fail_value!("lints/value", usize) } else { None }
    }

    /// A result.
    ///
    /// # Errors
    /// When one is injected.
    pub fn result(&mut self) -> Result<(), Injected> {
        self.synced = self.len;
        fail_result!("lints/result")
    }

    /// By attribute.
    #[failpoint("lints/attribute")]
    #[must_use]
    pub fn attribute(&self) -> usize {
        self.len
    }

    /// By an attribute that returns.
    #[failpoint("lints/attribute_text", |_| 3)]
    #[must_use]
    pub fn attribute_text(&self) -> usize {
        self.len
    }

    /// By an attribute that returns a value.
    #[failpoint("lints/attribute_typed", |len: usize| len)]
    #[must_use]
    pub fn attribute_typed(&self) -> usize {
        self.len
    }

    /// By an attribute that injects an error.
    ///
    /// # Errors
    /// When one is injected.
    #[failpoint("lints/attribute_err", err)]
    pub fn attribute_err(&mut self) -> Result<usize, Injected> {
        self.synced = self.len;
        Ok(self.len)
    }

    /// By an attribute, before the body.
    #[failpoint(before = "lints/attribute_before")]
    pub fn attribute_before(&mut self) {
        self.synced = self.len;
    }

    /// By an attribute, after the body.
    #[failpoint(after = "lints/attribute_after")]
    pub fn attribute_after(&mut self) {
        self.synced = self.len;
    }

    /// In a future that awaits nothing else.
    pub async fn asynchronous(&self) -> usize {
        fail_point_async!("lints/async");
        fail_point_async!("lints/async_typed", |len: usize| len);
        fail_value_async!("lints/async_value", usize).unwrap_or(self.len)
    }

    /// In a future that awaits nothing else, a result.
    ///
    /// # Errors
    /// When one is injected.
    pub async fn asynchronous_result(&self) -> Result<usize, Injected> {
        fail_result_async!("lints/async_result")?;
        Ok(self.len)
    }

    /// In a future that awaits nothing else, by attribute.
    #[failpoint("lints/async_attribute", |len: usize| len)]
    pub async fn asynchronous_attribute(&self) -> usize {
        self.len
    }

    /// In a future that awaits nothing else, by an attribute around the body.
    #[failpoint(before = "lints/async_before", after = "lints/async_after")]
    pub async fn asynchronous_around(&self) -> usize {
        self.len
    }

    /// In a boxed future.
    #[must_use = "it must be awaited"]
    pub fn boxed<'wal>(
        &'wal self,
        tenant: &'wal str,
    ) -> Pin<Box<dyn Future<Output = usize> + 'wal>> {
        Box::pin(async move {
            fail_point_async!("lints/boxed", tenant = tenant, |len: usize| len);
            self.len
        })
    }

    /// In a boxed future, by attribute.
    #[must_use = "it must be awaited"]
    #[failpoint(before = "lints/boxed_before", after = "lints/boxed_after")]
    pub fn boxed_attribute(&self) -> Pin<Box<dyn Future<Output = usize> + '_>> {
        Box::pin(async move { self.len })
    }

    /// In a closure.
    pub fn closure(&self) -> impl Fn() -> usize + '_ {
        move || {
            fail_point!("lints/closure", |_| 3);
            self.len
        }
    }

    /// Borrowed.
    #[must_use]
    pub fn borrowed(&self, suffix: &str) -> &str {
        fail_point!("lints/borrowed", suffix = suffix, |_| "");
        &self.name
    }
}

fn length(text: Option<String>) -> usize {
    text.map_or(0, |value| value.len())
}

/// Nothing that only a point uses is unused.
pub mod uses {
    use super::{BadTerm, FromTerm, Scope, fail_point, fail_result, fail_value, failpoint};
    use std::{fmt, io};

    /// Used by nothing.
    #[expect(unused_variables, reason = "there is no point")]
    pub const fn without(n: u32) {}

    /// Context.
    pub fn context(n: u32) {
        fail_point!("uses/context", n = n);
        let local = n.wrapping_add(1);
        fail_point!("uses/context", n = local);
    }

    /// A condition.
    pub fn condition(n: u32) {
        fail_point!("uses/condition", if n > 1);
    }

    /// A closure that moves.
    #[must_use]
    pub fn moved(name: String) -> String {
        fail_point!("uses/moved", |_| name);
        String::new()
    }

    /// A closure that changes something.
    #[must_use]
    pub fn changed(mut n: u32) -> u32 {
        fail_point!("uses/changed", |_| {
            n = n.wrapping_add(1);
            n
        });
        1
    }

    /// A scope.
    pub fn scope(scope: &Scope) {
        fail_point!(in scope, "uses/scope");
    }

    /// A function, and a type.
    #[must_use]
    pub fn items() -> u32 {
        fail_point!("uses/items", private);
        fail_point!("uses/items_typed", |only: Only| only.0);
        1
    }

    fn private(_: Option<String>) -> u32 {
        2
    }

    struct Only(u32);

    impl FromTerm for Only {
        fn from_term(text: Option<&str>) -> Result<Self, BadTerm> {
            u32::from_term(text).map(Self)
        }
    }

    /// What a closure changes through a reference.
    pub fn by_reference(n: &mut u32) {
        fail_point!("uses/by_reference", |_| *n = 2);
    }

    /// A generic value.
    pub fn generic<T: fmt::Display>(value: &T) {
        fail_point!("uses/generic", value = value);
    }

    /// In an expression.
    ///
    /// # Errors
    /// When one is injected.
    pub fn expression(n: u32) -> io::Result<bool> {
        fail_result!("uses/result", n = n)?;
        Ok(fail_value!("uses/value", n = n).is_some())
    }

    /// By attribute.
    #[failpoint("uses/attribute", if n > 1, n = n, |value: u32| value)]
    #[must_use]
    pub fn attribute(n: u32) -> u32 {
        1
    }
}

/// What the macros give is handled as users handle such things.
pub mod handled {
    use super::{Injected, fail_point, fail_result, fail_value, io};

    /// The loop goes on, or not.
    #[must_use]
    pub fn in_a_loop(numbers: &[u32]) -> u32 {
        let mut sum: u32 = 0;
        for number in numbers {
            if fail_value!("handled/skip").is_some() {
                continue;
            }
            sum = sum.wrapping_add(fail_value!("handled/number", u32).unwrap_or(*number));
        }
        sum
    }

    /// A value is matched.
    #[must_use]
    pub fn matched() -> u32 {
        if let Some(value) = fail_value!("handled/if_let", u32) {
            return value;
        }
        let Some(value) = fail_value!("handled/let_else", u32) else { return 2 };
        match fail_value!("handled/match", u32) {
            Some(3) => 4,
            Some(other) => other,
            None => value,
        }
    }

    /// Two points are not the same code.
    #[must_use]
    pub fn branches(n: u32) -> u32 {
        if n > 1 {
            fail_point!("handled/more");
        } else {
            fail_point!("handled/less");
        }
        match n {
            3 => {
                fail_point!("handled/three", n = n);
                1
            }
            4 => {
                fail_point!("handled/four", n = n);
                1
            }
            5 => fail_value!("handled/five", u32).unwrap_or(1),
            6 => fail_value!("handled/six", u32).unwrap_or(1),
            _ => 2,
        }
    }

    /// An error is handed on.
    ///
    /// # Errors
    /// When one is injected.
    pub fn handed_on() -> Result<u32, Injected> {
        fail_result!("handled/on")?;
        Ok(3)
    }

    /// An error is looked at, and dropped.
    ///
    /// # Errors
    /// When one is injected.
    pub fn looked_at() -> Result<(), String> {
        match fail_result!("handled/match") {
            Ok(()) => {}
            Err(injected) => {
                let text = injected.to_string();
                drop(injected);
                return Err(text);
            }
        }
        if fail_result!("handled/is_err").is_err() {
            return Ok(());
        }
        fail_result!("handled/map_err").map_err(|injected| injected.to_string())
    }

    /// An error becomes one of the user's.
    ///
    /// # Errors
    /// When one is injected.
    pub fn converted() -> Result<(), Failure> {
        fail_result!("handled/converted")?;
        Ok(fail_result!("handled/converted").map_err(io::Error::from)?)
    }

    /// The user's error.
    #[derive(Debug)]
    pub enum Failure {
        /// Injected.
        Injected(Injected),
        /// Real.
        Real(io::Error),
    }

    impl From<Injected> for Failure {
        fn from(injected: Injected) -> Self {
            Self::Injected(injected)
        }
    }

    impl From<io::Error> for Failure {
        fn from(error: io::Error) -> Self {
            Self::Real(error)
        }
    }
}

/// No `return` is missing in what an attribute adds.
#[deny(clippy::implicit_return)]
pub mod explicit {
    use super::failpoint;

    /// Around the body.
    #[failpoint(before = "explicit/before", after = "explicit/after")]
    #[must_use]
    pub fn around(n: u32) -> u32 {
        return n;
    }

    /// Around the body of a future.
    #[failpoint(before = "explicit/before", after = "explicit/after")]
    pub async fn awaited_around(n: u32) -> u32 {
        return n;
    }
}

/// What arms and looks on. Dropping is an action, in both worlds.
pub mod harness {
    use super::{Action, Armed, Error, Scope, Subscription};

    #[derive(Debug)]
    struct Plain;

    /// Drops something that has nothing to drop.
    #[expect(clippy::drop_non_drop, reason = "it is not ours")]
    pub fn without() {
        drop(Plain);
    }

    /// Drops what ends something.
    ///
    /// # Errors
    /// When the point cannot be armed.
    pub fn dropped() -> Result<(), Error> {
        drop(failpoint::arm("lints/plain", "off")?);
        drop(failpoint::arm_all("lints/plain=off")?);
        drop(failpoint::arm_with("lints/plain", |_| Action::Pass)?);
        drop(failpoint::hold_exit());
        drop(failpoint::subscribe());
        drop(failpoint::reset());
        let scope = Scope::new();
        let entered = scope.enter();
        drop(entered);
        drop(scope.subscribe());
        drop(scope);
        Ok(())
    }

    /// Holds it all.
    #[derive(Debug)]
    pub struct Harness {
        scope: Scope,
        armed: Vec<Armed>,
        events: Option<Subscription>,
    }

    impl Harness {
        /// In a scope.
        #[must_use]
        pub fn new() -> Self {
            Self { scope: Scope::new(), armed: Vec::new(), events: None }
        }

        /// Runs something in the scope.
        pub fn run<R, F: FnOnce() -> R>(&self, body: F) -> R {
            let _entered = self.scope.enter();
            body()
        }

        /// Arms for as long as it lives.
        ///
        /// # Errors
        /// When the point cannot be armed.
        pub fn arm(&mut self) -> Result<(), Error> {
            self.scope.arm("lints/plain", "off")?;
            self.armed.push(failpoint::arm("lints/plain", "off")?);
            self.events = Some(failpoint::subscribe());
            Ok(())
        }

        /// Leaves it armed.
        pub fn keep(self) {
            for armed in self.armed {
                armed.keep();
            }
        }
    }

    impl Default for Harness {
        fn default() -> Self {
            Self::new()
        }
    }

    /// Asks whether there are failpoints at all.
    #[must_use]
    pub fn is_skipped() -> bool {
        if !failpoint::enabled() {
            return true;
        }
        failpoint::points().is_empty()
    }
}
