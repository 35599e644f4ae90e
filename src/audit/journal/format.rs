//! The bytes of a segment. All numbers are little-endian.
//!
//! ```text
//! segment = header group*
//! header  = "situslog" version:u32 salt:u64 first_index:u64 check:u32
//! group   = body_bytes:u32 frames:u32 first_index:u64 check:u64 frame*
//! frame   = kind:u8 length:u32 check:u32 payload
//! ```
//!
//! A frame is a leaf of the log, or the private text of the leaf before it.
//!
//! A group is what one sync made durable, and a group is written only after the one before it was synced. So
//! a later group proves that the earlier ones were whole, and only damage in the last group can be a torn
//! write. A group's check covers the segment's salt and its own offset: no payload, whoever chose its bytes,
//! can pass for one. A leaf's check is the beginning of its leaf hash; that of a private text is a hash's of
//! another prefix, so that neither passes for the other.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::audit::merkle::{Hash, leaf_hash};

/// Longest draft, in bytes: an entry with the contents and the private text that it brings. A question comes
/// in a message of 4 MiB; the rest is of its kind, and smaller.
pub const MAX_DRAFT_BYTES: usize = 8 << 20;

/// A group takes no further record beyond this many bytes: enough to fill a sync's worth of bandwidth, and
/// little to write anew.
pub(in crate::audit) const GROUP_TARGET_BYTES: usize = 1 << 20;

/// Longest body of a group, in bytes: one short of the target, and one draft of the greatest length with the
/// envelopes of its parts. It bounds how far a torn write can reach.
pub(super) const MAX_GROUP_BYTES: usize = GROUP_TARGET_BYTES + MAX_DRAFT_BYTES + (1 << 20);

pub(super) const HEADER_BYTES: usize = 32;
pub(super) const GROUP_HEAD_BYTES: usize = 24;
pub(in crate::audit) const FRAME_HEAD_BYTES: usize = 9;

const LEAF: u8 = 0;
const PRIVATE: u8 = 1;

const MAGIC: [u8; 8] = *b"situslog";
const VERSION: u32 = 2;

/// An entry's bytes with their hash, and what is kept beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::audit) struct Leaf {
    pub payload: Vec<u8>,
    pub hash: Hash,
    /// Plain texts of its masked fields; empty: it has none.
    pub private: Vec<u8>,
}

/// The beginning of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Chosen at random for each segment.
    pub salt: u64,
    /// Index of the segment's first leaf. Leaves of earlier segments from here on are void.
    pub first_index: u64,
}

/// The beginning of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GroupHead {
    pub body_bytes: usize,
    pub frames: usize,
    /// Index of its first leaf.
    pub first_index: u64,
}

/// A frame as it stands in a segment.
pub(super) enum Frame<'a> {
    Leaf { at: usize, payload: &'a [u8], hash: Hash },
    Private { at: usize, payload: &'a [u8] },
}

/// Why bytes are not a segment's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderFault {
    /// They were changed, or never were one.
    Damaged,
    /// They are of another version of the format.
    Version(u32),
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
fn short_check(hash: &Hash) -> [u8; 4] {
    let [a, b, c, d, ..] = *hash;
    [a, b, c, d]
}

fn private_check(text: &[u8]) -> [u8; 4] {
    short_check(&Sha256::new().chain_update([2]).chain_update(text).finalize().into())
}

// === impl Leaf ===

impl Leaf {
    pub(in crate::audit) fn new(payload: Vec<u8>, private: Vec<u8>) -> Self {
        Self { hash: leaf_hash(&payload), payload, private }
    }

    /// Frames and bytes that it takes in a group's body.
    fn extent(&self) -> (usize, usize) {
        let leaf = FRAME_HEAD_BYTES + self.payload.len();
        match self.private.len() {
            0 => (1, leaf),
            private => (2, leaf + FRAME_HEAD_BYTES + private),
        }
    }
}

// === impl Frame ===

impl<'a> Frame<'a> {
    /// Reads the frame at an offset of a group that ends at `end`; gives its end, too.
    pub(super) fn read(segment: &'a [u8], at: usize, end: usize) -> Option<(Self, usize)> {
        let [kind] = bytes_at(segment, at)?;
        let length = u32_at(segment, at.checked_add(1)?)?;
        let check = bytes_at(segment, at.checked_add(5)?)?;
        let start = at.checked_add(FRAME_HEAD_BYTES)?;
        let stop = start.checked_add(length).filter(|stop| *stop <= end)?;
        let payload = segment.get(start..stop)?;
        let frame = match kind {
            LEAF => Self::Leaf { at: start, payload, hash: leaf_hash(payload) },
            PRIVATE => Self::Private { at: start, payload },
            _ => return None,
        };
        let found = match &frame {
            Self::Leaf { hash, .. } => short_check(hash),
            Self::Private { payload, .. } => private_check(payload),
        };
        (check == found).then_some((frame, stop))
    }
}

fn write_frame(out: &mut Vec<u8>, kind: u8, check: [u8; 4], payload: &[u8]) {
    out.push(kind);
    out.extend((payload.len() as u32).to_le_bytes());
    out.extend(check);
    out.extend(payload);
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
            frames: u32_at(segment, at.checked_add(4)?)?,
            first_index: u64_at(segment, at.checked_add(8)?)?,
        };
        let check = bytes_at(segment, at.checked_add(16)?)?;
        // Cheap tests first: the search for a later group asks this of every offset.
        let plausible = head.body_bytes <= MAX_GROUP_BYTES
            && head.frames <= head.body_bytes / FRAME_HEAD_BYTES
            && (head.frames > 0 || head.body_bytes == 0)
            && check != [0; 8];
        (plausible && check == head.check(at, salt)).then_some(head)
    }

    fn check(&self, at: usize, salt: u64) -> [u8; 8] {
        let digest: Hash = Sha256::new()
            .chain_update(salt.to_le_bytes())
            .chain_update((at as u64).to_le_bytes())
            .chain_update((self.body_bytes as u64).to_le_bytes())
            .chain_update((self.frames as u64).to_le_bytes())
            .chain_update(self.first_index.to_le_bytes())
            .finalize()
            .into();
        let [a, b, c, d, e, f, g, h, ..] = digest;
        [a, b, c, d, e, f, g, h]
    }
}

/// Appends a group to `out`, to be written at offset `at` of the segment with that salt.
///
/// The caller keeps each draft to [`MAX_DRAFT_BYTES`] and the group to [`MAX_GROUP_BYTES`].
pub(super) fn write_group<'a>(
    out: &mut Vec<u8>,
    at: usize,
    salt: u64,
    first_index: u64,
    leaves: impl Iterator<Item = &'a Leaf> + Clone,
) {
    let (frames, body_bytes) = leaves.clone().map(Leaf::extent).fold((0, 0), |all, leaf| {
        let (frames, bytes) = leaf;
        (all.0 + frames, all.1 + bytes)
    });
    let head = GroupHead { body_bytes, frames, first_index };
    out.reserve(GROUP_HEAD_BYTES + body_bytes);
    // INVARIANT: `body_bytes` is at most MAX_GROUP_BYTES, so these numbers fit in 32 bits.
    out.extend((body_bytes as u32).to_le_bytes());
    out.extend((frames as u32).to_le_bytes());
    out.extend(first_index.to_le_bytes());
    out.extend(head.check(at, salt));
    for leaf in leaves {
        write_frame(out, LEAF, short_check(&leaf.hash), &leaf.payload);
        if !leaf.private.is_empty() {
            write_frame(out, PRIVATE, private_check(&leaf.private), &leaf.private);
        }
    }
}
