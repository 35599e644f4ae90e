//! Verification without trust: everything that a log's files hold, held against its signed checkpoint.
//!
//! It believes the key that it is given and nothing else. Every entry is hashed anew and the tree built from
//! it is held against every tile and the signed root; then contents against their digests, plain texts against
//! commitments, the journal against the log, and former checkpoints against the tree.
//!
//! It owns what is right. It leaves to others how an entry's bytes read ([`Inspect`]), and changes no file.
//!
//! **What no verification of files alone can show**: that the holder of the key did not write the whole log
//! anew. A checkpoint that was kept elsewhere, or a witness's signature on it, shows that.

mod contents;
mod fault;
mod files;
mod former;
mod run;
#[cfg(test)]
mod tests;
mod texts;
mod tree;

use std::path::{Path, PathBuf};

use super::checkpoint::Checkpoint;
use super::note::{NoteError, Verifier};
use crate::domain::{LogEntry, PlainText};

pub use self::fault::{Fault, Problem};
pub use self::texts::Texts;

/// What a log is held against.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The log's key, had from elsewhere than the log.
    pub key: Verifier,
    /// Witnesses that must have signed the checkpoint.
    pub witnesses: Vec<Verifier>,
    /// Checkpoints that the log must extend, each with its name for a message. They are held against the key.
    pub former: Vec<(String, Checkpoint)>,
    /// Whether a pruned log is at fault.
    pub whole: bool,
}

/// How entries read: the bytes are those of the wire's messages.
#[derive(Clone, Copy)]
pub struct Inspect {
    /// What an entry says, or why it says nothing.
    pub entry: fn(&[u8]) -> Result<LogEntry, String>,
    /// The plain texts beside an entry; absent where the bytes are not exactly such a message.
    pub texts: fn(&[u8]) -> Option<Vec<PlainText>>,
}

/// What verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The log's files.
    pub log: PathBuf,
    /// The checkpoint, signed by the key.
    pub checkpoint: Checkpoint,
    /// The first entry that is kept: those before were pruned, and their hashes are still there.
    pub first_kept: u64,
    /// What the entries are that were read.
    pub entries: Entries,
    /// Durable entries that no checkpoint covers yet.
    pub pending: u64,
    /// Plain texts of masked fields.
    pub texts: Texts,
    /// Former checkpoints that it extends.
    pub extends: u64,
    /// Witnesses that were asked for and signed.
    pub witnessed: Vec<Witnessed>,
    /// Names of signatures that no given key verifies.
    pub unverified: Vec<String>,
    /// What is not wrong and may be of interest.
    pub remarks: Vec<String>,
    /// What is wrong, by the first entry that it is about.
    pub faults: Vec<Fault>,
    /// How many more faults there are.
    pub more_faults: u64,
}

/// What a witness vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witnessed {
    /// Its name.
    pub name: String,
    /// When it signed, in seconds since 1970; 0: it did not say.
    pub time: u64,
    /// How many entries the checkpoint covers that it signed.
    pub size: u64,
}

/// How many entries there are of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entries {
    /// Decisions.
    pub decisions: u64,
    /// Enquiries, which license nothing.
    pub enquiries: u64,
    /// Outcomes.
    pub outcomes: u64,
    /// Contents, or parts of one.
    pub contents: u64,
}

/// Why nothing of a log could be verified.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// There is no checkpoint: it is no log, or a log before its first.
    #[error("`{}` cannot be read: {cause}", path.display())]
    Unreadable {
        /// The checkpoint's file.
        path: PathBuf,
        /// What the system said.
        cause: String,
    },
    /// The checkpoint is not one that the key signed.
    #[error("`{}` is not a checkpoint of this log: {source}", path.display())]
    Checkpoint {
        /// The checkpoint's file.
        path: PathBuf,
        /// What is wrong.
        source: NoteError,
    },
}

/// Verifies a log: a data directory, or a copy of its folder `log` alone. `progress` is told how many entries
/// of how many were hashed.
///
/// A server may be writing to it: what is wrong because files changed meanwhile is looked at again.
///
/// # Errors
/// [`VerifyError`], where the checkpoint is not the log's. What else is wrong is in the report.
pub fn verify(
    dir: &Path,
    expected: &Expected,
    inspect: Inspect,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Report, VerifyError> {
    // A server that is not still publishes about once a second, so that a few turns see a quiet one; a log
    // that is damaged is seen so in the last.
    const TURNS: usize = 5;
    let mut turn = 1;
    loop {
        let run = run::Run::open(dir, expected, inspect)?;
        let seen = run.checkpoint_bytes().to_vec();
        let path = run.checkpoint_path();
        let report = run.run(progress);
        let moved = std::fs::read(&path).is_ok_and(|now| now != seen);
        if report.faults.is_empty() || !moved || turn == TURNS {
            return Ok(report);
        }
        turn += 1;
    }
}

// === impl Report ===

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.faults.is_empty()
    }
}
