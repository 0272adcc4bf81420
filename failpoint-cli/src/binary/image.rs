//! Reads the memory of a program as the loader would set it up, from the program's file.

use object::read::ReadCache;
use object::{BinaryFormat, Endianness, ObjectKind, RelocationTarget};
use object::{Object, ObjectSection, ObjectSegment, ObjectSymbol, ObjectSymbolTable};
use std::cell::Cell;
use std::collections::HashMap;
use std::fs::{self, File};
use std::path::Path;

/// No name, path or list of keys is longer. A longer one is a sign that the file says something else.
const LONGEST: u64 = 64 * 1024;
/// No program has as many bytes of names and paths.
const MOST: u64 = 256 * 1024 * 1024;

/// The file of a program.
pub(crate) struct Image {
    cache: ReadCache<File>,
}

/// What the loader would put into memory.
pub(crate) struct Memory<'a> {
    file: object::File<'a, &'a ReadCache<File>>,
    /// The words that the loader writes, by address: the addresses in a program that may be loaded
    /// anywhere.
    written: HashMap<u64, u64>,
    /// How many bytes of text may still be read.
    left: Cell<u64>,
}

impl Image {
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        // A pipe would keep the command waiting.
        if !fs::metadata(path).map_err(|error| error.to_string())?.is_file() {
            return Err("is not a file".to_owned());
        }
        let file = File::open(path).map_err(|error| error.to_string())?;
        Ok(Self { cache: ReadCache::new(file) })
    }

    pub(crate) fn memory(&self) -> Result<Memory<'_>, String> {
        let file = object::File::parse(&self.cache)
            .ok()
            .filter(|file| file.format() == BinaryFormat::Elf)
            .ok_or("is not an ELF file: --binary reads programs for Linux and Android")?;
        if !matches!(file.kind(), ObjectKind::Executable | ObjectKind::Dynamic) {
            return Err("is not linked: --binary reads programs and shared libraries".to_owned());
        }
        if file.sections().next().is_none() {
            return Err("has no section table, so its failpoints cannot be found".to_owned());
        }
        let written = relocations(&file);
        Ok(Memory { file, written, left: Cell::new(MOST) })
    }
}

impl Memory<'_> {
    /// The bytes of a word: 4 or 8.
    pub(crate) fn word_size(&self) -> u64 {
        if self.file.is_64() { 8 } else { 4 }
    }

    /// The address and the size of a section, if the program has it.
    pub(crate) fn section(&self, name: &str) -> Option<(u64, u64)> {
        let section = self.file.section_by_name(name)?;
        Some((section.address(), section.size()))
    }

    /// The word at an address.
    pub(crate) fn word(&self, address: u64) -> Option<u64> {
        match self.written.get(&address) {
            Some(word) => Some(*word),
            None => self.integer(address, self.word_size()),
        }
    }

    /// The `u32` at an address.
    pub(crate) fn u32(&self, address: u64) -> Option<u32> {
        self.integer(address, 4)?.try_into().ok()
    }

    /// The text behind a `&str` at an address.
    pub(crate) fn text(&self, address: u64) -> Option<String> {
        let (start, length) = (self.word(address)?, self.length(address)?);
        self.left.set(self.left.get().checked_sub(length)?);
        let bytes = self.bytes(start, length)?;
        String::from_utf8(bytes.to_vec()).ok()
    }

    /// The length of the `&str` or the slice at an address.
    pub(crate) fn length(&self, address: u64) -> Option<u64> {
        self.word(address.wrapping_add(self.word_size())).filter(|length| *length <= LONGEST)
    }

    fn integer(&self, address: u64, size: u64) -> Option<u64> {
        let bytes = self.bytes(address, size)?.iter();
        let append = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        Some(match self.file.endianness() {
            Endianness::Little => bytes.rev().fold(0, append),
            Endianness::Big => bytes.fold(0, append),
        })
    }

    fn bytes(&self, address: u64, size: u64) -> Option<&[u8]> {
        if size == 0 {
            return Some(&[]);
        }
        self.file.segments().find_map(|segment| segment.data_range(address, size).ok().flatten())
    }
}

/// The words that relocations write. One whose addend is in its place in the file needs no entry.
fn relocations<'a>(file: &object::File<'a, &'a ReadCache<File>>) -> HashMap<u64, u64> {
    let symbols = file.dynamic_symbol_table();
    let address = |target| match target {
        RelocationTarget::Symbol(index) => {
            Some(symbols.as_ref()?.symbol_by_index(index).ok()?.address())
        }
        _ => Some(0),
    };
    file.dynamic_relocations()
        .into_iter()
        .flatten()
        .filter(|(_, relocation)| !relocation.has_implicit_addend())
        .filter_map(|(at, relocation)| {
            let base = address(relocation.target())?;
            Some((at, base.wrapping_add_signed(relocation.addend())))
        })
        .collect()
}
