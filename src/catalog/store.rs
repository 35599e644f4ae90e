//! The seam between the catalogue and where it is kept: load, commit if the revision is as expected, and the
//! changes after a revision.
//!
//! A store knows bytes, keys and revisions, and nothing of what an entry means. The embedded one is
//! [`Sqlite`](super::Sqlite); one that several replicas share would stand behind the same three operations.

use std::error::Error;
use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;

use crate::domain::EntryKind;

/// One committed change of the whole catalogue. Counts from 1; 0 is the empty catalogue. Never used twice.
pub type Revision = u64;

/// Writes that are committed together or not at all.
pub type Transaction = Vec<Write>;

/// Where entries are kept.
pub trait Store: Send + Sync {
    /// Hands over every entry, by kind and then by key in byte order, all as of the returned revision.
    ///
    /// Stops early when `each` breaks.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read; a retry helps only if the cause went away.
    fn load(&self, each: &mut dyn FnMut(StoredEntry<'_>) -> ControlFlow<()>) -> Result<Bounds, StoreError>;

    /// Commits a group of transactions with one durable write. Each is judged alone, after those before it,
    /// and is accepted or refused whole; each write of an accepted one takes the next revision.
    ///
    /// # Errors
    /// [`StoreError`] when nothing of the group was made durable, or when that is not known; the next
    /// `before` then tells. A retry is safe under an expected revision.
    fn commit(&self, group: &[Transaction]) -> Result<Committed, StoreError>;

    /// The changes after `revision`, oldest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Compacted`] when some of them are gone; the caller starts from a snapshot.
    fn changes_after(&self, revision: Revision, limit: usize) -> Result<Vec<StoredChange>, StoreError>;
}

/// An entry as it is stored.
#[derive(Clone, Copy, Debug)]
pub struct StoredEntry<'a> {
    /// Its kind.
    pub kind: EntryKind,
    /// Its key within its kind.
    pub key: &'a str,
    /// The revision of its last change.
    pub revision: Revision,
    /// Its bytes.
    pub value: &'a [u8],
}

/// A change as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredChange {
    /// The revision that it made.
    pub revision: Revision,
    /// The kind of the entry.
    pub kind: EntryKind,
    /// Its key within its kind.
    pub key: String,
    /// Its bytes; absent: it was deleted.
    pub value: Option<Vec<u8>>,
}

/// One write of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// The kind of the entry.
    pub kind: EntryKind,
    /// Its key within its kind.
    pub key: String,
    /// Its bytes; absent: delete it.
    pub value: Option<Vec<u8>>,
    /// What must be there now.
    pub expected: Expected,
    /// What must hold of other entries.
    pub needs: Option<Needs>,
}

/// What a write expects to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Anything: the last write wins.
    Any,
    /// Nothing: the write creates.
    Absent,
    /// The entry at this revision: the write replaces what the caller has seen.
    Revision(Revision),
}

/// What a write needs of other entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Needs {
    /// This one must exist.
    Entry {
        /// Its kind.
        kind: EntryKind,
        /// Its key.
        key: String,
    },
    /// None of this kind may have a key that begins so.
    NoneUnder {
        /// The kind.
        kind: EntryKind,
        /// How a key would begin.
        prefix: String,
    },
}

/// The revisions that a store can speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The last one.
    pub revision: Revision,
    /// The oldest after which all changes are still kept.
    pub compacted: Revision,
}

/// What became of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The revision before the group.
    pub before: Revision,
    /// The bounds after it.
    pub after: Bounds,
    /// For each transaction, in order: the revision of its last write, or why it was refused.
    pub outcomes: Vec<Result<Revision, Refusal>>,
}

/// Why a transaction was refused. Nothing of it was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another write came first. Read the entry again, then decide anew.
    #[error("{} `{key}` is not as expected: {}", .kind.as_str(), describe(*.expected, *.found))]
    Conflict {
        /// The kind of the entry.
        kind: EntryKind,
        /// Its key.
        key: String,
        /// What the write expected.
        expected: Expected,
        /// The revision found; absent: there is no such entry.
        found: Option<Revision>,
    },
    /// There is nothing to delete. Nothing more needs doing.
    #[error("{} `{key}` is not registered", .kind.as_str())]
    NotFound {
        /// The kind of the entry.
        kind: EntryKind,
        /// Its key.
        key: String,
    },
    /// An entry that it needs is not registered. Register that one first, or in the same transaction.
    #[error("{} `{key}` needs {} `{missing}`, which is not registered", .kind.as_str(), .missing_kind.as_str())]
    Missing {
        /// The kind of the entry.
        kind: EntryKind,
        /// Its key.
        key: String,
        /// The kind of what it needs.
        missing_kind: EntryKind,
        /// The key of what it needs.
        missing: String,
    },
    /// Other entries still need it. Delete those first.
    #[error("{} `{key}` still has {} `{by}`", .kind.as_str(), .by_kind.as_str())]
    InUse {
        /// The kind of the entry.
        kind: EntryKind,
        /// Its key.
        key: String,
        /// The kind of what needs it.
        by_kind: EntryKind,
        /// The key of one that needs it.
        by: String,
    },
}

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it open. Stop that one, or give this one a file of its own.
    #[error("`{}` is in use by another process", .path.display())]
    Locked {
        /// The store's file.
        path: PathBuf,
    },
    /// The file is not a catalogue, or one of another version of the program. Check the path.
    #[error("`{}` is not a catalogue that this version can read: {detail}", .path.display())]
    Format {
        /// The store's file.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// A file could not be opened. Mend its folder or its rights.
    #[error("failed to open `{}`", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The changes asked for are gone. Start from a snapshot.
    #[error("changes up to revision {oldest} are no longer kept")]
    Compacted {
        /// The oldest revision from which one can resume.
        oldest: Revision,
    },
    /// Stored bytes do not make an entry. Restore the store from a backup.
    #[error("stored {} `{key}` cannot be read: {detail}", .kind.as_str())]
    Corrupt {
        /// The kind of the entry.
        kind: EntryKind,
        /// Its key.
        key: String,
        /// What the decoder said.
        detail: String,
    },
    /// The disk or the database failed. A retry helps once the cause is mended.
    #[error("failed to {doing}")]
    Failed {
        /// What was being done.
        doing: String,
        /// The cause.
        source: Box<dyn Error + Send + Sync>,
    },
}

// === impl Expected ===

impl Expected {
    /// Whether an entry at `found` (absent: none) is what was expected.
    #[must_use]
    pub fn is_met_by(self, found: Option<Revision>) -> bool {
        match self {
            Self::Any => true,
            Self::Absent => found.is_none(),
            Self::Revision(revision) => found == Some(revision),
        }
    }
}

fn describe(expected: Expected, found: Option<Revision>) -> String {
    let expected = match expected {
        Expected::Any => String::from("anything"),
        Expected::Absent => String::from("none"),
        Expected::Revision(revision) => format!("revision {revision}"),
    };
    match found {
        None => format!("{expected} was expected, it is not registered"),
        Some(revision) => format!("{expected} was expected, it is at revision {revision}"),
    }
}
