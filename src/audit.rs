//! The log of decisions: append-only, in their final bytes, as a Merkle tree that anyone can verify.
//!
//! ```text
//! append ─> room in the bounded buffer ─> writer ─> journal: one write + one sync a group ─> receipt
//!             │ none in time: error         │ disk fails: a new segment, then errors and retries
//!                                           ▼
//!                     publisher ─> bundles, tiles, private texts ─> checkpoint ─> the journal is trimmed
//! ```
//!
//! **What it promises.** Indexes run from 0 without a gap. A durable append that succeeded is on disk, and no
//! fault of the disk, the process or the machine takes it back. A buffered append that succeeded is written as
//! soon as the disk lets it; while the disk fails it stays in memory, and it is written when the disk recovers,
//! without a restart. A checkpoint is signed over what is durable alone, so that no crash makes a later one
//! contradict it.
//!
//! **What a crash may lose.** Appends that had not been acknowledged, and buffered ones that were not yet
//! written: at most [`Options::buffer_records`] of them. **What it may add.** An append that failed, timed
//! out or was cancelled may still be found in the log: a decision that was made and never given.
//!
//! **After an error the file is never trusted again.** A failed `fsync` leaves pages marked clean that are
//! not on disk, so a second one proves nothing. The journal's group goes whole into a new segment, and is
//! acknowledged from there; tiles are written anew. For the same reason [`Log::open`] writes the last group of
//! the former run anew, since nothing says whether its sync succeeded.
//!
//! The files below `log/` have the forms of C2SP tlog-tiles, tlog-checkpoint and signed-note. It leaves to
//! others how a record becomes bytes (a [`Format`] is given to it).

mod checkpoint;
mod dir;
mod disk;
mod entry;
mod error;
mod failure;
mod health;
pub mod index;
mod journal;
mod key;
mod log;
pub mod merkle;
mod note;
mod options;
mod private;
mod proof;
mod prune;
mod publish;
mod records;
mod tail;
#[cfg(test)]
mod tests;
mod tile;
mod tree;
pub mod verify;
mod witness;
mod writer;

pub use checkpoint::{Checkpoint, receipt_text};
pub use dir::{Entries, Entry, LogDir};
pub use disk::{Disk, DiskError, DiskFile, LocalDisk};
pub use entry::{CONTENT_WINDOW, Format, NotEncoded};
pub use error::ReadError;
pub use failure::{CloseError, OpenError, RecordError};
pub use health::Health;
pub use journal::{MAX_DRAFT_BYTES, Recovery, Torn};
pub use key::KeyError;
pub use log::Log;
pub use merkle::leaf_hash;
pub use note::{Note, NoteError, NoteSignature, Signer, Verifier, is_name};
pub use options::Options;
pub use proof::{Proof, ProofError};
pub use prune::{Pruned, first_kept};
pub use records::{Contents, Decode, FindContent, Logged, LoggedRecord, ReadRecorded, Records, RecordsError};
pub use tile::{MAX_ENTRY_BYTES, TILE_WIDTH, Tile, Tiles, entries, hashes};
pub use witness::{Witness, WitnessError};
