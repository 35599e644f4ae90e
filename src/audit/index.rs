//! What the log says, findable: decisions by id and by what they are, outcomes by decision, and duties.
//!
//! ```text
//! log ─> Follower (a thread of its own) ─> index.db ─> Index (queries)
//! ```
//!
//! It is derived from the log and from nothing else. Where its file is missing, damaged or of another log, it is
//! made anew; where it is behind, it catches up. Nothing waits for it but who asks it, and what it says of an
//! entry is only where to look: the entry itself is read from the log.

mod contents;
mod query;
mod store;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::watch;

use self::contents::Contents;
use self::store::Store;
use super::{Entry, ReadError};
use crate::domain::{LogEntry, Obligation};

pub use self::query::{DutyPlace, Found, NoPlace, RecordPlace};

/// Entries that one transaction takes: some 10 ms of work, and 20 MB of memory when each has its contents.
const BATCH: usize = 4096;
/// How long the follower waits before it tries again what failed.
const RETRY: Duration = Duration::from_secs(1);
/// How long a question waits for the index to reach the end of the log: longer than a full batch takes.
const CATCH_UP: Duration = Duration::from_secs(5);
/// The file below the data directory.
const FILE: &str = "index.db";

/// How the bytes of the log are read, which the log does not know.
#[derive(Clone, Copy, Debug)]
pub struct Decode {
    /// An entry without plain texts.
    pub entry: fn(&[u8]) -> Result<LogEntry, String>,
    /// The obligations of an answer's content.
    pub duties: fn(&[u8]) -> Result<Vec<Obligation>, String>,
}

/// What the index is made from.
pub trait Source: Send + 'static {
    /// Entries that are durable, from that place on, or from the first one after it that is kept; at most so
    /// many. None: there is no more yet.
    ///
    /// # Errors
    /// The log cannot be read.
    fn entries(&self, from: u64, most: usize) -> Result<Vec<Entry>, ReadError>;

    /// One entry; absent: it is not durable, or no longer kept.
    ///
    /// # Errors
    /// The log cannot be read.
    fn entry(&self, index: u64) -> Result<Option<Entry>, ReadError>;

    /// Waits for entries after so many; whether the log is still open.
    fn wait(&self, size: u64) -> bool;
}

/// Why the index does not say.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// Its file does not work, and it is being made anew. Worth a retry.
    #[error("the index over the log failed: {0}")]
    Database(#[from] rusqlite::Error),
    /// The log cannot be read. Mend it.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// An entry is not what this program writes. Mend the log, or use the program that wrote it.
    #[error("entry {index} of the log: {problem}")]
    Entry {
        /// Its place.
        index: u64,
        /// What is wrong with it.
        problem: String,
    },
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
    damaged: std::sync::atomic::AtomicBool,
    /// Entries that it has.
    next: watch::Sender<u64>,
}

/// Keeps the index in step with the log, on the thread that runs it.
#[derive(Debug)]
pub struct Follower<S> {
    index: Index,
    path: PathBuf,
    source: S,
    decode: Decode,
}

/// Opens the index below a data directory.
///
/// The follower does all work, from the first byte on: run it on a thread of its own.
pub fn open<S: Source>(dir: &Path, source: S, decode: Decode) -> (Index, Follower<S>) {
    let shared = Shared {
        reader: Mutex::new(None),
        damaged: std::sync::atomic::AtomicBool::new(false),
        next: watch::Sender::new(0),
    };
    let index = Index(Arc::new(shared));
    (index.clone(), Follower { index, path: dir.join(FILE), source, decode })
}

// === impl Index ===

impl Index {
    /// Waits until it has so many entries of the log.
    ///
    /// # Errors
    /// [`IndexError::Behind`]: not within a few seconds.
    pub async fn reach(&self, size: u64) -> Result<(), IndexError> {
        let mut next = self.0.next.subscribe();
        let reached = tokio::time::timeout(CATCH_UP, next.wait_for(|next| *next >= size)).await;
        match reached {
            Ok(Ok(_)) => Ok(()),
            _ => Err(IndexError::Behind { next: *self.0.next.borrow(), wanted: size }),
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
                self.0.damaged.store(true, std::sync::atomic::Ordering::Release);
            }
            error.into()
        })
    }

    fn set_reader(&self, reader: Option<Connection>) {
        *self.0.reader.lock().unwrap_or_else(PoisonError::into_inner) = reader;
    }
}

// === impl Follower ===

impl<S: Source> Follower<S> {
    /// Follows the log until it is closed.
    pub fn run(mut self) {
        loop {
            match self.follow() {
                Ok(()) => return,
                Err(error) => {
                    tracing::warn!(%error, path = %self.path.display(), "the index over the log stopped; trying again");
                }
            }
            self.index.set_reader(None);
            std::thread::sleep(RETRY);
        }
    }

    /// Opens the file, or begins a new one, and takes every entry; ends with the log.
    fn follow(&mut self) -> Result<(), IndexError> {
        let mut store = self.open()?;
        self.index.set_reader(Some(store::reader(&self.path)?));
        self.index.0.next.send_replace(store.next());
        loop {
            while self.take(&mut store)? {}
            if !self.source.wait(store.next()) {
                return Ok(());
            }
        }
    }

    /// Takes a batch; whether there was one.
    fn take(&self, store: &mut Store) -> Result<bool, IndexError> {
        if self.index.0.damaged.swap(false, std::sync::atomic::Ordering::AcqRel) {
            self.discard()?;
            return Err(rusqlite::Error::InvalidQuery.into());
        }
        let batch = self.source.entries(store.next(), BATCH)?;
        if batch.is_empty() {
            return Ok(false);
        }
        let contents = Contents::new(&batch, &self.source, self.decode);
        let taken = store.take(&batch, &contents);
        if let Err(IndexError::Database(error)) = &taken
            && store::is_damage(error)
        {
            self.discard()?;
        }
        taken?;
        self.index.0.next.send_replace(store.next());
        Ok(true)
    }

    /// The store, if it is sound and of this log; else a new one.
    fn open(&self) -> Result<Store, IndexError> {
        match Store::open(&self.path) {
            Ok(store) if self.is_of_this_log(&store)? => return Ok(store),
            Ok(_) => {
                tracing::info!(path = %self.path.display(), "the index is of another log; making it anew")
            }
            Err(error) if store::is_damage(&error) => {
                tracing::warn!(%error, path = %self.path.display(), "the index is damaged; making it anew");
            }
            Err(error) => return Err(error.into()),
        }
        self.discard()?;
        Ok(Store::open(&self.path)?)
    }

    /// Whether the last entry that it took is still what stands there.
    fn is_of_this_log(&self, store: &Store) -> Result<bool, IndexError> {
        let Some((index, leaf_hash)) = store.last() else { return Ok(true) };
        let entry = self.source.entry(index)?;
        Ok(entry.is_some_and(|entry| entry.leaf_hash == leaf_hash))
    }

    fn discard(&self) -> Result<(), IndexError> {
        self.index.set_reader(None);
        self.index.0.next.send_replace(0);
        Ok(store::remove(&self.path)?)
    }
}
