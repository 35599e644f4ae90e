//! What a log signs: checkpoints (C2SP tlog-checkpoint), and receipts of single entries.

use std::str::FromStr;

use super::merkle::Hash;
use super::note::{Note, NoteError, Signer, Verifier, base64, unbase64};

/// A signed state of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's origin.
    pub origin: String,
    /// Entries that it covers.
    pub size: u64,
    /// Root of the tree of those entries.
    pub root: Hash,
    /// The note itself, with its signatures. They were not checked where it was only read.
    pub note: Note,
}

/// The text that a receipt's signature is over. No checkpoint can read so: an origin has no space in it.
#[must_use]
pub fn receipt_text(origin: &str, log_index: u64, leaf_hash: &[u8]) -> String {
    format!("situs receipt v1\n{origin}\n{log_index}\n{}\n", base64(leaf_hash))
}

// === impl Checkpoint ===

impl Checkpoint {
    /// Signs a state.
    #[must_use]
    pub fn sign(signer: &Signer, size: u64, root: Hash) -> Self {
        let origin = signer.name().to_owned();
        let note = signer.note(format!("{origin}\n{size}\n{}\n", base64(&root)));
        Self { origin, size, root, note }
    }

    /// Checks that the log of this key signed it.
    ///
    /// # Errors
    /// [`NoteError`]: it is another log's, or forged.
    pub fn check(&self, key: &Verifier) -> Result<(), NoteError> {
        if key.is_witness() || key.name() != self.origin {
            return Err(NoteError::Unsigned { name: key.name().to_owned() });
        }
        key.check(&self.note).map(|_| ())
    }
}

impl FromStr for Checkpoint {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let note: Note = text.parse()?;
        let parse = || {
            let mut lines = note.text.strip_suffix('\n')?.split('\n');
            let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
            let number: u64 = size.parse().ok()?;
            let root = Hash::try_from(unbase64(root)?).ok()?;
            // Numbers have one form, and further lines say something.
            let sound =
                !origin.is_empty() && number.to_string() == size && lines.all(|line| !line.is_empty());
            sound.then(|| (origin.to_owned(), number, root))
        };
        let (origin, size, root) = parse().ok_or(NoteError::Note("its text is not a checkpoint's"))?;
        Ok(Self { origin, size, root, note })
    }
}

impl std::fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.note.fmt(f)
    }
}
