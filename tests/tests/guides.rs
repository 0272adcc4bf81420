//! Do the tables of the guides in `docs/` say what is so?
//!
//! A table whose first column is `terms` or `config` is tried. There, each code span of the first
//! cell is armed; a cell of a tested column says `refused`, `accepted`, or, as code spans, what each
//! of the first hits hands to the closure (`None` is a bare `return`, `nothing` is no return).

use failpoint::fail_point;
use std::fs;
use std::path::Path;

#[test]
fn from_gofail() {
    assert_eq!(check("from-gofail.md"), 2);
}

#[test]
fn from_fail() {
    assert_eq!(check("from-fail.md"), 1);
}

/// Tries every such table of a guide; gives how many there are.
fn check(guide: &str) -> usize {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(guide);
    let text = fs::read_to_string(&path).unwrap();
    let mut tables = 0;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let heads = cells(line);
        let kind = match heads.first() {
            Some(&"terms") => Kind::Terms,
            Some(&"config") => Kind::Config,
            _ => continue,
        };
        assert!(lines.next().is_some_and(|rule| rule.starts_with("|---")), "{line}");
        assert_eq!(heads.last(), Some(&"here"), "{line}");
        tables += 1;
        let mut rows = 0;
        while let Some(row) = lines.next_if(|line| line.starts_with('|')) {
            let row_cells = cells(row);
            assert_eq!(row_cells.len(), heads.len(), "{row}");
            for text in spans(row_cells[0]) {
                for (head, cell) in heads.iter().zip(&row_cells).skip(1) {
                    let found = match (*head, kind) {
                        ("here", Kind::Terms) => Outcome::here(text, spans(cell).len()),
                        ("here", Kind::Config) => Outcome::of_config(text),
                        ("`fail`", Kind::Terms) => Outcome::of_fail(text, spans(cell).len()),
                        _ => continue,
                    };
                    assert_eq!(found, Outcome::said(cell), "`{text}` in {head}: {row}");
                }
            }
            rows += 1;
        }
        assert!(rows > 0, "{line}");
    }
    tables
}

#[derive(Clone, Copy)]
enum Kind {
    Terms,
    Config,
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Refused,
    Accepted,
    /// What each hit handed over.
    Hits(Vec<String>),
}

impl Outcome {
    fn said(cell: &str) -> Self {
        match cell.split([' ', ',', ':']).next() {
            Some("refused") => Self::Refused,
            Some("accepted") => Self::Accepted,
            _ => Self::Hits(spans(cell).into_iter().map(str::to_owned).collect()),
        }
    }

    fn here(terms: &str, hits: usize) -> Self {
        fn site() -> Option<Option<String>> {
            fail_point!("guides/site", |value| Some(value));
            None
        }
        let scope = failpoint::Scope::new();
        match scope.arm("guides/site", terms) {
            Err(_) => Self::Refused,
            Ok(()) if hits == 0 => Self::Accepted,
            Ok(()) => {
                let _in = scope.enter();
                Self::Hits((0..hits).map(|_| show(site())).collect())
            }
        }
    }

    fn of_config(config: &str) -> Self {
        fn _sites() {
            fail_point!("a", |value: String| drop(value));
            fail_point!("b");
        }
        match failpoint::Scope::new().arm_all(config) {
            Err(_) => Self::Refused,
            Ok(()) => Self::Accepted,
        }
    }

    /// The real one. Its points are for everybody: each test has names of its own.
    fn of_fail(terms: &str, hits: usize) -> Self {
        let name = "guides/real";
        let Ok(_armed) = real_fail::FailGuard::new(name, terms) else { return Self::Refused };
        if hits == 0 {
            return Self::Accepted;
        }
        Self::Hits((0..hits).map(|_| show(real_fail::eval(name, |value| value))).collect())
    }
}

fn show(returned: Option<Option<String>>) -> String {
    match returned {
        None => "nothing".to_owned(),
        Some(None) => "None".to_owned(),
        Some(Some(value)) => value,
    }
}

/// The cells of a row of a table.
fn cells(line: &str) -> Vec<&str> {
    let row = line.strip_prefix('|').and_then(|line| line.strip_suffix('|'));
    row.map(|row| row.split('|').map(str::trim).collect()).unwrap_or_default()
}

/// The code spans of a cell; two backticks that touch are an empty one.
fn spans(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}
