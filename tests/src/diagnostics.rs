//! What did the compiler say, and where in the case?

use serde_json::Value;
use std::path::Path;

/// An error or a warning.
#[derive(Debug)]
pub struct Diagnostic {
    /// The line of the case that it points at, through however many macros; `None` if it points
    /// nowhere in the case.
    pub line: Option<usize>,
    /// All of it, as a user sees it.
    pub text: String,
}

/// The errors and warnings in `stderr`, which is the compiler's with `--error-format=json`.
pub fn read(stderr: &str, case: &Path) -> Vec<Diagnostic> {
    stderr
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| matches!(message["level"].as_str(), Some("error" | "warning")))
        .filter(|message| {
            !message["message"].as_str().is_some_and(|text| text.starts_with("aborting due to"))
        })
        .map(|message| Diagnostic {
            line: line(&message, case),
            text: message["rendered"].as_str().unwrap_or_default().to_owned(),
        })
        .collect()
}

/// The line that the primary span points at. A span in a macro's definition counts as the place
/// where the macro was called.
fn line(message: &Value, case: &Path) -> Option<usize> {
    let spans = message["spans"].as_array()?;
    let mut span = spans.iter().find(|span| span["is_primary"] == true)?;
    while span["file_name"].as_str().is_none_or(|file| !case.ends_with(file)) {
        span = &span["expansion"]["span"];
        if span.is_null() {
            return None;
        }
    }
    span["line_start"].as_u64().and_then(|line| usize::try_from(line).ok())
}
