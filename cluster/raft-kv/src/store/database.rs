//! Where the state is kept: redb, on a file of `failpoint_disk::fs`.

use failpoint_disk::fs::{self, File};
use redb::{
    Builder, Database, ReadTransaction, ReadableDatabase, ReadableTable, StorageBackend, Table,
    TableDefinition, WriteTransaction,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// A key at the revision of a write of it → a [`Version`].
pub(super) type Versions = TableDefinition<'static, (&'static str, u64), &'static [u8]>;
pub(super) const VERSIONS: Versions = TableDefinition::new("versions");
/// A revision → the keys that it changed, in the order of the changes.
pub(super) const REVISIONS: TableDefinition<'static, u64, &'static [u8]> =
    TableDefinition::new("revisions");
/// A lease → a [`Lease`].
pub(super) const LEASES: TableDefinition<'static, u64, &'static [u8]> =
    TableDefinition::new("leases");
/// A lease and a key that goes with it.
pub(super) const LEASE_KEYS: TableDefinition<'static, (u64, &'static str), ()> =
    TableDefinition::new("lease_keys");
/// A name → what there is one of.
pub(super) const META: TableDefinition<'static, &'static str, &'static [u8]> =
    TableDefinition::new("meta");

/// What a write made of a key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Version {
    pub(super) value: String,
    pub(super) create_revision: u64,
    /// The number of writes since the key came to be; 0: it was deleted.
    pub(super) version: u64,
    pub(super) lease: u64,
}

impl Version {
    pub(super) fn is_deleted(&self) -> bool {
        self.version == 0
    }
}

/// A lease that was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lease {
    /// After so many ticks without a renewal, it expires.
    pub(crate) ttl: u64,
    /// How often it was renewed.
    pub(crate) renewals: u64,
}

/// A table of versions that can be read, in a transaction that writes or in one that does not.
pub(super) trait ReadVersions: ReadableTable<(&'static str, u64), &'static [u8]> {}
impl<T: ReadableTable<(&'static str, u64), &'static [u8]>> ReadVersions for T {}

/// The tables that a write changes.
pub(super) struct Tables<'t> {
    pub(super) versions: Table<'t, (&'static str, u64), &'static [u8]>,
    pub(super) revisions: Table<'t, u64, &'static [u8]>,
    pub(super) leases: Table<'t, u64, &'static [u8]>,
    pub(super) lease_keys: Table<'t, (u64, &'static str), ()>,
    pub(super) meta: Table<'t, &'static str, &'static [u8]>,
}

impl<'t> Tables<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> io::Result<Self> {
        Ok(Self {
            versions: transaction.open_table(VERSIONS).map_err(failed)?,
            revisions: transaction.open_table(REVISIONS).map_err(failed)?,
            leases: transaction.open_table(LEASES).map_err(failed)?,
            lease_keys: transaction.open_table(LEASE_KEYS).map_err(failed)?,
            meta: transaction.open_table(META).map_err(failed)?,
        })
    }
}

/// Opens the database at `path`, or creates it.
pub(super) fn open(path: &Path) -> io::Result<Database> {
    if !fs::exists(path)? {
        // A crash while redb creates its file leaves one that it cannot open. So the file gets its name
        // when it is whole.
        let unfinished = path.with_extension("new");
        if fs::exists(&unfinished)? {
            fs::remove_file(&unfinished)?;
        }
        drop(open_file(&unfinished)?);
        fs::rename(&unfinished, path)?;
        let directory = path.parent().unwrap_or(Path::new("/"));
        File::open(directory)?.sync_all()?;
    }
    open_file(path)
}

fn open_file(path: &Path) -> io::Result<Database> {
    let file =
        fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    Builder::new().create_with_backend(Backend(file)).map_err(failed)
}

pub(super) fn read(database: &Database) -> io::Result<ReadTransaction> {
    database.begin_read().map_err(failed)
}

/// The error of the disk, if it is one.
pub(super) fn failed(error: impl Into<redb::Error>) -> io::Error {
    match error.into() {
        redb::Error::Io(error) => error,
        other => io::Error::other(other),
    }
}

pub(super) fn encode(value: &impl Serialize) -> io::Result<Vec<u8>> {
    postcard::to_stdvec(value).map_err(io::Error::other)
}

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> io::Result<T> {
    postcard::from_bytes(bytes).map_err(|error| {
        let why = format!("the state holds a row that cannot be read: {error}");
        io::Error::new(io::ErrorKind::InvalidData, why)
    })
}

#[derive(Debug)]
struct Backend(File);

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
