//! The attributes of the crate `failpoint`: use them from there.
//!
//! | feature | default | what it does |
//! |---|---|---|
//! | `failpoints` | no | set by `failpoint/failpoints` |
#![forbid(unsafe_code)]

use proc_macro::TokenStream;
use quote::quote;

mod attribute;
mod derive;
mod function;
mod future;
mod krate;
mod name;
mod test;
#[cfg(test)]
mod testing;

/// Marks a function: sites at its head, before it, and where it returns.
///
/// ```text
/// #[failpoint([crate = PATH,] [in SCOPE,] NAME [, if CONDITION] [, KEY = VALUE]* [, REPLY])]
/// #[failpoint([crate = PATH,] before = NAME, after = NAME)]      either or both
/// ```
///
/// - `NAME` alone is a [`fail_point!`] at the head of the function, an async one in an `async fn`.
///   Scope, condition and context are as there.
/// - `REPLY` makes `return` possible. A closure gives what the function returns, `|v| …` or
///   `|v: T| …` as in [`fail_point!`]. The word `err` returns `Err(injected.into())`, for functions
///   that return `Result<_, E>` with `E: From<failpoint::Injected>`.
/// - `before` is evaluated before the body. `after` is evaluated when the body has returned, be it
///   by `return` or `?`, and before the caller has the value; not when it panics, nor when its
///   future is dropped. Neither can return.
/// - `crate = path` says where the crate is, if not at `::failpoint`.
///
/// It applies to functions and methods, of traits too, sync and async. A function that is not
/// `async` but whose last expression is `async move { … }`, or `Box::pin(async move { … })` as
/// `#[async_trait]` makes it, is marked inside that future. Of several attributes, the nearest to
/// the function is the outermost. A const fn cannot be marked; what returns or waits for a return
/// cannot be on a function that returns `!`.
///
/// The arguments are read at the site: an `async move` block captures the variables that
/// its site names, as it would if the macro were written there.
///
/// Without the feature `failpoints` the attribute leaves nothing: its arguments are checked by the
/// compiler and never evaluated.
///
/// # Panics
/// As [`fail_point!`]. A `panic` at the `after` of a function that is not async leaks the value
/// that it was about to return.
///
/// ```
/// use failpoint::failpoint;
///
/// struct Wal(Vec<u8>);
///
/// impl Wal {
///     #[failpoint("walSync", bytes = self.0.len(), err)]
///     fn sync(&self) -> std::io::Result<()> {
///         Ok(())
///     }
///
///     #[failpoint(before = "raftBeforeSave", after = "raftAfterSave")]
///     fn save(&mut self, entry: &[u8]) -> std::io::Result<usize> {
///         self.0.extend(entry);
///         self.sync()?;
///         Ok(self.0.len())
///     }
///
///     #[failpoint("walLen", |n: usize| n)]
///     async fn len(&self) -> usize {
///         self.0.len()
///     }
/// }
/// let mut wal = Wal(Vec::new());
/// assert_eq!(wal.save(b"x = 1")?, 5);
///
/// # if failpoint::enabled() {
/// let after = failpoint::arm("raftAfterSave", "off")?;
/// let _armed = failpoint::arm("walSync", "when(bytes=10):return(ENOSPC)")?;
/// assert_eq!(wal.save(b"x = 2").unwrap_err().kind(), std::io::ErrorKind::StorageFull);
/// assert_eq!(after.hits(), 1, "`?` is a way out too");
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`fail_point!`]: https://docs.rs/failpoint/latest/failpoint/macro.fail_point.html
#[proc_macro_attribute]
pub fn failpoint(arguments: TokenStream, item: TokenStream) -> TokenStream {
    on_item(attribute::expand, arguments, item)
}

/// A test, sync or async, in a scope of its own: what it arms, no other test sees.
///
/// ```text
/// #[failpoint::test]
/// #[failpoint::test(points = "a=TERMS;b=TERMS", allow_unfired,
///                   flavor = "multi_thread", worker_threads = 2, start_paused = true)]
/// ```
///
/// - The scope is named by the test's path, is in force on the test's thread, and is released
///   before a failure unwinds. A test that takes an argument of a type `…::Scope` is handed it.
/// - `points` is armed in the scope before the test; any `&'static str` expression.
/// - A point that the test armed and that never fired fails it, unless `allow_unfired` is said.
/// - An `async fn` runs on a tokio runtime, which the crate under test depends on, with the feature
///   `rt`. `flavor` is `"current_thread"` if left out, or `"multi_thread"` (`rt-multi-thread`), for
///   which `worker_threads` is. `start_paused` needs tokio's `test-util`. The runtime's threads are
///   in the scope.
/// - On a function that another attribute makes a test, it only adds the scope, and must stand
///   above it: what that attribute passes stays as it is. Known are those called `test`
///   (`#[tokio::test]`, `#[sqlx::test]`), `rstest` and `case`, `test_case`, `test_matrix`, `gtest`,
///   `quickcheck`, `property_test`, `wasm_bindgen_test`. Then a task that is spawned is outside,
///   unless it is wrapped with `Scope::wrap`.
/// - `crate = path` says where the crate is, if not at `::failpoint`.
///
/// Without the feature `failpoints` the test is checked and ignored.
///
/// ```
/// use failpoint::{Scope, fail_value};
/// use std::time::Duration;
///
/// fn is_dropped() -> bool {
///     fail_value!("dropMessage").is_some()
/// }
///
/// #[failpoint::test(points = "dropMessage=nth(2):return")]
/// fn the_second_message_is_dropped() {
///     assert_eq!([is_dropped(), is_dropped()], [false, true]);
/// }
///
/// #[failpoint::test]
/// async fn tasks_are_inside(scope: Scope) -> Result<(), failpoint::Error> {
///     scope.arm("dropMessage", "return")?;
///     assert!(is_dropped());
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    on_item(test::expand, arguments, item)
}

/// Makes a type of one's own readable from `return(…)`.
///
/// - A variant without a field is its name, in `snake_case` or as written, or the word of
///   `#[from_term(rename = "word")]` and nothing else.
/// - A variant with one unnamed field is `word:VALUE`, where the field's type reads `VALUE`; a bare
///   `word` where that takes a bare `return`.
/// - A struct of one unnamed field reads what its field reads.
///
/// Any other text is refused when it is armed, with the words that would do.
/// `#[from_term(crate = path)]` says where the crate is, if not at `::failpoint`.
///
/// ```
/// use failpoint::FromTerm;
/// use std::time::Duration;
///
/// #[derive(Debug, PartialEq, FromTerm)]
/// enum Fate {
///     Drop,
///     #[from_term(rename = "dup")]
///     Duplicate,
///     Delay(Duration),
/// }
/// assert_eq!(Fate::from_term(Some("dup")), Ok(Fate::Duplicate));
/// assert_eq!(Fate::from_term(Some("delay:5ms")), Ok(Fate::Delay(Duration::from_millis(5))));
/// let refusal = Fate::from_term(Some("lose")).unwrap_err();
/// assert_eq!(refusal.to_string(), "`drop`, `dup` or `delay:VALUE`");
///
/// fn fate() -> Fate {
///     failpoint::fail_value!("fate", Fate).unwrap_or(Fate::Delay(Duration::ZERO))
/// }
/// # if failpoint::enabled() {
/// let _armed = failpoint::arm("fate", "return(drop)")?;
/// assert_eq!(fate(), Fate::Drop);
/// # }
/// # Ok::<(), failpoint::Error>(())
/// ```
#[proc_macro_derive(FromTerm, attributes(from_term))]
pub fn derive_from_term(item: TokenStream) -> TokenStream {
    derive::expand(item.into()).unwrap_or_else(|error| error.into_compile_error()).into()
}

/// Not for use: of `CRATE NAME` makes the check of the name, or nothing where it is good at a
/// glance.
#[doc(hidden)]
#[proc_macro]
pub fn check_name(input: TokenStream) -> TokenStream {
    name::check(input.into()).into()
}

/// Of arguments and an item, with failpoints on or off.
type Expand = fn(
    proc_macro2::TokenStream,
    proc_macro2::TokenStream,
    bool,
) -> syn::Result<proc_macro2::TokenStream>;

/// What an attribute makes of an item; of one that is refused, the error and the item as it was, so
/// that nothing else fails for want of it.
fn on_item(expand: Expand, arguments: TokenStream, item: TokenStream) -> TokenStream {
    let item = proc_macro2::TokenStream::from(item);
    match expand(arguments.into(), item.clone(), cfg!(feature = "failpoints")) {
        Ok(expanded) => expanded.into(),
        Err(error) => {
            let error = error.into_compile_error();
            quote!(#item #error).into()
        }
    }
}
