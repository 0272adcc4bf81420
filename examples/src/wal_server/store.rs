//! A map; every change is written to the log first.

use super::wal::{AppendError, OpenError, Wal};
use failpoint::fail_point;
use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

/// Keys and values, durable.
#[derive(Debug)]
pub struct Store {
    /// Locked before `map`, and held while the map changes, so that both change in the same order.
    log: Mutex<Wal>,
    map: RwLock<HashMap<String, String>>,
}

/// What a store recovered when it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Records in the log.
    pub records: usize,
    /// Keys after replaying them.
    pub keys: usize,
    /// Bytes of a torn tail that were truncated.
    pub torn: u64,
}

/// A change, as the log has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change<'a> {
    Set { key: &'a str, value: &'a str },
    Delete { key: &'a str },
}

impl Store {
    /// Opens the store in `directory` and replays its log.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(directory: &Path) -> Result<(Self, Summary), StoreError> {
        let (log, recovered) = Wal::open(directory)?;
        let mut map = HashMap::new();
        for (number, payload) in recovered.payloads.iter().enumerate() {
            Change::read(payload).ok_or(StoreError::NotAChange { number })?.apply(&mut map);
        }
        let summary =
            Summary { records: recovered.payloads.len(), keys: map.len(), torn: recovered.torn };
        Ok((Self { log: Mutex::new(log), map: RwLock::new(map) }, summary))
    }

    /// Sets a key. The change is durable when this returns `Ok`.
    ///
    /// # Errors
    /// [`AppendError`]: the change is not saved.
    pub fn set(&self, key: &str, value: &str) -> Result<(), AppendError> {
        self.save(Change::Set { key, value })
    }

    /// Removes a key. The change is durable when this returns `Ok`. Returns whether the key existed.
    ///
    /// # Errors
    /// As [`Store::set`].
    pub fn delete(&self, key: &str) -> Result<bool, AppendError> {
        if self.get(key).is_none() {
            return Ok(false);
        }
        self.save(Change::Delete { key }).map(|()| true)
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<String> {
        self.map.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.map.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The points are outside the lock: a caller that sleeps or is paused there delays only itself.
    fn save(&self, change: Change<'_>) -> Result<(), AppendError> {
        fail_point!("raftBeforeSave", key = change.key());
        {
            let mut log = self.log();
            log.append(change.text().as_bytes())?;
            change.apply(&mut self.map.write().unwrap_or_else(PoisonError::into_inner));
        }
        fail_point!("raftAfterSave", key = change.key());
        Ok(())
    }

    /// A panic while the lock was held is harmless: the log handles an unfinished record.
    fn log(&self) -> MutexGuard<'_, Wal> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Change<'a> {
    fn key(&self) -> &'a str {
        match self {
            Change::Set { key, .. } | Change::Delete { key } => key,
        }
    }

    /// As in the protocol. A key has no blanks.
    fn text(&self) -> String {
        match self {
            Change::Set { key, value } => format!("SET {key} {value}"),
            Change::Delete { key } => format!("DEL {key}"),
        }
    }

    fn read(payload: &'a [u8]) -> Option<Self> {
        let (verb, rest) = std::str::from_utf8(payload).ok()?.split_once(' ')?;
        match verb {
            "SET" => rest.split_once(' ').map(|(key, value)| Change::Set { key, value }),
            "DEL" => Some(Change::Delete { key: rest }),
            _ => None,
        }
    }

    fn apply(self, map: &mut HashMap<String, String>) {
        match self {
            Change::Set { key, value } => map.insert(key.to_owned(), value.to_owned()),
            Change::Delete { key } => map.remove(key),
        };
    }
}

/// Why a store could not be opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// The log could not be opened.
    Log(OpenError),
    /// A record with a valid checksum that is not a change.
    NotAChange {
        /// The number of the record, from 0.
        number: usize,
    },
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Log(error) => error.fmt(f),
            StoreError::NotAChange { number } => {
                write!(f, "record {number} of the log was not written by this server")
            }
        }
    }
}

impl std::error::Error for StoreError {}

impl From<OpenError> for StoreError {
    fn from(error: OpenError) -> Self {
        StoreError::Log(error)
    }
}
