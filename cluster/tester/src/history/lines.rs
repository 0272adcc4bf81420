//! How is a history kept in a file? One JSON object a line, in the order in which it was recorded.
//!
//! | line | what it says |
//! |---|---|
//! | `{"epoch":{"revision":1}}` | an epoch starts; what follows belongs to it |
//! | `{"operation":{…}}` | an [`Operation`] |
//! | `{"change":{…}}` | a [`Change`] that the watch of the tester saw |
//! | `{"watch":{"watcher":7,"first":1,"from":""}}` | a client opens a watch; `to` may be left out |
//! | `{"leased":{"keys":["a"]}}` | the keys of this epoch that were ever written with a lease; without such a line in each epoch, any key may be one |
//! | `{"delivery":{"watcher":7,"changes":[…]}}` | that watch gets a message |
//!
//! Without an `epoch` line at its start, a history starts at revision 1, as an empty etcd does.

use std::collections::BTreeSet;
use std::fmt::{Display, Formatter};
use std::io::{self, BufRead, Read, Write};

use serde::{Deserialize, Serialize};
use serde_json::error::Category;

use super::{Change, Epoch, History, Operation, Revision, Watch};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Line {
    Epoch(EpochLine),
    Operation(Operation),
    Change(Change),
    Watch(WatchLine),
    Delivery(DeliveryLine),
    Leased(LeasedLine),
}

/// The same lines, for writing.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum LineOf<'a> {
    Epoch(EpochLine),
    Operation(&'a Operation),
    Change(&'a Change),
    Watch(WatchLine),
    Delivery { watcher: u64, changes: &'a [Change] },
    Leased { keys: &'a BTreeSet<String> },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EpochLine {
    revision: Revision,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WatchLine {
    watcher: u64,
    first: Revision,
    from: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeliveryLine {
    watcher: u64,
    changes: Vec<Change>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LeasedLine {
    keys: BTreeSet<String>,
}

/// A line that is no part of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineError {
    /// Its number; the first is 1.
    pub line: usize,
    /// The byte in it where the mistake was found, from 1 on; 0: the whole line.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

/// Why a history could not be read.
#[derive(Debug)]
pub enum ReadError {
    /// The file could not be read.
    Io(io::Error),
    /// A line is wrong.
    Line(LineError),
    /// There is no line.
    Empty,
}

impl Display for LineError {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self.column {
            0 => write!(f, "line {}: {}", self.line, self.message),
            column => write!(f, "line {}, column {column}: {}", self.line, self.message),
        }
    }
}

impl Display for ReadError {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => Display::fmt(error, f),
            Self::Line(error) => Display::fmt(error, f),
            Self::Empty => f.write_str("it is empty; a history has one JSON object a line"),
        }
    }
}

impl std::error::Error for LineError {}
impl std::error::Error for ReadError {}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl History {
    /// The longest line that is read: 128 MiB. A request has a few keys, and a value at most 1 MiB.
    pub const LONGEST_LINE: usize = 128 << 20;

    /// Reads a history of JSON lines. Empty lines are skipped.
    ///
    /// # Errors
    /// The first line that is no part of a history, or longer than
    /// [`LONGEST_LINE`](Self::LONGEST_LINE); that the history is empty; or an error of the reader.
    pub fn read(mut reader: impl BufRead) -> Result<Self, ReadError> {
        let mut history = Self { epochs: Vec::new() };
        let mut bytes = Vec::new();
        for line in 1.. {
            bytes.clear();
            let most = Self::LONGEST_LINE as u64 + 1;
            if reader.by_ref().take(most).read_until(b'\n', &mut bytes)? == 0 {
                break;
            }
            history.add(&bytes).map_err(|(column, message)| {
                ReadError::Line(LineError { line, column, message })
            })?;
        }
        if history.epochs.is_empty() {
            return Err(ReadError::Empty);
        }
        Ok(history)
    }

    fn add(&mut self, bytes: &[u8]) -> Result<(), (usize, String)> {
        let whole = |message: String| (0, message);
        if bytes.len() > Self::LONGEST_LINE {
            return Err(whole(format!("it is longer than {} MiB", Self::LONGEST_LINE >> 20)));
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|error| (error.valid_up_to() + 1, "this is no UTF-8".to_owned()))?;
        if text.trim().is_empty() {
            return Ok(());
        }
        let line: Line = serde_json::from_str(text).map_err(|error| {
            let message = error.to_string();
            let end = message.rfind(" at line ").unwrap_or(message.len());
            let what = match error.classify() {
                Category::Eof => "the line is cut off",
                Category::Data => "this is no line of a history of this version",
                Category::Syntax | Category::Io => "this is no JSON",
            };
            (error.column(), format!("{what}: {}", &message[..end]))
        })?;
        if let Line::Epoch(EpochLine { revision }) = line {
            self.epochs.push(Epoch { revision, ..Epoch::default() });
            return Ok(());
        }
        if self.epochs.is_empty() {
            *self = Self::new(1);
        }
        let Some(epoch) = self.epochs.last_mut() else { return Ok(()) };
        match line {
            Line::Epoch(_) => {}
            Line::Operation(operation) if operation.end < operation.start => {
                let Operation { start, end, .. } = operation;
                return Err(whole(format!(
                    "the operation ends at {end}, before its start at {start}"
                )));
            }
            Line::Operation(operation) => epoch.operations.push(operation),
            Line::Leased(LeasedLine { keys }) => {
                epoch.leased.get_or_insert_default().extend(keys);
            }
            Line::Change(change) => epoch.changes.push(change),
            Line::Watch(WatchLine { watcher, first, from, to }) => {
                if epoch.watches.contains_key(&watcher) {
                    return Err(whole(format!("watch {watcher} is open already")));
                }
                epoch.watches.insert(watcher, Watch { first, from, to, deliveries: Vec::new() });
            }
            Line::Delivery(DeliveryLine { watcher, changes }) => match epoch
                .watches
                .get_mut(&watcher)
            {
                Some(watch) => watch.deliveries.push(changes),
                None => return Err(whole(format!("watch {watcher} was not opened in this epoch"))),
            },
        }
        Ok(())
    }

    /// Writes the history as JSON lines, which [`History::read`] reads.
    ///
    /// # Errors
    /// An error of the writer.
    pub fn write(&self, mut writer: impl Write) -> io::Result<()> {
        let mut line = |line: LineOf<'_>| -> io::Result<()> {
            serde_json::to_writer(&mut writer, &line)?;
            writer.write_all(b"\n")
        };
        for epoch in &self.epochs {
            line(LineOf::Epoch(EpochLine { revision: epoch.revision }))?;
            if let Some(keys) = &epoch.leased {
                line(LineOf::Leased { keys })?;
            }
            for operation in &epoch.operations {
                line(LineOf::Operation(operation))?;
            }
            for change in &epoch.changes {
                line(LineOf::Change(change))?;
            }
            for (&watcher, watch) in &epoch.watches {
                let (first, from, to) = (watch.first, watch.from.clone(), watch.to.clone());
                line(LineOf::Watch(WatchLine { watcher, first, from, to }))?;
                for changes in &watch.deliveries {
                    line(LineOf::Delivery { watcher, changes })?;
                }
            }
        }
        Ok(())
    }
}
