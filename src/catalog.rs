//! The catalogue: which tenants, holdings, parties and legal processes are registered.
//!
//! A write goes to the store first, then to memory, then to the watchers, then back to its caller; a question is
//! answered from memory alone. Owns the entries, their revisions, what a reference resolves to, lists and watches.
//! Leaves the bytes of an entry to the [`Codec`] that it is given, and what the facts mean to the law and the
//! policies.
//!
//! ```text
//!  put, delete ──> writer (one thread, groups) ──> Store (Sqlite) ──> memory ──> feed ──> Watch
//!                                                                       │
//!  resolve, party, process, get, list <─────────────────────────────────┘
//! ```

mod change;
mod check;
mod codec;
mod error;
mod fixed;
mod limits;
mod list;
mod memory;
mod merged;
mod ordered;
mod sqlite;
mod store;
mod table;
mod view;
mod watch;
mod writer;

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::sync::{Semaphore, mpsc, oneshot};

pub use codec::Codec;
pub use error::{ListError, OpenError, WatchEnd, WatchError, WriteError};
pub use fixed::Fixed;
pub use limits::Limits;
pub use list::Page;
pub use sqlite::Sqlite;
pub use store::{
    Bounds, Committed, Expected, Needs, Refusal, Revision, Store, StoreError, StoredChange, StoredEntry,
    Transaction, Write,
};
pub use view::{Resolved, View};
pub use watch::{Event, Watch};

use change::{Change, Edit};
use list::List;
use memory::Memory;
use merged::Pool;
use watch::Watching;
use writer::{Request, Writer};

use crate::domain::{DataRef, Entry, EntryKind, LegalProcess, Party};

/// The catalogue. Cheap to clone; when the last clone is dropped, writes that wait are finished and the store is
/// closed, which waits for the disk.
#[derive(Clone)]
pub struct Catalog(Arc<Inner>);

struct Inner {
    memory: Arc<Memory>,
    store: Arc<dyn Store>,
    codec: Codec,
    limits: Limits,
    /// Present until the drop.
    requests: Option<mpsc::Sender<Request>>,
    /// The bytes that may wait, in KiB.
    waiting: Arc<Semaphore>,
    watches: Arc<Semaphore>,
    /// Present until the drop.
    writer: Option<JoinHandle<()>>,
}

// === impl Catalog ===

impl Catalog {
    /// Loads the whole catalogue from its store, and starts the thread that writes. Blocks for as long as that takes.
    ///
    /// # Errors
    /// [`OpenError`] when any of it cannot be read: a part of a catalogue is never served.
    pub fn open(store: Arc<dyn Store>, codec: Codec, limits: Limits) -> Result<Self, OpenError> {
        let memory = Arc::new(Memory::new(limits.watch_buffer));
        let mut pool = Pool::new();
        load(&memory, &*store, codec, &mut pool)?;
        // Below the widest channel and semaphore there are, and never none.
        let (requests, receiver) = mpsc::channel(limits.waiting_writes.clamp(1, 1 << 20));
        let waiting = Arc::new(Semaphore::new(kib(limits.waiting_bytes)));
        let watches = Arc::new(Semaphore::new(limits.watches.clamp(1, 1 << 20)));
        let writer = Writer {
            memory: Arc::clone(&memory),
            store: Arc::clone(&store),
            codec,
            pool,
            group_writes: limits.group_writes,
        };
        let writer = thread::Builder::new()
            .name(String::from("catalog-writer"))
            .spawn(move || writer.run(receiver))
            .map_err(OpenError::Writer)?;
        let (requests, writer) = (Some(requests), Some(writer));
        Ok(Self(Arc::new(Inner { memory, store, codec, limits, requests, waiting, watches, writer })))
    }

    /// The last revision that is durable and visible.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.0.memory.revision()
    }

    /// How many entries of a kind are registered.
    #[must_use]
    pub fn count(&self, kind: EntryKind) -> usize {
        self.0.memory.order().len(kind)
    }

    /// What `read` makes of the catalogue at one revision: whatever it looks up belongs together. No write makes
    /// it wait; under a storm of them it may be called more than once.
    pub fn read<T>(&self, read: impl Fn(&View<'_>) -> T) -> T {
        self.0.memory.read(read)
    }

    /// What is known of a reference, all at one revision.
    #[must_use]
    pub fn resolve(&self, data_ref: &DataRef) -> Resolved {
        self.read(|view| view.resolve(data_ref))
    }

    /// A registered requester or recipient by its id.
    #[must_use]
    pub fn party(&self, id: &str) -> Option<Arc<Party>> {
        self.read(|view| view.party(id))
    }

    /// A registered legal process by its id.
    #[must_use]
    pub fn process(&self, id: &str) -> Option<Arc<LegalProcess>> {
        self.read(|view| view.process(id))
    }

    /// An entry as it was put, and the revision of its last change.
    #[must_use]
    pub fn get(&self, kind: EntryKind, key: &str) -> Option<(Entry, Revision)> {
        self.read(|view| view.get(kind, key))
    }

    /// Registers an entry, or replaces it whole. Returns the revision once it is durable and visible.
    ///
    /// Codes and declared identifiers are not checked here. A caller who gives up does not take the write back.
    ///
    /// # Errors
    /// [`WriteError`] says what the caller can do; a holding whose tenant is not registered is refused.
    pub async fn put(&self, entry: Entry, expected: Expected) -> Result<Revision, WriteError> {
        self.commit(vec![self.write(entry, expected)?]).await
    }

    /// Registers entries in one transaction: all or none. Each takes a revision of its own, in order, and none is
    /// visible before the last; the last is returned. Of no entries, the present revision.
    ///
    /// # Errors
    /// As [`Self::put`]; the error names the entry.
    pub async fn put_many(&self, entries: Vec<(Entry, Expected)>) -> Result<Revision, WriteError> {
        let limit = self.0.limits.transaction_writes.max(1);
        if entries.len() > limit {
            return Err(WriteError::TooMany { unit: "writes", found: entries.len(), limit });
        }
        if entries.is_empty() {
            return Ok(self.revision());
        }
        let writes = entries
            .into_iter()
            .map(|(entry, expected)| self.write(entry, expected))
            .collect::<Result<Vec<_>, _>>()?;
        self.commit(writes).await
    }

    /// Deletes an entry. Returns the revision once that is durable and visible.
    ///
    /// # Errors
    /// [`WriteError`] says what the caller can do; a tenant that still has holdings is refused.
    pub async fn delete(
        &self,
        kind: EntryKind,
        key: &str,
        expected: Expected,
    ) -> Result<Revision, WriteError> {
        let needs = check::deletion(kind, key);
        self.commit(vec![Write { kind, key: key.to_owned(), value: None, expected, needs }]).await
    }

    /// A page of the entries of a kind whose keys begin with `prefix`, in key order, of those that `shown` takes
    /// by their key. `page_size` 0 means 100; an empty token asks for the first page.
    ///
    /// Of what is not shown there is no trace, in the token neither.
    ///
    /// # Errors
    /// [`ListError::Token`] when the token is not one of this list.
    pub fn list(
        &self,
        kind: EntryKind,
        prefix: &str,
        page_size: usize,
        page_token: &str,
        shown: impl FnMut(&str) -> bool,
    ) -> Result<Page, ListError> {
        let Inner { memory, codec, limits, .. } = &*self.0;
        List { kind, prefix, page_size, codec: *codec, limits }.page(memory, page_token, shown)
    }

    /// Watches entries of these kinds (none named: of every kind): from a snapshot, or after a revision.
    ///
    /// # Errors
    /// [`WatchError`] when it cannot begin there, or too many watch.
    pub fn watch(&self, kinds: &[EntryKind], from: Option<Revision>) -> Result<Watch, WatchError> {
        let inner = &*self.0;
        let place = Arc::clone(&inner.watches)
            .try_acquire_owned()
            .map_err(|_| WatchError::TooMany { limit: inner.limits.watches.max(1) })?;
        let kinds = if kinds.is_empty() { EntryKind::ALL } else { kinds }.to_vec();
        let watching = Watching {
            kinds,
            store: Arc::downgrade(&inner.store),
            codec: inner.codec,
            bookmark_after: inner.limits.bookmark_after,
            place,
        };
        Watch::begin(&inner.memory, from, watching)
    }

    /// Checks an entry and makes its write.
    fn write(&self, entry: Entry, expected: Expected) -> Result<Write, WriteError> {
        let Inner { codec, limits, .. } = &*self.0;
        let needs = check::entry(&entry)?;
        let (kind, key) = (entry.kind(), entry.key().to_owned());
        let value = codec.encode_stored(entry);
        let limit = limits.entry_bytes.max(1);
        if value.len() > limit {
            return Err(WriteError::TooLarge { kind, key, bytes: value.len(), limit });
        }
        // What cannot be read back would keep the next start from loading the catalogue.
        if let Err(detail) = codec.decode_stored(kind, &key, &value) {
            let detail = format!("cannot be stored: {detail}");
            return Err(WriteError::Invalid { kind, key, field: "entry", detail });
        }
        Ok(Write { kind, key, value: Some(value), expected, needs })
    }

    async fn commit(&self, writes: Transaction) -> Result<Revision, WriteError> {
        let inner = &*self.0;
        let bytes =
            writes.iter().map(|write| write.value.as_ref().map_or(0, Vec::len) + write.key.len()).sum();
        let limit = inner.limits.waiting_bytes.max(1);
        if bytes > limit {
            return Err(WriteError::TooMany { unit: "bytes", found: bytes, limit });
        }
        let share = u32::try_from(kib(bytes)).unwrap_or(u32::MAX);
        let (reply, answer) = oneshot::channel();
        let place = async {
            let bytes = Arc::clone(&inner.waiting).acquire_many_owned(share).await.ok()?;
            let requests = inner.requests.as_ref()?.reserve().await.ok()?;
            requests.send(Request { writes, reply, bytes });
            Some(())
        };
        match tokio::time::timeout(inner.limits.write_wait, place).await {
            Err(_) => return Err(WriteError::Busy),
            Ok(None) => return Err(WriteError::Closed),
            Ok(Some(())) => {}
        }
        // From here on the outcome is one or two syncs away, or as far as the disk is; the caller's own deadline
        // bounds the wait.
        answer.await.unwrap_or(Err(WriteError::Closed))
    }
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalog").field("revision", &self.revision()).finish_non_exhaustive()
    }
}

// === impl Inner ===

impl Drop for Inner {
    fn drop(&mut self) {
        // With its last sender gone the thread finishes what waits, and ends.
        drop(self.requests.take());
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the thread that writes the catalogue ended in a panic");
        }
    }
}

/// Fills memory from the store.
fn load(memory: &Memory, store: &dyn Store, codec: Codec, pool: &mut Pool) -> Result<(), StoreError> {
    let mut fault = None;
    let mut bounds = None;
    memory.fill(|take| {
        let loaded = store.load(&mut |entry| match Edit::from_stored(
            entry.kind,
            entry.key,
            Some(entry.value),
            codec,
            pool,
        ) {
            Ok(edit) => {
                take(Change { revision: entry.revision, edit });
                ControlFlow::Continue(())
            }
            Err(error) => {
                fault = Some(error);
                ControlFlow::Break(())
            }
        });
        match loaded {
            Ok(loaded) => bounds = Some(loaded),
            Err(error) => fault = Some(error),
        }
        bounds.map(|bounds| bounds.revision)
    });
    if let Some(fault) = fault {
        return Err(fault);
    }
    memory.set_compacted(bounds.map_or(0, |bounds| bounds.compacted));
    Ok(())
}

/// Bytes in KiB, at least 1, as a semaphore counts them.
fn kib(bytes: usize) -> usize {
    bytes.div_ceil(1024).clamp(1, Semaphore::MAX_PERMITS)
}

#[cfg(test)]
mod tests;
