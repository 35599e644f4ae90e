//! Why a log could not be opened, take a record, or close in order.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::disk::DiskError;
use super::entry::NotEncoded;
use super::error::ReadError;
use super::key::KeyError;
use super::tile::MAX_ENTRY_BYTES;

/// Why a log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another log of this one, has it. Wait for its end.
    #[error("the log is in use: `{}` is locked", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The disk refused a write. Mend the disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// What is there could not be read. Restore the file named.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The log has no key. Restore it, or mend the settings.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The format's entries are longer than a log's can be: a fault of the program.
    #[error("the parts of contents are longer than {MAX_ENTRY_BYTES} bytes")]
    Format,
    /// A thread did not start. Raise the limit on threads.
    #[error("failed to start a thread of the log: {source}")]
    Thread {
        /// What the system said.
        source: std::io::Error,
    },
}

/// Why a record was not accepted. The decision must then not be given.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RecordError {
    /// The disk refuses. Ask again when the log's health is ok.
    #[error("the record could not be written: {cause}")]
    Unwritable {
        /// What the disk said.
        #[source]
        cause: Arc<DiskError>,
    },
    /// No room came free in time. Ask again later.
    #[error("the log's buffer stayed full for {waited:?}")]
    BufferFull {
        /// How long was waited.
        waited: Duration,
        /// What the disk said, where it fails rather than being slow.
        #[source]
        cause: Option<Arc<DiskError>>,
    },
    /// The record was not on disk in time; it may yet come there. Ask again later.
    #[error("the record was not durable after {waited:?}")]
    TooSlow {
        /// How long was waited.
        waited: Duration,
    },
    /// Too many entries wait in the journal, as tiles cannot be written. Ask again when they can.
    #[error("{entries} entries wait for a checkpoint that cannot be written")]
    Unpublished {
        /// How many.
        entries: u64,
        /// What was said when the last was tried.
        #[source]
        cause: Option<Arc<ReadError>>,
    },
    /// The record can never be written. Ask for less.
    #[error("the record has {bytes} bytes, and the log takes {limit}")]
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The limit, that of an entry, of an entry with its contents, or of the whole buffer.
        limit: usize,
    },
    /// The record could not be put into bytes. Ask again.
    #[error("the record could not be encoded: {0}")]
    NotEncoded(#[from] NotEncoded),
    /// The log is closed, as the program ends. Ask another replica.
    #[error("the log is closed")]
    Closed,
}

/// Why a log did not close in order.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CloseError {
    /// The disk failed to the last, and records that were buffered are lost.
    #[error("{records} buffered records were lost: {cause}")]
    Lost {
        /// How many.
        records: usize,
        /// What the disk said.
        #[source]
        cause: Arc<DiskError>,
    },
    /// A thread ended of itself: a fault of the program.
    #[error("a thread of the log ended early")]
    Thread,
}
