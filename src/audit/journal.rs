//! The journal as the engine uses it: append, health, close.
//!
//! It owns the bound on what is accepted and how long a caller waits. It leaves writing to the writer thread,
//! which it starts.

use std::collections::VecDeque;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, oneshot, watch};
use tokio::time::timeout;

use super::disk::{Disk, DiskError, LocalDisk};
use super::format::{FRAME_HEAD_BYTES, MAX_RECORD_BYTES};
use super::log::{Log, OpenError, Recovery};
use super::read::{ReadError, Reader, read};
use super::writer::{Ending, Room, Submission, Writer};
use crate::domain::{Receipt, Record};

/// When an append is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// When the record is on disk.
    Durable,
    /// When the record is in the bounded buffer, from which it is written in turn.
    Buffered,
}

/// Sizes and waits of a journal.
#[derive(Clone, Debug)]
pub struct Options {
    /// A segment takes no further group beyond this many bytes. 64 MiB: opening reads two whole.
    pub segment_bytes: u64,
    /// Most records in the buffer. 8,192: what a crash may lose of answers given without waiting.
    pub buffer_records: u32,
    /// Most bytes of records in the buffer. 32 MiB: 4 KiB for each of those.
    pub buffer_bytes: u32,
    /// Longest wait for room in the buffer. 1 s: a slow sync passes, a stalled disk does not.
    pub room_wait: Duration,
    /// Longest wait for a record to be on disk, once it is in the buffer. 5 s.
    pub durable_wait: Duration,
    /// Pause before a failing disk is tried again; it doubles each time. 100 ms.
    pub retry_first: Duration,
    /// Longest such pause. 10 s: how late a recovery may be noticed.
    pub retry_longest: Duration,
}

/// Whether the journal can write.
#[derive(Clone, Debug)]
pub enum JournalHealth {
    /// The last write succeeded.
    Ok,
    /// It did not. Durable appends fail at once, buffered ones fill the buffer, and the disk is tried
    /// again.
    Failing {
        /// When the first of the failures in a row was seen, on the monotonic clock.
        since: Instant,
        /// What the disk said last.
        cause: Arc<DiskError>,
    },
}

/// Why a record was not accepted. The decision must then not be given.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RecordError {
    /// The disk refuses. Ask again when the journal's health is ok.
    #[error("the record could not be written: {cause}")]
    Unwritable {
        /// What the disk said.
        #[source]
        cause: Arc<DiskError>,
    },
    /// No room came free in time. Ask again later.
    #[error("the journal's buffer stayed full for {waited:?}")]
    BufferFull {
        /// How long was waited.
        waited: Duration,
        /// What the disk said, where it fails rather than being slow.
        #[source]
        cause: Option<Arc<DiskError>>,
    },
    /// The record was not on disk in time; it may yet come there. Ask again later.
    #[error("the record was not durable after {waited:?}")]
    TooSlow {
        /// How long was waited.
        waited: Duration,
    },
    /// The record can never be written. Ask for less.
    #[error("the record has {bytes} bytes, and the journal takes {limit}")]
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The limit, that of a record or of the whole buffer.
        limit: usize,
    },
    /// The journal is closed, as the program ends. Ask another replica.
    #[error("the journal is closed")]
    Closed,
}

/// Why a journal did not close in order.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CloseError {
    /// The disk failed to the last, and records that were buffered are lost.
    #[error("{records} buffered records were lost: {cause}")]
    Lost {
        /// How many.
        records: usize,
        /// What the disk said.
        #[source]
        cause: Arc<DiskError>,
    },
    /// The writer thread ended of itself: a fault of the program.
    #[error("the journal's writer ended early")]
    Writer,
}

/// The decision journal. Cheap to clone; every clone is the same journal.
#[derive(Clone)]
pub struct Journal(Arc<Shared>);

struct Shared {
    dir: PathBuf,
    encode: fn(&Record) -> Vec<u8>,
    options: Options,
    /// One permit for each record that may be pending.
    records: Arc<Semaphore>,
    /// One permit for each byte that may be pending.
    bytes: Arc<Semaphore>,
    /// Bounded by the permits that each submission carries. `None` once closed: what was sent before is
    /// written, and nothing can be sent after.
    submissions: Mutex<Option<mpsc::Sender<Submission>>>,
    health_rx: watch::Receiver<JournalHealth>,
    ending_rx: watch::Receiver<Option<Ending>>,
    length: Arc<AtomicU64>,
}

// === impl Options ===

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            buffer_records: 8192,
            buffer_bytes: 32 << 20,
            room_wait: Duration::from_secs(1),
            durable_wait: Duration::from_secs(5),
            retry_first: Duration::from_millis(100),
            retry_longest: Duration::from_secs(10),
        }
    }
}

// === impl JournalHealth ===

impl JournalHealth {
    /// Whether the last write succeeded.
    #[must_use]
    pub const fn is_ok(&self) -> bool {
        matches!(self, Self::Ok)
    }

    fn cause(&self) -> Option<Arc<DiskError>> {
        match self {
            Self::Ok => None,
            Self::Failing { cause, .. } => Some(cause.clone()),
        }
    }
}

// === impl Journal ===

impl Journal {
    /// Opens the journal below a data directory, or begins one. Blocks while it reads the last segments.
    ///
    /// `encode` gives a record's final bytes.
    ///
    /// # Errors
    /// [`OpenError`] when it is in use, when the disk refuses, or when durable bytes are damaged.
    pub fn open(
        dir: &Path,
        encode: fn(&Record) -> Vec<u8>,
        options: Options,
    ) -> Result<(Self, Recovery), OpenError> {
        Self::open_on(Arc::new(LocalDisk), dir, encode, options)
    }

    /// Opens it on another [`Disk`].
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub fn open_on(
        disk: Arc<dyn Disk>,
        dir: &Path,
        encode: fn(&Record) -> Vec<u8>,
        options: Options,
    ) -> Result<(Self, Recovery), OpenError> {
        let (log, recovery) = Log::open(disk, dir, options.segment_bytes)?;
        let (sender, submissions) = mpsc::channel();
        let (health_tx, health_rx) = watch::channel(JournalHealth::Ok);
        let (ending_tx, ending_rx) = watch::channel(None);
        let length = Arc::new(AtomicU64::new(log.len()));
        let writer = Writer {
            log,
            submissions,
            pending: VecDeque::new(),
            failing: None,
            health_tx,
            length: length.clone(),
            retry_first: options.retry_first,
            retry_longest: options.retry_longest,
        };
        thread::Builder::new()
            .name(String::from("journal"))
            .spawn(move || ending_tx.send_replace(Some(writer.run())))
            .map_err(|source| OpenError::Thread { source })?;
        let shared = Shared {
            dir: dir.to_owned(),
            encode,
            records: Arc::new(Semaphore::new(options.buffer_records as usize)),
            bytes: Arc::new(Semaphore::new(options.buffer_bytes as usize)),
            options,
            submissions: Mutex::new(Some(sender)),
            health_rx,
            ending_rx,
            length,
        };
        Ok((Self(Arc::new(shared)), recovery))
    }

    /// Records a decision. The receipt is there exactly when the durability is [`Durability::Durable`].
    ///
    /// Runs in a Tokio runtime with time enabled.
    ///
    /// # Errors
    /// As [`Journal::append_durable`] and [`Journal::append_buffered`].
    pub async fn append(
        &self,
        record: &Record,
        durability: Durability,
    ) -> Result<Option<Receipt>, RecordError> {
        match durability {
            Durability::Durable => self.append_durable(record).await.map(Some),
            Durability::Buffered => self.append_buffered(record).await.map(|()| None),
        }
    }

    /// Records a decision, and waits until it is on disk.
    ///
    /// # Errors
    /// [`RecordError`]: no durable record is promised, and the decision must not be given.
    pub async fn append_durable(&self, record: &Record) -> Result<Receipt, RecordError> {
        if let Some(cause) = self.health().cause() {
            return Err(RecordError::Unwritable { cause });
        }
        let (acknowledge, acknowledged) = oneshot::channel();
        let mut health_rx = self.health_rx();
        let failing = async move {
            match health_rx.wait_for(|health| !health.is_ok()).await.map(|health| health.cause()) {
                Ok(Some(cause)) => RecordError::Unwritable { cause },
                Ok(None) | Err(_) => RecordError::Closed,
            }
        };
        let payload = self.encode(record)?;
        let room = tokio::select! {
            room = self.room(payload.len()) => room?,
            error = failing => return Err(error),
        };
        self.submit(Submission { payload, acknowledge: Some(acknowledge), room })?;
        let waited = self.0.options.durable_wait;
        match timeout(waited, acknowledged).await {
            Ok(Ok(written)) => written.map_err(|cause| RecordError::Unwritable { cause }),
            Ok(Err(_)) => Err(RecordError::Closed),
            Err(_) => Err(RecordError::TooSlow { waited }),
        }
    }

    /// Records a decision without waiting for the disk, but for room in the bounded buffer.
    ///
    /// # Errors
    /// [`RecordError`]: the record is not in the buffer, and the decision must not be given.
    pub async fn append_buffered(&self, record: &Record) -> Result<(), RecordError> {
        let payload = self.encode(record)?;
        let room = self.room(payload.len()).await?;
        self.submit(Submission { payload, acknowledge: None, room })
    }

    /// How many records are durable: the next index, but for pending records.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.length.load(Ordering::Acquire)
    }

    /// Whether no record is durable.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads the records that are durable now, from index 0. Blocks on the disk.
    ///
    /// # Errors
    /// As [`read`].
    pub fn read(&self) -> Result<Reader, ReadError> {
        // The length first: whatever is listed after it was read holds those records for good.
        let length = self.len();
        Ok(read(&self.0.dir)?.ending_at(length))
    }

    /// Whether it can write, now.
    #[must_use]
    pub fn health(&self) -> JournalHealth {
        self.0.health_rx.borrow().clone()
    }

    /// Watches whether it can write. The channel closes when the journal has.
    #[must_use]
    pub fn health_rx(&self) -> watch::Receiver<JournalHealth> {
        self.0.health_rx.clone()
    }

    /// Takes no more records, writes what is pending, and waits for it; other clones are closed too.
    ///
    /// A disk that stalls stalls this: the caller bounds the wait.
    ///
    /// # Errors
    /// [`CloseError`] when records that were buffered could not be written.
    pub async fn close(&self) -> Result<(), CloseError> {
        drop(self.sender().take());
        self.0.records.close();
        self.0.bytes.close();
        let mut ending_rx = self.0.ending_rx.clone();
        match ending_rx.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(Ending::Flushed)) => Ok(()),
            Ok(Some(Ending::Lost { records, cause })) => {
                Err(CloseError::Lost { records: *records, cause: cause.clone() })
            }
            Ok(None) | Err(_) => Err(CloseError::Writer),
        }
    }

    fn encode(&self, record: &Record) -> Result<Vec<u8>, RecordError> {
        let payload = (self.0.encode)(record);
        let bytes = payload.len();
        let buffer = (self.0.options.buffer_bytes as usize).saturating_sub(FRAME_HEAD_BYTES);
        let limit = MAX_RECORD_BYTES.min(buffer);
        if bytes > limit { Err(RecordError::TooLarge { bytes, limit }) } else { Ok(payload) }
    }

    /// Waits for room, first come, first served.
    async fn room(&self, payload_bytes: usize) -> Result<Room, RecordError> {
        // At most MAX_RECORD_BYTES and a head, so it fits.
        let permits = u32::try_from(payload_bytes + FRAME_HEAD_BYTES).unwrap_or(u32::MAX);
        let both = async {
            let records = self.0.records.clone().acquire_owned().await?;
            let bytes = self.0.bytes.clone().acquire_many_owned(permits).await?;
            Ok::<_, tokio::sync::AcquireError>(Room { _records: records, _bytes: bytes })
        };
        let waited = self.0.options.room_wait;
        match timeout(waited, both).await {
            Ok(room) => room.map_err(|_| RecordError::Closed),
            Err(_) => Err(RecordError::BufferFull { waited, cause: self.health().cause() }),
        }
    }

    fn submit(&self, submission: Submission) -> Result<(), RecordError> {
        match self.sender().as_ref() {
            Some(sender) => sender.send(submission).map_err(|_| RecordError::Closed),
            None => Err(RecordError::Closed),
        }
    }

    fn sender(&self) -> std::sync::MutexGuard<'_, Option<mpsc::Sender<Submission>>> {
        self.0.submissions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("dir", &self.0.dir).field("len", &self.len()).finish_non_exhaustive()
    }
}
