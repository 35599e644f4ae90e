//! What verification finds wrong with a log.

use std::fmt;
use std::path::{Path, PathBuf};

/// Most faults that are kept; the rest is counted. One altered file has few, and a log of which everything
/// is wrong needs no longer list.
const MOST_FAULTS: usize = 100;

/// Something of a log that is not as it was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The first entry that it is about; absent: it is about none.
    pub entry: Option<u64>,
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The disk did not give the bytes.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// It has to be there.
    #[error("is missing")]
    Missing,
    /// Its bytes are not of its form.
    #[error("is damaged: {0}")]
    Damaged(String),
    /// The tree has another entry there.
    #[error("{}, which the tree does not have", altered(*first, *count))]
    Altered {
        /// The first that is another.
        first: u64,
        /// How many of the file are.
        count: u64,
    },
    /// The tree has another hash there.
    #[error("its hash {place} is not the tree's")]
    Hash {
        /// The first that is another, from 0 in its file.
        place: usize,
    },
    /// It and what is below agree, and the tree has something else.
    #[error("entries {from} to {to} were replaced: what is kept of them is not what the tree has")]
    Replaced {
        /// The first.
        from: u64,
        /// The last.
        to: u64,
    },
    /// Neither it nor what is below is what the tree has above.
    #[error("contradicts both what is below it and what is above it, from its hash {place} on")]
    Contradiction {
        /// The first that differs from what is below.
        place: usize,
    },
    /// The whole does not lead to the signed root.
    #[error("the files give another root than it signs")]
    Root,
    /// A former checkpoint of the same key is of another tree.
    #[error("does not extend {0}: the log was rewritten, and the two signed checkpoints together prove it")]
    Fork(String),
    /// A former checkpoint has more entries.
    #[error("has fewer entries than {0}: the log was cut")]
    Cut(String),
    /// Whether a former checkpoint is extended cannot be told.
    #[error("cannot be compared with {0}, since files of the tree are wrong")]
    Incomparable(String),
    /// It is not signed as it must be.
    #[error("{0}")]
    Unsigned(String),
    /// An entry is no entry of a log.
    #[error("entry {entry} cannot be read: {cause}")]
    Entry {
        /// Which.
        entry: u64,
        /// Why.
        cause: String,
    },
    /// An entry names a content that is not where it says.
    #[error("entry {entry} names a content that is not in the log where it says")]
    Content {
        /// Which.
        entry: u64,
    },
    /// A content is not what its digest says.
    #[error("the content that begins at entry {entry} is not what its digest says")]
    Digest {
        /// Where it begins.
        entry: u64,
    },
    /// A plain text is not what the entry commits to.
    #[error("the plain text of `{name}` of entry {entry} is not what the entry commits to")]
    Text {
        /// Which.
        entry: u64,
        /// The field.
        name: String,
    },
    /// A plain text belongs to no entry.
    #[error("holds plain texts for entry {entry}, which has none or is gone")]
    Stray {
        /// Which.
        entry: u64,
    },
    /// The journal and the log differ.
    #[error("its entry {entry} is not the log's")]
    Journal {
        /// Which.
        entry: u64,
    },
    /// Entries are in neither the journal nor the log.
    #[error(
        "begins at entry {found}, and the log ends before entry {expected}: the entries between are lost"
    )]
    Gap {
        /// The entry after the log's last.
        expected: u64,
        /// The journal's first.
        found: u64,
    },
    /// What is written about pruning is not what is kept.
    #[error("says that the first entry kept is {}, and it is {first}", said.map_or("none".to_owned(), |said| said.to_string()))]
    Pruned {
        /// What it says; absent: no number.
        said: Option<u64>,
        /// What is so.
        first: u64,
    },
    /// A partial tile of a former tree is another.
    #[error("is not the beginning of what the tile is now")]
    Former,
    /// A file that is not of a log.
    #[error("is no file of a log")]
    Stranger,
}

/// Faults, up to a bound.
#[derive(Debug, Default)]
pub(super) struct Faults {
    list: Vec<Fault>,
    more: u64,
}

fn altered(first: u64, count: u64) -> String {
    match count {
        1 => format!("holds an entry {first}"),
        _ => format!("holds {count} entries, the first of them {first}"),
    }
}

// === impl Fault ===

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.path.display(), self.problem)
    }
}

// === impl Faults ===

impl Faults {
    pub(super) fn add(&mut self, entry: impl Into<Option<u64>>, path: &Path, problem: Problem) {
        if self.list.len() < MOST_FAULTS {
            self.list.push(Fault { entry: entry.into(), path: path.to_owned(), problem });
        } else {
            self.more += 1;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The faults by their first entry, those without one last, and how many more there are.
    pub(super) fn finish(mut self) -> (Vec<Fault>, u64) {
        self.list.sort_by_key(|fault| fault.entry.unwrap_or(u64::MAX));
        (self.list, self.more)
    }
}
