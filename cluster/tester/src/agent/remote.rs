//! How is an agent on another machine asked?

use std::path::PathBuf;

/// A `failpoint-agent` on another machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `HOST:PORT`.
    pub address: String,
    /// The file that has its token.
    pub token_file: Option<PathBuf>,
}
