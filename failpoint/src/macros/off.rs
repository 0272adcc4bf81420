//! What a site becomes when failpoints are compiled out.
//!
//! Nothing that runs. The code of a site is in the second arm of `match Off { Off => …, _ => … }`.
//! The compiler checks that arm (types, borrows, moves) and drops it before it makes code. So a
//! future keeps its size to the byte; `if false` would keep the locals. The const items of the on
//! world refuse some names and types; they are refused here as well, so that both worlds refuse the
//! same code.
//!
//! Tools read this code too, and must find in it what the on world has: the uses of variables, and
//! a call that is not const. `Off` is the one variant of an enum. It is not `()`, because
//! rust-analyzer ignores the arms after a pattern such as `()`, and calls a variable unused that
//! only they use.

/// `__emit!(form (mode (scope) name) … )`: see the munchers for what each form is given.
#[doc(hidden)]
#[macro_export]
macro_rules! __emit {
    // The form that stands everywhere, with as little for the compiler to expand and to check.
    (statement (sync () $name:expr) () ()) => {
        match $crate::__private::Off {
            $crate::__private::Off => {}
            _ => {
                $crate::__private::check_name! { $crate $name }
                $crate::__private::not_const($crate::__private::line!());
            }
        }
    };
    (statement ($mode:ident $scope:tt $name:expr) $condition:tt $context:tt) => {
        match $crate::__private::Off {
            $crate::__private::Off => {}
            _ => {
                $crate::__check!($name);
                $crate::__unused!($mode $scope $condition $context);
            }
        }
    };
    (closure ($mode:ident $scope:tt $name:expr) $condition:tt $context:tt ($closure:expr)) => {
        match $crate::__private::Off {
            $crate::__private::Off => {}
            _ => {
                $crate::__check!($name);
                $crate::__unused!($mode $scope $condition $context);
                return $crate::__private::call($crate::__private::never(), $closure);
            }
        }
    };
    (callable ($mode:ident $scope:tt $name:expr) $condition:tt $context:tt ($callable:expr)) => {
        match $crate::__private::Off {
            $crate::__private::Off => {}
            _ => {
                $crate::__check!($name);
                $crate::__unused!($mode $scope $condition $context);
                return $crate::__private::call_responder($crate::__private::never(), $callable);
            }
        }
    };
    (typed ($mode:ident $scope:tt $name:expr) $condition:tt $context:tt
        ($closure:expr) $type:ty
    ) => {
        match $crate::__private::Off {
            $crate::__private::Off => {}
            _ => {
                $crate::__check!(
                    $name,
                    $crate::__private::Accepts::typed::<$type>(
                        "closure",
                        $crate::__private::stringify!($type),
                    )
                );
                $crate::__unused!($mode $scope $condition $context);
                return $crate::__private::call_typed(
                    $crate::__private::never::<$type>(),
                    $closure
                );
            }
        }
    };
    (value $head:tt () $condition:tt $context:tt) => {
        $crate::__emit!(value $head (()) $condition $context)
    };
    (value ($mode:ident $scope:tt $name:expr) ($type:ty) $condition:tt $context:tt) => {
        match $crate::__private::Off {
            $crate::__private::Off => $crate::__private::None::<$type>,
            _ => {
                $crate::__check!(
                    $name,
                    $crate::__private::Accepts::typed::<$type>(
                        "value",
                        $crate::__private::stringify!($type),
                    )
                );
                $crate::__unused!($mode $scope $condition $context);
                $crate::__private::never()
            }
        }
    };
    (result ($mode:ident $scope:tt $name:expr) $condition:tt $context:tt) => {
        match $crate::__private::Off {
            $crate::__private::Off => $crate::__private::Ok::<(), $crate::Injected>(()),
            _ => {
                $crate::__check!($name);
                $crate::__unused!($mode $scope $condition $context);
                $crate::__private::never()
            }
        }
    };
}

/// What the static of a site would check: its name, and the type of its value. The constant has a
/// name and is used, because older compilers call unused what only a `const _` uses.
#[doc(hidden)]
#[macro_export]
macro_rules! __check {
    ($name:expr) => {
        $crate::__private::check_name! { $crate $name }
        $crate::__private::not_const($crate::__private::line!());
    };
    ($name:expr, $accepts:expr) => {
        $crate::__check!($name);
        {
            const __FAILPOINT_ACCEPTS: $crate::__private::Accepts = $accepts;
            let _ = __FAILPOINT_ACCEPTS;
        }
    };
}

/// `check_name! { $crate NAME }`: the constant that says whether the name is a good one. The
/// compiler has to interpret it, which takes longer than all else here; the proc macro of this name
/// spares it that where the name is good at a glance.
#[cfg(not(feature = "attributes"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __check_name {
    ($crate_name:tt $name:expr) => {{
        const __FAILPOINT_NAME: () = $crate::__private::check($name);
        __FAILPOINT_NAME
    }};
}

/// The scope, the condition and the context: checked, never evaluated.
#[doc(hidden)]
#[macro_export]
macro_rules! __unused {
    (sync () () ($first:ident = $one:expr, $($key:ident = $value:expr,)+)) => {
        {
            const _: () = $crate::__private::check_keys(
                &[$crate::__key!($first), $($crate::__key!($key)),+]
            );
        }
        $crate::__unused!(sync () () ($first = $one,));
        $($crate::__unused!(sync () () ($key = $value,));)+
    };
    (sync () () ($($key:ident = $value:expr,)*)) => {
        $(
            // A call, not a `let`, which would extend the life of what is borrowed here.
            $crate::__private::unused($crate::__key!($key), $crate::__private::shown(&$value));
        )*
    };
    (async_ $scope:tt $condition:tt $context:tt) => {
        $crate::__private::awaited().await;
        $crate::__unused!(sync $scope $condition $context);
    };
    (sync ($scope:expr) $condition:tt $context:tt) => {
        let _ = $crate::__private::through(&$scope);
        $crate::__unused!(sync () $condition $context);
    };
    (sync () ($condition:expr) $context:tt) => {
        if $condition {
            $crate::__unused!(sync () () $context);
        }
    };
}
