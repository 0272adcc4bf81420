//! What is kept of a run that failed? Histories, data directories and logs.
//!
//! | what | when | at most |
//! |---|---|---|
//! | `history-rN.jsonl` | the round failed, or it is the last | the first 20 that failed, and the last |
//! | `archive/LABEL/MEMBER/` | something failed | 1 GiB in one report, and the first 10 failures |
//!
//! A member is copied as a whole, so for a moment an archive can be larger than its limit by one
//! member. The copy that went past it is removed, and the message says so.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::files::{Directory, FileError};
use crate::agent::Agent;
use crate::history::History;

/// How many bytes the archive of one report may have.
const BYTES: u64 = 1 << 30;
/// How many failures are archived.
const FAILURES: usize = 10;
/// How many histories of failed rounds are kept.
pub const HISTORIES: usize = 20;

/// Keeps what belongs to a report. Nothing here ends a run: what cannot be kept is a message.
#[derive(Debug)]
pub struct Archive {
    directory: Directory,
    limit: u64,
    bytes: u64,
    failures: usize,
    failed: BTreeSet<u64>,
    /// The round whose history is kept because it is the last.
    last: Option<u64>,
}

impl Archive {
    /// An archive of at most 1 GiB in the directory of a report.
    #[must_use]
    pub fn new(directory: Directory) -> Self {
        Self::with_limit(directory, BYTES)
    }

    /// An archive of at most `limit` bytes.
    #[must_use]
    pub fn with_limit(directory: Directory, limit: u64) -> Self {
        Self { directory, limit, bytes: 0, failures: 0, failed: BTreeSet::new(), last: None }
    }

    /// Keeps the history of a round. That of a round before that passed is removed.
    ///
    /// # Errors
    /// The history cannot be written.
    pub fn history(
        &mut self,
        round: u64,
        history: &History,
        failed: bool,
    ) -> Result<(), FileError> {
        let file = |round| format!("history-r{round}.jsonl");
        self.directory.write(&file(round), |writer| history.write(writer))?;
        if let Some(last) = self.last.filter(|last| *last != round && !self.failed.contains(last)) {
            // It can be gone already.
            let _ = fs::remove_file(self.directory.path().join(file(last)));
        }
        self.last = Some(round);
        if failed && self.failed.len() < HISTORIES {
            self.failed.insert(round);
        }
        Ok(())
    }

    /// Copies the data and the logs of members, each with its agent, below `archive/LABEL`. Returns
    /// what could not be kept, in sentences.
    pub async fn members(&mut self, label: &str, members: &[(&str, &dyn Agent)]) -> Vec<String> {
        if self.failures >= FAILURES {
            return Vec::new();
        }
        self.failures += 1;
        let mut problems = Vec::new();
        let base = self.directory.path().join("archive").join(file_name(label));
        for (member, agent) in members {
            let path = base.join(file_name(member));
            if self.bytes >= self.limit {
                problems.push(format!("{member} is not archived: the archive is full"));
                continue;
            }
            if let Err(error) = fs::create_dir_all(&path) {
                let error = FileError { path, verb: "create", error };
                problems.push(format!("{member} is not archived: {error}"));
                continue;
            }
            if let Err(error) = agent.archive(member, &path).await {
                problems.push(format!("{member} is not archived as a whole: {}", error.message));
            }
            match size(&path) {
                Ok(bytes) if self.bytes + bytes <= self.limit => self.bytes += bytes,
                Ok(bytes) => {
                    problems.push(format!(
                        "{member} is not archived: it has {} MiB, and the archive of a report has at most {}",
                        bytes.div_ceil(1 << 20),
                        self.limit >> 20
                    ));
                    remove(&path, &mut problems);
                }
                Err(error) => {
                    let error = FileError { path, verb: "read", error };
                    problems.push(error.to_string());
                }
            }
        }
        problems
    }
}

fn remove(path: &Path, problems: &mut Vec<String>) {
    if let Err(error) = fs::remove_dir_all(path) {
        problems.push(format!("cannot remove {}: {error}", path.display()));
    }
}

/// The bytes of all files below a directory. Links are not followed.
fn size(directory: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    let mut rest: Vec<PathBuf> = vec![directory.to_owned()];
    while let Some(directory) = rest.pop() {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_dir() {
                rest.push(entry.path());
            } else {
                bytes += metadata.len();
            }
        }
    }
    Ok(bytes)
}

/// `name` as the name of one file, without anything that leads elsewhere.
fn file_name(name: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let name: String = name.chars().map(safe).take(100).collect();
    match name.trim_start_matches('.') {
        "" => "_".to_owned(),
        name => name.to_owned(),
    }
}
