//! Where does an argument end, what does it say, and how is text written so that it is one?

use std::borrow::Cow;

use super::cursor::{Cursor, Expected};
#[cfg(test)]
use crate::visible::holds_hidden;
use crate::visible::is_hidden;

/// One argument, as it was written and as it is meant.
#[derive(Debug)]
pub(super) struct Argument<'a> {
    /// Where it begins, in the whole text.
    pub(super) at: usize,
    /// As written, trimmed, quotes included.
    pub(super) raw: &'a str,
    /// Without quotes, escapes resolved.
    pub(super) content: Cow<'a, str>,
}

/// What ends a raw argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// The `)` that matches.
    Close,
    /// That, or a `,` outside of all inner parentheses.
    CommaOrClose,
}

impl Argument<'_> {
    /// Nothing was written, not even quotes.
    pub(super) fn is_absent(&self) -> bool {
        self.raw.is_empty()
    }

    /// Puts an error in the content at its place in the whole text.
    ///
    /// Where escapes make the two differ in length, that is the beginning of the argument.
    pub(super) fn place(&self, error: Expected) -> Expected {
        let offset = if self.raw.len() == self.content.len() {
            self.at + error.offset
        } else if self.raw.len() == self.content.len() + 2 {
            self.at + 1 + error.offset
        } else {
            self.at
        };
        Expected { offset, ..error }
    }
}

/// Reads an argument, and the blanks around it, up to what must follow it.
///
/// `open` is the place of the parenthesis around the argument.
pub(super) fn argument<'a>(
    cursor: &mut Cursor<'a>,
    open: usize,
    until: Until,
) -> Result<Argument<'a>, Expected> {
    cursor.blanks();
    let at = cursor.at();
    let content = match cursor.peek() {
        Some('"') => Cow::Owned(string(cursor)?),
        Some('`') => Cow::Borrowed(backquoted(cursor)?),
        _ => Cow::Borrowed(raw(cursor, open, until)?),
    };
    let raw = cursor.since(at).trim_end();
    cursor.blanks();
    Ok(Argument { at, raw, content })
}

/// Reads the `)` that closes the parenthesis at `open`.
pub(super) fn close(cursor: &mut Cursor<'_>, open: usize) -> Result<(), Expected> {
    cursor.blanks();
    if cursor.eat(")") { Ok(()) } else { Err(unclosed(cursor, open)) }
}

/// Whether `text`, written as it is, is a raw argument that says `text`, on one line.
#[cfg(test)]
pub(super) fn is_raw(text: &str) -> bool {
    let mut depth = 0_usize;
    let balanced = text.bytes().all(|byte| match byte {
        b'(' => {
            depth += 1;
            true
        }
        b')' => {
            let inner = depth > 0;
            depth = depth.saturating_sub(1);
            inner
        }
        _ => true,
    });
    balanced
        && depth == 0
        && !text.is_empty()
        && text.trim() == text
        && !text.starts_with(['"', '`'])
        && !holds_hidden(text)
}

/// Whether `text` holds a line end, or the one character that no variable of the environment can.
pub(crate) fn holds_line_end(text: &str) -> bool {
    text.contains(['\n', '\r', '\0'])
}

/// `content` in quotes, its hidden characters escaped: on one line.
pub(super) fn quoted(content: &str) -> String {
    let mut text = String::with_capacity(content.len() + 2);
    text.push('"');
    for c in content.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\0' => text.push_str("\\0"),
            c if is_hidden(c) => text.extend(c.escape_default()),
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

fn raw<'a>(cursor: &mut Cursor<'a>, open: usize, until: Until) -> Result<&'a str, Expected> {
    let from = cursor.at();
    let mut depth = 0_usize;
    cursor.eat_while(|c| match c {
        ')' if depth == 0 => false,
        ',' if depth == 0 => until == Until::Close,
        '(' => {
            depth += 1;
            true
        }
        ')' => {
            depth -= 1;
            true
        }
        _ => true,
    });
    if cursor.is_at_end() {
        return Err(unclosed(cursor, open));
    }
    Ok(cursor.since(from).trim_end())
}

fn backquoted<'a>(cursor: &mut Cursor<'a>) -> Result<&'a str, Expected> {
    let open = cursor.at();
    cursor.eat("`");
    let content = cursor.eat_while(|c| c != '`');
    if cursor.eat("`") {
        Ok(content)
    } else {
        Err(cursor.expected(format!("a \"`\" that closes the string at byte {open}")))
    }
}

fn string(cursor: &mut Cursor<'_>) -> Result<String, Expected> {
    let open = cursor.at();
    cursor.eat("\"");
    let mut content = String::new();
    loop {
        content.push_str(cursor.eat_while(|c| c != '"' && c != '\\'));
        let at = cursor.at();
        if cursor.eat("\"") {
            return Ok(content);
        }
        if !cursor.eat("\\") || cursor.is_at_end() {
            return Err(cursor.expected(format!("a '\"' that closes the string at byte {open}")));
        }
        let c = escape(cursor)
            .ok_or_else(|| Expected::at(at, r#"an escape such as \n, \", \\, \x7f or \u{e9}"#))?;
        content.push(c);
    }
}

/// Reads what follows a backslash.
fn escape(cursor: &mut Cursor<'_>) -> Option<char> {
    Some(match cursor.next()? {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        '0' => '\0',
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'v' => '\x0b',
        c @ ('\\' | '"' | '\'') => c,
        // A lone byte from 0x80 on is no character: Rust refuses it too, and Go's way would
        // make strings that are not text.
        'x' => hex(cursor, 2).filter(char::is_ascii)?,
        'u' if cursor.eat("{") => {
            let digits = cursor.rest().bytes().take(7).take_while(u8::is_ascii_hexdigit);
            let len = digits.count();
            hex(cursor, len).filter(|_| len <= 6 && cursor.eat("}"))?
        }
        'u' => hex(cursor, 4)?,
        _ => return None,
    })
}

fn hex(cursor: &mut Cursor<'_>, len: usize) -> Option<char> {
    let digits = cursor.rest().get(..len)?;
    // `from_str_radix` alone would take a sign.
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let code = u32::from_str_radix(digits, 16).ok()?;
    cursor.skip_to(cursor.at() + len);
    char::from_u32(code)
}

fn unclosed(cursor: &Cursor<'_>, open: usize) -> Expected {
    cursor.expected(format!("a `)` that closes the `(` at byte {open}"))
}
