//! The statements over the tables, one function each. Owns the SQL of reading and writing; leaves
//! transactions, locks and the schema to its parent.

use std::ops::ControlFlow;

use rusqlite::types::{FromSqlError, Type};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::catalog::{
    Bounds, Expected, Needs, Refusal, Revision, StoreError, StoredChange, StoredEntry, Write,
};
use crate::domain::EntryKind;

/// Says what was being done when the database failed.
pub(super) fn failed(doing: impl Into<String>, source: rusqlite::Error) -> StoreError {
    StoreError::Failed { doing: doing.into(), source: Box::new(source) }
}

/// The revisions that `meta` holds.
pub(super) fn bounds(connection: &Connection) -> rusqlite::Result<Bounds> {
    connection
        .prepare_cached("SELECT revision, compacted FROM meta WHERE id = 0")?
        .query_row([], |row| Ok(Bounds { revision: row.get(0)?, compacted: row.get(1)? }))
}

/// Sets the revisions that `meta` holds.
pub(super) fn set_bounds(connection: &Connection, bounds: Bounds) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE meta SET revision = ?1, compacted = ?2 WHERE id = 0")?
        .execute(params![bounds.revision, bounds.compacted])?;
    Ok(())
}

/// Hands over every entry of a kind, by key in byte order.
pub(super) fn entries(
    connection: &Connection,
    kind: EntryKind,
    each: &mut dyn FnMut(StoredEntry<'_>) -> ControlFlow<()>,
) -> rusqlite::Result<ControlFlow<()>> {
    let mut statement =
        connection.prepare_cached("SELECT key, revision, value FROM entry WHERE kind = ?1 ORDER BY key")?;
    let mut rows = statement.query(params![kind.as_str()])?;
    while let Some(row) = rows.next()? {
        let key = row.get_ref(0)?.as_str()?;
        let value = row.get_ref(2)?.as_blob()?;
        if each(StoredEntry { kind, key, revision: row.get(1)?, value }).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// The changes after a revision, oldest first.
pub(super) fn changes(
    connection: &Connection,
    after: Revision,
    limit: usize,
) -> rusqlite::Result<Vec<StoredChange>> {
    let mut statement = connection.prepare_cached(
        "SELECT revision, kind, key, value FROM change WHERE revision > ?1 ORDER BY revision LIMIT ?2",
    )?;
    let rows = statement.query_map(params![after, i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
        let word = row.get_ref(1)?.as_str()?;
        let kind = EntryKind::ALL.iter().copied().find(|kind| kind.as_str() == word).ok_or_else(|| {
            let unknown = FromSqlError::Other(format!("`{word}` is not a kind of entry").into());
            rusqlite::Error::FromSqlConversionFailure(1, Type::Text, Box::new(unknown))
        })?;
        Ok(StoredChange { revision: row.get(0)?, kind, key: row.get(2)?, value: row.get(3)? })
    })?;
    rows.collect()
}

/// Removes the changes up to a revision.
pub(super) fn forget(connection: &Connection, oldest: Revision) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM change WHERE revision <= ?1")?.execute(params![oldest])?;
    Ok(())
}

/// Makes the writes of one transaction, numbered from the revision after `revision`; says the last number.
pub(super) fn write(
    connection: &Connection,
    writes: &[Write],
    mut revision: Revision,
) -> rusqlite::Result<Result<Revision, Refusal>> {
    for write in writes {
        if let Some(refusal) = refusal(connection, write)? {
            return Ok(Err(refusal));
        }
        revision = revision.saturating_add(1);
        let (kind, key) = (write.kind.as_str(), write.key.as_str());
        match &write.value {
            Some(value) => connection
                .prepare_cached("REPLACE INTO entry (kind, key, revision, value) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![kind, key, revision, value])?,
            None => connection
                .prepare_cached("DELETE FROM entry WHERE kind = ?1 AND key = ?2")?
                .execute(params![kind, key])?,
        };
        // The primary key refuses a revision that was used before, should numbering ever go wrong.
        connection
            .prepare_cached("INSERT INTO change (revision, kind, key, value) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![revision, kind, key, write.value])?;
    }
    Ok(Ok(revision))
}

fn refusal(connection: &Connection, write: &Write) -> rusqlite::Result<Option<Refusal>> {
    let (kind, key) = (write.kind, write.key.clone());
    let found = revision_of(connection, kind, &key)?;
    if write.value.is_none() && found.is_none() && write.expected == Expected::Any {
        return Ok(Some(Refusal::NotFound { kind, key }));
    }
    // A deletion that expects nothing to be there contradicts itself, and is refused as a conflict too.
    let contradiction = write.value.is_none() && write.expected == Expected::Absent;
    if contradiction || !write.expected.is_met_by(found) {
        return Ok(Some(Refusal::Conflict { kind, key, expected: write.expected, found }));
    }
    Ok(match &write.needs {
        None => None,
        Some(Needs::Entry { kind: missing_kind, key: missing }) => {
            let missing_kind = *missing_kind;
            revision_of(connection, missing_kind, missing)?.is_none().then(|| Refusal::Missing {
                kind,
                key,
                missing_kind,
                missing: missing.clone(),
            })
        }
        Some(Needs::NoneUnder { kind: by_kind, prefix }) => connection
            .prepare_cached("SELECT key FROM entry WHERE kind = ?1 AND key >= ?2 ORDER BY key LIMIT 1")?
            .query_row(params![by_kind.as_str(), prefix], |row| row.get::<_, String>(0))
            .optional()?
            .filter(|by| by.starts_with(prefix))
            .map(|by| Refusal::InUse { kind, key, by_kind: *by_kind, by }),
    })
}

fn revision_of(connection: &Connection, kind: EntryKind, key: &str) -> rusqlite::Result<Option<Revision>> {
    connection
        .prepare_cached("SELECT revision FROM entry WHERE kind = ?1 AND key = ?2")?
        .query_row(params![kind.as_str(), key], |row| row.get(0))
        .optional()
}
