//! The public macros: what can be written at a site.
//!
//! The public macros and their grammar. Both worlds read a site the same way: what was written is
//! taken apart here, once, and handed to `__emit!`, of which each world has its own (`on`, `off`).
//! So a form that one world accepts is accepted by the other.

#[cfg(not(feature = "failpoints"))]
mod off;
#[cfg(feature = "failpoints")]
mod on;

/// Marks a place: a **site** of the point that has the name.
///
/// ```text
/// fail_point!([in SCOPE,] NAME [, if CONDITION] [, KEY = VALUE]* [, CLOSURE])
/// fail_point!(NAME, CONDITION, CLOSURE)        as the crate `fail` has it
/// ```
///
/// - `NAME` is a `&str` constant, letters, digits and `_ . : / -`. Several sites may share a name.
/// - `in SCOPE` looks through that [`Scope`](crate::Scope) first, for code that passes one along.
/// - `CONDITION` is evaluated only when the point is armed; where it is false nothing happens.
/// - `KEY = VALUE` is context for `when(KEY=…)` filters: anything `Display`, evaluated only when
///   armed. Each key is given once; a `when` with a key that no site of the point passes is
///   refused.
/// - `CLOSURE` makes `return` possible: when that fires, the enclosing function returns what the
///   closure gives. `|v| …`, or any `FnOnce(Option<String>) -> R`, gets the text of `return(…)`;
///   `|v: T| …` gets a `T` (see [`FromTerm`](crate::FromTerm)), and a value that is no `T` is
///   refused when it is armed.
///
/// Without the feature `failpoints` the macro leaves nothing: its arguments are checked by the
/// compiler and never evaluated.
///
/// # Panics
/// When armed with `panic`, and when the limit of a `pause`, `wait` or `barrier` that was armed
/// from code runs out.
///
/// ```
/// use failpoint::fail_point;
///
/// fn apply(region: u64) -> Result<u64, String> {
///     fail_point!("beforeApply");
///     fail_point!("apply", if region > 1, region = region, |text| Err(text.unwrap_or_default()));
///     fail_point!("applyTyped", |skipped: u64| Ok(skipped));
///     Ok(region)
/// }
/// assert_eq!(apply(7), Ok(7));
///
/// # #[cfg(feature = "failpoints")] {
/// let armed = failpoint::arm("apply", "when(region=7):return(injected)")?;
/// assert_eq!(apply(7), Err("injected".to_owned()));
/// assert_eq!(apply(8), Ok(8));
/// assert_eq!(armed.fires(), 1);
/// # }
/// # Ok::<(), failpoint::Error>(())
/// ```
///
/// After gofail's `// gofail:` comments and the macro of the crate `fail`.
#[macro_export]
macro_rules! fail_point {
    // The form that stands everywhere: no detour through the muncher.
    ($name:expr $(,)?) => {
        $crate::__emit!(statement (sync () $name) () ())
    };
    (in $scope:expr, $name:expr $(, $($rest:tt)*)?) => {
        $crate::__fail_point!(@arguments (sync ($scope) $name) () () $($($rest)*)?)
    };
    ($name:expr $(, $($rest:tt)*)?) => {
        $crate::__fail_point!(@arguments (sync () $name) () () $($($rest)*)?)
    };
}

/// Marks a place that may be handed a value: gives `Some` when a `return` fires, `None` otherwise.
///
/// ```text
/// fail_value!([in SCOPE,] NAME [, Type] [, if CONDITION] [, KEY = VALUE]*) -> Option<Type>
/// ```
///
/// `Type` is any [`FromTerm`](crate::FromTerm), `()` if it is left out. Every other action acts as
/// in [`fail_point!`] and the macro gives `None`.
///
/// # Panics
/// As [`fail_point!`].
///
/// ```
/// use failpoint::fail_value;
///
/// fn deliver(messages: &[u64]) -> Vec<u64> {
///     let mut delivered = Vec::new();
///     'next: for &message in messages {
///         if fail_value!("dropMessage", message = message).is_some() {
///             continue 'next;
///         }
///         delivered.push(fail_value!("corruptMessage", u64).unwrap_or(message));
///     }
///     delivered
/// }
/// assert_eq!(deliver(&[1, 2, 3]), [1, 2, 3]);
///
/// # #[cfg(feature = "failpoints")] {
/// let _armed = failpoint::arm("dropMessage", "nth(2):return")?;
/// assert_eq!(deliver(&[1, 2, 3]), [1, 3]);
/// # }
/// # Ok::<(), failpoint::Error>(())
/// ```
#[macro_export]
macro_rules! fail_value {
    (in $scope:expr, $name:expr $(, $($rest:tt)*)?) => {
        $crate::__fail_value!(@arguments (sync ($scope) $name) $($($rest)*)?)
    };
    ($name:expr $(, $($rest:tt)*)?) => {
        $crate::__fail_value!(@arguments (sync () $name) $($($rest)*)?)
    };
}

/// Marks a place that may fail: gives `Err(`[`Injected`](crate::Injected)`)` when a `return` fires,
/// `Ok(())` otherwise.
///
/// ```text
/// fail_result!([in SCOPE,] NAME [, if CONDITION] [, KEY = VALUE]*) -> Result<(), Injected>
/// ```
///
/// Any value can be returned. A word without quotes that looks like an errno (`E` and capitals) has
/// to be one, or it is refused with the nearest: write `return("EXPIRED")` for a message of such a
/// form. A number is a message too: write the name of the errno, `return(EIO)`, not `return(5)`.
///
/// # Panics
/// As [`fail_point!`].
///
/// ```
/// use failpoint::fail_result;
///
/// fn sync() -> std::io::Result<()> {
///     fail_result!("walSync")?;
///     Ok(())
/// }
/// sync().unwrap();
///
/// # #[cfg(feature = "failpoints")] {
/// let _armed = failpoint::arm("walSync", "return(ENOSPC)")?;
/// assert_eq!(sync().unwrap_err().kind(), std::io::ErrorKind::StorageFull);
/// # }
/// # Ok::<(), failpoint::Error>(())
/// ```
#[macro_export]
macro_rules! fail_result {
    (in $scope:expr, $name:expr $(, $($rest:tt)*)?) => {
        $crate::__fail_result!(@arguments (sync ($scope) $name) () () $($($rest)*)?)
    };
    ($name:expr $(, $($rest:tt)*)?) => {
        $crate::__fail_result!(@arguments (sync () $name) () () $($($rest)*)?)
    };
}

/// [`fail_point!`] for async code: sleeps, pauses and waits are awaited and never block an
/// executor's thread.
///
/// The same forms, to be used inside an `async` block or function. Dropping the future leaves
/// wherever it is. No runtime is needed. An idle point adds nothing to the future but
/// one pointer, which all points of a function share.
///
/// # Panics
/// As [`fail_point!`].
///
/// ```
/// async fn apply(region: u64) -> Option<u64> {
///     failpoint::fail_point_async!("applyAsync", region = region, |n: u64| Some(n));
///     None
/// }
/// ```
#[macro_export]
macro_rules! fail_point_async {
    (in $scope:expr, $name:expr $(, $($rest:tt)*)?) => {
        $crate::__fail_point!(@arguments (async_ ($scope) $name) () () $($($rest)*)?)
    };
    ($name:expr $(, $($rest:tt)*)?) => {
        $crate::__fail_point!(@arguments (async_ () $name) () () $($($rest)*)?)
    };
}

/// [`fail_value!`] for async code: sleeps, pauses and waits are awaited and never block an
/// executor's thread.
///
/// The same forms, to be used inside an `async` block or function. Dropping the future leaves
/// wherever it is. No runtime is needed. An idle point adds nothing to the future but
/// one pointer, which all points of a function share.
///
/// # Panics
/// As [`fail_point!`].
///
/// ```
/// async fn is_dropped() -> bool {
///     failpoint::fail_value_async!("dropAsync").is_some()
/// }
/// ```
#[macro_export]
macro_rules! fail_value_async {
    (in $scope:expr, $name:expr $(, $($rest:tt)*)?) => {
        $crate::__fail_value!(@arguments (async_ ($scope) $name) $($($rest)*)?)
    };
    ($name:expr $(, $($rest:tt)*)?) => {
        $crate::__fail_value!(@arguments (async_ () $name) $($($rest)*)?)
    };
}

/// [`fail_result!`] for async code: sleeps, pauses and waits are awaited and never block an
/// executor's thread.
///
/// The same forms, to be used inside an `async` block or function. Dropping the future leaves
/// wherever it is. No runtime is needed. An idle point adds nothing to the future but
/// one pointer, which all points of a function share.
///
/// # Panics
/// As [`fail_point!`].
///
/// ```
/// async fn sync() -> std::io::Result<()> {
///     failpoint::fail_result_async!("syncAsync")?;
///     Ok(())
/// }
/// ```
#[macro_export]
macro_rules! fail_result_async {
    (in $scope:expr, $name:expr $(, $($rest:tt)*)?) => {
        $crate::__fail_result!(@arguments (async_ ($scope) $name) () () $($($rest)*)?)
    };
    ($name:expr $(, $($rest:tt)*)?) => {
        $crate::__fail_result!(@arguments (async_ () $name) () () $($($rest)*)?)
    };
}

/// The muncher of `fail_point!`: `(mode (scope) name) (condition) (context) rest`.
#[doc(hidden)]
#[macro_export]
macro_rules! __fail_point {
    (@arguments $head:tt $condition:tt $context:tt) => {
        $crate::__emit!(statement $head $condition $context)
    };
    (@arguments $head:tt () () if $condition:expr $(, $($rest:tt)*)?) => {
        $crate::__fail_point!(@arguments $head ($condition) () $($($rest)*)?)
    };
    (@arguments $head:tt $condition:tt ($($context:tt)*)
        $key:ident = $value:expr $(, $($rest:tt)*)?
    ) => {
        $crate::__fail_point!(@arguments $head $condition ($($context)* $key = $value,) $($($rest)*)?)
    };
    (@arguments $head:tt $condition:tt $context:tt if $($rest:tt)*) => {
        $crate::__private::compile_error!(
            "`if CONDITION` is given once, right after the name: \
             fail_point!(NAME, if CONDITION, KEY = VALUE, |v| …)"
        )
    };
    (@arguments $head:tt $condition:tt $context:tt $($closure:tt)+) => {
        $crate::__fail_point!(@closure $head $condition $context ($($closure)+) $($closure)+)
    };

    // The closure comes twice: as written, so that errors point at what the user wrote, and to be
    // taken apart.
    (@closure $head:tt $condition:tt $context:tt $closure:tt move | $($rest:tt)+) => {
        $crate::__fail_point!(@parameter $head $condition $context $closure $($rest)+)
    };
    (@closure $head:tt $condition:tt $context:tt $closure:tt | $($rest:tt)+) => {
        $crate::__fail_point!(@parameter $head $condition $context $closure $($rest)+)
    };
    // `fail`'s three arguments.
    (@closure $head:tt () () $all:tt $condition:expr, $($closure:tt)+) => {
        $crate::__fail_point!(@closure $head ($condition) () ($($closure)+) $($closure)+)
    };
    (@closure $head:tt $condition:tt $context:tt $callable:tt $($rest:tt)+) => {
        $crate::__fail_point!(@last callable $head $condition $context $callable)
    };

    // Walks over the closure's pattern, to see whether a type stands behind it.
    (@parameter $head:tt $condition:tt $context:tt $closure:tt : _ $(,)? | $($body:tt)+) => {
        $crate::__fail_point!(@last closure $head $condition $context $closure)
    };
    (@parameter $head:tt $condition:tt $context:tt $closure:tt : $type:ty | $($body:tt)+) => {
        $crate::__fail_point!(@last typed $head $condition $context $closure $type)
    };
    (@parameter $head:tt $condition:tt $context:tt $closure:tt : $type:ty, | $($body:tt)+) => {
        $crate::__fail_point!(@last typed $head $condition $context $closure $type)
    };
    (@parameter $head:tt $condition:tt $context:tt $closure:tt | $($body:tt)+) => {
        $crate::__fail_point!(@last closure $head $condition $context $closure)
    };
    (@parameter $head:tt $condition:tt $context:tt $closure:tt $seen:tt $($rest:tt)+) => {
        $crate::__fail_point!(@parameter $head $condition $context $closure $($rest)+)
    };

    (@last $form:ident $head:tt $condition:tt $context:tt ($closure:expr $(,)?) $($type:ty)?) => {
        $crate::__emit!($form $head $condition $context ($closure) $($type)?)
    };
    (@last $form:ident $head:tt $condition:tt $context:tt ($closure:expr, $($rest:tt)+) $($type:ty)?) => {
        $crate::__private::compile_error!(
            "the closure comes last: fail_point!(NAME, if CONDITION, KEY = VALUE, |v| …)"
        )
    };
}

/// The muncher of `fail_value!`: `(mode (scope) name) rest`, then `head (type) (condition)
/// (context) rest`.
#[doc(hidden)]
#[macro_export]
macro_rules! __fail_value {
    (@arguments $head:tt) => {
        $crate::__emit!(value $head () () ())
    };
    (@arguments $head:tt if $($rest:tt)+) => {
        $crate::__fail_value!(@typed $head () () () if $($rest)+)
    };
    (@arguments $head:tt $key:ident = $($rest:tt)+) => {
        $crate::__fail_value!(@typed $head () () () $key = $($rest)+)
    };
    (@arguments $head:tt $type:ty $(, $($rest:tt)*)?) => {
        $crate::__fail_value!(@typed $head ($type) () () $($($rest)*)?)
    };
    (@typed $head:tt $type:tt $condition:tt $context:tt) => {
        $crate::__emit!(value $head $type $condition $context)
    };
    (@typed $head:tt $type:tt () () if $condition:expr $(, $($rest:tt)*)?) => {
        $crate::__fail_value!(@typed $head $type ($condition) () $($($rest)*)?)
    };
    (@typed $head:tt $type:tt $condition:tt ($($context:tt)*)
        $key:ident = $value:expr $(, $($rest:tt)*)?
    ) => {
        $crate::__fail_value!(
            @typed $head $type $condition ($($context)* $key = $value,) $($($rest)*)?
        )
    };
    (@typed $head:tt $type:tt $condition:tt $context:tt $($rest:tt)+) => {
        $crate::__private::compile_error!(
            "write fail_value!(NAME, Type, if CONDITION, KEY = VALUE), in this order and each but \
             the name optional"
        )
    };
}

/// The muncher of `fail_result!`: `(mode (scope) name) (condition) (context) rest`.
#[doc(hidden)]
#[macro_export]
macro_rules! __fail_result {
    (@arguments $head:tt $condition:tt $context:tt) => {
        $crate::__emit!(result $head $condition $context)
    };
    (@arguments $head:tt () () if $condition:expr $(, $($rest:tt)*)?) => {
        $crate::__fail_result!(@arguments $head ($condition) () $($($rest)*)?)
    };
    (@arguments $head:tt $condition:tt ($($context:tt)*)
        $key:ident = $value:expr $(, $($rest:tt)*)?
    ) => {
        $crate::__fail_result!(
            @arguments $head $condition ($($context)* $key = $value,) $($($rest)*)?
        )
    };
    (@arguments $head:tt $condition:tt $context:tt $($rest:tt)+) => {
        $crate::__private::compile_error!(
            "write fail_result!(NAME, if CONDITION, KEY = VALUE), in this order and each but the \
             name optional"
        )
    };
}

/// The key of a context value; the built-in ones cannot be given.
#[doc(hidden)]
#[macro_export]
macro_rules! __key {
    (thread) => {
        $crate::__private::compile_error!(
            "`thread` is built in: filter with when(thread=…), without passing it"
        )
    };
    (scope) => {
        $crate::__private::compile_error!(
            "`scope` is built in: filter with when(scope=…), without passing it"
        )
    };
    (r#thread) => {
        $crate::__key!(thread)
    };
    (r#scope) => {
        $crate::__key!(scope)
    };
    ($key:ident) => {
        $crate::__private::key($crate::__private::stringify!($key))
    };
}
