//! What does a site become when failpoints are compiled in?
//!
//! A static that the linker lists, one load and one branch; all else is a cold call. Every name
//! goes through `$crate::__private`, so that nothing of the user's can stand in the way. A local is
//! hygienic towards the user's locals, but `let site` means the user's `const site` where there is
//! one: hence the underscores.
//!
//! What was evaluated is bound before it is matched, so that the context is gone when the closure
//! takes what the context borrowed.

/// `__emit!(form (mode (scope) name) … )`: see the munchers for what each form is given.
#[doc(hidden)]
#[macro_export]
macro_rules! __emit {
    (statement (sync () $name:expr) () ()) => {{
        let __site = $crate::__site!($name, $crate::__private::Accepts::NOTHING);
        if __site.armed() {
            $crate::__private::evaluate(__site);
        }
    }};
    (statement ($mode:ident $scope:tt $name:expr) $condition:tt $context:tt) => {{
        let __site = $crate::__site!($name, $crate::__private::Accepts::NOTHING);
        if $crate::__armed!(__site $condition $context) {
            let _ = $crate::__evaluate!($mode $scope __site $context);
        }
    }};
    (closure ($mode:ident $scope:tt $name:expr) $condition:tt $context:tt ($closure:expr)) => {{
        let __site = $crate::__site!($name, $crate::__private::Accepts::TEXT);
        if $crate::__armed!(__site $condition $context) {
            let __value = $crate::__evaluate!($mode $scope __site $context);
            if let $crate::__private::Some(__value) = __value {
                return $crate::__private::call(__value, $closure);
            }
        }
    }};
    (callable ($mode:ident $scope:tt $name:expr) $condition:tt $context:tt ($callable:expr)) => {{
        let __site = $crate::__site!($name, $crate::__private::Accepts::TEXT);
        if $crate::__armed!(__site $condition $context) {
            let __value = $crate::__evaluate!($mode $scope __site $context);
            if let $crate::__private::Some(__value) = __value {
                return $crate::__private::call_responder(__value, $callable);
            }
        }
    }};
    (typed ($mode:ident $scope:tt $name:expr) $condition:tt $context:tt ($closure:expr) $type:ty) => {{
        let __site = $crate::__site!(
            $name,
            $crate::__private::Accepts::typed::<$type>(
                "closure",
                $crate::__private::stringify!($type),
            )
        );
        if $crate::__armed!(__site $condition $context) {
            let __value =
                $crate::__private::typed::<$type>($crate::__evaluate!($mode $scope __site $context));
            if let $crate::__private::Some(__value) = __value {
                return $crate::__private::call_typed(__value, $closure);
            }
        }
    }};
    (value $head:tt () $condition:tt $context:tt) => {
        $crate::__emit!(value $head (()) $condition $context)
    };
    (value ($mode:ident $scope:tt $name:expr) ($type:ty) $condition:tt $context:tt) => {{
        let __site = $crate::__site!(
            $name,
            $crate::__private::Accepts::typed::<$type>(
                "value",
                $crate::__private::stringify!($type),
            )
        );
        if $crate::__armed!(__site $condition $context) {
            $crate::__private::typed::<$type>($crate::__evaluate!($mode $scope __site $context))
        } else {
            $crate::__private::None
        }
    }};
    (result ($mode:ident $scope:tt $name:expr) $condition:tt $context:tt) => {{
        let __site = $crate::__site!($name, $crate::__private::Accepts::RESULT);
        if $crate::__armed!(__site $condition $context) {
            $crate::__private::injected(__site, $crate::__evaluate!($mode $scope __site $context))
        } else {
            $crate::__private::Ok(())
        }
    }};
}

/// The cold half. An async one is begun and then awaited in two statements, so that what the site
/// tells is gone before the await.
#[doc(hidden)]
#[macro_export]
macro_rules! __evaluate {
    (sync $scope:tt $site:ident $context:tt) => {
        $crate::__private::evaluate_with(
            $site,
            $crate::__context!($context),
            $crate::__through!($scope),
        )
    };
    (async_ $scope:tt $site:ident $context:tt) => {{
        let __evaluation = $crate::__private::evaluate_async(
            $site,
            $crate::__context!($context),
            $crate::__through!($scope),
        );
        __evaluation.await
    }};
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

/// The static of a site, listed at link time, as a reference: a static that a macro leaves is not
/// hygienic, a local is.
#[cfg(all(
    not(miri),
    any(
        target_os = "linux",
        target_os = "macos",
        target_os = "ios",
        target_os = "tvos",
        target_os = "windows",
        target_os = "android",
        target_os = "fuchsia",
        target_os = "illumos",
        target_os = "freebsd",
        target_os = "openbsd",
    )
))]
#[doc(hidden)]
#[macro_export]
macro_rules! __site {
    ($name:expr, $accepts:expr) => {{
        static __FAILPOINT_SITE: $crate::__private::Site = $crate::__describe!($name, $accepts);
        // The list holds functions. A static that the list held or referred to would be one that
        // others may see, and in a library its address would be loaded before its byte is.
        #[inline(never)]
        fn __failpoint_site() -> &'static $crate::__private::Site {
            &__FAILPOINT_SITE
        }
        #[$crate::__private::linkme::distributed_slice($crate::__private::FAILPOINT_SITES_0_1)]
        #[linkme(crate = $crate::__private::linkme)]
        static __FAILPOINT_LISTED: fn() -> &'static $crate::__private::Site = __failpoint_site;
        &__FAILPOINT_SITE
    }};
}

/// Where linkers make no list (wasm, Miri) a site registers at its first hit.
#[cfg(not(all(
    not(miri),
    any(
        target_os = "linux",
        target_os = "macos",
        target_os = "ios",
        target_os = "tvos",
        target_os = "windows",
        target_os = "android",
        target_os = "fuchsia",
        target_os = "illumos",
        target_os = "freebsd",
        target_os = "openbsd",
    )
)))]
#[doc(hidden)]
#[macro_export]
macro_rules! __site {
    ($name:expr, $accepts:expr) => {{
        static __FAILPOINT_SITE: $crate::__private::Site = $crate::__describe!($name, $accepts);
        &__FAILPOINT_SITE
    }};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __describe {
    ($name:expr, $accepts:expr) => {
        $crate::__private::Site::new(
            $name,
            const { &$accepts },
            $crate::__private::file!(),
            $crate::__private::line!(),
            $crate::__private::module_path!(),
            $crate::__private::option_env!("CARGO_PKG_NAME"),
        )
    };
}

/// Whether to go on at an armed site. A condition and context are user code: they run only where
/// something is armed, not at a site's first, unseen evaluation.
#[doc(hidden)]
#[macro_export]
macro_rules! __armed {
    ($site:ident () ()) => {
        $site.armed()
    };
    ($site:ident () $context:tt) => {
        $site.armed() && $crate::__private::ready($site)
    };
    ($site:ident ($condition:expr) $context:tt) => {
        $site.armed() && $crate::__private::ready($site) && $condition
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __context {
    (($($key:ident = $value:expr,)*)) => {
        &[$(($crate::__key!($key), $crate::__private::shown(&$value)),)*]
    };
}
