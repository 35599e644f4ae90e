//! The decision journal: every decision, in its final bytes, in an append-only local log.
//!
//! ```text
//! append ─> room in the bounded buffer ─> writer thread ─> one write + one sync a group ─> receipt
//!             │ none in time: error          │ disk fails: a new segment, then errors and retries
//! ```
//!
//! **What it promises.** Indexes run from 0 without a gap. A [`Durable`](Durability::Durable) append that
//! succeeded is on disk, and no fault of the disk, the process or the machine takes it back. A
//! [`Buffered`](Durability::Buffered) append that succeeded is written as soon as the disk lets it; while the
//! disk fails it stays in memory, and it is written when the disk recovers, without a restart.
//!
//! **What a crash may lose.** Appends that had not been acknowledged, and buffered ones that were not yet
//! written: at most [`Options::buffer_records`] of them. **What it may add.** An append that failed, timed
//! out or was cancelled may still be found in the log: a decision that was made and never given.
//!
//! **After an error the file is never trusted again.** A failed `fsync` leaves pages marked clean that are
//! not on disk, so a second one proves nothing. The group goes whole into a new segment, and is
//! acknowledged from there. For the same reason [`Journal::open`] writes the last group of the former run
//! anew, since nothing says whether its sync succeeded.
//!
//! It owns the files below `journal/`. It leaves to others how a record becomes bytes (an `encode` function
//! is given to it), and what is proved from the log: each record has its RFC 6962 [`LeafHash`] for that.

mod disk;
mod format;
pub mod index;
mod journal;
mod log;
mod read;
mod scan;
#[cfg(test)]
mod tests;
mod writer;

pub use disk::{Disk, DiskError, DiskFile, LocalDisk};
pub use format::{LeafHash, MAX_RECORD_BYTES, leaf_hash};
pub use journal::{CloseError, Durability, Journal, JournalHealth, Options, RecordError};
pub use log::{OpenError, Recovery, Torn};
pub use read::{Entry, ReadError, Reader, read};
