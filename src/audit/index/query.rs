//! What can be asked of the index.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, ToSql};
use uuid::Uuid;

use super::store::{NEVER, nanos, number};
use super::{Index, IndexError};
use crate::domain::{Action, Disposition, Duty, DutyFilter, Obligation, RecordFilter, Verdict};

/// Rows that one page looks at: where few of very many may be seen, a page can be empty and still not the last.
const MAX_SCANNED: usize = 20_000;

/// A decision that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its place in the log.
    pub index: u64,
    /// Its tenant.
    pub tenant: String,
}

/// A text is no place that a page begins after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no place in a list")]
pub struct NoPlace;

/// After which record a page begins: its time in nanoseconds, and its place in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordPlace(pub i64, pub u64);

/// After which duty a page begins: its due time in nanoseconds, its decision's place, and its own place there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DutyPlace(pub i64, pub u64, pub u64);

// === impl RecordPlace ===

impl fmt::Display for RecordPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl FromStr for RecordPlace {
    type Err = NoPlace;

    fn from_str(token: &str) -> Result<Self, NoPlace> {
        let (at, index) = token.split_once('.').ok_or(NoPlace)?;
        Ok(Self(part(at)?, part(index)?))
    }
}

// === impl DutyPlace ===

impl fmt::Display for DutyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl FromStr for DutyPlace {
    type Err = NoPlace;

    fn from_str(token: &str) -> Result<Self, NoPlace> {
        let (due, rest) = token.split_once('.').ok_or(NoPlace)?;
        let (index, n) = rest.split_once('.').ok_or(NoPlace)?;
        Ok(Self(part(due)?, part(index)?, part(n)?))
    }
}

fn part<T: FromStr>(text: &str) -> Result<T, NoPlace> {
    text.parse().map_err(|_| NoPlace)
}

// === impl Index ===

impl Index {
    /// Finds a decision or an enquiry.
    ///
    /// # Errors
    /// [`IndexError`]: the file does not work.
    pub fn decision(&self, id: Uuid) -> Result<Option<Found>, IndexError> {
        self.ask(|connection| {
            connection
                .prepare_cached("SELECT idx, tenant FROM decision WHERE id = ?1 ORDER BY idx LIMIT 1")?
                .query_row([id.as_bytes()], |row| Ok(Found { index: index(row, 0)?, tenant: row.get(1)? }))
                .optional()
        })
    }

    /// The places of a decision's outcomes, in the order of the log.
    ///
    /// # Errors
    /// [`IndexError`]: the file does not work.
    pub fn outcomes(&self, decision: Uuid) -> Result<Vec<u64>, IndexError> {
        self.ask(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT idx FROM outcome WHERE decision = ?1 ORDER BY idx")?;
            statement.query_map([decision.as_bytes()], |row| index(row, 0))?.collect()
        })
    }

    /// Finds records by the time they were decided at, of tenants that may be seen; at most `limit`. Gives where
    /// the next page begins, if there may be one.
    ///
    /// # Errors
    /// [`IndexError`]: the file does not work.
    pub fn records(
        &self,
        filter: &RecordFilter,
        after: Option<RecordPlace>,
        limit: usize,
        sees: &mut dyn FnMut(&str) -> bool,
    ) -> Result<(Vec<Found>, Option<RecordPlace>), IndexError> {
        self.ask(|connection| records(connection, filter, after, limit, sees))
    }

    /// Finds duties by the time they fall due at, of tenants that may be seen; at most `limit`. Only obligations
    /// that some outcome fulfils are duties: `fulfils` has those of each kind of outcome. Gives where the next page begins, if there may be one.
    ///
    /// # Errors
    /// [`IndexError`]: the file does not work.
    pub fn duties(
        &self,
        filter: &DutyFilter,
        fulfils: &BTreeMap<String, Vec<String>>,
        after: Option<DutyPlace>,
        limit: usize,
        sees: &mut dyn FnMut(&str) -> bool,
    ) -> Result<(Vec<Duty>, Option<DutyPlace>), IndexError> {
        self.ask(|connection| duties(connection, filter, fulfils, after, limit, sees))
    }
}

/// A statement that grows by the conditions that are set: one that is not is not there, so that SQLite takes the
/// index that fits.
struct Query<'a> {
    sql: String,
    values: Vec<(&'static str, Box<dyn ToSql + 'a>)>,
}

impl<'a> Query<'a> {
    fn new(sql: &str) -> Self {
        Self { sql: sql.to_owned(), values: Vec::new() }
    }

    fn set(&mut self, name: &'static str, value: impl ToSql + 'a) {
        self.values.push((name, Box::new(value)));
    }

    /// Adds a condition, unless the word is empty.
    fn word(&mut self, condition: &str, name: &'static str, word: &'a str) {
        if !word.is_empty() {
            self.sql.push_str(condition);
            self.set(name, word);
        }
    }

    /// Runs it for one page. `each` gives what a row is, if it is wanted, and the place of the row.
    fn page<T, P>(
        &self,
        connection: &Connection,
        limit: usize,
        mut each: impl FnMut(&Row<'_>) -> rusqlite::Result<(Option<T>, P)>,
    ) -> rusqlite::Result<(Vec<T>, Option<P>)> {
        let mut statement = connection.prepare_cached(&self.sql)?;
        let values: Vec<(&str, &dyn ToSql)> =
            self.values.iter().map(|(name, value)| (*name, &**value)).collect();
        let mut rows = statement.query(values.as_slice())?;
        let (mut found, mut scanned) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            let (wanted, place) = each(row)?;
            found.extend(wanted);
            scanned += 1;
            if found.len() >= limit || scanned >= MAX_SCANNED {
                return Ok((found, Some(place)));
            }
        }
        Ok((found, None))
    }
}

fn records(
    connection: &Connection,
    filter: &RecordFilter,
    after: Option<RecordPlace>,
    limit: usize,
    sees: &mut dyn FnMut(&str) -> bool,
) -> rusqlite::Result<(Vec<Found>, Option<RecordPlace>)> {
    let mut query = Query::new(
        "SELECT idx, tenant, at FROM decision
         WHERE at >= :from AND at < :until AND (at, idx) > (:at, :idx) AND enquiry <= :enquiries",
    );
    let RecordPlace(at, idx) = after.unwrap_or(RecordPlace(i64::MIN, 0));
    query.set(":from", filter.from.map_or(i64::MIN, nanos).max(at));
    query.set(":until", filter.until.map_or(i64::MAX, nanos));
    query.set(":at", at);
    query.set(":idx", number(idx));
    query.set(":enquiries", filter.enquiries);
    query.word(" AND tenant = :tenant", ":tenant", &filter.tenant);
    query.word(" AND jurisdiction = :jurisdiction", ":jurisdiction", &filter.jurisdiction);
    query.word(" AND decision = :decision", ":decision", filter.decision.map_or("", Verdict::as_str));
    let disposition = filter.disposition.map_or("", Disposition::as_str);
    query.word(" AND disposition = :disposition", ":disposition", disposition);
    query.word(" AND action = :action", ":action", filter.action.map_or("", Action::as_str));
    query.sql.push_str(" ORDER BY at, idx");
    query.page(connection, limit, |row| {
        let found = Found { index: index(row, 0)?, tenant: row.get(1)? };
        let place = RecordPlace(row.get(2)?, found.index);
        Ok((sees(&found.tenant).then_some(found), place))
    })
}

fn duties(
    connection: &Connection,
    filter: &DutyFilter,
    fulfils: &BTreeMap<String, Vec<String>>,
    after: Option<DutyPlace>,
    limit: usize,
    sees: &mut dyn FnMut(&str) -> bool,
) -> rusqlite::Result<(Vec<Duty>, Option<DutyPlace>)> {
    let mut query = Query::new(
        "WITH fulfils AS MATERIALIZED (
             SELECT kind.key AS outcome, duty.value AS duty FROM json_each(:fulfils) kind, json_each(kind.value) duty
         )
         SELECT duty.due, decision.idx, duty.n, decision.id, decision.tenant, duty.kind, duty.period, duty.detail,
             (SELECT outcome.id FROM outcome WHERE outcome.decision = decision.id AND outcome.kind IN
                 (SELECT fulfils.outcome FROM fulfils WHERE fulfils.duty = duty.kind)
              ORDER BY outcome.idx LIMIT 1)
         FROM duty JOIN decision ON decision.answer = duty.answer
         WHERE duty.due >= :at AND duty.due < :before AND (duty.due, decision.idx, duty.n) > (:at, :idx, :n)
             AND decision.enquiry = 0 AND duty.kind IN (SELECT fulfils.duty FROM fulfils)",
    );
    let DutyPlace(at, idx, n) = after.unwrap_or(DutyPlace(i64::MIN, 0, 0));
    query.set(":fulfils", serde_json::json!(fulfils).to_string());
    query.set(":at", at);
    query.set(":idx", number(idx));
    query.set(":n", number(n));
    match filter.due_before {
        Some(instant) => query.set(":before", nanos(instant)),
        None => query.sql = query.sql.replace(" AND duty.due < :before", ""),
    }
    query.word(" AND decision.tenant = :tenant", ":tenant", &filter.tenant);
    if let Some(id) = filter.decision {
        query.sql.push_str(" AND decision.id = :decision");
        query.set(":decision", id.into_bytes());
    }
    query.sql.push_str(" ORDER BY duty.due, decision.idx, duty.n");
    query.page(connection, limit, |row| {
        let place = DutyPlace(row.get(0)?, index(row, 1)?, index(row, 2)?);
        let outcome: Option<[u8; 16]> = row.get(8)?;
        let duty = Duty {
            decision_id: Uuid::from_bytes(row.get(3)?),
            tenant: row.get(4)?,
            obligation: Obligation {
                kind: row.get(5)?,
                due: instant(place.0)?,
                period: row.get(6)?,
                detail: row.get(7)?,
            },
            outcome_id: outcome.map(Uuid::from_bytes),
        };
        let wanted = (filter.done || duty.outcome_id.is_none()) && sees(&duty.tenant);
        Ok((wanted.then_some(duty), place))
    })
}

fn index(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}

fn instant(nanos: i64) -> rusqlite::Result<Option<Timestamp>> {
    if nanos == NEVER {
        return Ok(None);
    }
    let instant = Timestamp::from_nanosecond(i128::from(nanos));
    instant.map(Some).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, nanos))
}
