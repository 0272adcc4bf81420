//! How does `linkme` list the sites?

// `linkme` places statics in a section of the binary and reads that section as a slice: the one thing
// here that the compiler cannot check. What it relies on is that everything in the section is a
// `Listed`, and the attribute lets nothing else in.
#![allow(unsafe_code)]

use super::NoList;
use crate::runtime::site::Site;

pub use linkme;

/// What is listed.
pub type Listed = &'static Site;

/// The name bears the version, so that two versions in one program, or a slice of the user's own,
/// never collide.
#[linkme::distributed_slice]
pub static FAILPOINT_SITES_0_1: [Listed];

/// Has the linker list a static, which is a [`Site`].
#[doc(hidden)]
#[macro_export]
macro_rules! __list {
    ($name:ident = $site:expr) => {
        static $name: $crate::__private::Site = $site;
        #[$crate::__private::linkme::distributed_slice($crate::__private::FAILPOINT_SITES_0_1)]
        #[linkme(crate = $crate::__private::linkme)]
        static __FAILPOINT_LISTED: &'static $crate::__private::Site = &$name;
    };
}

static SENTINEL: Site = super::sentinel();

#[linkme::distributed_slice(FAILPOINT_SITES_0_1)]
static LISTED_SENTINEL: Listed = &SENTINEL;

/// The sites of this program.
///
/// # Errors
/// Where the list is not to be had.
pub(crate) fn linked() -> Result<impl Iterator<Item = &'static Site>, NoList> {
    let sites = || FAILPOINT_SITES_0_1.static_slice().iter().copied();
    let is_sentinel = |site: &Site| std::ptr::eq(site, &raw const SENTINEL);
    if sites().any(is_sentinel) {
        Ok(sites().filter(move |site| !is_sentinel(site)))
    } else {
        Err(NoList::Dropped)
    }
}
