//! Is this crate in a shared library of the program?
//!
//! Each object that the linker makes has a list of its own. In a program that takes this crate from a
//! shared library (`crate-type = ["dylib"]`, `-C prefer-dynamic`) the list holds only the points of that
//! library. The points of other objects are listed after their first evaluation.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The shared library that holds this crate, if it is known that one does.
pub(crate) fn holding_this_crate() -> Option<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOUND.get_or_init(find).as_deref()
}

#[cfg(all(target_os = "linux", not(miri)))]
fn find() -> Option<PathBuf> {
    /// It is in the same object as the rest of this crate.
    static HERE: u8 = 1;
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let object = Path::new(object_at(&maps, (&raw const HERE).addr())?);
    let program = std::fs::read_link("/proc/self/exe").ok()?;
    (object != program).then(|| object.to_owned())
}

#[cfg(not(all(target_os = "linux", not(miri))))]
fn find() -> Option<PathBuf> {
    None
}

/// The file that is mapped at `address`, by the text of `/proc/self/maps`.
#[cfg(all(target_os = "linux", not(miri)))]
fn object_at(maps: &str, address: usize) -> Option<&str> {
    let holds = |line: &&str| {
        let range = line.split(' ').next().and_then(|range| range.split_once('-'));
        let number = |text| usize::from_str_radix(text, 16).ok();
        let range = range.and_then(|(from, to)| Some(number(from)?..number(to)?));
        range.is_some_and(|range| range.contains(&address))
    };
    let line = maps.lines().find(holds)?;
    // The path follows five fields, and may contain spaces.
    line.find('/').map(|path| &line[path..])
}

#[cfg(all(test, target_os = "linux", not(miri)))]
mod tests {
    use super::{holding_this_crate, object_at};

    #[test]
    fn an_address_is_found_in_its_object() {
        let maps = "1000-2000 r-xp 00000000 08:01 17   /a b\n2000-3000 rw-p 00000000 00:00 0 \n";
        assert_eq!(object_at(maps, 0x1000), Some("/a b"));
        assert_eq!(object_at(maps, 0x2000), None);
        assert_eq!(object_at(maps, 0x3000), None);
    }

    #[test]
    fn a_program_that_holds_this_crate_itself_has_no_such_library() {
        assert_eq!(holding_this_crate(), None);
    }
}
