//! Watching the catalogue: every change once, in order, from a snapshot or from a past revision on.
//!
//! ```text
//!  no revision:  snapshot (frozen copy) ── SnapshotEnd ──┐
//!  a revision:   past changes (store) ───────────────────┴──> live changes (feed), bookmarks
//! ```
//!
//! The feed is joined when the watch begins, so it holds what happens while the past is being read. A watcher that
//! does not keep up is cut, never waited for.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Weak;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use super::change::{Change, ToEntry};
use super::memory::{Memory, Order};
use super::ordered::Ordered;
use super::{Codec, Revision, Store, StoreError, StoredChange, WatchEnd, WatchError};
use crate::domain::{Entry, EntryKind};

/// Past changes that are read from the store at once: some 100 KiB.
const PAGE: usize = 256;

/// What a watcher sees.
#[expect(clippy::large_enum_variant, reason = "an event is passed on at once; a box would cost more")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An entry is registered, or registered anew; in a snapshot, it is there.
    Put {
        /// The entry.
        entry: Entry,
        /// The revision that put it.
        revision: Revision,
    },
    /// An entry was deleted.
    Delete {
        /// Its kind.
        kind: EntryKind,
        /// Its key.
        key: String,
        /// The revision that deleted it.
        revision: Revision,
    },
    /// The snapshot is whole: together, its entries are the catalogue at this revision. Changes after it follow.
    SnapshotEnd {
        /// The revision.
        revision: Revision,
    },
    /// Nothing of the watched kinds happened up to this revision but what was told. One can resume after it.
    Bookmark {
        /// The revision.
        revision: Revision,
    },
}

/// A watch. It ends when it is dropped, when its watcher is too slow, or when the catalogue closes.
pub struct Watch {
    kinds: Vec<EntryKind>,
    stage: Stage,
    /// The watcher has seen all up to here; 0 within a snapshot.
    last: Revision,
    feed: Receiver<Change>,
    /// Weak, for a watch that is still held must not keep a closed catalogue's file locked.
    store: Weak<dyn Store>,
    codec: Codec,
    bookmark_after: Duration,
    silent_until: Instant,
    _place: OwnedSemaphorePermit,
}

enum Stage {
    Snapshot { entries: Box<dyn Iterator<Item = (Entry, Revision)> + Send + Sync>, revision: Revision },
    Past { page: VecDeque<StoredChange>, until: Revision },
    Live,
    Ended,
}

/// What a watch is made of, but for where it begins.
pub(super) struct Watching {
    pub(super) kinds: Vec<EntryKind>,
    pub(super) store: Weak<dyn Store>,
    pub(super) codec: Codec,
    pub(super) bookmark_after: Duration,
    pub(super) place: OwnedSemaphorePermit,
}

// === impl Watch ===

impl Watch {
    pub(super) fn begin(
        memory: &Memory,
        from: Option<Revision>,
        watching: Watching,
    ) -> Result<Self, WatchError> {
        let Watching { kinds, store, codec, bookmark_after, place } = watching;
        // Under the guard nothing is written: the copy is the catalogue at `revision`, the feed what follows it.
        let order = memory.order();
        let revision = memory.revision();
        let feed = memory.subscribe();
        let (stage, last) = match from {
            None => (Stage::Snapshot { entries: frozen(&order, &kinds), revision }, 0),
            Some(from) if from > revision => return Err(WatchError::Ahead { revision }),
            Some(from) if from < memory.compacted() => {
                return Err(WatchError::Compacted { oldest: memory.compacted() });
            }
            Some(from) => (Stage::Past { page: VecDeque::new(), until: revision }, from),
        };
        drop(order);
        let silent_until = Instant::now() + bookmark_after;
        Ok(Self { kinds, stage, last, feed, store, codec, bookmark_after, silent_until, _place: place })
    }

    /// The next event. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`WatchEnd`] when the watch has ended, with the revision to resume after; every later call says that it is
    /// closed.
    pub async fn next(&mut self) -> Result<Event, WatchEnd> {
        let next = match self.advance().await {
            Ok(event) => Ok(event),
            Err(end) => {
                self.stage = Stage::Ended;
                Err(end)
            }
        };
        self.silent_until = Instant::now() + self.bookmark_after;
        next
    }

    async fn advance(&mut self) -> Result<Event, WatchEnd> {
        loop {
            let event = match &mut self.stage {
                Stage::Snapshot { entries, revision } => match entries.next() {
                    Some((entry, revision)) => Some(Event::Put { entry, revision }),
                    None => {
                        self.last = *revision;
                        self.stage = Stage::Live;
                        Some(Event::SnapshotEnd { revision: self.last })
                    }
                },
                Stage::Past { until, .. } if self.last >= *until => {
                    self.stage = Stage::Live;
                    None
                }
                Stage::Past { page, .. } => match page.pop_front() {
                    Some(change) => self.past(change)?,
                    None => {
                        let fetched = self.fetch().await?;
                        self.stage = fetched;
                        None
                    }
                },
                Stage::Live => self.live().await?,
                Stage::Ended => return Err(WatchEnd::Closed { last_revision: self.last }),
            };
            if let Some(event) = event {
                return Ok(event);
            }
        }
    }

    /// The event of a past change, if its kind is watched.
    fn past(&mut self, change: StoredChange) -> Result<Option<Event>, WatchEnd> {
        let StoredChange { revision, kind, key, value } = change;
        if !self.kinds.contains(&kind) {
            self.last = revision;
            return Ok(None);
        }
        let event = match value {
            None => Event::Delete { kind, key, revision },
            Some(bytes) => match self.codec.decode_stored(kind, &key, &bytes) {
                Ok(entry) => Event::Put { entry, revision },
                Err(detail) => {
                    let source = StoreError::Corrupt { kind, key, detail };
                    return Err(WatchEnd::Store { last_revision: self.last, source });
                }
            },
        };
        self.last = revision;
        Ok(Some(event))
    }

    /// The next page of past changes, as the stage to go on with.
    async fn fetch(&self) -> Result<Stage, WatchEnd> {
        let Stage::Past { until, .. } = self.stage else { return Ok(Stage::Live) };
        let last_revision = self.last;
        let Some(store) = self.store.upgrade() else { return Err(WatchEnd::Closed { last_revision }) };
        let read = tokio::task::spawn_blocking(move || store.changes_after(last_revision, PAGE));
        let page = match read.await {
            Ok(Ok(page)) => page,
            // Compacted since the watch began: as with a full buffer, what was missed is gone from here.
            Ok(Err(StoreError::Compacted { .. })) => return Err(WatchEnd::Lagged { last_revision }),
            Ok(Err(source)) => return Err(WatchEnd::Store { last_revision, source }),
            // The runtime is shutting down.
            Err(_) => return Err(WatchEnd::Closed { last_revision }),
        };
        // What came after the watch began is in the feed.
        let page: VecDeque<_> = page.into_iter().take_while(|change| change.revision <= until).collect();
        if page.is_empty() {
            let source = StoreError::Failed {
                doing: format!("read the change after revision {last_revision}"),
                source: "the store does not have it".into(),
            };
            return Err(WatchEnd::Store { last_revision, source });
        }
        Ok(Stage::Past { page, until })
    }

    /// The next live event; absent where the change is not of a watched kind.
    async fn live(&mut self) -> Result<Option<Event>, WatchEnd> {
        // Asked first, for changes of other kinds must not put a bookmark off for ever.
        if Instant::now() >= self.silent_until {
            return Ok(Some(Event::Bookmark { revision: self.last }));
        }
        let Change { revision, edit } =
            match tokio::time::timeout_at(self.silent_until, self.feed.recv()).await {
                Ok(Ok(change)) => change,
                Ok(Err(RecvError::Lagged(_))) => return Err(WatchEnd::Lagged { last_revision: self.last }),
                Ok(Err(RecvError::Closed)) => return Err(WatchEnd::Closed { last_revision: self.last }),
                Err(_) => return Ok(None),
            };
        self.last = revision;
        if !self.kinds.contains(&edit.kind()) {
            return Ok(None);
        }
        Ok(Some(match edit.to_entry() {
            Some(entry) => Event::Put { entry, revision },
            None => Event::Delete { kind: edit.kind(), key: edit.key().to_owned(), revision },
        }))
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("kinds", &self.kinds).field("last", &self.last).finish_non_exhaustive()
    }
}

/// Every entry of the watched kinds, tenants before holdings, each kind in key order.
fn frozen(order: &Order, kinds: &[EntryKind]) -> Box<dyn Iterator<Item = (Entry, Revision)> + Send + Sync> {
    /// A frozen copy of one kind, or nothing of it.
    fn copy<K, V>(
        ordered: &Ordered<K, V>,
        watched: bool,
    ) -> impl Iterator<Item = (Entry, Revision)> + Send + Sync + use<K, V>
    where
        K: std::borrow::Borrow<str> + Clone + Send + Sync,
        V: ToEntry<K> + Clone + Send + Sync,
    {
        let ordered = if watched { ordered.clone() } else { Ordered::default() };
        ordered.into_items().map(|item| (item.value.to_entry(&item.key), item.revision))
    }
    let watched = |kind| kinds.contains(&kind);
    Box::new(
        copy(&order.tenants, watched(EntryKind::Tenant))
            .chain(copy(&order.holdings, watched(EntryKind::Holding)))
            .chain(copy(&order.parties, watched(EntryKind::Party)))
            .chain(copy(&order.processes, watched(EntryKind::Process))),
    )
}
