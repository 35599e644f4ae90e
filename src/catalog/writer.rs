//! The one thread that writes: takes what waits, commits it as a group, makes it visible, then answers.
//!
//! Owns the order of those steps. A write is acknowledged only once it is durable and visible; a failed commit
//! leaves memory as it was.

use std::cmp::Ordering;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::change::{Change, Edit};
use super::memory::Memory;
use super::merged::Pool;
use super::{Codec, Committed, Revision, Store, StoreError, StoredChange, Transaction, Write, WriteError};
use crate::domain::EntryKind;

/// Changes that are read from the store at once when memory has to catch up: the store is asked by others too.
const PAGE: usize = 1024;

/// A transaction that waits to be committed.
pub(super) struct Request {
    pub(super) writes: Transaction,
    /// Gets the revision of its last write. A caller who gave up does not take the write back.
    pub(super) reply: oneshot::Sender<Result<Revision, WriteError>>,
    /// Its share of the bytes that may wait.
    pub(super) bytes: OwnedSemaphorePermit,
}

/// Writes the catalogue.
pub(super) struct Writer {
    pub(super) memory: Arc<Memory>,
    pub(super) store: Arc<dyn Store>,
    pub(super) codec: Codec,
    pub(super) pool: Pool,
    pub(super) group_writes: usize,
}

impl Writer {
    /// Commits what arrives, until the last sender is gone and nothing waits.
    pub(super) fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        while let Some(first) = requests.blocking_recv() {
            let mut size = first.writes.len();
            let mut transactions = vec![first.writes];
            let mut replies = vec![(first.reply, first.bytes)];
            while size < self.group_writes
                && let Ok(next) = requests.try_recv()
            {
                size += next.writes.len();
                transactions.push(next.writes);
                replies.push((next.reply, next.bytes));
            }
            match self.commit(&transactions) {
                Ok(outcomes) => {
                    for ((reply, _bytes), outcome) in replies.into_iter().zip(outcomes) {
                        let _ = reply.send(outcome); // The caller may have gone.
                    }
                }
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "failed to write the catalogue"
                    );
                    let error = Arc::new(error);
                    for (reply, _bytes) in replies {
                        let _ = reply.send(Err(WriteError::Store(Arc::clone(&error))));
                    }
                }
            }
        }
    }

    fn commit(&mut self, group: &[Transaction]) -> Result<Vec<Result<Revision, WriteError>>, StoreError> {
        let committed = self.store.commit(group)?;
        let changes = match committed.before.cmp(&self.memory.revision()) {
            Ordering::Equal => self.changes(group, &committed)?,
            // An earlier commit became durable although it reported a failure, or another replica shares the
            // store: what is there before this group is taken with it.
            Ordering::Greater => self.missing(committed.after.revision)?,
            Ordering::Less => {
                let revision = self.memory.revision();
                return Err(failed(format!("write after revision {revision}"), "the store has lost changes"));
            }
        };
        self.memory.apply(changes);
        self.memory.set_compacted(committed.after.compacted);
        Ok(committed.outcomes.into_iter().map(|outcome| outcome.map_err(WriteError::from)).collect())
    }

    /// The changes that the accepted transactions of a group make.
    fn changes(&mut self, group: &[Transaction], committed: &Committed) -> Result<Vec<Change>, StoreError> {
        let accepted = group.iter().zip(&committed.outcomes).filter(|(_, outcome)| outcome.is_ok());
        let writes: Vec<&Write> = accepted.flat_map(|(writes, _)| writes).collect();
        (committed.before.saturating_add(1)..)
            .zip(writes)
            .map(|(revision, write)| self.change(revision, write.kind, &write.key, write.value.as_deref()))
            .collect()
    }

    /// What memory does not have of the store, up to a revision. All of it at once: to make a part visible
    /// could split a transaction.
    fn missing(&mut self, until: Revision) -> Result<Vec<Change>, StoreError> {
        let mut changes = Vec::new();
        let mut last = self.memory.revision();
        while last < until {
            let page = self.store.changes_after(last, PAGE)?;
            for StoredChange { revision, kind, key, value } in
                page.iter().filter(|change| change.revision <= until)
            {
                changes.push(self.change(*revision, *kind, key, value.as_deref())?);
            }
            match changes.last() {
                Some(change) if change.revision > last => last = change.revision,
                _ => return Err(failed(format!("read changes after revision {last}"), "there are none")),
            }
        }
        Ok(changes)
    }

    fn change(
        &mut self,
        revision: Revision,
        kind: EntryKind,
        key: &str,
        value: Option<&[u8]>,
    ) -> Result<Change, StoreError> {
        let edit = Edit::from_stored(kind, key, value, self.codec, &mut self.pool)?;
        Ok(Change { revision, edit })
    }
}

fn failed(doing: String, why: &'static str) -> StoreError {
    StoreError::Failed { doing, source: why.into() }
}
