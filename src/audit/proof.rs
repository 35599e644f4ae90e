//! The text form of a proof that an entry is in the log: C2SP tlog-proof, which tools of others read.

use std::fmt::Write as _;

use super::checkpoint::Checkpoint;
use super::merkle::Hash;
use super::note::base64;

/// The first line of every proof.
const HEAD: &str = "c2sp.org/tlog-proof@v1";

/// A proof that the entry at an index is under a checkpoint, by its path from [`prove_inclusion`].
///
/// [`prove_inclusion`]: super::merkle::prove_inclusion
#[must_use]
pub fn proof_text(index: u64, hashes: &[Hash], checkpoint: &Checkpoint) -> String {
    let mut text = format!("{HEAD}\nindex {index}\n");
    for hash in hashes {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{}", base64(hash));
    }
    text.push('\n');
    text.push_str(&checkpoint.to_string());
    text
}
