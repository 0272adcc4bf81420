//! Which points of a library reach the list of the program that links it? All of them.
//!
//! Each stands where a linker or an optimizer might lose it, and is named after that place.

use failpoint::{fail_point, fail_result, fail_value};

/// What the program calls, so that the crate is linked at all.
pub fn used(argument: u64) -> u64 {
    fail_point!("listed/used");
    if false {
        fail_point!("listed/dead-branch");
    }
    argument.wrapping_mul(3)
}

/// Nobody calls it.
pub fn unused() -> std::io::Result<()> {
    fail_point!("listed/unused");
    fail_result!("listed/unused-result")?;
    Ok(())
}

/// Nobody gives it a type.
pub fn never_instantiated<T: Default>() -> T {
    fail_point!("listed/never-instantiated", |_| T::default());
    T::default()
}

/// The program gives it a type.
pub fn instantiated<T: Clone>(argument: &T) -> T {
    fail_point!("listed/instantiated");
    argument.clone()
}

/// Made where it is called.
#[inline(always)]
pub fn inlined() -> Option<u64> {
    fail_value!("listed/inlined", u64)
}

/// Nobody polls it.
pub async fn asynchronous() {
    fail_point!("listed/async");
}

#[allow(dead_code)]
fn private_and_unused() {
    fail_point!("listed/private-unused");
}

/// A module that nobody names.
pub mod unnamed {
    /// Nobody makes one.
    pub struct Unused;

    impl Unused {
        /// Nobody calls it.
        pub fn method(&self) {
            failpoint::fail_point!("listed/unused-method");
        }
    }

    impl Drop for Unused {
        fn drop(&mut self) {
            failpoint::fail_point!("listed/unused-drop");
        }
    }
}

/// What does an idle point in a library cost?
pub mod idle {
    /// With a point.
    #[inline(never)]
    pub fn library_with_point(argument: u64) -> u64 {
        failpoint::fail_point!("idle/library");
        argument.wrapping_mul(5)
    }

    /// Without it.
    #[inline(never)]
    pub fn library_without_point(argument: u64) -> u64 {
        argument.wrapping_mul(5)
    }

    /// With a point, made in the program.
    #[inline(never)]
    pub fn instance_with_point<T: Into<u64>>(argument: T) -> u64 {
        failpoint::fail_point!("idle/instance");
        argument.into().wrapping_mul(9)
    }

    /// Without it.
    #[inline(never)]
    pub fn instance_without_point<T: Into<u64>>(argument: T) -> u64 {
        argument.into().wrapping_mul(9)
    }
}
