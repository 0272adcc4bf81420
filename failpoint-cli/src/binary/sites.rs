//! Decodes the sites that the linker gathered in a program.
//!
//! `failpoint::runtime::site` has the other side: `Site` and `Place` with their fixed layout. Offsets
//! are in words here; a `&str` takes two, its address before its length.

use super::image::{Image, Memory};
use serde::Serialize;

/// Holds sites, end to end.
const SITES: &str = "failpoint_sites_0_1";
/// Holds addresses of sites: programs built with `--cfg failpoint_linkme`.
const ADDRESSES: &str = "linkme_FAILPOINT_SITES_0_1";
/// A site of failpoint's own, which every list has.
const SENTINEL: &str = "failpoint/sentinel";

/// `Site`: its name, the address of its place, its line.
const PLACE: u64 = 2;
const LINE: u64 = 3;
/// `Place`: its file, module, package and keys.
const MODULE: u64 = 2;
const PACKAGE: u64 = 4;
const KEYS: u64 = 6;

/// One place in the source.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Site {
    pub(crate) file: String,
    pub(crate) line: u32,
    module: String,
    /// Empty if cargo did not build it.
    pub(crate) package: String,
    keys: Vec<String>,
}

/// The sites of a program with the names of their points; `None` if failpoints are compiled out.
pub(crate) fn of(image: &Image) -> Result<Option<Vec<(String, Site)>>, String> {
    let memory = image.memory()?;
    let Some(addresses) = addresses(&memory) else { return Ok(None) };
    let read = |sites: Vec<u64>| {
        let sites: Option<Vec<_>> = sites.into_iter().map(|at| site(&memory, at)).collect();
        sites.filter(|sites| sites.iter().any(|(name, _)| name == SENTINEL))
    };
    let mut sites = addresses.and_then(read).ok_or(
        "its failpoints cannot be read: build this command from the version of `failpoint` that is \
         in the program",
    )?;
    sites.retain(|(name, _)| name != SENTINEL);
    Ok(Some(sites))
}

/// The addresses of all sites: `None` without a list, `Some(None)` with one that cannot be read.
fn addresses(memory: &Memory<'_>) -> Option<Option<Vec<u64>>> {
    let word = memory.word_size();
    if let Some((start, size)) = memory.section(SITES) {
        // Name, address, line, flag; then a word and the state of its initialization.
        let stride = if word == 8 { 6 * word } else { 7 * word };
        return Some((size % stride == 0).then(|| every(start, size, stride).collect()));
    }
    let (start, size) = memory.section(ADDRESSES)?;
    Some(every(start, size, word).map(|at| memory.word(at)).collect())
}

fn every(start: u64, size: u64, stride: u64) -> impl Iterator<Item = u64> {
    (0..size / stride).map(move |index| start.wrapping_add(index * stride))
}

fn site(memory: &Memory<'_>, at: u64) -> Option<(String, Site)> {
    let word = memory.word_size();
    let field = |base: u64, words: u64| base.wrapping_add(words * word);
    let place = memory.word(field(at, PLACE))?;
    let keys = memory.word(field(place, KEYS))?;
    let package = field(place, PACKAGE);
    let site = Site {
        file: memory.text(place)?,
        line: memory.u32(field(at, LINE))?,
        module: memory.text(field(place, MODULE))?,
        // `None` has no address.
        package: if memory.word(package)? == 0 { String::new() } else { memory.text(package)? },
        keys: (0..memory.length(field(place, KEYS))?)
            .map(|index| memory.text(field(keys, 2 * index)))
            .collect::<Option<_>>()?,
    };
    Some((memory.text(at)?, site))
}
