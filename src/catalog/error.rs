//! What can go wrong, one enum an operation.

use std::sync::Arc;

use super::{Refusal, Revision, StoreError};
use crate::domain::EntryKind;

/// Why the catalogue did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store could not be read, or holds what is no entry. Nothing is served from a part of a catalogue:
    /// without an entry that was lost, its data would be judged by the facts of its parent.
    #[error("failed to load the catalogue")]
    Store(#[from] StoreError),
    /// The thread that writes could not be started. A retry helps once the machine has room.
    #[error("failed to start the thread that writes the catalogue")]
    Writer(#[source] std::io::Error),
}

/// Why a write was not made. Unless it says otherwise, nothing was written.
#[derive(Clone, Debug, thiserror::Error)]
pub enum WriteError {
    /// The entry is not one that can be registered. Mend the field.
    #[error("{} `{key}`: `{field}` {detail}", .kind.as_str())]
    Invalid {
        /// The kind of the entry.
        kind: EntryKind,
        /// Its key.
        key: String,
        /// The field, as the wire names it.
        field: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// The entry is too large. Move what are not facts to another place.
    #[error("{} `{key}` has {bytes} bytes, more than {limit}", .kind.as_str())]
    TooLarge {
        /// The kind of the entry.
        kind: EntryKind,
        /// Its key.
        key: String,
        /// How large it is.
        bytes: usize,
        /// How large it may be.
        limit: usize,
    },
    /// The transaction is too large. Split it.
    #[error("the transaction has {found} {unit}, more than {limit}")]
    TooMany {
        /// What there is too much of: writes or bytes.
        unit: &'static str,
        /// How many.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// What is registered does not allow it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Too many writes wait. Retry later.
    #[error("too many writes are waiting")]
    Busy,
    /// The store failed. As a rule nothing was written; a write whose outcome was lost appears with the next one.
    /// Retry under an expected revision.
    #[error("failed to write the catalogue")]
    Store(#[source] Arc<StoreError>),
    /// The catalogue is closing; whether the write was made is not known. Retry on another replica, or later.
    #[error("the catalogue is closed")]
    Closed,
}

/// Why a page cannot be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// The token is not one of this list. Start from the first page.
    #[error("the page token is not one of this list")]
    Token,
}

/// Why a watch cannot begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WatchError {
    /// The changes after that revision are gone. Start from a snapshot.
    #[error("changes up to revision {oldest} are no longer kept")]
    Compacted {
        /// The oldest revision that one can resume after.
        oldest: Revision,
    },
    /// That revision is not made yet: the catalogue that it came from was another one. Start from a snapshot.
    #[error("the catalogue is at revision {revision}, before the one asked for")]
    Ahead {
        /// The catalogue's revision.
        revision: Revision,
    },
    /// Too many watch. Retry later.
    #[error("more than {limit} watches at once")]
    TooMany {
        /// How many there may be.
        limit: usize,
    },
}

/// Why a watch ended.
#[derive(Debug, thiserror::Error)]
pub enum WatchEnd {
    /// The watcher was too slow, and the changes that it missed are no longer at hand. Resume after the last
    /// revision.
    #[error("the watch fell behind after revision {last_revision}")]
    Lagged {
        /// The revision after which it missed changes.
        last_revision: Revision,
    },
    /// The catalogue is closing. Resume after the last revision, elsewhere or later.
    #[error("the catalogue is closed, after revision {last_revision}")]
    Closed {
        /// The last revision that the watcher saw.
        last_revision: Revision,
    },
    /// The store could not read past changes. Resume after the last revision, later.
    #[error("failed to read changes after revision {last_revision}")]
    Store {
        /// The last revision that the watcher saw.
        last_revision: Revision,
        /// The cause.
        source: StoreError,
    },
}
