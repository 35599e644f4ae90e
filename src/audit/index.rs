//! What the log says, findable: decisions by id and by what they are, outcomes by decision, and duties.
//!
//! ```text
//! log ─> Follower (on a thread of its own) ─> index.db ─> Index (questions)
//! ```
//!
//! It is derived from the log and from nothing else. Where its file is missing, damaged or of another log, it is
//! made anew; where it is behind, it catches up. Nothing waits for it but who asks it, and what it says of an
//! entry is only where to look: the entry itself is read from the log.

mod query;
mod store;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::watch;

use self::store::Store;
use super::{Contents, Decode, Log, LogDir, ReadError, RecordsError};

pub use self::query::{DutyPlace, Found, NoPlace, RecordPlace};

/// Entries that one transaction takes: some 20 ms of work, between two of which who asks sees what is new.
const BATCH: u64 = 4096;
/// Bytes of entries after which a transaction ends: most have a few hundred, and the largest 64 KiB.
const BATCH_BYTES: usize = 16 << 20;
/// How long the follower waits before it tries again what failed.
const RETRY: Duration = Duration::from_secs(1);
/// How long a question waits for the index to reach the end of the log: longer than a full batch takes.
const CATCH_UP: Duration = Duration::from_secs(5);
/// The file below the data directory.
const FILE: &str = "index.db";

/// Why the index does not say.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// Its file does not work, and it is being made anew. Worth a retry.
    #[error("the index over the log failed: {0}")]
    Database(#[from] rusqlite::Error),
    /// The log cannot be read. Mend it.
    #[error(transparent)]
    Log(#[from] RecordsError),
    /// It has not caught up with the log. Worth a retry.
    #[error("the index has {next} entries of the log and not yet {wanted}")]
    Behind {
        /// How many it has.
        next: u64,
        /// How many the question needs.
        wanted: u64,
    },
}

/// Finds entries of a log. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Index(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Absent while the file is made anew.
    reader: Mutex<Option<Connection>>,
    /// Set by a question that found the file damaged.
    damaged: AtomicBool,
    /// Entries that it has.
    next: watch::Sender<u64>,
}

/// Keeps the index in step with the log.
#[derive(Debug)]
pub struct Follower {
    path: PathBuf,
    log: LogDir,
    length_rx: watch::Receiver<u64>,
    decode: Decode,
    index: Index,
}

// === impl Index ===

impl Index {
    /// The index below a data directory, over the log that is open there. The follower does all work, from the
    /// first byte on: see [`Follower::run`].
    #[must_use]
    pub fn open(dir: &Path, log: &Log, decode: Decode) -> (Self, Follower) {
        let index = Self(Arc::new(Shared {
            reader: Mutex::new(None),
            damaged: AtomicBool::new(false),
            next: watch::Sender::new(0),
        }));
        let follower = Follower {
            path: dir.join(FILE),
            log: log.reader(),
            length_rx: log.length_rx(),
            decode,
            index: index.clone(),
        };
        (index, follower)
    }

    /// An index in memory over a log as it is now: for who reads a directory that is another process's.
    ///
    /// # Errors
    /// [`IndexError`]: the log cannot be read.
    pub fn snapshot(log: &LogDir, decode: Decode) -> Result<Self, IndexError> {
        let mut store = Store::in_memory()?;
        let mut contents = Contents::new(log.clone(), decode);
        while take(&mut store, log, &mut contents)? {}
        let next = watch::Sender::new(store.next());
        let reader = Mutex::new(Some(store.into_reader()));
        Ok(Self(Arc::new(Shared { reader, damaged: AtomicBool::new(false), next })))
    }

    /// Waits until it has so many entries of the log.
    ///
    /// # Errors
    /// [`IndexError::Behind`]: not within a few seconds.
    pub async fn reach(&self, size: u64) -> Result<(), IndexError> {
        let mut next = self.0.next.subscribe();
        let reached = tokio::time::timeout(CATCH_UP, next.wait_for(|next| *next >= size)).await;
        match reached {
            Ok(Ok(_)) => Ok(()),
            _ => Err(IndexError::Behind { next: self.size(), wanted: size }),
        }
    }

    /// How many entries of the log it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        *self.0.next.borrow()
    }

    /// Asks the file.
    fn ask<T>(&self, ask: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, IndexError> {
        // A panic while the guard was held leaves the connection as it was: questions change nothing.
        let reader = self.0.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(connection) = reader.as_ref() else {
            return Err(IndexError::Behind { next: 0, wanted: 1 });
        };
        ask(connection).map_err(|error| {
            if store::is_damage(&error) {
                self.0.damaged.store(true, Ordering::Release);
            }
            error.into()
        })
    }

    /// Shows what a store has, or nothing while there is none.
    fn show(&self, reader: Option<Connection>, next: u64) {
        *self.0.reader.lock().unwrap_or_else(PoisonError::into_inner) = reader;
        self.0.next.send_replace(next);
    }
}

// === impl Follower ===

impl Follower {
    /// Follows the log until it is closed. Blocks, but for waits: run it on a thread for blocking work.
    pub fn run(mut self, runtime: &tokio::runtime::Handle) {
        loop {
            match self.follow(runtime) {
                Ok(()) => return,
                Err(error) => {
                    let path = self.path.display();
                    tracing::warn!(%error, %path, "the index over the log stopped; it begins again");
                }
            }
            self.index.show(None, 0);
            if runtime.block_on(self.closed_within(RETRY)) {
                return;
            }
        }
    }

    async fn closed_within(&mut self, wait: Duration) -> bool {
        tokio::time::timeout(wait, self.length_rx.wait_for(|_| false)).await.is_ok()
    }

    /// Opens the file, or begins a new one, and takes every entry; ends with the log.
    fn follow(&mut self, runtime: &tokio::runtime::Handle) -> Result<(), IndexError> {
        let mut store = self.open()?;
        self.index.show(Some(store::reader(&self.path)?), store.next());
        let mut contents = Contents::new(self.log.clone(), self.decode);
        loop {
            while self.take(&mut store, &mut contents)? {}
            let next = store.next();
            if runtime.block_on(self.length_rx.wait_for(|length| *length > next)).is_err() {
                return Ok(());
            }
        }
    }

    /// Takes a batch; whether there was one.
    fn take(&self, store: &mut Store, contents: &mut Contents) -> Result<bool, IndexError> {
        let taken = match self.index.0.damaged.swap(false, Ordering::AcqRel) {
            true => Err(store::damage().into()),
            false => take(store, &self.log, contents),
        };
        if let Err(IndexError::Database(error)) = &taken
            && store::is_damage(error)
        {
            self.discard()?;
        }
        let taken = taken?;
        self.index.0.next.send_replace(store.next());
        Ok(taken)
    }

    /// The store, if it is sound and of this log; else a new one.
    fn open(&self) -> Result<Store, IndexError> {
        match Store::open(&self.path) {
            Ok(store) if self.is_of_this_log(&store)? => return Ok(store),
            Ok(_) => {
                tracing::info!(path = %self.path.display(), "the index is of another log; it is made anew");
            }
            Err(error) if store::is_damage(&error) => {
                tracing::warn!(%error, path = %self.path.display(), "the index is damaged; it is made anew");
            }
            Err(error) => return Err(error.into()),
        }
        self.discard()?;
        Ok(Store::open(&self.path)?)
    }

    /// Whether the last entry that it took is still what stands there.
    fn is_of_this_log(&self, store: &Store) -> Result<bool, IndexError> {
        let Some((index, leaf_hash)) = store.last() else { return Ok(true) };
        match self.log.entry(index) {
            Ok(entry) => Ok(entry.is_some_and(|entry| entry.leaf_hash == leaf_hash)),
            Err(ReadError::Pruned { .. }) => Ok(false),
            Err(error) => Err(RecordsError::from(error).into()),
        }
    }

    fn discard(&self) -> Result<(), IndexError> {
        self.index.show(None, 0);
        Ok(store::remove(&self.path)?)
    }
}

/// Takes the next batch of a log; whether there was one.
fn take(store: &mut Store, log: &LogDir, contents: &mut Contents) -> Result<bool, IndexError> {
    // What was pruned is not to be had: the batch then begins with the first entry that is kept.
    let from = store.next().max(log.first().map_err(RecordsError::from)?);
    let (mut batch, mut bytes) = (Vec::new(), 0);
    for entry in log.entries(from..from.saturating_add(BATCH)).map_err(RecordsError::from)? {
        let entry = entry.map_err(RecordsError::from)?;
        bytes += entry.bytes.len();
        batch.push(entry);
        if bytes >= BATCH_BYTES {
            break;
        }
    }
    store.take(&batch, contents)?;
    Ok(!batch.is_empty())
}
