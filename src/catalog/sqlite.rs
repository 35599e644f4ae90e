//! The embedded store: one SQLite file, in WAL mode and synced in full at every commit.
//!
//! Owns the file, its lock and its tables: `entry` is the catalogue as it is, `change` the last changes that
//! made it so, `meta` the revisions. A commit writes all three in one transaction, so a process killed at any
//! instant leaves either all of a group or none of it. Leaves the meaning of the bytes to the catalogue.

mod rows;

use std::fs::{File, TryLockError};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::{Bounds, Committed, Fixed, Revision, Store, StoreError, StoredChange, StoredEntry, Transaction};
use crate::domain::EntryKind;

/// Marks the file as a catalogue: `SITU` in ASCII.
const APPLICATION_ID: i64 = 0x5349_5455;
/// The version of the tables.
const FORMAT: i64 = 1;
/// Compaction removes at least this many changes at once, so that most commits pay nothing for it.
const COMPACTION_STEP: u64 = 1024;

/// A backup tool that reads the file may hold it for a moment; longer than this is an error.
const BUSY: Duration = Duration::from_secs(5);

const SCHEMA: &str = "
    CREATE TABLE meta (
        id INTEGER PRIMARY KEY CHECK (id = 0),
        revision INTEGER NOT NULL,
        compacted INTEGER NOT NULL
    );
    INSERT INTO meta (id, revision, compacted) VALUES (0, 0, 0);
    CREATE TABLE entry (
        kind TEXT NOT NULL CHECK (kind IN ('tenant', 'holding', 'party', 'process')),
        key TEXT NOT NULL,
        revision INTEGER NOT NULL,
        value BLOB NOT NULL,
        PRIMARY KEY (kind, key)
    ) WITHOUT ROWID;
    CREATE TABLE change (
        revision INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        value BLOB
    );
";

/// A catalogue in one SQLite file, locked against every other process for as long as it is open.
#[derive(Debug)]
pub struct Sqlite {
    // Fields are dropped in this order: the connections close before the lock is given up.
    writer: Mutex<Connection>,
    /// Reads beside the writer, so that resuming a watch never waits for a sync.
    reader: Mutex<Connection>,
    /// How many of the last changes are kept.
    history: u64,
    _lock: File,
}

impl Sqlite {
    /// How many changes are kept for watchers to resume after, unless told otherwise: at some 500 bytes each,
    /// 50 MB on disk.
    pub const HISTORY: u64 = 100_000;

    /// Opens the store at `path`, or makes it, keeping at least the last `history` changes.
    ///
    /// The lock is taken on a file beside it, `<path>.lock`, so that backup tools may read the store itself.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another process has it, [`StoreError::Format`] when it is something else;
    /// each error names the file.
    pub fn open(path: &Path, history: u64) -> Result<Self, StoreError> {
        let lock = lock_beside(path)?;
        let failed = |source| rows::failed(format!("open `{}`", path.display()), source);
        let mut writer = connect(path).map_err(failed)?;
        prepare(path, &mut writer)?;
        let reader = connect(path).map_err(failed)?;
        reader.pragma_update(None, "query_only", true).map_err(failed)?;
        Ok(Self { writer: Mutex::new(writer), reader: Mutex::new(reader), history, _lock: lock })
    }

    /// The catalogue at `path` as it is now, beside a process that has it open: nothing is written or locked.
    ///
    /// # Errors
    /// [`StoreError`] names the file, where it is not there or is something else.
    pub fn snapshot(path: &Path) -> Result<Fixed, StoreError> {
        let failed = |source| rows::failed(format!("read `{}`", path.display()), source);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        connection.busy_timeout(BUSY).map_err(failed)?;
        if tables(path, &connection)? == 0 {
            return Err(StoreError::Format { path: path.to_owned(), detail: String::from("it is empty") });
        }
        let mut fixed = Fixed::default();
        let snapshot = connection.transaction().map_err(failed)?;
        for kind in EntryKind::ALL {
            let _all = rows::entries(&snapshot, *kind, &mut |entry| {
                fixed.take(&entry);
                ControlFlow::Continue(())
            })
            .map_err(failed)?;
        }
        Ok(fixed)
    }

    /// Makes the disk as good as full, or lifts that again.
    #[cfg(test)]
    pub(super) fn set_full(&self, full: bool) {
        let writer = held(&self.writer);
        let pages: i64 = writer.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        let limit = if full { pages } else { i64::from(u32::MAX) - 1 };
        writer.pragma_update_and_check(None, "max_page_count", limit, |_| Ok(())).unwrap();
    }
}

impl Store for Sqlite {
    fn load(&self, each: &mut dyn FnMut(StoredEntry<'_>) -> ControlFlow<()>) -> Result<Bounds, StoreError> {
        let mut read = || -> rusqlite::Result<Bounds> {
            let mut reader = held(&self.reader);
            let snapshot = reader.transaction()?;
            let bounds = rows::bounds(&snapshot)?;
            for kind in EntryKind::ALL {
                if rows::entries(&snapshot, *kind, each)?.is_break() {
                    break;
                }
            }
            Ok(bounds)
        };
        read().map_err(|source| rows::failed("load the catalogue", source))
    }

    fn commit(&self, group: &[Transaction]) -> Result<Committed, StoreError> {
        let write = || -> rusqlite::Result<Committed> {
            let mut writer = held(&self.writer);
            let mut transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let before = rows::bounds(&transaction)?;
            let mut after = before;
            let mut outcomes = Vec::with_capacity(group.len());
            for writes in group {
                // Dropped without commit, a savepoint rolls back: what is refused leaves nothing.
                let savepoint = transaction.savepoint()?;
                let outcome = rows::write(&savepoint, writes, after.revision)?;
                if let Ok(revision) = outcome {
                    savepoint.commit()?;
                    after.revision = revision;
                }
                outcomes.push(outcome);
            }
            if after.revision > before.revision {
                let oldest = after.revision.saturating_sub(self.history);
                if oldest >= before.compacted.saturating_add(COMPACTION_STEP) {
                    rows::forget(&transaction, oldest)?;
                    after.compacted = oldest;
                }
                rows::set_bounds(&transaction, after)?;
                transaction.commit()?;
            }
            Ok(Committed { before: before.revision, after, outcomes })
        };
        write().map_err(|source| rows::failed("commit to the catalogue", source))
    }

    fn changes_after(&self, revision: Revision, limit: usize) -> Result<Vec<StoredChange>, StoreError> {
        let read = || -> rusqlite::Result<Result<Vec<StoredChange>, StoreError>> {
            let mut reader = held(&self.reader);
            let snapshot = reader.transaction()?;
            let oldest = rows::bounds(&snapshot)?.compacted;
            if revision < oldest {
                return Ok(Err(StoreError::Compacted { oldest }));
            }
            rows::changes(&snapshot, revision, limit).map(Ok)
        };
        read().map_err(|source| rows::failed("read changes of the catalogue", source))?
    }
}

/// A panic while the guard was held leaves no transaction open, for dropping one rolls back: the connection
/// is as good as before.
fn held(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

fn lock_beside(path: &Path) -> Result<File, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let lock_path = PathBuf::from(name);
    let open = |source| StoreError::Open { path: lock_path.clone(), source };
    let lock = File::options().create(true).append(true).open(&lock_path).map_err(open)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(open(source)),
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    // Without the URI flag: a path is a path, whatever it begins with.
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}

/// How many tables there are: none in a new file. Any others than a catalogue's are refused.
fn tables(path: &Path, connection: &Connection) -> Result<i64, StoreError> {
    let failed = |source| rows::failed(format!("open `{}`", path.display()), source);
    let format = |detail| StoreError::Format { path: path.to_owned(), detail };
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(failed);
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    if tables > 0 {
        let application = number("PRAGMA application_id")?;
        let found = number("PRAGMA user_version")?;
        if application != APPLICATION_ID {
            return Err(format(String::from("it is another kind of database")));
        }
        if found != FORMAT {
            return Err(format(format!("its format is {found}, this version reads {FORMAT}")));
        }
    }
    Ok(tables)
}

fn prepare(path: &Path, connection: &mut Connection) -> Result<(), StoreError> {
    let failed = |source| rows::failed(format!("open `{}`", path.display()), source);
    let format = |detail| StoreError::Format { path: path.to_owned(), detail };
    let tables = tables(path, connection)?;
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)).map_err(failed)?;
    if !mode.eq_ignore_ascii_case("wal") {
        return Err(format(format!("it cannot keep a write-ahead log, but a `{mode}` journal")));
    }
    // A storm of writes grows the log; 64 MiB of it stay on disk at most once it is over.
    connection.pragma_update_and_check(None, "journal_size_limit", 64 << 20, |_| Ok(())).map_err(failed)?;
    if tables == 0 {
        let create = |connection: &mut Connection| -> rusqlite::Result<()> {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction.execute_batch(SCHEMA)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", FORMAT)?;
            transaction.commit()
        };
        create(connection).map_err(failed)?;
    }
    Ok(())
}
