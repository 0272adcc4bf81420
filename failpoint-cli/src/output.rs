//! Standard output and standard error: writing, colours, widths.

use crossterm::style::{StyledContent, Stylize};
use failpoint::__private::text;
pub(crate) use failpoint::__private::text::visible_json;
use std::env;
use std::io::{self, IsTerminal, Write};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Standard output and standard error. A write error is reported once, and a closed pipe not at all.
pub(crate) struct Output {
    coloured: bool,
    terminal: bool,
    /// The reader has gone, as in `failpoint list | head -1`, or the output cannot be written.
    closed: bool,
    /// Why it cannot be written. A reader that has gone is no error.
    failure: Option<io::Error>,
}

impl Output {
    pub(crate) fn new() -> Self {
        let terminal = io::stdout().is_terminal();
        Self { coloured: may_colour(terminal), terminal, closed: false, failure: None }
    }

    pub(crate) fn text(&mut self, text: &str) {
        let written = io::stdout().write_all(text.as_bytes());
        self.note(written);
    }

    pub(crate) fn line(&mut self, line: &str) {
        self.text(&format!("{line}\n"));
    }

    /// Text for a program to read: as it is, unless a terminal would act on it.
    pub(crate) fn for_a_program(&self, text: &str) -> String {
        if self.terminal { visible(text) } else { text.to_owned() }
    }

    pub(crate) fn error(&mut self, why: &str) {
        self.flush();
        let coloured = may_colour(io::stderr().is_terminal());
        let name =
            if coloured { "failpoint:".red().bold().to_string() } else { "failpoint:".into() };
        let _ = writeln!(io::stderr(), "{name} {}", text::visible_lines(why));
    }

    pub(crate) fn flush(&mut self) {
        let flushed = io::stdout().flush();
        self.note(flushed);
    }

    fn note(&mut self, result: io::Result<()>) {
        let Err(error) = result else { return };
        self.closed = true;
        if error.kind() != io::ErrorKind::BrokenPipe {
            self.failure.get_or_insert(error);
        }
    }

    /// Why some of the output was lost, once.
    pub(crate) fn take_failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(crate) fn style(&self, text: &str, style: Style) -> String {
        if self.coloured { style.apply(text).to_string() } else { text.to_owned() }
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Style {
    Head,
    Armed,
    Paused,
    Idle,
}

impl Style {
    pub(crate) fn apply(self, text: &str) -> StyledContent<&str> {
        match self {
            Style::Head => text.bold(),
            Style::Armed => text.green(),
            Style::Paused => text.yellow(),
            Style::Idle => text.dark_grey(),
        }
    }
}

/// On a terminal, unless `NO_COLOR` is set to anything.
pub(crate) fn may_colour(terminal: bool) -> bool {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    terminal && !is_set("NO_COLOR") && env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// A server's text on one line, with control characters escaped so that it cannot steer the terminal.
pub(crate) fn visible(text: &str) -> String {
    text::visible(text).to_string()
}

/// Terms on one line without hidden characters, in a spelling that arms the same.
pub(crate) fn visible_terms(terms: &str) -> String {
    text::visible_terms(terms).into_owned()
}

/// How many columns of a terminal the text takes: some characters take two, some none.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// The longest prefix that fits into `columns`.
pub(crate) fn cut(text: &str, columns: usize) -> &str {
    let mut taken = 0;
    let end = text.char_indices().find(|(_, char)| {
        taken += char.width().unwrap_or_default();
        taken > columns
    });
    end.map_or(text, |(end, _)| &text[..end])
}

/// `1 hit`, `2 hits`.
pub(crate) fn plural(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// `2 hits, 1 fire, 0 paused`.
pub(crate) fn counted(hits: u64, fires: u64, paused: u64) -> String {
    format!("{}, {}, {paused} paused", plural(hits, "hit"), plural(fires, "fire"))
}

#[cfg(test)]
mod tests {
    use super::{cut, width};

    #[test]
    fn what_fits_into_columns() {
        for (text, columns, fits) in [
            ("walSync", 7, "walSync"),
            ("walSync", 3, "wal"),
            ("", 0, ""),
            ("print(日本)", 8, "print(日"),
            ("print(日本)", 9, "print(日"),
            ("print(日本)", 10, "print(日本"),
            ("e\u{301}x", 1, "e\u{301}"),
        ] {
            assert_eq!(cut(text, columns), fits, "{text} in {columns}");
            assert!(width(fits) <= columns);
        }
    }
}
