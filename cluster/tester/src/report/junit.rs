//! How does a CI system see a run? JUnit's XML, with a test for each case and each check.

use std::borrow::Cow;
use std::fmt::Write;
use std::path::Path;

use failpoint::__private::text::visible_lines;

use super::files::{FileError, write_whole};
use super::model::{CheckReport, Outcome, Report};

/// The report as XML.
///
/// Of a long run, a report lacks the oldest cases and checks that passed, and so does the XML.
#[must_use]
pub fn xml(report: &Report) -> String {
    let mut tests: Vec<Test<'_>> = Vec::new();
    for case in &report.cases {
        tests.push(Test {
            name: format!("{} #{}", case.case, case.number),
            round: case.round,
            milliseconds: case.end.saturating_sub(case.start),
            outcome: case.outcome,
            message: case.reason.as_deref().unwrap_or(""),
            around: &case.failures,
        });
    }
    for CheckReport { check, round, case, outcome, message, around, milliseconds } in &report.checks
    {
        let name = match case {
            Some(case) => format!("{check} after {case}"),
            None => check.to_string(),
        };
        let (round, milliseconds, outcome) = (*round, *milliseconds, *outcome);
        tests.push(Test { name, round, milliseconds, outcome, message, around });
    }
    // What ended the run may concern no case and no check.
    let outcome = report.summary.verdict.unwrap_or(Outcome::Interrupted);
    let told = tests.iter().any(|test| matches!(test.element(), Some("failure" | "error")));
    if outcome != Outcome::Passed && !told {
        let message = report.summary.first_failure.as_deref().unwrap_or("");
        let (round, milliseconds) = (report.rounds, report.milliseconds);
        let name = "run".to_owned();
        tests.push(Test { name, round, milliseconds, outcome, message, around: &[] });
    }
    let count = |element| tests.iter().filter(|test| test.element() == Some(element)).count();
    let (failures, errors, skipped) = (count("failure"), count("error"), count("skipped"));
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        out,
        "<testsuites><testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" \
         skipped=\"{skipped}\" time=\"{}\"><properties><property name=\"seed\" value=\"{}\"/>\
         <property name=\"replay\" value=\"{}\"/></properties>",
        escaped(&report.subject),
        tests.len(),
        seconds(report.milliseconds),
        report.seed,
        escaped(&report.replay)
    );
    for test in &tests {
        let _ = write!(
            out,
            "<testcase classname=\"{}.round{}\" name=\"{}\" time=\"{}\"",
            escaped(&report.subject),
            test.round,
            escaped(&test.name),
            seconds(test.milliseconds)
        );
        let Some(element) = test.element() else {
            out += "/>\n";
            continue;
        };
        let first = test.message.lines().next().unwrap_or("");
        let message = if first.is_empty() { test.outcome.name() } else { first };
        let _ = write!(out, "><{element} message=\"{}\"", escaped(message));
        if element == "skipped" {
            out += "/></testcase>\n";
            continue;
        }
        let _ = write!(out, " type=\"{}\">{}", test.outcome, escaped(test.message));
        for line in test.around {
            let _ = write!(out, "\n{}", escaped(line));
        }
        let _ = writeln!(out, "</{element}></testcase>");
    }
    out + "</testsuite></testsuites>\n"
}

/// Writes the XML to a file.
///
/// # Errors
/// The file cannot be written.
pub fn write(report: &Report, path: &Path) -> Result<(), FileError> {
    write_whole(path, |file| file.write_all(xml(report).as_bytes()))
}

struct Test<'a> {
    name: String,
    round: u64,
    milliseconds: u64,
    outcome: Outcome,
    message: &'a str,
    around: &'a [String],
}

impl Test<'_> {
    /// The element that says how it ended, if it did not pass.
    fn element(&self) -> Option<&'static str> {
        match self.outcome {
            Outcome::Passed => None,
            Outcome::Failed => Some("failure"),
            Outcome::NotDecided | Outcome::Interrupted | Outcome::SetupFailed => Some("error"),
            Outcome::NotApplicable | Outcome::NotAvailable => Some("skipped"),
        }
    }
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000)
}

/// XML 1.0 has no control characters, not even escaped, nor U+FFFE and U+FFFF.
fn escaped(text: &str) -> String {
    let text = visible_lines(text).to_string();
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        let part: Cow<'_, str> = match c {
            '&' => "&amp;".into(),
            '<' => "&lt;".into(),
            '>' => "&gt;".into(),
            '"' => "&quot;".into(),
            '\n' => "&#10;".into(),
            '\u{fffe}' | '\u{ffff}' => c.escape_default().to_string().into(),
            c => {
                escaped.push(c);
                continue;
            }
        };
        escaped += &part;
    }
    escaped
}
