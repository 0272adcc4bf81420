//! Where do the sites of a program come from? From a list that the linker makes.
//!
//! On Linux and Android this is a section of our own: a macro by example puts a site there, which
//! costs a build a fraction of what an attribute costs it. Elsewhere it is `linkme`, which knows how
//! each linker wants to be asked. (`--cfg failpoint_linkme` asks it on Linux too, to be tested there.)
//! Where linkers make no list (wasm, Miri) each site registers at its first hit.

use super::{Accepts, Place, Site};
use std::fmt;

// Where neither path holds it is `listed.rs`, so that no system need be named twice.
#[cfg_attr(
    all(not(any(miri, failpoint_linkme)), any(target_os = "linux", target_os = "android")),
    path = "section.rs"
)]
#[cfg_attr(
    all(
        not(miri),
        any(
            all(failpoint_linkme, target_os = "linux"),
            target_os = "macos",
            target_os = "ios",
            target_os = "tvos",
            target_os = "windows",
            target_os = "fuchsia",
            target_os = "illumos",
            target_os = "freebsd",
            target_os = "openbsd",
        )
    ),
    path = "linkme.rs"
)]
mod listed;

#[allow(unused_imports, unreachable_pub)]
pub use listed::*;

/// A site of ours that every list holds: a list without it is one that the linker dropped.
// Unused where no linker makes a list.
#[allow(dead_code)]
const fn sentinel() -> Site {
    static PLACE: Place = Place {
        file: file!(),
        module: module_path!(),
        package: None,
        accepts: &Accepts::NOTHING,
        keys: &[],
    };
    Site::new("failpoint/sentinel", &PLACE, line!())
}

/// Why there is no list where there should be one.
#[derive(Clone, Copy, Debug)]
// Each way of listing knows its own.
#[allow(dead_code)]
pub(crate) enum NoList {
    /// The linker dropped it.
    Dropped,
    /// Two copies of this version of `failpoint` are in the program, and put their sites in one.
    Shared,
}

impl fmt::Display for NoList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dropped => {
                "the linker dropped the list of failpoints: each is listed only after its first hit; \
                 keep the sections whose names begin with `failpoint_` or `linkme_`"
            }
            Self::Shared => {
                "two copies of one version of `failpoint` are in this program: their points are \
                 known only after their first hits; `cargo tree --invert failpoint` shows who asks \
                 for which"
            }
        })
    }
}
