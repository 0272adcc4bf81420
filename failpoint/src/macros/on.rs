//! What a site becomes when failpoints are compiled in.
//!
//! Two statics, of which the linker lists one, a load and a branch; all else is a cold call. Every
//! name goes through `$crate::__private`, so that no name of the user's can shadow it. A local
//! is hygienic towards the user's locals, but `let callsite` means the user's `const callsite`
//! where there is one: hence the underscores.
//!
//! What was evaluated is bound before it is matched, so that the context is gone when the closure
//! takes what the context borrowed.

/// `__emit!(form (mode (scope) name) … )`: see the munchers for what each form is given.
#[doc(hidden)]
#[macro_export]
macro_rules! __emit {
    (statement (sync () $name:expr) () ()) => {{
        let __callsite = $crate::__callsite!($name, $crate::__private::Accepts::NOTHING, ());
        if __callsite.armed() {
            $crate::__private::evaluate(__callsite);
        }
    }};
    (statement ($mode:ident $scope:tt $name:expr) $condition:tt $context:tt) => {{
        let __callsite = $crate::__callsite!($name, $crate::__private::Accepts::NOTHING, $context);
        if $crate::__armed!(__callsite $condition $context) {
            $crate::__evaluate!($mode statement [] $scope __callsite $context);
        }
    }};
    (closure ($mode:ident $scope:tt $name:expr) $condition:tt $context:tt ($closure:expr)) => {{
        let __callsite = $crate::__callsite!($name, $crate::__private::Accepts::TEXT, $context);
        if $crate::__armed!(__callsite $condition $context) {
            let __value = $crate::__evaluate!($mode text [] $scope __callsite $context);
            if let $crate::__private::Some(__value) = __value {
                return $crate::__private::call(__value, $closure);
            }
        }
    }};
    (callable ($mode:ident $scope:tt $name:expr) $condition:tt $context:tt ($callable:expr)) => {{
        let __callsite = $crate::__callsite!($name, $crate::__private::Accepts::TEXT, $context);
        if $crate::__armed!(__callsite $condition $context) {
            let __value = $crate::__evaluate!($mode text [] $scope __callsite $context);
            if let $crate::__private::Some(__value) = __value {
                return $crate::__private::call_responder(__value, $callable);
            }
        }
    }};
    (typed ($mode:ident $scope:tt $name:expr) $condition:tt $context:tt ($closure:expr) $type:ty) => {{
        let __callsite = $crate::__callsite!(
            $name,
            $crate::__private::Accepts::typed::<$type>(
                "closure",
                $crate::__private::stringify!($type),
            ),
            $context
        );
        if $crate::__armed!(__callsite $condition $context) {
            let __value = $crate::__evaluate!($mode typed [$type] $scope __callsite $context);
            if let $crate::__private::Some(__value) = __value {
                return $crate::__private::call_typed(__value, $closure);
            }
        }
    }};
    (value $head:tt () $condition:tt $context:tt) => {
        $crate::__emit!(value $head (()) $condition $context)
    };
    (value ($mode:ident $scope:tt $name:expr) ($type:ty) $condition:tt $context:tt) => {{
        let __callsite = $crate::__callsite!(
            $name,
            $crate::__private::Accepts::typed::<$type>(
                "value",
                $crate::__private::stringify!($type),
            ),
            $context
        );
        if $crate::__armed!(__callsite $condition $context) {
            $crate::__evaluate!($mode typed [$type] $scope __callsite $context)
        } else {
            $crate::__private::None
        }
    }};
    (result ($mode:ident $scope:tt $name:expr) $condition:tt $context:tt) => {{
        let __callsite = $crate::__callsite!($name, $crate::__private::Accepts::RESULT, $context);
        if $crate::__armed!(__callsite $condition $context) {
            $crate::__evaluate!($mode result [] $scope __callsite $context)
        } else {
            $crate::__private::Ok(())
        }
    }};
}

/// The cold half, by what the site makes of a value.
#[doc(hidden)]
#[macro_export]
macro_rules! __evaluate {
    (sync $form:ident [$($type:ty)?] $scope:tt $callsite:ident $context:tt) => {
        $crate::__private::sync::$form $(::<$type>)? (
            $callsite,
            $crate::__context!($context),
            $crate::__through!($scope),
        )
    };
    (async_ $form:ident [$($type:ty)?] $scope:tt $callsite:ident $context:tt) => {
        $crate::__awaited!($form [$($type)?] $scope $callsite $context)
    };
}

/// An evaluation that is begun, and awaited if it waits, in two statements: what the site tells, and what
/// the beginning gave, is gone before the await.
#[doc(hidden)]
#[macro_export]
macro_rules! __awaited {
    ($form:ident [$($type:ty)?] $scope:tt $callsite:ident $context:tt) => {
        '__begun: {
            let __evaluation = match $crate::__private::begun::$form $(::<$type>)? (
                $callsite,
                $crate::__context!($context),
                $crate::__through!($scope),
            ) {
                $crate::__private::Done(__value) => break '__begun __value,
                $crate::__private::Waits(__evaluation) => __evaluation,
            };
            $crate::__private::awaited::$form $(::<$type>)? (__evaluation.await)
        }
    };
}

/// The scope that was passed by hand, if one was.
#[doc(hidden)]
#[macro_export]
macro_rules! __through {
    (()) => {
        $crate::__private::None
    };
    (($scope:expr)) => {
        $crate::__private::Some($crate::__private::through(&$scope))
    };
}

/// The statics of a site, which the linker lists, as a value: a static that a macro leaves is not
/// hygienic, a local is. It holds the keys of the context; each evaluation passes the values.
#[doc(hidden)]
#[macro_export]
macro_rules! __callsite {
    ($name:expr, $accepts:expr, ($($key:ident = $value:expr,)*)) => {{
        $crate::__list! {
            __FAILPOINT_SITE = $crate::__private::Site::new(
                $name,
                &$crate::__private::Place {
                    file: $crate::__private::file!(),
                    module: $crate::__private::module_path!(),
                    package: $crate::__private::option_env!("CARGO_PKG_NAME"),
                    accepts: &$accepts,
                    keys: &[$($crate::__key!($key)),*],
                },
                $crate::__private::line!(),
            )
        }
        static __FAILPOINT_SWITCH: $crate::__private::Switch = $crate::__private::Switch::UNSEEN;
        $crate::__private::Callsite { switch: &__FAILPOINT_SWITCH, site: &__FAILPOINT_SITE }
    }};
}

/// Whether to go on at an armed site. A condition and context are user code: they run only where
/// something is armed, not at a site's first, unseen evaluation.
#[doc(hidden)]
#[macro_export]
macro_rules! __armed {
    ($callsite:ident () ()) => {
        $callsite.armed()
    };
    ($callsite:ident () $context:tt) => {
        $callsite.armed() && $crate::__private::ready($callsite)
    };
    ($callsite:ident ($condition:expr) $context:tt) => {
        $callsite.armed() && $crate::__private::ready($callsite) && $condition
    };
}

/// The values of the context, in the order of the site's keys.
#[doc(hidden)]
#[macro_export]
macro_rules! __context {
    (($($key:ident = $value:expr,)*)) => {
        &[$($crate::__private::shown(&$value)),*]
    };
}
