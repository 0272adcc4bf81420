//! How does a report look in a browser? One page that needs nothing else.

use failpoint::__private::text::visible_lines;

use super::model::Report;

/// The page of a report.
#[must_use]
pub fn page(report: &Report) -> String {
    let text = serde_json::to_string_pretty(report).unwrap_or_default();
    let text = visible_lines(&text).to_string().replace('&', "&amp;").replace('<', "&lt;");
    format!("<!doctype html><title>failpoint-tester</title><pre>{text}</pre>")
}
