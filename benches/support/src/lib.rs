//! What the benches share: medians, how figures are written, bounds, and the tables of
//! `docs/cost.md`. The tests that bound the cost of a point share `functions` and `sections`.

#![forbid(unsafe_code)]

pub mod functions;
pub mod sections;

use std::io;
use std::path::Path;
use std::process::Command;
use std::{fmt, fs};

/// The median; of an even number of values, the upper one.
///
/// # Panics
///
/// If there is no value.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A ratio as text.
pub fn times(ratio: f64) -> String {
    if ratio < 10.0 { format!("{ratio:.2}") } else { format!("{ratio:.0}") }
}

/// Nanoseconds as text, in the unit that fits.
pub fn time(nanos: f64) -> String {
    if nanos < 1e3 {
        format!("{nanos:.0} ns")
    } else if nanos < 1e6 {
        format!("{:.1} µs", nanos / 1e3)
    } else {
        format!("{:.1} ms", nanos / 1e6)
    }
}

/// What the figures depend on: the number of cores, the system and the compiler. It does not name
/// the machine.
pub fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let rustc = Command::new("rustc").arg("--version").output().ok();
    let rustc = rustc.and_then(|output| String::from_utf8(output.stdout).ok());
    let rustc = rustc.as_deref().unwrap_or("rustc").trim();
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    format!("{cores} cores, {arch} {os}, {rustc}")
}

/// One thing that has to hold, displayed as a row of a table.
pub struct Bound {
    /// What has to hold.
    pub what: String,
    /// What was measured.
    pub is: String,
    /// Whether it holds.
    pub holds: bool,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let holds = if self.holds { "holds" } else { "**does not hold**" };
        write!(f, "| {} | {} | {holds} |", self.what, self.is)
    }
}

/// The lines of the table of these bounds.
pub fn table_of_bounds(bounds: &[Bound]) -> Vec<String> {
    let head = ["| has to hold | is | |", "|---|--:|---|"].map(str::to_owned);
    head.into_iter().chain(bounds.iter().map(Bound::to_string)).collect()
}

/// Puts `text` into `docs/cost.md`, between the marks `<!-- NAME: begin -->` and
/// `<!-- NAME: end -->`.
///
/// # Errors
///
/// If the document cannot be read or written.
///
/// # Panics
///
/// If the document does not have the marks.
pub fn write_into_document(name: &str, text: &str) -> io::Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cost.md");
    let document = fs::read_to_string(&path)?;
    fs::write(path, replaced(&document, name, text))
}

fn replaced(document: &str, name: &str, text: &str) -> String {
    let (begin, end) = (format!("<!-- {name}: begin -->"), format!("<!-- {name}: end -->"));
    let parts = document.split_once(&begin).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(&end)?;
        Some((before, after))
    });
    let (before, after) = parts.unwrap_or_else(|| panic!("docs/cost.md needs {begin} and {end}"));
    format!("{before}{begin}\n{}\n{end}{after}", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::replaced;

    #[test]
    fn text_between_the_marks_is_replaced() {
        let document = "a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n";
        let expected = "a\n<!-- x: begin -->\nnew\n<!-- x: end -->\nb\n";
        assert_eq!(replaced(document, "x", "new\n"), expected);
    }
}
