//! What is wrong with a configuration, and where?

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

/// How many mistakes are shown.
pub(super) const SHOWN: usize = 100;

/// A place in the file. The first line and the first column are 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The line.
    pub line: u64,
    /// The column, in characters.
    pub column: u64,
}

impl Place {
    /// The beginning of the file.
    pub const START: Self = Self { line: 1, column: 1 };
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// Where it is.
    pub at: Place,
    /// What is wrong, and what would be right.
    pub message: String,
}

/// All mistakes of a configuration, in the order of the file. It displays one a line, as
/// `FILE:LINE:COLUMN: MESSAGE`, and at most 100.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes {
    /// The file.
    pub path: PathBuf,
    /// The mistakes, at least one.
    pub list: Vec<Mistake>,
}

impl Display for Mistakes {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, Mistake { at, message }) in self.list.iter().take(SHOWN).enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}:{}:{}: {message}", self.path.display(), at.line, at.column)?;
        }
        match self.list.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n{}: and {more} more mistakes", self.path.display()),
        }
    }
}

impl std::error::Error for Mistakes {}
