//! What may an author write at a site?
//!
//! The public macros and their grammar. Both worlds read a site the same way: what was written is
//! taken apart here, once, and handed to `__emit!`, of which each world has its own (`on`, `off`).
//! So a form that one world accepts is accepted by the other.

#[cfg(not(feature = "failpoints"))]
mod off;
#[cfg(feature = "failpoints")]
mod on;

/// Marks a place: a **site** of the point that bears the name.
///
/// ```text
/// fail_point!(NAME [, if CONDITION] [, KEY = VALUE]* [, CLOSURE])
/// fail_point!(NAME, CONDITION, CLOSURE)        as the crate `fail` has it
/// ```
///
/// - `NAME` is a `&str` constant, letters, digits and `_ . : / -`. Several sites may share a name.
/// - `CONDITION` is evaluated only when the point is armed; where it is false nothing happens.
/// - `KEY = VALUE` is context for `when(KEY=…)` filters: anything `Display`, evaluated only when
///   armed.
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
    ($name:expr $(,)?) => {
        $crate::__emit!(statement ($name) () ())
    };
    ($name:expr, $($rest:tt)+) => {
        $crate::__fail_point!(@arguments ($name) () () $($rest)+)
    };
}

/// Marks a place that may be handed a value: gives `Some` when a `return` fires, `None` otherwise.
///
/// ```text
/// fail_value!(NAME [, Type] [, if CONDITION] [, KEY = VALUE]*) -> Option<Type>
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
    ($name:expr $(,)?) => {
        $crate::__emit!(value ($name) () () ())
    };
    ($name:expr, $($rest:tt)+) => {
        $crate::__fail_value!(@arguments ($name) $($rest)+)
    };
}

/// Marks a place that may fail: gives `Err(`[`Injected`](crate::Injected)`)` when a `return` fires,
/// `Ok(())` otherwise.
///
/// ```text
/// fail_result!(NAME [, if CONDITION] [, KEY = VALUE]*) -> Result<(), Injected>
/// ```
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
    ($name:expr $(,)?) => {
        $crate::__emit!(result ($name) () ())
    };
    ($name:expr, $($rest:tt)+) => {
        $crate::__fail_result!(@arguments ($name) () () $($rest)+)
    };
}

/// The muncher of `fail_point!`: `(name) (condition) (context) rest`.
#[doc(hidden)]
#[macro_export]
macro_rules! __fail_point {
    (@arguments $name:tt $condition:tt $context:tt) => {
        $crate::__emit!(statement $name $condition $context)
    };
    (@arguments $name:tt () () if $condition:expr $(, $($rest:tt)*)?) => {
        $crate::__fail_point!(@arguments $name ($condition) () $($($rest)*)?)
    };
    (@arguments $name:tt $condition:tt ($($context:tt)*)
        $key:ident = $value:expr $(, $($rest:tt)*)?
    ) => {
        $crate::__fail_point!(@arguments $name $condition ($($context)* $key = $value,) $($($rest)*)?)
    };
    (@arguments $name:tt $condition:tt $context:tt if $($rest:tt)*) => {
        $crate::__private::compile_error!(
            "`if CONDITION` stands once, right after the name: \
             fail_point!(NAME, if CONDITION, KEY = VALUE, |v| …)"
        )
    };
    (@arguments $name:tt $condition:tt $context:tt $($closure:tt)+) => {
        $crate::__fail_point!(@closure $name $condition $context ($($closure)+) $($closure)+)
    };

    // The closure comes twice: as written, so that errors point at what the user wrote, and to be
    // taken apart.
    (@closure $name:tt $condition:tt $context:tt $closure:tt move | $($rest:tt)+) => {
        $crate::__fail_point!(@parameter $name $condition $context $closure $($rest)+)
    };
    (@closure $name:tt $condition:tt $context:tt $closure:tt | $($rest:tt)+) => {
        $crate::__fail_point!(@parameter $name $condition $context $closure $($rest)+)
    };
    // `fail`'s three arguments.
    (@closure $name:tt () () $all:tt $condition:expr, $($closure:tt)+) => {
        $crate::__fail_point!(@closure $name ($condition) () ($($closure)+) $($closure)+)
    };
    (@closure $name:tt $condition:tt $context:tt $callable:tt $($rest:tt)+) => {
        $crate::__fail_point!(@last callable $name $condition $context $callable)
    };

    // Walks over the closure's pattern, to see whether a type stands behind it.
    (@parameter $name:tt $condition:tt $context:tt $closure:tt : _ $(,)? | $($body:tt)+) => {
        $crate::__fail_point!(@last closure $name $condition $context $closure)
    };
    (@parameter $name:tt $condition:tt $context:tt $closure:tt : $type:ty | $($body:tt)+) => {
        $crate::__fail_point!(@last typed $name $condition $context $closure $type)
    };
    (@parameter $name:tt $condition:tt $context:tt $closure:tt : $type:ty, | $($body:tt)+) => {
        $crate::__fail_point!(@last typed $name $condition $context $closure $type)
    };
    (@parameter $name:tt $condition:tt $context:tt $closure:tt | $($body:tt)+) => {
        $crate::__fail_point!(@last closure $name $condition $context $closure)
    };
    (@parameter $name:tt $condition:tt $context:tt $closure:tt $seen:tt $($rest:tt)+) => {
        $crate::__fail_point!(@parameter $name $condition $context $closure $($rest)+)
    };

    (@last $form:ident $name:tt $condition:tt $context:tt ($closure:expr $(,)?) $($type:ty)?) => {
        $crate::__emit!($form $name $condition $context ($closure) $($type)?)
    };
    (@last $form:ident $name:tt $condition:tt $context:tt ($closure:expr, $($rest:tt)+) $($type:ty)?) => {
        $crate::__private::compile_error!(
            "the closure comes last: fail_point!(NAME, if CONDITION, KEY = VALUE, |v| …)"
        )
    };
}

/// The muncher of `fail_value!`: `(name) rest`, then `(name) (type) (condition) (context) rest`.
#[doc(hidden)]
#[macro_export]
macro_rules! __fail_value {
    (@arguments $name:tt if $($rest:tt)+) => {
        $crate::__fail_value!(@typed $name () () () if $($rest)+)
    };
    (@arguments $name:tt $key:ident = $($rest:tt)+) => {
        $crate::__fail_value!(@typed $name () () () $key = $($rest)+)
    };
    (@arguments $name:tt $type:ty $(, $($rest:tt)*)?) => {
        $crate::__fail_value!(@typed $name ($type) () () $($($rest)*)?)
    };
    (@typed $name:tt $type:tt $condition:tt $context:tt) => {
        $crate::__emit!(value $name $type $condition $context)
    };
    (@typed $name:tt $type:tt () () if $condition:expr $(, $($rest:tt)*)?) => {
        $crate::__fail_value!(@typed $name $type ($condition) () $($($rest)*)?)
    };
    (@typed $name:tt $type:tt $condition:tt ($($context:tt)*)
        $key:ident = $value:expr $(, $($rest:tt)*)?
    ) => {
        $crate::__fail_value!(
            @typed $name $type $condition ($($context)* $key = $value,) $($($rest)*)?
        )
    };
    (@typed $name:tt $type:tt $condition:tt $context:tt $($rest:tt)+) => {
        $crate::__private::compile_error!(
            "write fail_value!(NAME, Type, if CONDITION, KEY = VALUE), in this order and each but \
             the name optional"
        )
    };
}

/// The muncher of `fail_result!`: `(name) (condition) (context) rest`.
#[doc(hidden)]
#[macro_export]
macro_rules! __fail_result {
    (@arguments $name:tt $condition:tt $context:tt) => {
        $crate::__emit!(result $name $condition $context)
    };
    (@arguments $name:tt () () if $condition:expr $(, $($rest:tt)*)?) => {
        $crate::__fail_result!(@arguments $name ($condition) () $($($rest)*)?)
    };
    (@arguments $name:tt $condition:tt ($($context:tt)*)
        $key:ident = $value:expr $(, $($rest:tt)*)?
    ) => {
        $crate::__fail_result!(
            @arguments $name $condition ($($context)* $key = $value,) $($($rest)*)?
        )
    };
    (@arguments $name:tt $condition:tt $context:tt $($rest:tt)+) => {
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
    ($key:ident) => {
        $crate::__private::stringify!($key)
    };
}
