//! How many bytes of a program are loaded, by purpose.

use object::{Object, ObjectSection, SectionFlags, SectionKind};
use std::fs;
use std::ops::Sub;
use std::path::Path;

/// Bytes of the program as it is loaded: no debug information, no symbol table.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sizes {
    /// Machine code.
    pub text: i64,
    /// Constants and variables.
    pub data: i64,
    /// Tables to unwind with.
    pub unwinding: i64,
    /// What the loader has to put right where a program may be loaded anywhere: 24 bytes for each
    /// address in `data` on 64-bit ELF.
    pub relocations: i64,
}

impl Sub for Sizes {
    type Output = Sizes;

    fn sub(self, other: Sizes) -> Sizes {
        Sizes {
            text: self.text - other.text,
            data: self.data - other.data,
            unwinding: self.unwinding - other.unwinding,
            relocations: self.relocations - other.relocations,
        }
    }
}

/// The sizes of a program.
///
/// # Panics
///
/// If the file cannot be read, or is not an object file.
pub fn of(program: &Path) -> Sizes {
    let bytes = fs::read(program).expect("the program was built");
    let file = object::File::parse(bytes.as_slice()).expect("the linker writes object files");
    let mut sizes = Sizes::default();
    for section in file.sections() {
        let name = section.name().unwrap_or_default();
        let loaded = match section.flags() {
            SectionFlags::Elf { sh_flags, .. } => sh_flags.contains(object::elf::SHF_ALLOC),
            _ => !matches!(section.kind(), SectionKind::Debug | SectionKind::DebugString),
        };
        if !loaded {
            continue;
        }
        let part = match name {
            _ if section.kind() == SectionKind::Text => &mut sizes.text,
            ".eh_frame" | ".eh_frame_hdr" | ".gcc_except_table" | "__unwind_info"
            | "__eh_frame" | ".pdata" | ".xdata" => &mut sizes.unwinding,
            ".rela.dyn" | ".rel.dyn" | ".relr.dyn" | ".rela.plt" | ".rel.plt" | ".reloc" => {
                &mut sizes.relocations
            }
            _ => &mut sizes.data,
        };
        *part += i64::try_from(section.size()).expect("a section fits into memory");
    }
    sizes
}
