//! redb on a simulated disk.

use crate::arguments::Arguments;
use failpoint_disk::{Report, Run, fs};
use redb::{
    Builder, Database, Durability, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition,
};
use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::FileExt;

const PATH: &str = "/sim/data.redb";
const NEW: &str = "/sim/new.redb";
const TABLE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("accounts");

/// What the table holds.
type Rows = BTreeMap<u64, Vec<u8>>;

/// redb's file as a `failpoint_disk::fs::File`.
#[derive(Debug)]
struct Backend(fs::File);

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(out, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_all_at(data, offset)
    }
}

pub(crate) fn explore(arguments: &Arguments, create: Create) -> Report {
    arguments.explore(100_000).crashes(
        |run| workload(run, create, Durability::Immediate),
        recover,
        check,
    )
}

/// How a new database gets its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Create {
    /// It is created under another name and renamed.
    Renamed,
    /// redb creates it where it stays.
    InPlace,
}

fn open(path: &str) -> Result<Database, redb::Error> {
    let file =
        fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    Ok(Builder::new().set_cache_size(1 << 20).create_with_backend(Backend(file))?)
}

/// redb syncs the contents of its file. Its name is for the program to sync.
fn create(how: Create) -> Result<Database, redb::Error> {
    if how == Create::Renamed {
        drop(open(NEW)?);
        fs::rename(NEW, PATH)?;
    }
    let database = open(PATH)?;
    fs::File::open("/sim")?.sync_all()?;
    Ok(database)
}

/// The rows that the transaction with this number writes, and the one that it removes.
fn transaction(number: u64) -> (Vec<(u64, Vec<u8>)>, Option<u64>) {
    let row = |key: u64| (key, vec![number as u8; 40 + 300 * (key as usize % 3)]);
    (vec![row(number), row(number / 2)], number.checked_sub(3))
}

const TRANSACTIONS: u64 = 8;

/// Commits some transactions, and acknowledges the number of each.
fn workload(run: &Run<u64>, how: Create, durability: Durability) {
    let database = create(how).expect("the disk works");
    for number in 0..TRANSACTIONS {
        commit(&database, number, durability).expect("the disk works");
        run.ack(number);
    }
}

fn commit(database: &Database, number: u64, durability: Durability) -> Result<(), redb::Error> {
    let mut write = database.begin_write()?;
    write.set_durability(durability)?;
    {
        let mut table = write.open_table(TABLE)?;
        let (rows, removed) = transaction(number);
        for (key, value) in &rows {
            table.insert(key, &**value)?;
        }
        if let Some(key) = removed {
            table.remove(key)?;
        }
    }
    Ok(write.commit()?)
}

/// What a restart finds, or why it does not start.
fn recover() -> Result<Rows, String> {
    read_all().map_err(|error| error.to_string())
}

fn read_all() -> Result<Rows, redb::Error> {
    if !fs::exists(PATH)? {
        return Ok(Rows::new());
    }
    let database = open(PATH)?;
    let read = database.begin_read()?;
    let table = match read.open_table(TABLE) {
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(Rows::new()),
        table => table?,
    };
    let mut rows = Rows::new();
    for row in table.iter()? {
        let (key, value) = row?;
        rows.insert(key.value(), value.value().to_vec());
    }
    Ok(rows)
}

/// What is there is what some number of transactions left, and that number is no smaller than what was
/// acknowledged.
fn check(found: &Result<Rows, String>, acked: &[u64]) -> Result<(), String> {
    let found = found.as_ref().map_err(|error| format!("redb does not start: {error}"))?;
    let mut rows = Rows::new();
    for done in 0..=TRANSACTIONS {
        if done >= acked.len() as u64 && rows == *found {
            return Ok(());
        }
        let (inserted, removed) = transaction(done);
        rows.extend(inserted);
        if let Some(key) = removed {
            rows.remove(&key);
        }
    }
    Err(format!(
        "{} transactions were acknowledged, and what is there is not what these or more of them left: \
         the keys {:?}",
        acked.len(),
        found.keys()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use failpoint_disk::{Explore, Verdict};

    fn verdict(create: Create, durability: Durability) -> Verdict {
        let explore = Explore::new().depth(0).max_states(20_000);
        explore.crashes(|run| workload(run, create, durability), recover, check).verdict
    }

    #[test]
    fn commits_that_are_not_durable_are_lost() {
        assert_eq!(verdict(Create::Renamed, Durability::None), Verdict::Lost);
    }

    #[test]
    fn a_database_that_is_created_in_place_may_not_open() {
        assert_eq!(verdict(Create::InPlace, Durability::Immediate), Verdict::Lost);
    }
}
