//! How records become entries: contents first, each once within a window, then the entry that names them.
//!
//! It owns the indexes of contents. It leaves the bytes of entries to a [`Format`].

use std::collections::{HashMap, VecDeque};

use super::journal::Leaf;
use super::tile::MAX_ENTRY_BYTES;
use crate::domain::{Content, ContentPart, ContentRef, Digest, Draft, Outcome, Record};

/// How far before an entry the contents may stand that it names, in entries: 256 bundles. A log that is
/// pruned keeps so many more.
pub const CONTENT_WINDOW: u64 = 65_536;
/// Room in the window for the parts of contents that one draft brings itself: at most 8 MiB of them.
const DRAFT_PARTS: u64 = 1024;
/// Most bytes of a content in one entry: what is left of an entry is for the message around it.
pub(super) const PART_BYTES: usize = 65_000;

/// Encodes what the log holds. The same value always has the same bytes, but for salts.
pub trait Format: Send + Sync {
    /// A decision as an entry, but for the places of its contents.
    ///
    /// # Errors
    /// It cannot be put into bytes now.
    fn decision(&self, record: &Record) -> Result<Draft, NotEncoded>;
    /// What became of a decision, likewise.
    ///
    /// # Errors
    /// It cannot be put into bytes now.
    fn outcome(&self, outcome: &Outcome) -> Result<Draft, NotEncoded>;
    /// A part of a content as an entry of its own: at most [`MAX_ENTRY_BYTES`] for 65,000 bytes of data.
    fn content(&self, part: &ContentPart) -> Vec<u8>;
    /// What is appended to a draft's body: where each of its contents is.
    fn references(&self, contents: &[ContentRef]) -> Vec<u8>;
}

/// Why a record could not be put into bytes. Worth a retry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotEncoded(pub String);

/// The contents that new entries may refer to. Begins empty: what an earlier run wrote is written anew.
#[derive(Debug, Default)]
pub(super) struct Contents {
    places: HashMap<Digest, u64>,
    by_index: VecDeque<(u64, Digest)>,
}

/// Leaves on their way into one group.
pub(super) struct Composer<'a> {
    format: &'a dyn Format,
    known: &'a Contents,
    fresh: Vec<(u64, Digest)>,
    places: HashMap<Digest, u64>,
    /// Index of the first leaf.
    first: u64,
    leaves: Vec<Leaf>,
}

/// The longest form of a draft's body: with references to the farthest places.
pub(super) fn longest_body(format: &dyn Format, draft: &Draft) -> usize {
    let contents: Vec<_> =
        draft.contents.iter().map(|content| ContentRef { sha256: content.sha256, index: u64::MAX }).collect();
    let references = if contents.is_empty() { 0 } else { format.references(&contents).len() };
    draft.body.len() + references
}

/// Whether the longest part of a content fits in an entry, with the greatest numbers.
pub(super) fn parts_fit(format: &dyn Format) -> bool {
    let bytes = vec![0; PART_BYTES];
    let part = ContentPart { sha256: [0xff; 32], part: u32::MAX, parts: u32::MAX, bytes };
    format.content(&part).len() <= MAX_ENTRY_BYTES
}

// === impl Contents ===

impl Contents {
    /// Begins a group whose first leaf has that index.
    pub(super) fn composer<'a>(&'a self, format: &'a dyn Format, first: u64) -> Composer<'a> {
        let (fresh, places, leaves) = (Vec::new(), HashMap::new(), Vec::new());
        Composer { format, known: self, fresh, places, first, leaves }
    }

    /// Remembers what a group that is durable brought, and forgets what is out of reach from `next` on.
    pub(super) fn remember(&mut self, fresh: Vec<(u64, Digest)>, next: u64) {
        for (index, digest) in fresh {
            self.places.insert(digest, index);
            self.by_index.push_back((index, digest));
        }
        while let Some((index, digest)) = self.by_index.front()
            && !in_reach(*index, next)
        {
            // It may have been written again since.
            if self.places.get(digest) == Some(index) {
                self.places.remove(digest);
            }
            self.by_index.pop_front();
        }
    }
}

/// Whether an entry that is composed when `next` is the next index may refer to a content there.
fn in_reach(index: u64, next: u64) -> bool {
    next + DRAFT_PARTS - index <= CONTENT_WINDOW
}

// === impl Composer ===

impl Composer<'_> {
    /// Adds a draft: its contents where they are not in reach, then its entry. Gives where the entry is
    /// among the leaves.
    pub(super) fn add(&mut self, draft: &Draft) -> usize {
        let references: Vec<_> = draft
            .contents
            .iter()
            .map(|content| ContentRef { sha256: content.sha256, index: self.place(content) })
            .collect();
        let mut body = draft.body.clone();
        if !references.is_empty() {
            body.extend(self.format.references(&references));
        }
        self.leaves.push(Leaf::new(body, draft.private.clone()));
        self.leaves.len() - 1
    }

    /// The leaves, and the places of the contents among them.
    pub(super) fn finish(self) -> (Vec<Leaf>, Vec<(u64, Digest)>) {
        (self.leaves, self.fresh)
    }

    fn next(&self) -> u64 {
        self.first + self.leaves.len() as u64
    }

    fn place(&mut self, content: &Content) -> u64 {
        let next = self.next();
        let known = self.places.get(&content.sha256).or_else(|| self.known.places.get(&content.sha256));
        if let Some(place) = known.filter(|place| in_reach(**place, next)) {
            return *place;
        }
        // INVARIANT: a content is a part of a draft, so that its parts are few.
        let parts = content.bytes.len().div_ceil(PART_BYTES).max(1) as u32;
        let mut rest = content.bytes.as_slice();
        for part in 0..parts {
            let (bytes, after) = rest.split_at(rest.len().min(PART_BYTES));
            let part = ContentPart { sha256: content.sha256, part, parts, bytes: bytes.to_vec() };
            self.leaves.push(Leaf::new(self.format.content(&part), Vec::new()));
            rest = after;
        }
        self.places.insert(content.sha256, next);
        self.fresh.push((next, content.sha256));
        next
    }
}
