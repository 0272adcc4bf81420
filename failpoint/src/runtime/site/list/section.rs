//! Makes a list from a section of the binary.
//!
//! Linkers for ELF define `__start_…` and `__stop_…` for a section whose name is an identifier, and
//! put what several files have for it end to end. `rustc` asks them to keep it (`-z
//! nostart-stop-gc`), and `#[used]` keeps each site in it, also in code that is never called.

// The linker's symbols, and what they stand for, are what the compiler cannot check. The names bear
// the version, so that two versions in one program never collide.
#![allow(unsafe_code)]

use super::NoList;
use crate::runtime::site::Site;

/// Has the linker list a static, which is a [`Site`]: the macro takes no other type.
///
/// A crate that forbids unsafe code may use it: the attribute is this crate's, as is the type.
#[doc(hidden)]
#[macro_export]
macro_rules! __list {
    ($name:ident = $site:expr) => {
        #[used]
        // SAFETY: all that is ever put into this section is a `Site`, end to end.
        #[unsafe(link_section = "failpoint_sites_0_1")]
        static $name: $crate::__private::Site = $site;
    };
}

crate::__list!(SENTINEL = super::sentinel());

/// One for each copy of this crate in the program. Sites of another copy may look different.
#[used]
// SAFETY: nothing else is put into this section.
#[unsafe(link_section = "failpoint_copies_0_1")]
static THIS_COPY: u8 = 1;

// SAFETY: the linker defines all four. They are arrays of no length, so that nothing is read
// through them, and only their addresses are taken.
unsafe extern "Rust" {
    #[link_name = "__start_failpoint_sites_0_1"]
    static FIRST_SITE: [Site; 0];
    #[link_name = "__stop_failpoint_sites_0_1"]
    static AFTER_SITES: [Site; 0];
    #[link_name = "__start_failpoint_copies_0_1"]
    static FIRST_COPY: [u8; 0];
    #[link_name = "__stop_failpoint_copies_0_1"]
    static AFTER_COPIES: [u8; 0];
}

/// The sites of this program.
///
/// # Errors
/// Where the list is not to be had.
pub(crate) fn linked() -> Result<impl Iterator<Item = &'static Site>, NoList> {
    let copies = (&raw const AFTER_COPIES).addr() - (&raw const FIRST_COPY).addr();
    if copies != size_of_val(&THIS_COPY) {
        return Err(NoList::Shared);
    }
    let first = (&raw const FIRST_SITE).cast::<Site>();
    let bytes = (&raw const AFTER_SITES).addr() - first.addr();
    // SAFETY: between the two symbols lies what was put into the section: `Site`s only, since
    // `__list!` alone puts something there and ours is the only copy of it; end to end, since
    // their size is a multiple of their alignment and so no linker pads. They are statics that
    // live as long as the program, and are changed through their atomics alone.
    let sites = unsafe { std::slice::from_raw_parts(first, bytes / size_of::<Site>()) };
    let is_sentinel = |site: &Site| std::ptr::eq(site, &raw const SENTINEL);
    if sites.iter().any(is_sentinel) {
        Ok(sites.iter().filter(move |site| !is_sentinel(site)))
    } else {
        Err(NoList::Dropped)
    }
}
