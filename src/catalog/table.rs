//! Entries by key, of which a reader sees one revision while a writer makes the next.
//!
//! Each slot keeps what it held before the group of changes that is being made visible. Owns the maps and their
//! slots; leaves it to [`Memory`](super::memory::Memory) to say which revision is visible and when the earlier
//! values may go.

use std::borrow::Borrow;
use std::hash::Hash;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;

use super::Revision;

/// How many shards a table has. A shard grows by itself, with its readers waiting: of a million entries it
/// then moves a thousand, some 50 us.
const SHARDS: usize = 1024;

/// Entries of one kind by key.
pub(super) struct Table<K, V> {
    slots: DashMap<K, Slot<V>>,
}

struct Slot<V> {
    revision: Revision,
    /// Absent: deleted at that revision.
    value: Option<V>,
    /// What a reader of an earlier revision sees; absent once no such reader can succeed. Boxed, for all but
    /// the last few written slots have none.
    before: Option<Box<(Revision, Option<V>)>>,
}

// === impl Table ===

impl<K: Borrow<str> + Hash + Eq, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { slots: DashMap::with_shard_amount(SHARDS) }
    }
}

impl<K: Borrow<str> + Hash + Eq, V> Table<K, V> {
    /// What `take` makes of the entry of a key as it was at a revision.
    pub(super) fn read<T>(
        &self,
        key: &str,
        at: Revision,
        take: impl FnOnce(&K, &V, Revision) -> T,
    ) -> Option<T> {
        let slot = self.slots.get(key)?;
        let (revision, value) = if slot.revision <= at {
            (slot.revision, slot.value.as_ref())
        } else {
            slot.before.as_deref().map(|(revision, value)| (*revision, value.as_ref()))?
        };
        value.map(|value| take(slot.key(), value, revision))
    }

    /// Sets the entry of a key as of `revision` (absent: deletes it), for readers after `visible`, while those of
    /// `visible` keep what they have.
    pub(super) fn set(&self, key: K, value: Option<V>, revision: Revision, visible: Revision) {
        match self.slots.entry(key) {
            Entry::Vacant(vacant) => {
                vacant.insert(Slot { revision, value, before: None });
            }
            Entry::Occupied(mut occupied) => {
                let slot = occupied.get_mut();
                let replaced = std::mem::replace(&mut slot.value, value);
                // INVARIANT: `before` is what readers of `visible` see. A value that no one could see yet, made
                // earlier in the same group, is dropped, so a slot never holds more than two.
                if slot.revision <= visible {
                    slot.before = Some(Box::new((slot.revision, replaced)));
                }
                slot.revision = revision;
            }
        }
    }

    /// How many slots there are, of deleted entries too.
    #[cfg(test)]
    pub(super) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// Lets go of what the slot of a key held before, and of the slot itself if its entry is deleted.
    pub(super) fn prune(&self, key: &str) {
        if let Some(mut slot) = self.slots.get_mut(key) {
            slot.before = None;
        }
        self.slots.remove_if(key, |_, slot| slot.value.is_none());
    }
}
