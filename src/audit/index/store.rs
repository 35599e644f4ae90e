//! The index's file: a SQLite database of decisions, outcomes and obligations, and how far it has come.
//!
//! Obligations are kept once for each answer, as the log keeps answers, and a decision names the answer.

use std::path::Path;

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, params};

use super::IndexError;
use crate::audit::{Contents, Entry};
use crate::domain::{Decided, Digest, LogEntry, Obligation, Outcome};

/// The version of the tables: a file of another is made anew.
const FORMAT: i64 = 1;

const SCHEMA: &str = "
    CREATE TABLE meta (
        id INTEGER PRIMARY KEY CHECK (id = 0),
        next INTEGER NOT NULL,
        leaf_hash BLOB
    );
    INSERT INTO meta (id, next) VALUES (0, 0);
    CREATE TABLE decision (
        idx INTEGER PRIMARY KEY,
        id BLOB NOT NULL,
        at INTEGER NOT NULL,
        tenant TEXT NOT NULL,
        jurisdiction TEXT NOT NULL,
        action TEXT NOT NULL,
        decision TEXT NOT NULL,
        disposition TEXT NOT NULL,
        enquiry INTEGER NOT NULL,
        answer INTEGER
    );
    CREATE INDEX decision_id ON decision (id);
    CREATE INDEX decision_at ON decision (at);
    CREATE INDEX decision_tenant ON decision (tenant, at);
    CREATE INDEX decision_answer ON decision (answer) WHERE answer IS NOT NULL;
    CREATE TABLE answer (id INTEGER PRIMARY KEY, sha256 BLOB NOT NULL UNIQUE, duties INTEGER NOT NULL);
    CREATE TABLE duty (
        answer INTEGER NOT NULL,
        n INTEGER NOT NULL,
        kind TEXT NOT NULL,
        due INTEGER NOT NULL,
        period TEXT NOT NULL,
        detail TEXT NOT NULL,
        PRIMARY KEY (answer, n)
    ) WITHOUT ROWID;
    CREATE INDEX duty_due ON duty (due);
    CREATE TABLE outcome (
        idx INTEGER PRIMARY KEY,
        id BLOB NOT NULL,
        decision BLOB NOT NULL,
        kind TEXT NOT NULL
    );
    CREATE INDEX outcome_decision ON outcome (decision, idx);
";

/// What stands for an obligation that has no due time: after all others.
pub(super) const NEVER: i64 = i64::MAX;

/// The file, open for writing.
pub(super) struct Store {
    connection: Connection,
    next: u64,
    leaf_hash: Option<Digest>,
}

// === impl Store ===

impl Store {
    /// Opens the file, or makes it. One that is something else counts as damaged.
    pub fn open(path: &Path) -> rusqlite::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags)?;
        let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        // A crash may cost the last transactions, which are in the log; it never leaves half of one.
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        // A rebuild grows it; 64 MiB of it stay on disk at most.
        connection.pragma_update_and_check(None, "journal_size_limit", 64 << 20, |_| Ok(()))?;
        if tables == 0 {
            let transaction = connection.transaction()?;
            transaction.execute_batch(SCHEMA)?;
            transaction.pragma_update(None, "user_version", FORMAT)?;
            transaction.commit()?;
        }
        let format: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        let sound: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if format != FORMAT || sound != "ok" {
            return Err(damage());
        }
        let (next, leaf_hash): (i64, Option<Digest>) =
            connection
                .query_row("SELECT next, leaf_hash FROM meta", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(Self { connection, next: u64::try_from(next).map_err(|_| damage())?, leaf_hash })
    }

    /// A database in memory.
    pub fn in_memory() -> rusqlite::Result<Self> {
        let connection = Connection::open_in_memory()?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self { connection, next: 0, leaf_hash: None })
    }

    /// The connection, for questions.
    pub fn into_reader(self) -> Connection {
        self.connection
    }

    /// The place of the next entry to take.
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// The last entry that was taken.
    pub fn last(&self) -> Option<(u64, Digest)> {
        Some((self.next.checked_sub(1)?, self.leaf_hash?))
    }

    /// Takes entries in order, all or none.
    pub fn take(&mut self, batch: &[Entry], contents: &mut Contents) -> Result<(), IndexError> {
        let Some(last) = batch.last() else { return Ok(()) };
        let transaction = self.connection.transaction()?;
        for entry in batch {
            match contents.read(entry)? {
                LogEntry::Decision(decided) => {
                    let answer = answer(&transaction, &decided, contents)?;
                    insert_decision(&transaction, entry.index, &decided, answer)?;
                }
                LogEntry::Outcome(outcome, _) => insert_outcome(&transaction, entry.index, &outcome)?,
                LogEntry::Content(_) => {}
            }
        }
        let next = last.index.saturating_add(1);
        transaction
            .prepare_cached("UPDATE meta SET next = ?1, leaf_hash = ?2")?
            .execute(params![number(next), last.leaf_hash])?;
        transaction.commit()?;
        (self.next, self.leaf_hash) = (next, Some(last.leaf_hash));
        Ok(())
    }
}

/// A connection that reads beside the writer.
pub(super) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// Removes the file, and what SQLite keeps beside it.
pub(super) fn remove(path: &Path) -> rusqlite::Result<()> {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match std::fs::remove_file(&name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(rusqlite::Error::InvalidPath(name.into()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether an error says that the file is not what it should be, so that making it anew helps.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => {
            matches!(failure.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
                // A table or a column is not there: what `SQLITE_ERROR` says of a sound statement.
                || failure.extended_code == 1
        }
        rusqlite::Error::SqlInputError { .. }
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::QueryReturnedNoRows => true,
        _ => false,
    }
}

/// The error of a file that does not say what it should.
pub(super) fn damage() -> rusqlite::Error {
    rusqlite::Error::QueryReturnedNoRows
}

/// A place in the log as SQLite has it: no log is so long that it does not fit.
pub(super) fn number(index: u64) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}

/// An instant as SQLite has it: nanoseconds, which end in the year 2262.
pub(super) fn nanos(instant: jiff::Timestamp) -> i64 {
    i64::try_from(instant.as_nanosecond()).unwrap_or(i64::MAX)
}

/// The key of an answer that has obligations; absent where it has none.
fn answer(
    transaction: &Transaction<'_>,
    decided: &Decided,
    contents: &mut Contents,
) -> Result<Option<i64>, IndexError> {
    let known = transaction
        .prepare_cached("SELECT id, duties FROM answer WHERE sha256 = ?1")?
        .query_row([decided.answer], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
    match known {
        Ok((id, duties)) => return Ok((duties > 0).then_some(id)),
        Err(rusqlite::Error::QueryReturnedNoRows) => {}
        Err(error) => return Err(error.into()),
    }
    let at = decided.contents.iter().find(|at| at.sha256 == decided.answer);
    let duties = at.map(|at| contents.obligations(at)).transpose()?.unwrap_or_default();
    let count = i64::try_from(duties.len()).unwrap_or(i64::MAX);
    transaction
        .prepare_cached("INSERT INTO answer (sha256, duties) VALUES (?1, ?2)")?
        .execute(params![decided.answer, count])?;
    let id = transaction.last_insert_rowid();
    for (duty, n) in duties.iter().zip(0_i64..) {
        insert_duty(transaction, id, n, duty)?;
    }
    Ok((!duties.is_empty()).then_some(id))
}

fn insert_duty(
    transaction: &Transaction<'_>,
    answer: i64,
    n: i64,
    duty: &Obligation,
) -> rusqlite::Result<()> {
    let due = duty.due.map_or(NEVER, nanos);
    transaction
        .prepare_cached(
            "INSERT INTO duty (answer, n, kind, due, period, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![answer, n, duty.kind, due, duty.period, duty.detail])?;
    Ok(())
}

fn insert_decision(
    transaction: &Transaction<'_>,
    index: u64,
    decided: &Decided,
    answer: Option<i64>,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO decision
             (idx, id, at, tenant, jurisdiction, action, decision, disposition, enquiry, answer)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            number(index),
            decided.id.as_bytes(),
            nanos(decided.decided_at),
            decided.tenant,
            decided.jurisdiction,
            decided.action.as_str(),
            decided.decision.as_str(),
            decided.disposition.as_str(),
            decided.hypothetical,
            answer,
        ])?;
    Ok(())
}

fn insert_outcome(transaction: &Transaction<'_>, index: u64, outcome: &Outcome) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("INSERT INTO outcome (idx, id, decision, kind) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![
            number(index),
            outcome.id.as_bytes(),
            outcome.decision_id.as_bytes(),
            outcome.kind
        ])?;
    Ok(())
}
