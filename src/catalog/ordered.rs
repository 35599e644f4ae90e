//! Entries in key order, from which a copy can be frozen at the cost of its chunks, not of its entries.
//!
//! Lists and the snapshots of watches read from here. A frozen copy shares every chunk that is not changed
//! after it; a write copies the one chunk that it touches, if a copy still holds it. Leaves look-ups that answer
//! questions to [`Table`](super::table::Table).

use std::borrow::Borrow;
use std::ops::Bound;
use std::sync::Arc;

use super::Revision;

/// The most entries of a chunk: a write moves and at worst copies some 16 KiB, and freezing a million
/// entries clones some thousands of pointers.
const CHUNK: usize = 512;

/// Entries in key order.
#[derive(Clone, Debug)]
pub(super) struct Ordered<K, V> {
    // INVARIANT: no chunk is empty; keys rise within chunks and from chunk to chunk.
    chunks: Vec<Arc<Vec<Item<K, V>>>>,
    len: usize,
}

/// An entry in key order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item<K, V> {
    pub(super) key: K,
    pub(super) value: V,
    pub(super) revision: Revision,
}

// === impl Ordered ===

impl<K, V> Default for Ordered<K, V> {
    fn default() -> Self {
        Self { chunks: Vec::new(), len: 0 }
    }
}

impl<K: Borrow<str> + Clone, V: Clone> Ordered<K, V> {
    /// How many entries there are.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Adds an entry, or replaces the one of that key.
    pub(super) fn set(&mut self, item: Item<K, V>) {
        // A key beyond the last one belongs to the last chunk.
        let index = self.chunk_of(item.key.borrow()).min(self.chunks.len().saturating_sub(1));
        let Some(chunk) = self.chunks.get_mut(index) else {
            self.chunks.push(Arc::new(vec![item]));
            self.len += 1;
            return;
        };
        let chunk = Arc::make_mut(chunk);
        let place = match position(chunk, item.key.borrow()) {
            Ok(place) => {
                if let Some(old) = chunk.get_mut(place) {
                    *old = item;
                }
                return;
            }
            Err(place) => place,
        };
        self.len += 1;
        if chunk.len() < CHUNK {
            chunk.insert(place, item);
            return;
        }
        // Halved in the middle; but entries that arrive in order, as at a start, leave full chunks behind.
        let cut = if place == chunk.len() { place } else { chunk.len() / 2 };
        let mut rest = chunk.split_off(cut);
        match place.checked_sub(cut) {
            Some(place) => rest.insert(place, item),
            None => chunk.insert(place, item),
        }
        self.chunks.insert(index + 1, Arc::new(rest));
    }

    /// Removes the entry of a key.
    pub(super) fn remove(&mut self, key: &str) {
        let index = self.chunk_of(key);
        let next = self.chunks.get(index + 1).map_or(usize::MAX, |next| next.len());
        let Some(chunk) = self.chunks.get_mut(index) else { return };
        let Ok(place) = position(chunk, key) else { return };
        let chunk = Arc::make_mut(chunk);
        chunk.remove(place);
        self.len -= 1;
        if chunk.is_empty() {
            self.chunks.remove(index);
        } else if chunk.len().saturating_add(next) <= CHUNK / 2 {
            // Neighbours that have shrunk become one, so that deletions leave no trail of tiny chunks.
            let next = self.chunks.remove(index + 1);
            if let Some(chunk) = self.chunks.get_mut(index) {
                Arc::make_mut(chunk).extend(next.iter().cloned());
            }
        }
    }

    /// The entries from a key on.
    pub(super) fn range(&self, from: Bound<&str>) -> impl Iterator<Item = &Item<K, V>> {
        let before = |key: &str| match from {
            Bound::Unbounded => false,
            Bound::Included(from) => key < from,
            Bound::Excluded(from) => key <= from,
        };
        let index =
            self.chunks.partition_point(|chunk| chunk.last().is_some_and(|last| before(last.key.borrow())));
        let skip =
            self.chunks.get(index).map_or(0, |chunk| chunk.partition_point(|item| before(item.key.borrow())));
        self.chunks.get(index..).unwrap_or_default().iter().flat_map(|chunk| chunk.iter()).skip(skip)
    }

    /// All entries of a frozen copy, each chunk let go once it is passed.
    pub(super) fn into_items(self) -> impl Iterator<Item = Item<K, V>> {
        self.chunks.into_iter().flat_map(|chunk| (0..chunk.len()).filter_map(move |n| chunk.get(n).cloned()))
    }

    /// The first chunk whose last key is not below `key`.
    fn chunk_of(&self, key: &str) -> usize {
        self.chunks.partition_point(|chunk| chunk.last().is_some_and(|last| last.key.borrow() < key))
    }
}

fn position<K: Borrow<str>, V>(chunk: &[Item<K, V>], key: &str) -> Result<usize, usize> {
    chunk.binary_search_by(|item| item.key.borrow().cmp(key))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn all(ordered: &Ordered<String, u32>) -> Vec<(String, u32)> {
        ordered.range(Bound::Unbounded).map(|item| (item.key.clone(), item.value)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// Long runs of writes, mostly additions, then mostly removals, against a `BTreeMap`; copies frozen
        /// on the way do not move.
        #[test]
        fn it_is_an_ordered_map(seed in any::<u64>(), span in 1_u64..4000) {
            let mut ordered = Ordered::<String, u32>::default();
            let mut model = BTreeMap::new();
            let mut frozen = Vec::new();
            let mut state = seed | 1;
            for step in 0..6000_u32 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let key = format!("{:04}", (state >> 33) % span);
                let removes = if step < 3000 { 4 } else { 14 };
                if (state >> 20) % 16 < removes {
                    ordered.remove(&key);
                    model.remove(&key);
                } else {
                    ordered.set(Item { key: key.clone(), value: step, revision: u64::from(step) });
                    model.insert(key, step);
                }
                if step % 1500 == 0 {
                    frozen.push((ordered.clone(), model.clone()));
                }
            }
            frozen.push((ordered, model));
            for (ordered, model) in frozen {
                prop_assert_eq!(ordered.len(), model.len());
                prop_assert_eq!(all(&ordered), model.clone().into_iter().collect::<Vec<_>>());
                for from in ["", "0000", "0777", "1", "3999", "z"] {
                    for bound in [Bound::Included(from), Bound::Excluded(from)] {
                        let ours: Vec<_> = ordered.range(bound).map(|item| item.key.clone()).collect();
                        let theirs: Vec<_> =
                            model.range::<str, _>((bound, Bound::Unbounded)).map(|(key, _)| key.clone()).collect();
                        prop_assert_eq!(ours, theirs);
                    }
                }
                let items: Vec<_> = ordered.into_items().map(|item| (item.key, item.value)).collect();
                prop_assert_eq!(items, model.into_iter().collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn entries_that_arrive_in_order_fill_their_chunks() {
        let mut ordered = Ordered::<String, u32>::default();
        for n in 0..10 * CHUNK {
            ordered.set(Item { key: format!("{n:08}"), value: 0, revision: 0 });
        }
        assert_eq!(ordered.chunks.len(), 10);
    }
}
