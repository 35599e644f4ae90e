//! Reads a segment's bytes back and judges what is wrong with them.
//!
//! It owns the distinction between a torn write, which may be cut, and damage, which may not. It leaves
//! files, and what follows from the judgement, to those who read and write them.

use std::ops::Range;

use super::format::{Frame, GROUP_HEAD_BYTES, GroupHead, HEADER_BYTES, Header, HeaderFault, MAX_GROUP_BYTES};
use crate::audit::merkle::Hash;

/// What a segment holds.
#[derive(Debug)]
pub(super) struct Scan {
    pub header: Header,
    /// The whole leaves, in order, the first with the header's index.
    pub leaves: Vec<Placed>,
    /// Index of the first leaf of the last group: from here on, nothing in the segment proves that the
    /// sync succeeded.
    pub unproved_from: u64,
    /// Where the whole frames end before the bytes do.
    pub damage: Option<Damage>,
}

/// A leaf within a segment's bytes.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub payload: Range<usize>,
    pub hash: Hash,
    /// Its private text; empty: it has none.
    pub private: Range<usize>,
}

/// The first bytes that are not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Damage {
    pub offset: usize,
    /// Whether a write that was cut short explains it.
    pub torn: bool,
}

/// Reads a segment as far as it is whole.
pub(super) fn scan(segment: &[u8]) -> Result<Scan, HeaderFault> {
    let header = Header::read(segment)?;
    let mut found = Scan { header, leaves: Vec::new(), unproved_from: header.first_index, damage: None };
    let mut at = HEADER_BYTES;
    while at < segment.len() {
        match group(segment, at, &mut found) {
            Ok(end) => at = end,
            Err(offset) => {
                found.damage = Some(Damage { offset, torn: torn(segment, at, offset, header.salt) });
                break;
            }
        }
    }
    Ok(found)
}

/// Reads one group; gives the offset of its end, or of the first byte that is wrong.
fn group(segment: &[u8], at: usize, found: &mut Scan) -> Result<usize, usize> {
    let head = GroupHead::read(segment, at, found.header.salt)
        .filter(|head| head.first_index == found.next_index())
        .ok_or(at)?;
    found.unproved_from = head.first_index;
    let mut offset = at + GROUP_HEAD_BYTES;
    let end = offset + head.body_bytes;
    for frame in 0..head.frames {
        let (read, stop) = Frame::read(segment, offset, end).ok_or(offset)?;
        match (read, found.leaves.last_mut()) {
            (Frame::Leaf { at, payload, hash }, _) => {
                found.leaves.push(Placed { payload: at..at + payload.len(), hash, private: 0..0 });
            }
            // It belongs to the leaf before it, which is of the same group.
            (Frame::Private { at, payload }, Some(leaf)) if frame > 0 && leaf.private.is_empty() => {
                leaf.private = at..at + payload.len();
            }
            (Frame::Private { .. }, _) => return Err(offset),
        }
        offset = stop;
    }
    if offset == end { Ok(end) } else { Err(offset) }
}

/// Whether damage at `offset`, in what began as a group at `group`, can be a torn write.
///
/// It can where it is in the last group: where no more bytes follow than a group has, and no later group is
/// among them. Blocks reach a disk in any order, so whole frames after the damage prove nothing.
fn torn(segment: &[u8], group: usize, offset: usize, salt: u64) -> bool {
    segment.len() - group <= GROUP_HEAD_BYTES + MAX_GROUP_BYTES
        && !(offset + 1..segment.len()).any(|at| GroupHead::read(segment, at, salt).is_some())
}

// === impl Scan ===

impl Scan {
    /// Index that follows the last whole leaf.
    pub(super) fn next_index(&self) -> u64 {
        self.header.first_index + self.leaves.len() as u64
    }
}
