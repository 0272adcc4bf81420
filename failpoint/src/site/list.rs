//! Where do the sites of a program come from? From a list that the linker makes.

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
mod linked {
    // `linkme` places statics in a section of the binary and reads that section as a slice: the one
    // thing here that the compiler cannot check. What it relies on is that everything in the
    // section is a `Listed`, and the attribute lets nothing else in.
    #![allow(unsafe_code)]

    use crate::site::{Accepts, Site};

    /// Gives the site. See `__site!` for why the list does not hold it.
    pub type Listed = fn() -> &'static Site;

    /// The name bears the version, so that two versions in one program, or a slice of the user's
    /// own, never collide.
    #[linkme::distributed_slice]
    pub static FAILPOINT_SITES_0_1: [Listed];

    /// Stands in every list: a list without it is one that the linker dropped.
    static SENTINEL: Site =
        Site::new("failpoint/sentinel", &Accepts::NOTHING, file!(), line!(), module_path!(), None);

    #[linkme::distributed_slice(FAILPOINT_SITES_0_1)]
    static LISTED_SENTINEL: Listed = || &SENTINEL;

    /// The sites of this program.
    ///
    /// # Errors
    /// Where the linker dropped the list.
    pub(crate) fn linked() -> Result<impl Iterator<Item = &'static Site>, Dropped> {
        let sites = || FAILPOINT_SITES_0_1.static_slice().iter().map(|listed| listed());
        if sites().any(is_sentinel) {
            Ok(sites().filter(|site| !is_sentinel(site)))
        } else {
            Err(Dropped)
        }
    }

    fn is_sentinel(site: &Site) -> bool {
        std::ptr::eq(site, &SENTINEL)
    }

    pub(crate) struct Dropped;
}

/// Where linkers make no list (wasm, Miri): each site registers at its first hit.
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
mod linked {
    use crate::site::Site;
    use std::convert::Infallible;

    pub(crate) fn linked() -> Result<impl Iterator<Item = &'static Site>, Infallible> {
        Ok(std::iter::empty())
    }
}

// Where there is no list, its name is not there to be used.
#[cfg_attr(miri, allow(unused_imports, unreachable_pub))]
pub use linked::*;
