//! The newest entries in memory: durable in the journal, and not yet under a checkpoint.
//!
//! It spares the publisher and readers the journal's files. It is bounded: what does not fit is read from
//! the journal instead.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::journal::Leaf;

/// Most bytes kept. 64 MiB: some seconds of the heaviest load.
const TAIL_BYTES: usize = 64 << 20;

/// The newest entries. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Tail(Arc<Mutex<Kept>>);

#[derive(Debug)]
struct Kept {
    /// Index of the first.
    first: u64,
    leaves: VecDeque<Arc<Leaf>>,
    bytes: usize,
}

// === impl Tail ===

impl Tail {
    /// Empty: entries before `first` were never here.
    pub(super) fn new(first: u64) -> Self {
        Self(Arc::new(Mutex::new(Kept { first, leaves: VecDeque::new(), bytes: 0 })))
    }

    /// Adds durable entries, the first of them with the index that follows the last.
    pub(super) fn push(&self, leaves: impl Iterator<Item = Leaf>) {
        let mut kept = self.kept();
        for leaf in leaves {
            kept.bytes += leaf.payload.len() + leaf.private.len();
            kept.leaves.push_back(Arc::new(leaf));
        }
        if kept.bytes > TAIL_BYTES {
            kept.first += kept.leaves.len() as u64;
            kept.leaves = VecDeque::new();
            kept.bytes = 0;
        }
    }

    /// At most so many entries from an index on; `None` where the journal's files must be read for it.
    pub(super) fn get(&self, from: u64, most: usize) -> Option<Vec<Arc<Leaf>>> {
        let kept = self.kept();
        let skip = usize::try_from(from.checked_sub(kept.first)?).ok()?;
        Some(kept.leaves.iter().skip(skip).take(most).cloned().collect())
    }

    /// Lets go of what a checkpoint covers.
    pub(super) fn drop_before(&self, index: u64) {
        let mut kept = self.kept();
        while kept.first < index
            && let Some(leaf) = kept.leaves.pop_front()
        {
            kept.first += 1;
            kept.bytes -= leaf.payload.len() + leaf.private.len();
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
