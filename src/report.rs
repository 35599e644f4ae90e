//! The transparency report: how many demands there were, from whom, by which instrument, and what became of them;
//! and where data was moved.
//!
//! [`Tally`] takes what a log holds, in the log's order, and counts. [`Report`] is what may be published: counts
//! below a threshold are not in it, nor anything that gives one away ([`protect`] says how), so whatever writes a
//! report as JSON, CSV or a page cannot tell more. Reading logs, and where the report goes, are the caller's.

mod demand;
mod dimension;
mod page;
mod plot;
mod protect;
mod tables;
mod tally;
mod transfers;
mod write;

use jiff::Timestamp;
use serde::Serialize;

pub use dimension::By;
pub use plot::DrawError;
pub use tally::{Options, Tally};

/// A report that may be published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What it is called.
    pub title: String,
    /// From this instant.
    #[serde(serialize_with = "write::instant")]
    pub from: Timestamp,
    /// Until before this one.
    #[serde(serialize_with = "write::instant")]
    pub to: Timestamp,
    /// When it was made.
    #[serde(serialize_with = "write::instant")]
    pub made_at: Timestamp,
    /// The version of the program that made it.
    pub engine_version: String,
    /// Digest of the facts that give its names.
    pub facts_version: String,
    /// No count below this is told; 0 or 1: all are.
    pub threshold: u64,
    /// How many demands there were; absent: fewer than the threshold.
    pub demands: Option<u64>,
    /// How many demands there were that the law lets be counted in wide bands only, such as `0-499`.
    pub in_bands: String,
    /// How many seconds half of the concluded demands took at most; absent: too few, or none recorded.
    pub median_seconds: Option<i64>,
    /// The counts.
    pub tables: Vec<Table>,
    /// How it was counted, in sentences.
    pub notes: Vec<String>,
    /// The logs it was made from.
    pub logs: Vec<Source>,
}

/// A log that a report was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Source {
    /// Its origin.
    pub origin: String,
    /// How many entries of it were read: some are contents, which are no records.
    pub entries: u64,
    /// Its newest checkpoint, as `SIZE ROOT`, by which anyone can check the log; empty: none is there yet.
    pub checkpoint: String,
}

/// Counts of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Table {
    /// Its stable name.
    pub id: String,
    /// Its name.
    pub title: String,
    /// What is counted, in a sentence.
    pub about: String,
    /// What its rows are.
    pub rows_are: String,
    /// What its columns are; none: each row has its count alone.
    pub columns: Vec<Label>,
    /// The rows.
    pub rows: Vec<Row>,
    /// How it is drawn.
    #[serde(skip)]
    pub(crate) drawn: Drawn,
}

impl Table {
    /// Whether its numbers need the whole width of a page.
    fn is_wide(&self) -> bool {
        self.columns.len() > 2
    }
}

/// How a table is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drawn {
    /// Bars from the left.
    Bars,
    /// Bars that stand side by side: time goes from left to right.
    Columns,
    /// Streams from rows to columns.
    Streams,
}

/// A name of a row or a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Label {
    /// Its stable name.
    pub id: String,
    /// Its name for a person.
    pub name: String,
}

/// A row of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// What it is about.
    #[serde(flatten)]
    pub label: Label,
    /// The count of the whole row.
    pub count: u64,
    /// The counts of its columns; absent: they may not be told.
    pub cells: Vec<Option<u64>>,
}
