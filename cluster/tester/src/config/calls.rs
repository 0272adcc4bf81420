//! How does the driver `commands` do something: a program, an HTTP call, or a line over TCP?

use super::mistakes::Place;
use super::nearest::hint;
use super::reader::{Field, Reader, listed};
use super::values;
use crate::driver::commands::template::{self, EVERYWHERE};
use crate::driver::commands::{Call, Expect};

/// The places for values in all texts.
pub(super) const MEMBER: &[&str] = &[];

/// The calls. What places they have besides says `driver::commands::template`.
pub(super) const CALLS: [&str; 15] = [
    "launch", "running", "stop", "kill", "pause", "unpause", "logs", "health", "leader", "put",
    "get", "range", "delete", "hash", "revision",
];

/// A call: a command line, a list of words, or a map.
pub(super) fn read(
    reader: &mut Reader<'_>,
    field: &Field<'_>,
    more: &[&str],
) -> Option<(Call, Expect)> {
    if !field.is_map() {
        let command = reader.command(field)?;
        places(reader, field.node.at, &command, more);
        return Some((Call::Program(command), Expect::default()));
    }
    let section = reader.section(field, "CALL")?;
    let mut regex = |name| match section.field(name) {
        Some(field) => reader.regex(&field),
        None => None,
    };
    let expect =
        Expect { success: regex("success"), missing: regex("missing"), failed: regex("failed") };

    let kinds: Vec<&str> =
        ["run", "http", "tcp"].into_iter().filter(|kind| section.has(kind)).collect();
    let [kind] = kinds.as_slice() else {
        let message = "a call has exactly one of `run` (a program), `http` and `tcp`";
        reader.mistake(section.at, message);
        return None;
    };
    for (name, of) in [("body", "http"), ("headers", "http"), ("send", "tcp")] {
        if let Some(field) = section.field(name).filter(|_| of != *kind) {
            reader.mistake(field.node.at, format!("`{name}` belongs to `{of}`, not to `{kind}`"));
        }
    }
    let given = section.field(kind)?;
    let call = match *kind {
        "run" => {
            let command = reader.command(&given)?;
            places(reader, given.node.at, &command, more);
            Call::Program(command)
        }
        "http" => {
            let (method, url) = http(reader, &given, more)?;
            // A body is often JSON, so that a word in braces that is no place is text.
            let body = section.field("body").and_then(|field| reader.text(&field));
            let mut headers = Vec::new();
            if let Some(field) = section.field("headers") {
                for (name, at, value) in reader.map(&field).unwrap_or_default() {
                    let token =
                        |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
                    if name.is_empty() || !name.chars().all(token) {
                        reader.mistake(at, "this is no name of an HTTP header");
                    } else if let Some(text) = reader.text(&value) {
                        places(reader, value.node.at, [&text], more);
                        headers.push((name, text));
                    }
                }
            }
            Call::Http { method, url, body, headers }
        }
        _ => {
            let address = reader.text(&given)?;
            // With values in its places, it is an address.
            let sample = [
                ("client", "m:1"),
                ("failpoint", "m:1"),
                ("host", "m"),
                ("port", "1"),
                ("name", "m"),
            ]
            .iter()
            .fold(address.clone(), |text, (name, value)| {
                text.replace(&format!("{{{name}}}"), value)
            });
            if places(reader, given.node.at, [&address], more) && values::address(&sample).is_err()
            {
                return reader.expected(&given, "an address, such as `{client}`");
            }
            let Some(send) = section.field("send") else {
                reader
                    .mistake(section.at, "the call needs `send`: the line that is sent over `tcp`");
                return None;
            };
            let line = reader.text(&send)?;
            if line.contains(['\n', '\r', '\0']) {
                return reader.expected(&send, "one line");
            }
            places(reader, send.node.at, [&line], more);
            Call::Tcp { address, send: line }
        }
    };
    Some((call, expect))
}

/// `GET http://{client}/keys/{key}`.
fn http(reader: &mut Reader<'_>, field: &Field<'_>, more: &[&str]) -> Option<(String, String)> {
    const EXPECTED: &str = "a method and a URL, such as `GET http://{client}/keys/{key}`";
    let text = reader.text(field)?;
    let Some((method, url)) = text.trim().split_once(' ') else {
        return reader.expected(field, EXPECTED);
    };
    let url = url.trim();
    let good = !method.is_empty()
        && method.bytes().all(|byte| byte.is_ascii_uppercase())
        && url.starts_with("http://")
        && !url.contains(char::is_whitespace);
    if url.starts_with("https://") {
        return reader.expected(field, "a URL that starts with `http://`, because there is no TLS");
    }
    if !good {
        return reader.expected(field, EXPECTED);
    }
    places(reader, field.node.at, [url], more);
    Some((method.to_owned(), url.to_owned()))
}

/// Notes places that do not exist. Returns whether all do. Braces around anything but a word are no
/// place, as in JSON.
pub(super) fn places<T: AsRef<str>>(
    reader: &mut Reader<'_>,
    at: Place,
    texts: impl IntoIterator<Item = T>,
    more: &[&str],
) -> bool {
    let known: Vec<&str> = EVERYWHERE.iter().chain(more).copied().collect();
    let mut all = true;
    for text in texts {
        for name in template::places_in(text.as_ref()) {
            if known.contains(&name) {
                continue;
            }
            let close = match hint(name, known.iter().copied()) {
                close if close.is_empty() => {
                    format!("; there are {}", listed(known.iter().copied()))
                }
                close => close,
            };
            reader.mistake(at, format!("unknown place `{{{name}}}`{close}"));
            all = false;
        }
    }
    all
}
