//! What did a run record that can be judged again?

use std::fs;
use std::path::{Path, PathBuf};

use super::files::{FileError, JSON, read_json};
use crate::checks::Check;

/// What a run recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its histories, in the order of their rounds.
    pub histories: Vec<PathBuf>,
    /// The checks that its report has; of a history alone, ORDER and WATCH.
    pub checks: Vec<Check>,
    /// Whether there is a report.
    pub is_report: bool,
}

impl Recorded {
    /// Finds what was recorded: `path` is the directory of a report, its `report.json`, or a
    /// history.
    ///
    /// # Errors
    /// A file cannot be read, `report.json` is no report, or it has no history beside it.
    pub fn find(path: &Path) -> Result<Self, FileError> {
        let json = match path {
            path if path.is_dir() => path.join(JSON),
            path if path.extension().is_some_and(|extension| extension == "json") => {
                path.to_owned()
            }
            history => {
                let histories = vec![history.to_owned()];
                return Ok(Self {
                    histories,
                    checks: vec![Check::Order, Check::Watch],
                    is_report: false,
                });
            }
        };
        let failed = |path: &Path, error| FileError { path: path.to_owned(), verb: "read", error };
        if path.is_dir() && !json.exists() {
            let what = "it has no report.json; name the directory of one report, such as \
                        failpoint-tester/reports/SEED-STARTED";
            return Err(failed(path, std::io::Error::other(what)));
        }
        let report = read_json(&json)?;
        let mut checks: Vec<Check> = report.checks.iter().map(|check| check.check).collect();
        checks.sort_unstable();
        checks.dedup();
        let directory = json.parent().unwrap_or(Path::new("")).to_owned();
        let listed = if directory.as_os_str().is_empty() { Path::new(".") } else { &directory };
        let entries = fs::read_dir(listed).map_err(|error| failed(listed, error))?;
        let mut rounds: Vec<(u64, PathBuf)> = entries
            .filter_map(|entry| {
                let name = entry.ok()?.file_name().into_string().ok()?;
                let round = name.strip_prefix("history-r")?.strip_suffix(".jsonl")?.parse().ok()?;
                Some((round, directory.join(name)))
            })
            .collect();
        if rounds.is_empty() {
            let error = std::io::Error::other("there is no history-rN.jsonl in this directory");
            return Err(failed(listed, error));
        }
        rounds.sort_unstable();
        let histories = rounds.into_iter().map(|(_, path)| path).collect();
        Ok(Self { histories, checks, is_report: true })
    }
}
