//! From text to a script: first lines, then the arguments of each command.

use super::{Argument, Script, ScriptError, Source, Span, Spanned, Step, Value};
use std::iter::Peekable;
use std::ops::Range;
use std::sync::Arc;

const SEPARATOR: &str = "----";

/// Reads a script.
///
/// # Errors
///
/// The text is not a script. The error is at the first mistake.
///
/// ```
/// use interaction::script::{Source, read};
///
/// let text = "node raft-memory\n\ncampaign 1\n----\nok\n";
/// let script = read(&Source::new("campaign.txt", text))?;
/// assert_eq!(*script.node, "raft-memory");
/// assert_eq!(*script.steps[0].command, "campaign");
/// # Ok::<(), interaction::script::ScriptError>(())
/// ```
pub fn read(source: &Arc<Source>) -> Result<Script, ScriptError> {
    let text = source.text();
    // A byte order mark is not part of the text.
    let mut lines = Lines { text, at: text.len() - text.trim_start_matches('\u{feff}').len() }
        .map(|bytes| Line { source, bytes })
        .peekable();

    let first = "the first line of a script names its node, as in `node raft-memory`";
    let start = lines.find(|line| !line.is_skipped());
    let Some(start) = start else {
        return Err(Span::new(source, text.len()..text.len()).error(first));
    };
    let (command, arguments) = command(&start)?;
    if *command != "node" {
        return Err(command.error(first));
    }
    let node = match &arguments[..] {
        [] => return Err(command.error("`node` needs a kind, as in `node raft-memory`")),
        [Argument { key: None, value: Value::Word(kind), .. }] => kind.clone(),
        [Argument { key: None, value: Value::Word(_), .. }, second, ..] => {
            return Err(second.error("`node` takes one kind and nothing else"));
        }
        [first, ..] => return Err(first.error("`node` takes one kind, as in `node raft-memory`")),
    };

    let mut steps = Vec::new();
    while let Some(line) = lines.find(|line| !line.is_skipped()) {
        steps.push(step(&line, &mut lines)?);
    }
    Ok(Script { node, steps })
}

fn step<'a>(
    line: &Line<'a>,
    lines: &mut Peekable<impl Iterator<Item = Line<'a>>>,
) -> Result<Step, ScriptError> {
    if line.is_separator() {
        let message = "there is no command before `----`; output with blank lines or with lines \
                       `----` is enclosed in two lines `----` on each side";
        return Err(line.span().error(message));
    }
    let (command, arguments) = command(line)?;

    let mut input = Vec::new();
    let separator = loop {
        match lines.next() {
            Some(line) if line.is_separator() => break line,
            Some(line) if !line.is_blank() => input.push(line.spanned()),
            _ => {
                let message = format!("`{}` has no line `----` after it", *command);
                return Err(command.error(message));
            }
        }
    };

    let mut expected = String::new();
    let mut end = separator.end();
    match lines.next_if(Line::is_separator) {
        None => {
            while let Some(line) = lines.next_if(|line| !line.is_blank()) {
                push(&mut expected, line.text());
                end = line.end();
            }
        }
        Some(opening) => {
            // The last two separators of several end the output, so that it can itself end with
            // separators.
            let mut separators = 0;
            loop {
                match lines.next() {
                    Some(line) if line.is_separator() => {
                        separators += 1;
                        end = line.end();
                    }
                    line if separators < 2 => {
                        let Some(line) = line else {
                            let message = "two lines `----` after this output are missing";
                            return Err(opening.span().error(message));
                        };
                        (0..separators).for_each(|_| push(&mut expected, SEPARATOR));
                        push(&mut expected, line.text());
                        separators = 0;
                    }
                    Some(line) if !line.is_blank() => {
                        return Err(line.span().error("a blank line must stand before this"));
                    }
                    _ => {
                        (2..separators).for_each(|_| push(&mut expected, SEPARATOR));
                        break;
                    }
                }
            }
        }
    }
    let block = separator.end()..end;
    Ok(Step { command, arguments, input, expected, line: line.spanned(), block })
}

fn push(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// Writes output as `read` reads it, as the block after the first separator.
pub(crate) fn write_expected(output: &str, newline: &str) -> String {
    let mut lines: Vec<&str> = output.lines().collect();
    let enclosed = lines.iter().any(|line| line.trim().is_empty())
        || lines.first().is_some_and(|line| line.trim_end() == SEPARATOR);
    if enclosed {
        lines.insert(0, SEPARATOR);
        lines.extend([SEPARATOR; 2]);
    }
    lines.into_iter().flat_map(|line| [line, newline]).collect()
}

/// The lines of a text, each with its end.
struct Lines<'a> {
    text: &'a str,
    at: usize,
}

impl Iterator for Lines<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let rest = &self.text[self.at..];
        let length = rest.find('\n').map_or(rest.len(), |at| at + 1);
        let start = self.at;
        self.at += length;
        (length > 0).then_some(start..self.at)
    }
}

struct Line<'a> {
    source: &'a Arc<Source>,
    /// Its bytes, with its end.
    bytes: Range<usize>,
}

impl Line<'_> {
    fn text(&self) -> &str {
        let line = &self.source.text()[self.bytes.clone()];
        let line = line.strip_suffix('\n').unwrap_or(line);
        line.strip_suffix('\r').unwrap_or(line)
    }

    fn span(&self) -> Span {
        Span::new(self.source, self.bytes.start..self.text_end())
    }

    fn text_end(&self) -> usize {
        self.bytes.start + self.text().len()
    }

    fn spanned(&self) -> Spanned<String> {
        Spanned { value: self.text().to_owned(), span: self.span() }
    }

    fn end(&self) -> usize {
        self.bytes.end
    }

    fn is_blank(&self) -> bool {
        self.text().trim().is_empty()
    }

    fn is_skipped(&self) -> bool {
        self.is_blank() || self.text().trim_start().starts_with('#')
    }

    fn is_separator(&self) -> bool {
        self.text().trim_end() == SEPARATOR
    }
}

/// The name of a command and its arguments.
fn command(line: &Line<'_>) -> Result<(Spanned<String>, Vec<Argument>), ScriptError> {
    let mut words = Words { source: line.source, at: line.bytes.start, end: line.text_end() };
    words.skip_blanks();
    let name = words.take_while(|c| c.is_alphanumeric() || matches!(c, '-' | '_'));
    if name.is_empty() || !words.is_at_blank() {
        let message = "a command begins with its name: letters, digits, `-` and `_`";
        return Err(words.here().error(message));
    }
    Ok((name, words.arguments()?))
}

/// Reads a line of input as arguments, for commands whose input is written like them.
///
/// # Errors
///
/// The line is no arguments, such as an open parenthesis.
pub fn read_arguments(line: &Span) -> Result<Vec<Argument>, ScriptError> {
    let bytes = line.bytes();
    Words { source: line.source(), at: bytes.start, end: bytes.end }.arguments()
}

/// The rest of a line, which is read word by word.
struct Words<'a> {
    source: &'a Arc<Source>,
    at: usize,
    end: usize,
}

impl Words<'_> {
    fn arguments(&mut self) -> Result<Vec<Argument>, ScriptError> {
        let mut arguments = Vec::new();
        loop {
            self.skip_blanks();
            if self.peek().is_none() {
                return Ok(arguments);
            }
            arguments.push(self.argument()?);
        }
    }

    fn argument(&mut self) -> Result<Argument, ScriptError> {
        let start = self.at;
        let key = self.key()?;
        let value = match self.peek() {
            Some('(') => Value::List(self.list()?),
            Some('"') => Value::Word(self.string()?),
            _ => Value::Word(self.word(|_| false)?),
        };
        if !self.is_at_blank() {
            return Err(self.here().error("a blank must stand before this"));
        }
        Ok(Argument { key, value, span: self.since(start) })
    }

    /// A word up to `=`. A word that holds a quote or a parenthesis before its `=` is no key.
    fn key(&mut self) -> Result<Option<Spanned<String>>, ScriptError> {
        let start = self.at;
        let key = self.take_while(|c| !c.is_whitespace() && !matches!(c, '=' | '"' | '(' | ')'));
        if self.peek() != Some('=') {
            self.at = start;
            return Ok(None);
        }
        if key.is_empty() {
            return Err(self.here().error("a key must stand before `=`"));
        }
        self.next();
        Ok(Some(key))
    }

    /// A word up to a blank, or to what `is_end` says, outside its own parentheses.
    fn word(&mut self, is_end: impl Fn(char) -> bool) -> Result<Spanned<String>, ScriptError> {
        let start = self.at;
        // How many parentheses are open, and the outermost.
        let (mut depth, mut open) = (0, self.here());
        while let Some(c) = self.peek() {
            match c {
                '(' => {
                    if depth == 0 {
                        open = self.here();
                    }
                    depth += 1;
                }
                ')' if depth > 0 => depth -= 1,
                _ if depth > 0 => {}
                _ if c.is_whitespace() || is_end(c) => break,
                ')' => return Err(self.here().error("there is no `(` for this `)`")),
                _ => {}
            }
            if c == '"' {
                self.string()?;
            } else {
                self.next();
            }
        }
        if depth > 0 {
            return Err(open.error("there is no `)` for this `(`"));
        }
        let span = self.since(start);
        Ok(Spanned { value: span.text().to_owned(), span })
    }

    fn list(&mut self) -> Result<Vec<Spanned<String>>, ScriptError> {
        let open = self.here();
        self.next();
        let mut items = Vec::new();
        loop {
            self.skip_blanks();
            match self.peek() {
                Some(')') if items.is_empty() => break,
                Some(',' | ')') => return Err(self.here().error("an item must stand before this")),
                Some('"') => items.push(self.string()?),
                Some(_) => items.push(self.word(|c| matches!(c, ',' | ')'))?),
                None => return Err(open.error("there is no `)` for this `(`")),
            }
            self.skip_blanks();
            match self.peek() {
                Some(',') => _ = self.next(),
                Some(')') => break,
                Some(_) => return Err(self.here().error("`,` or `)` must stand before this")),
                None => return Err(open.error("there is no `)` for this `(`")),
            }
        }
        self.next();
        Ok(items)
    }

    fn string(&mut self) -> Result<Spanned<String>, ScriptError> {
        let (start, open) = (self.at, self.here());
        self.next();
        let mut value = String::new();
        loop {
            let here = self.here();
            match self.next() {
                Some('"') => return Ok(Spanned { value, span: self.since(start) }),
                Some('\\') => match self.next() {
                    Some(c @ ('"' | '\\')) => value.push(c),
                    Some('n') => value.push('\n'),
                    Some('r') => value.push('\r'),
                    Some('t') => value.push('\t'),
                    _ => {
                        let message = "the escapes are `\\\"`, `\\\\`, `\\n`, `\\r` and `\\t`";
                        return Err(here.error(message));
                    }
                },
                Some(c) => value.push(c),
                None => return Err(open.error("there is no `\"` at the end of this string")),
            }
        }
    }

    fn skip_blanks(&mut self) {
        self.take_while(char::is_whitespace);
    }

    fn take_while(&mut self, holds: impl Fn(char) -> bool) -> Spanned<String> {
        let start = self.at;
        while self.peek().is_some_and(&holds) {
            self.next();
        }
        let span = self.since(start);
        Spanned { value: span.text().to_owned(), span }
    }

    fn peek(&self) -> Option<char> {
        self.source.text()[self.at..self.end].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek();
        self.at += next.map_or(0, char::len_utf8);
        next
    }

    fn is_at_blank(&self) -> bool {
        self.peek().is_none_or(char::is_whitespace)
    }

    fn since(&self, start: usize) -> Span {
        Span::new(self.source, start..self.at)
    }

    /// The next character, or the end of the line.
    fn here(&self) -> Span {
        Span::new(self.source, self.at..self.at + self.peek().map_or(0, char::len_utf8))
    }
}
