//! Proofs that an entry is in the log, as text: C2SP tlog-proof, which tools of others read too.
//!
//! Who has the log's key needs nothing else to check one, and no log.

use std::fmt;
use std::str::FromStr;

use super::checkpoint::Checkpoint;
use super::dir::LogDir;
use super::error::ReadError;
use super::merkle::{self, Hash};
use super::note::{NoteError, Verifier, base64, unbase64};
use super::tile::MAX_ENTRY_BYTES;

/// The first line of every proof.
const HEAD: &str = "c2sp.org/tlog-proof@v1";
/// Most hashes of a path: one for each level of the greatest tree.
const MAX_HASHES: usize = 64;
/// Longest text: an entry in base64, the path, and a checkpoint.
const MAX_BYTES: usize = 256 << 10;

/// A proof that an entry is under a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The entry's place in the log, from 0.
    pub index: u64,
    /// The path from the entry's hash to the root.
    pub hashes: Vec<Hash>,
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// The entry itself, where it comes along: what is proved then reads from the proof alone. Other tools
    /// pass it over.
    pub entry: Option<Vec<u8>>,
}

/// Why a proof proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// It has not the form of a proof.
    #[error("it is not a proof: {0}")]
    Form(&'static str),
    /// Its checkpoint is not the log's.
    #[error("its checkpoint: {0}")]
    Checkpoint(#[from] NoteError),
    /// Its path does not lead from this entry to the checkpoint's root.
    #[error("its path does not lead from this entry to the root that is signed")]
    Path,
}

// === impl Proof ===

impl Proof {
    /// Proves an entry under the newest checkpoint, and brings the entry along; `None` where no checkpoint
    /// covers it yet.
    ///
    /// # Errors
    /// [`ReadError`]: the log cannot be read, or the entry was pruned.
    pub fn of(log: &LogDir, index: u64) -> Result<Option<Self>, ReadError> {
        let Some(checkpoint) = log.checkpoint()?.filter(|checkpoint| index < checkpoint.size) else {
            return Ok(None);
        };
        let hashes = merkle::prove_inclusion(index, checkpoint.size, &log.tiles(checkpoint.size))?;
        let entry = match log.entry(index) {
            // Its hash is still there, and proves that it was.
            Err(ReadError::Pruned { .. }) => None,
            entry => entry?.map(|entry| entry.bytes),
        };
        Ok(Some(Self { index, hashes, checkpoint, entry }))
    }

    /// The hash of the entry that comes along.
    #[must_use]
    pub fn leaf_hash(&self) -> Option<Hash> {
        self.entry.as_deref().map(merkle::leaf_hash)
    }

    /// Checks that the log of this key has the entry of that hash where the proof says.
    ///
    /// # Errors
    /// [`ProofError`] says why that is not proved.
    pub fn check(&self, key: &Verifier, leaf_hash: &Hash) -> Result<(), ProofError> {
        self.checkpoint.check(key)?;
        let Checkpoint { size, root, .. } = &self.checkpoint;
        match merkle::check_inclusion(self.index, leaf_hash, *size, root, &self.hashes) {
            true => Ok(()),
            false => Err(ProofError::Path),
        }
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEAD}")?;
        if let Some(entry) = &self.entry {
            writeln!(f, "extra {}", base64(entry))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{}", base64(hash)))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for Proof {
    type Err = ProofError;

    fn from_str(text: &str) -> Result<Self, ProofError> {
        let form = ProofError::Form;
        if text.len() > MAX_BYTES {
            return Err(form("it is too long"));
        }
        let (proof, checkpoint) = text.split_once("\n\n").ok_or(form("it has no checkpoint"))?;
        let mut lines = proof.split('\n');
        if lines.next() != Some(HEAD) {
            return Err(form("its first line is another"));
        }
        let mut line = lines.next().ok_or(form("it has no index"))?;
        let mut entry = None;
        if let Some(extra) = line.strip_prefix("extra ") {
            let extra = unbase64(extra).ok_or(form("what comes along is not base64"))?;
            // What another program put there is not for us to read.
            entry = Some(extra).filter(|extra| extra.len() <= MAX_ENTRY_BYTES);
            line = lines.next().ok_or(form("it has no index"))?;
        }
        let index = line.strip_prefix("index ").and_then(|number| {
            let index: u64 = number.parse().ok()?;
            (index.to_string() == number).then_some(index)
        });
        let index = index.ok_or(form("it has no index"))?;
        let hash = |line| unbase64(line).and_then(|bytes| Hash::try_from(bytes).ok());
        let hashes = lines.map(hash).collect::<Option<Vec<_>>>();
        let hashes = hashes.filter(|hashes| hashes.len() <= MAX_HASHES);
        let hashes = hashes.ok_or(form("a line of its path is no hash"))?;
        Ok(Self { index, hashes, checkpoint: checkpoint.parse()?, entry })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::note::Signer;

    fn mk_proof() -> (Proof, Verifier) {
        let signer = Signer::generate("log.example/a").unwrap();
        let entries = ["one", "two", "three"].map(|entry| merkle::leaf_hash(entry.as_bytes()));
        let right = entries[2];
        let root = merkle::node_hash(&merkle::node_hash(&entries[0], &entries[1]), &right);
        let proof = Proof {
            index: 1,
            hashes: vec![entries[0], right],
            checkpoint: Checkpoint::sign(&signer, 3, root),
            entry: Some(b"two".to_vec()),
        };
        (proof, signer.verifier())
    }

    #[test]
    fn a_proof_is_read_back_and_proves_one_entry_alone() {
        let (proof, key) = mk_proof();
        let text = proof.to_string();
        assert!(text.starts_with("c2sp.org/tlog-proof@v1\nextra dHdv\nindex 1\n"), "{text}");
        let read: Proof = text.parse().unwrap();
        assert_eq!(read, proof);
        assert_eq!(read.check(&key, &read.leaf_hash().unwrap()), Ok(()));
        assert_eq!(read.check(&key, &merkle::leaf_hash(b"three")), Err(ProofError::Path));
        let moved: Proof = text.replace("index 1", "index 0").parse().unwrap();
        assert_eq!(moved.check(&key, &merkle::leaf_hash(b"two")), Err(ProofError::Path));
        let bare = Proof { entry: None, ..proof };
        assert_eq!(bare.to_string().parse(), Ok(bare));
    }

    #[test]
    fn no_byte_of_a_proof_can_be_changed() {
        let (proof, key) = mk_proof();
        let text = proof.to_string();
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1 << (at % 7);
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            let read = changed.parse::<Proof>();
            let proved = read.is_ok_and(|read| {
                read.leaf_hash().is_some_and(|leaf_hash| read.check(&key, &leaf_hash).is_ok())
            });
            assert!(!proved, "byte {at} of\n{text}");
        }
    }
}
