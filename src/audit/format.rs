//! The bytes of a segment. All numbers are little-endian.
//!
//! ```text
//! segment = header group*
//! header  = "situslog" version:u32 salt:u64 first_index:u64 check:u32
//! group   = body_bytes:u32 records:u32 first_index:u64 check:u64 frame*
//! frame   = length:u32 check:u32 payload
//! ```
//!
//! A group is what one sync made durable, and a group is written only after the one before it was synced. So
//! a later group proves that the earlier ones were whole, and only damage in the last group can be a torn
//! write. A group's check covers the segment's salt and its own offset: no payload, whoever chose its bytes,
//! can pass for one. A frame's check is the beginning of its leaf hash.

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// RFC 6962 leaf hash of a record's bytes: SHA-256 of a zero byte and the bytes.
pub type LeafHash = [u8; 32];

/// Longest record, in bytes: that of a gRPC message, in which a record must fit to be shown.
pub const MAX_RECORD_BYTES: usize = 4 << 20;

/// A group takes no further record beyond this many bytes: enough to fill a sync's worth of bandwidth, and
/// little to write anew.
pub(super) const GROUP_TARGET_BYTES: usize = 1 << 20;

/// Longest body of a group, in bytes: one short of the target, and one record of the greatest length. It
/// bounds how far a torn write can reach.
pub(super) const MAX_GROUP_BYTES: usize = GROUP_TARGET_BYTES + FRAME_HEAD_BYTES + MAX_RECORD_BYTES;

pub(super) const HEADER_BYTES: usize = 32;
pub(super) const GROUP_HEAD_BYTES: usize = 24;
pub(super) const FRAME_HEAD_BYTES: usize = 8;

const MAGIC: [u8; 8] = *b"situslog";
const VERSION: u32 = 1;

/// A record's bytes with their hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    pub payload: Vec<u8>,
    pub hash: LeafHash,
}

/// The beginning of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Chosen at random for each segment.
    pub salt: u64,
    /// Index of the segment's first record. Records of earlier segments from here on are void.
    pub first_index: u64,
}

/// The beginning of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GroupHead {
    pub body_bytes: usize,
    pub records: usize,
    pub first_index: u64,
}

/// Why bytes are not a segment's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderFault {
    /// They were changed, or never were one.
    Damaged,
    /// They are of another version of the format.
    Version(u32),
}

/// Computes the RFC 6962 leaf hash of a record's bytes.
#[must_use]
pub fn leaf_hash(payload: &[u8]) -> LeafHash {
    Sha256::new().chain_update([0]).chain_update(payload).finalize().into()
}

/// The `N` bytes at an offset; `None` where there are fewer.
pub(super) fn bytes_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// The number at an offset, widened.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(bytes_at(bytes, at)?)).ok()
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes_at(bytes, at)?))
}

/// The first four bytes of a hash, as a check.
pub(super) fn short_check(hash: &LeafHash) -> [u8; 4] {
    let [a, b, c, d, ..] = *hash;
    [a, b, c, d]
}

// === impl Leaf ===

impl Leaf {
    pub(super) fn new(payload: Vec<u8>) -> Self {
        Self { hash: leaf_hash(&payload), payload }
    }

    /// Bytes it takes in a group's body.
    pub(super) fn frame_bytes(&self) -> usize {
        FRAME_HEAD_BYTES + self.payload.len()
    }
}

// === impl Header ===

impl Header {
    pub(super) fn new(first_index: u64) -> Self {
        let (_, salt) = Uuid::now_v7().as_u64_pair();
        Self { salt, first_index }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend(MAGIC);
        out.extend(VERSION.to_le_bytes());
        out.extend(self.salt.to_le_bytes());
        out.extend(self.first_index.to_le_bytes());
        let check = leaf_hash(out.get(start..).unwrap_or_default());
        out.extend(short_check(&check));
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, HeaderFault> {
        let whole = || {
            let body = bytes.get(..HEADER_BYTES - 4)?;
            let sound = bytes_at(bytes, 0)? == MAGIC
                && bytes_at(bytes, HEADER_BYTES - 4)? == short_check(&leaf_hash(body));
            let version = u32::from_le_bytes(bytes_at(bytes, 8)?);
            sound.then_some((version, u64_at(bytes, 12)?, u64_at(bytes, 20)?))
        };
        match whole() {
            Some((VERSION, salt, first_index)) => Ok(Self { salt, first_index }),
            Some((version, ..)) => Err(HeaderFault::Version(version)),
            None => Err(HeaderFault::Damaged),
        }
    }
}

// === impl GroupHead ===

impl GroupHead {
    /// Reads the head at an offset of a segment; `None` where there is none.
    pub(super) fn read(segment: &[u8], at: usize, salt: u64) -> Option<Self> {
        let head = Self {
            body_bytes: u32_at(segment, at)?,
            records: u32_at(segment, at.checked_add(4)?)?,
            first_index: u64_at(segment, at.checked_add(8)?)?,
        };
        let check = bytes_at(segment, at.checked_add(16)?)?;
        // Cheap tests first: the search for a later group asks this of every offset.
        let plausible = head.body_bytes <= MAX_GROUP_BYTES
            && head.records <= head.body_bytes / FRAME_HEAD_BYTES
            && (head.records > 0 || head.body_bytes == 0)
            && check != [0; 8];
        (plausible && check == head.check(at, salt)).then_some(head)
    }

    fn check(&self, at: usize, salt: u64) -> [u8; 8] {
        let digest: LeafHash = Sha256::new()
            .chain_update(salt.to_le_bytes())
            .chain_update((at as u64).to_le_bytes())
            .chain_update((self.body_bytes as u64).to_le_bytes())
            .chain_update((self.records as u64).to_le_bytes())
            .chain_update(self.first_index.to_le_bytes())
            .finalize()
            .into();
        let [a, b, c, d, e, f, g, h, ..] = digest;
        [a, b, c, d, e, f, g, h]
    }
}

/// Appends a group to `out`, to be written at offset `at` of the segment with that salt.
///
/// The caller keeps each record to [`MAX_RECORD_BYTES`] and the group to [`MAX_GROUP_BYTES`].
pub(super) fn write_group<'a>(
    out: &mut Vec<u8>,
    at: usize,
    salt: u64,
    first_index: u64,
    leaves: impl Iterator<Item = &'a Leaf> + Clone,
) {
    let (records, body_bytes) =
        leaves.clone().fold((0, 0), |(count, bytes), leaf| (count + 1, bytes + leaf.frame_bytes()));
    let head = GroupHead { body_bytes, records, first_index };
    out.reserve(GROUP_HEAD_BYTES + body_bytes);
    // INVARIANT: `body_bytes` is at most MAX_GROUP_BYTES, so these numbers fit in 32 bits.
    out.extend((body_bytes as u32).to_le_bytes());
    out.extend((records as u32).to_le_bytes());
    out.extend(first_index.to_le_bytes());
    out.extend(head.check(at, salt));
    for leaf in leaves {
        out.extend((leaf.payload.len() as u32).to_le_bytes());
        out.extend(short_check(&leaf.hash));
        out.extend(&leaf.payload);
    }
}
