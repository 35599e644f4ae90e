//! The Merkle tree of RFC 6962: hashes, roots, and proofs that anyone can check.
//!
//! It owns the arithmetic, and knows neither files nor signatures: the hashes of a tree come through
//! [`Hashes`].

#[cfg(test)]
mod tests;

use sha2::{Digest, Sha256};

/// A SHA-256 hash: of a leaf, or of a subtree.
pub type Hash = [u8; 32];

/// Gives the hashes of whole subtrees.
pub trait Hashes {
    /// Why a hash is not to be had.
    type Error;

    /// The hash of the subtree of `1 << level` leaves that begins at leaf `index << level`.
    ///
    /// # Errors
    /// It cannot be read, or the tree does not have it.
    fn subtree(&self, level: u32, index: u64) -> Result<Hash, Self::Error>;
}

/// Computes the hash of an entry: SHA-256 of a zero byte and the bytes.
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(entry).finalize().into()
}

/// Computes the hash of two subtrees side by side: SHA-256 of a one byte and both hashes.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The root of the tree without leaves.
#[must_use]
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// Computes the root of a whole subtree from the hashes below it; `None` unless they are a power of two.
#[must_use]
pub fn reduce(hashes: &[Hash]) -> Option<Hash> {
    match hashes {
        [one] => Some(*one),
        _ if !hashes.len().is_power_of_two() => None,
        _ => {
            let (left, right) = hashes.split_at(hashes.len() / 2);
            Some(node_hash(&reduce(left)?, &reduce(right)?))
        }
    }
}

/// Computes the root of the tree's first `size` leaves.
///
/// # Errors
/// A hash is not to be had.
pub fn root<H: Hashes>(size: u64, hashes: &H) -> Result<Hash, H::Error> {
    if size == 0 { Ok(empty_root()) } else { range(0, size, hashes) }
}

/// Proves that a leaf is in the tree of that size: the path of RFC 6962, 2.1.1. Empty where it is not.
///
/// # Errors
/// A hash is not to be had.
pub fn prove_inclusion<H: Hashes>(index: u64, size: u64, hashes: &H) -> Result<Vec<Hash>, H::Error> {
    let mut proof = Vec::new();
    let (mut start, mut end) = (0, size);
    while index < size && end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            proof.push(range(middle, end, hashes)?);
            end = middle;
        } else {
            proof.push(range(start, middle, hashes)?);
            start = middle;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// Proves that the tree of `new` leaves extends that of `old`: the proof of RFC 6962, 2.1.2. Empty where the
/// old one is empty, or not older.
///
/// # Errors
/// A hash is not to be had.
pub fn prove_consistency<H: Hashes>(old: u64, new: u64, hashes: &H) -> Result<Vec<Hash>, H::Error> {
    let mut proof = Vec::new();
    if old == 0 || old >= new {
        return Ok(proof);
    }
    let (mut start, mut end) = (0, new);
    while end != old {
        let middle = start + split(end - start);
        if old <= middle {
            proof.push(range(middle, end, hashes)?);
            end = middle;
        } else {
            proof.push(range(start, middle, hashes)?);
            start = middle;
        }
    }
    // Whoever checks has the old root itself.
    if start > 0 {
        proof.push(range(start, end, hashes)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Checks a proof of inclusion, by RFC 9162, 2.1.3.2.
#[must_use]
pub fn check_inclusion(index: u64, leaf: &Hash, size: u64, root: &Hash, proof: &[Hash]) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Checks a proof of consistency, by RFC 9162, 2.1.4.2. Any tree extends the empty one.
#[must_use]
pub fn check_consistency(old: u64, old_root: &Hash, new: u64, new_root: &Hash, proof: &[Hash]) -> bool {
    if old == 0 {
        return proof.is_empty() && *old_root == empty_root();
    }
    if old >= new {
        return old == new && proof.is_empty() && old_root == new_root;
    }
    let mut path = proof.iter();
    let first = if old.is_power_of_two() { Some(old_root) } else { path.next() };
    let Some(first) = first else { return false };
    let (mut node, mut last) = (old - 1, new - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && old_hash == *old_root && new_hash == *new_root
}

/// The root of the leaves from `start`, which begins a subtree, up to `end`.
fn range<H: Hashes>(start: u64, end: u64, hashes: &H) -> Result<Hash, H::Error> {
    let count = end - start;
    if count.is_power_of_two() {
        let level = count.trailing_zeros();
        return hashes.subtree(level, start >> level);
    }
    let middle = start + split(count);
    Ok(node_hash(&range(start, middle, hashes)?, &range(middle, end, hashes)?))
}

/// The largest power of two below a count of at least two.
fn split(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}
