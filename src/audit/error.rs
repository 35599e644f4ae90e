//! Why a log's files could not be read.

use std::path::PathBuf;

use super::disk::DiskError;
use super::note::NoteError;

/// Why a log could not be read. None passes by itself: the files must be mended from a copy.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The disk did not give the bytes.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Bytes that were durable are not what was written.
    #[error("`{}` is damaged at offset {offset}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The first wrong byte.
        offset: u64,
    },
    /// A file of the log is not there.
    #[error("`{}` is missing", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// Another version of the program wrote it.
    #[error(
        "`{}` has format version {version}, which this program does not read: move the folder `journal` away \
         to begin a new log, or use the version of the program that wrote it",
        path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// A checkpoint or a key is not what it should be.
    #[error("`{}`: {source}", path.display())]
    Note {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: NoteError,
    },
    /// The entry was in a stretch of the log that was pruned. Ask for a later one.
    #[error("entry {index} was pruned; the first that is kept is {first}")]
    Pruned {
        /// The entry.
        index: u64,
        /// The first that is kept.
        first: u64,
    },
}
