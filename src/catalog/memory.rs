//! The catalogue in memory: what answers are made from.
//!
//! Owns the tables that questions read, the ordered copies that lists and watches read, and the revision that is
//! visible. Written by one thread alone; read by any number, who never wait for it.
//!
//! ```text
//!  change ──> tables (two versions a slot) ──> View: resolve, party, process   at one revision, no lock
//!        └──> order  (under a lock)        ──> list, snapshot of a watch        at one revision
//!        └──> feed                         ──> live events of watches
//! ```

use std::borrow::Borrow;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use tokio::sync::broadcast;

use super::Revision;
use super::change::{Change, Edit, TenantRecord};
use super::merged::Merged;
use super::ordered::{Item, Ordered};
use super::table::Table;
use super::view::View;
use crate::domain::{DataRef, EntryKind, Holding, LegalProcess, Party};

/// How often a reader looks again without a lock. Each time, two groups of writes, each with its sync to disk,
/// were finished during a few microseconds of reading; so often in a row, only when the reader is held up.
const OPTIMISTIC_READS: usize = 16;

/// The catalogue in memory.
pub(super) struct Memory {
    pub(super) tenants: Table<Arc<str>, TenantRecord>,
    pub(super) holdings: Table<DataRef, Arc<Holding>>,
    pub(super) parties: Table<Arc<str>, Arc<Party>>,
    pub(super) processes: Table<Arc<str>, Arc<LegalProcess>>,
    pub(super) merged: Merged,
    /// The last revision that is whole in the tables.
    visible: AtomicU64,
    /// Readers of an earlier revision than this one may miss what they should see.
    pruned: AtomicU64,
    /// The oldest revision after which the store keeps all changes.
    compacted: AtomicU64,
    order: RwLock<Order>,
    feed: broadcast::Sender<Change>,
}

/// Entries in key order, all as of the visible revision whenever the lock is free.
#[derive(Default)]
pub(super) struct Order {
    pub(super) tenants: Ordered<Arc<str>, TenantRecord>,
    pub(super) holdings: Ordered<DataRef, Arc<Holding>>,
    pub(super) parties: Ordered<Arc<str>, Arc<Party>>,
    pub(super) processes: Ordered<Arc<str>, Arc<LegalProcess>>,
    /// What the last group changed: its slots still hold what was there before.
    unpruned: Vec<Change>,
}

// === impl Memory ===

impl Memory {
    /// An empty catalogue whose watchers may be `watch_buffer` changes behind.
    pub(super) fn new(watch_buffer: usize) -> Self {
        // The channel takes neither 0 nor a size that memory could not hold.
        let (feed, _) = broadcast::channel(watch_buffer.clamp(1, 1 << 20));
        Self {
            tenants: Table::default(),
            holdings: Table::default(),
            parties: Table::default(),
            processes: Table::default(),
            merged: Merged::new(),
            visible: AtomicU64::new(0),
            pruned: AtomicU64::new(0),
            compacted: AtomicU64::new(0),
            order: RwLock::default(),
            feed,
        }
    }

    /// The visible revision.
    pub(super) fn revision(&self) -> Revision {
        self.visible.load(Ordering::SeqCst)
    }

    /// The oldest revision after which the store keeps all changes.
    pub(super) fn compacted(&self) -> Revision {
        self.compacted.load(Ordering::SeqCst)
    }

    /// Notes the oldest revision after which the store keeps all changes.
    pub(super) fn set_compacted(&self, compacted: Revision) {
        self.compacted.store(compacted, Ordering::SeqCst);
    }

    /// Takes entries at a start, before anyone reads; then the revision that they make up.
    pub(super) fn fill(&self, fill: impl FnOnce(&mut dyn FnMut(Change)) -> Option<Revision>) {
        let mut order = self.order.write().unwrap_or_else(PoisonError::into_inner);
        let revision = fill(&mut |change| self.place(&mut order, change, 0));
        if let Some(revision) = revision {
            self.pruned.store(revision, Ordering::SeqCst);
            self.visible.store(revision, Ordering::SeqCst);
        }
    }

    /// Makes a group of changes visible at once, and hands them to the watchers.
    ///
    /// The changes follow the visible revision, in order. Only one thread may call this.
    pub(super) fn apply(&self, changes: Vec<Change>) {
        let Some(last) = changes.last().map(|change| change.revision) else { return };
        let mut order = self.order.write().unwrap_or_else(PoisonError::into_inner);
        let visible = self.revision();

        // INVARIANT: a reader at revision R sees every entry as of R, or notices that it may not and looks again.
        // A slot holds its value and what it held before the last group, so a reader at `visible` finds the
        // latter while this group is being set. What the group before this one replaced is of use only below
        // `visible`; it goes now, and `pruned` is raised before the first of it is gone. A reader who saw it
        // missing took that shard's lock after us, so it also sees `pruned` above its R.
        self.pruned.store(visible, Ordering::SeqCst);
        for change in std::mem::take(&mut order.unpruned) {
            match &change.edit {
                Edit::Tenant(key, _) => self.tenants.prune(key),
                Edit::Holding(data_ref, _) => self.holdings.prune(data_ref.as_str()),
                Edit::Party(key, _) => self.parties.prune(key),
                Edit::Process(key, _) => self.processes.prune(key),
            }
        }
        for change in &changes {
            self.place(&mut order, change.clone(), visible);
        }
        self.visible.store(last, Ordering::SeqCst);
        // Still under the lock: a watcher that joins sees a change in its snapshot or in its feed, never in both
        // and never in neither. That no one watches is no error.
        for change in &changes {
            let _ = self.feed.send(change.clone());
        }
        order.unpruned = changes;
    }

    /// What `read` makes of the catalogue at one revision. It may be called more than once.
    pub(super) fn read<T>(&self, read: impl Fn(&View<'_>) -> T) -> T {
        for _ in 0..OPTIMISTIC_READS {
            let at = self.revision();
            let result = read(&View::new(self, at));
            if self.pruned.load(Ordering::SeqCst) <= at {
                return result;
            }
        }
        // With the lock, nothing is written meanwhile.
        let _order = self.order();
        read(&View::new(self, self.revision()))
    }

    /// The entries in order, and nothing changes while the guard lives: hold it for a page, not for a scan.
    pub(super) fn order(&self) -> RwLockReadGuard<'_, Order> {
        // A panic while it was held for writing is a defect of this module; its maps stay sound.
        self.order.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The changes from now on. Taken under the guard of [`Self::order`], they follow exactly what it shows.
    pub(super) fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.feed.subscribe()
    }

    fn place(&self, order: &mut Order, Change { revision, edit }: Change, visible: Revision) {
        match edit {
            Edit::Tenant(key, value) => set(&self.tenants, &mut order.tenants, key, value, revision, visible),
            Edit::Holding(key, value) => {
                set(&self.holdings, &mut order.holdings, key, value, revision, visible)
            }
            Edit::Party(key, value) => set(&self.parties, &mut order.parties, key, value, revision, visible),
            Edit::Process(key, value) => {
                set(&self.processes, &mut order.processes, key, value, revision, visible);
            }
        }
    }
}

/// Sets one entry in its table and in order.
fn set<K: Borrow<str> + Hash + Eq + Clone, V: Clone>(
    table: &Table<K, V>,
    ordered: &mut Ordered<K, V>,
    key: K,
    value: Option<V>,
    revision: Revision,
    visible: Revision,
) {
    table.set(key.clone(), value.clone(), revision, visible);
    match value {
        Some(value) => ordered.set(Item { key, value, revision }),
        None => ordered.remove(key.borrow()),
    }
}

// === impl Order ===

impl Order {
    /// How many entries of a kind there are.
    pub(super) const fn len(&self, kind: EntryKind) -> usize {
        match kind {
            EntryKind::Tenant => self.tenants.len(),
            EntryKind::Holding => self.holdings.len(),
            EntryKind::Party => self.parties.len(),
            EntryKind::Process => self.processes.len(),
        }
    }
}

#[cfg(test)]
mod tests;
