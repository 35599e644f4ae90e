//! Witnesses: others who sign that the log only ever grew (C2SP tlog-witness, cosignature/v1).
//!
//! It owns what is asked of a witness and what its answer is worth. It leaves the sending to others.

use std::str::FromStr;

use super::checkpoint::Checkpoint;
use super::merkle::{self, Hashes};
use super::note::{Note, NoteError, NoteSignature, Verifier, base64};

/// A witness of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Its key.
    pub key: Verifier,
    /// Where it takes checkpoints, without `/add-checkpoint`.
    pub url: String,
}

/// Why text is not a witness.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WitnessError {
    /// It is not a key, a space, and an address.
    #[error("it is not a key and an address, such as `name+hash+base64 https://witness.example`")]
    Form,
    /// The key is none.
    #[error(transparent)]
    Key(#[from] NoteError),
    /// The key is of a log, not of a witness.
    #[error("the key is not one for cosignatures")]
    Kind,
}

// === impl Witness ===

impl FromStr for Witness {
    type Err = WitnessError;

    fn from_str(text: &str) -> Result<Self, WitnessError> {
        let (key, url) = text.trim().split_once(' ').ok_or(WitnessError::Form)?;
        let (key, url) = (key.parse::<Verifier>()?, url.trim().trim_end_matches('/'));
        let is_address = url.starts_with("https://") || url.starts_with("http://");
        match (key.is_witness(), is_address) {
            (_, false) => Err(WitnessError::Form),
            (false, _) => Err(WitnessError::Kind),
            (true, true) => Ok(Self { key, url: url.to_owned() }),
        }
    }
}

impl Witness {
    /// The body of `add-checkpoint`: a checkpoint, and the proof that it extends the tree that the witness
    /// has seen, of size `seen`.
    ///
    /// # Errors
    /// A hash is not to be had.
    pub fn request<H: Hashes>(seen: u64, checkpoint: &Checkpoint, hashes: &H) -> Result<String, H::Error> {
        let mut body = format!("old {seen}\n");
        for hash in merkle::prove_consistency(seen, checkpoint.size, hashes)? {
            body.push_str(&base64(&hash));
            body.push('\n');
        }
        Ok(format!("{body}\n{checkpoint}"))
    }

    /// The cosignature among those of an answer, once it was checked.
    ///
    /// # Errors
    /// [`NoteError`]: none of them is of this witness, or it does not hold.
    pub fn cosignature(&self, checkpoint: &Checkpoint, answer: &str) -> Result<NoteSignature, NoteError> {
        for line in answer.lines() {
            let signature: NoteSignature = line.parse()?;
            if self.key.made(&signature) {
                let text = checkpoint.note.text.clone();
                self.key.check(&Note { text, signatures: vec![signature.clone()] })?;
                return Ok(signature);
            }
        }
        Err(NoteError::Unsigned { name: self.key.name().to_owned() })
    }
}
