//! What does an answer say? It succeeded, there is no such key, it took no effect, or it is not clear.

use std::time::Duration;

use regex::Regex;

use super::Expect;

/// What a program, an HTTP server or a line server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answered {
    /// A text, and whether the protocol calls it a success: exit status 0, an HTTP status 2xx, a line
    /// that is no error.
    Text { text: String, success: bool },
    /// An HTTP status 404, or the nil of RESP.
    Missing(String),
    /// The array of RESP.
    Array(Vec<String>),
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// Nothing was sent.
    NotSent(String),
    /// It may have been sent.
    Lost(String),
}

impl NoAnswer {
    pub(super) fn late(limit: Duration) -> Self {
        Self::Lost(format!("no answer within {limit:?}"))
    }

    pub(super) fn message(self) -> String {
        match self {
            Self::NotSent(message) | Self::Lost(message) => message,
        }
    }
}

/// The meaning of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    /// Success, and what the groups of the expression matched: the value, or pairs of key and value.
    Done(Found),
    /// There is no such key.
    Missing,
    /// It certainly took no effect.
    Failed(String),
    /// It may have taken effect.
    Unclear(String),
}

/// What an answer has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Text(String),
    Array(Vec<String>),
}

/// An [`Expect`] with its expressions compiled.
#[derive(Clone, Debug, Default)]
pub(super) struct Judge {
    success: Option<Regex>,
    missing: Option<Regex>,
    failed: Option<Regex>,
}

impl Judge {
    pub(super) fn new(expect: &Expect) -> Result<Self, String> {
        let compiled = |text: &Option<String>| {
            let text = text.as_deref();
            text.map(Regex::new).transpose().map_err(|error| error.to_string())
        };
        Ok(Self {
            success: compiled(&expect.success)?,
            missing: compiled(&expect.missing)?,
            failed: compiled(&expect.failed)?,
        })
    }

    pub(super) fn judge(&self, answered: Answered) -> Judged {
        let matches = |regex: &Option<Regex>, text: &str| {
            regex.as_ref().is_some_and(|regex| regex.is_match(text))
        };
        let (text, succeeded) = match answered {
            Answered::Array(values) => return Judged::Done(Found::Array(values)),
            Answered::Missing(text) if matches(&self.failed, &text) => {
                return Judged::Failed(shortened(&text));
            }
            Answered::Missing(_) => return Judged::Missing,
            Answered::Text { text, success } => (text, success),
        };
        if matches(&self.failed, &text) {
            return Judged::Failed(shortened(&text));
        }
        if matches(&self.missing, &text) {
            return Judged::Missing;
        }
        match &self.success {
            None if succeeded => Judged::Done(Found::Text(text)),
            None => Judged::Unclear(shortened(&text)),
            // Each match is a pair.
            Some(regex) if regex.captures_len() > 2 => {
                let mut found = Vec::new();
                for groups in regex.captures_iter(&text) {
                    let group = |number| groups.get(number).map_or("", |found| found.as_str());
                    found.extend([group(1).to_owned(), group(2).to_owned()]);
                }
                match found.is_empty() && !succeeded {
                    true => Judged::Unclear(shortened(&text)),
                    false => Judged::Done(Found::Array(found)),
                }
            }
            Some(regex) => match regex.captures(&text) {
                Some(groups) => {
                    let whole = groups.get(1).or_else(|| groups.get(0));
                    let value = whole.map_or("", |found| found.as_str()).to_owned();
                    Judged::Done(Found::Text(value))
                }
                None => Judged::Unclear(shortened(&text)),
            },
        }
    }
}

/// The beginning of an answer, for a message.
fn shortened(text: &str) -> String {
    const MOST: usize = 300;
    let text = text.trim();
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
