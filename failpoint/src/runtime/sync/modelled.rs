//! The locks and atomics for loom.
//!
//! Loom runs a model in every order of its loads, stores and locks. It takes an access that is
//! `SeqCst` for one that only acquires and releases, so where the code relies on the one order of
//! such accesses, there is a `fence_for_models`.

pub(crate) use loom::sync::MutexGuard;
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};

use crate::runtime::sync::{Arc, Ordering};

pub(crate) fn fence_for_models() {
    loom::sync::atomic::fence(Ordering::SeqCst);
}

/// The same for a thread each time.
pub(crate) fn thread_number() -> usize {
    // All that tells a thread's number in every run alike is how it is shown.
    let shown = format!("{:?}", loom::thread::current().id());
    shown.chars().filter_map(|c| c.to_digit(10)).fold(0, |number, d| 10 * number + d as usize)
}

/// The threads of a model run on one thread of the system, so std's would be shared by all of them.
macro_rules! thread_local_of_models {
    ($(#[$attribute:meta])* static $name:ident: $type:ty = const { $value:expr };) => {
        loom::thread_local! {
            $(#[$attribute])*
            static $name: $type = $value;
        }
    };
}
pub(crate) use thread_local_of_models as thread_local;

/// A lock whose `lock` gives the guard, as ours does elsewhere.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    #[track_caller]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().expect("loom's locks do not poison")
    }
}

/// What we use of `arc_swap`: an index that is released and acquired, into all that was ever
/// stored.
#[derive(Debug)]
pub(crate) struct ArcSwapOption<T> {
    current: AtomicUsize,
    stored: std::sync::Mutex<Vec<Option<Arc<T>>>>,
}

impl<T> ArcSwapOption<T> {
    pub(crate) fn empty() -> Self {
        Self { current: AtomicUsize::new(0), stored: std::sync::Mutex::new(vec![None]) }
    }

    #[track_caller]
    pub(crate) fn load(&self) -> Option<Arc<T>> {
        let current = self.current.load(Ordering::Acquire);
        self.stored.lock().expect("nothing here panics")[current].clone()
    }

    #[track_caller]
    pub(crate) fn load_full(&self) -> Option<Arc<T>> {
        self.load()
    }

    #[track_caller]
    pub(crate) fn store(&self, value: Option<Arc<T>>) {
        let mut stored = self.stored.lock().expect("nothing here panics");
        stored.push(value);
        let current = stored.len() - 1;
        drop(stored);
        self.current.store(current, Ordering::Release);
    }
}

/// A mark that is released and acquired, beside the value.
macro_rules! once_lock {
    ($($const:tt)?) => {
        #[derive(Debug)]
        pub(crate) struct OnceLock<T> {
            is_set: AtomicBool,
            value: std::sync::OnceLock<T>,
            making: std::sync::OnceLock<loom::sync::Mutex<()>>,
        }

        impl<T> OnceLock<T> {
            pub(crate) $($const)? fn new() -> Self {
                Self {
                    is_set: AtomicBool::new(false),
                    value: std::sync::OnceLock::new(),
                    making: std::sync::OnceLock::new(),
                }
            }

            #[track_caller]
            pub(crate) fn get(&self) -> Option<&T> {
                self.is_set.load(Ordering::Acquire).then(|| self.value.get()).flatten()
            }

            #[track_caller]
            pub(crate) fn set(&self, value: T) -> Result<(), T> {
                self.value.set(value)?;
                self.is_set.store(true, Ordering::Release);
                Ok(())
            }

            #[track_caller]
            #[allow(dead_code)] // Not of both.
            pub(crate) fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
                if let Some(value) = self.get() {
                    return value;
                }
                // As std's, which has others wait for whoever makes it.
                let _making =
                    self.making.get_or_init(|| loom::sync::Mutex::new(())).lock().unwrap();
                if self.value.get().is_none() {
                    let _nobody_else_does = self.set(make());
                }
                self.value.get().expect("it is set")
            }
        }
    };
}

once_lock!();

pub(crate) mod lasting {
    //! Loom's atomics cannot be made in const: these are made when they are first touched, which
    //! has to be in the model and before its threads start. So each model makes its own sites.

    use std::ops::Deref;
    use std::sync::atomic::Ordering;

    macro_rules! made_when_touched {
        ($name:ident, $value:ty) => {
            #[derive(Debug)]
            pub(crate) struct $name {
                first: $value,
                made: std::sync::OnceLock<loom::sync::atomic::$name>,
            }

            impl $name {
                pub(crate) const fn new(first: $value) -> Self {
                    Self { first, made: std::sync::OnceLock::new() }
                }
            }

            impl Deref for $name {
                type Target = loom::sync::atomic::$name;

                fn deref(&self) -> &Self::Target {
                    self.made.get_or_init(|| loom::sync::atomic::$name::new(self.first))
                }
            }
        };
    }

    made_when_touched!(AtomicBool, bool);
    made_when_touched!(AtomicU8, u8);

    once_lock!(const);
}
