//! What is listed where no linker makes a list? Nothing: each site registers at its first hit.

use super::NoList;
use crate::runtime::site::Site;

/// The static of a site, listed nowhere.
#[doc(hidden)]
#[macro_export]
macro_rules! __list {
    ($name:ident = $site:expr) => {
        static $name: $crate::__private::Site = $site;
    };
}

pub(crate) fn linked() -> Result<impl Iterator<Item = &'static Site>, NoList> {
    Ok(std::iter::empty())
}
