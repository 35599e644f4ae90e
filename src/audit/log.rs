//! The log as the engine uses it: append, health, close.
//!
//! It owns the bound on what is accepted and how long a caller waits, and signs receipts. It leaves writing
//! to the writer thread and tiles to the publisher thread, both of which it starts.

use std::collections::VecDeque;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use tokio::sync::{Semaphore, oneshot, watch};
use tokio::time::timeout;

use super::checkpoint::{Checkpoint, receipt_text};
use super::dir::LogDir;
use super::disk::{Disk, DiskError, LocalDisk};
use super::entry::{self, Contents, Format};
use super::error::ReadError;
use super::failure::{CloseError, OpenError, RecordError};
use super::health::Health;
use super::journal::{self, FRAME_HEAD_BYTES, Journal, MAX_DRAFT_BYTES, Recovery};
use super::key;
use super::note::{Signer, Verifier};
use super::options::Options;
use super::publish::Publisher;
use super::tail::Tail;
use super::tile::MAX_ENTRY_BYTES;
use super::writer::{Ending, Message, Room, Submission, Writer, draft_bytes};
use crate::domain::{Draft, Outcome, Receipt, Record};

/// The log of decisions. Cheap to clone; every clone is the same log.
#[derive(Clone)]
pub struct Log(Arc<Shared>);

/// Sends to the writer. Bounded by the permits that each submission carries. `None` once closed: what was
/// sent before is written, and nothing can be sent after.
pub(super) type Messages = Arc<Mutex<Option<mpsc::Sender<Message>>>>;

struct Shared {
    dir: LogDir,
    format: Arc<dyn Format>,
    signer: Signer,
    options: Options,
    /// One permit for each record that may be pending.
    records: Arc<Semaphore>,
    /// One permit for each byte that may be pending.
    bytes: Arc<Semaphore>,
    messages: Messages,
    health_rx: watch::Receiver<Health<DiskError>>,
    publishing_rx: watch::Receiver<Health<ReadError>>,
    length_rx: watch::Receiver<u64>,
    checkpoint_rx: watch::Receiver<Option<Arc<Checkpoint>>>,
    ending_rx: watch::Receiver<Option<Ending>>,
    published_rx: watch::Receiver<bool>,
}

// === impl Log ===

impl Log {
    /// Opens the log below a data directory, or begins one. Blocks while it reads the journal's last segments.
    ///
    /// # Errors
    /// [`OpenError`] when it is in use, when the disk refuses, when durable bytes are damaged, or when its key
    /// is not there.
    pub fn open(
        data: &Path,
        format: Arc<dyn Format>,
        options: Options,
    ) -> Result<(Self, Recovery), OpenError> {
        Self::open_on(Arc::new(LocalDisk), data, format, options)
    }

    /// Opens it on another [`Disk`].
    ///
    /// # Errors
    /// As [`Log::open`].
    pub fn open_on(
        disk: Arc<dyn Disk>,
        data: &Path,
        format: Arc<dyn Format>,
        options: Options,
    ) -> Result<(Self, Recovery), OpenError> {
        if !entry::parts_fit(format.as_ref()) {
            return Err(OpenError::Format);
        }
        let lock = journal::lock(disk.as_ref(), data)?;
        let signer = key::open(disk.as_ref(), data, &options)?;
        let checkpoint = LogDir::open(data).checkpoint_of(&signer.verifier())?;
        let covered = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.size);
        let (journal, recovery) = Journal::open(disk.clone(), data, lock, options.segment_bytes, covered)?;
        let (sender, messages) = mpsc::channel();
        let sender = Arc::new(Mutex::new(Some(sender)));
        // One call that waits is as good as many.
        let (wake, woken) = mpsc::sync_channel(1);
        let (health_tx, health_rx) = watch::channel(Health::Ok);
        let (publishing_tx, publishing_rx) = watch::channel(Health::Ok);
        let (ending_tx, ending_rx) = watch::channel(None);
        let (published_tx, published_rx) = watch::channel(false);
        let (length_tx, length_rx) = watch::channel(journal.len());
        let (checkpoint_tx, checkpoint_rx) = watch::channel(checkpoint.map(Arc::new));
        let tail = Tail::new(journal.len());
        let publisher = Publisher::open(
            disk,
            data,
            signer.clone(),
            checkpoint_tx,
            tail.clone(),
            length_rx.clone(),
            publishing_tx,
            sender.clone(),
            options.clone(),
        )?;
        let writer = Writer {
            journal,
            format: format.clone(),
            contents: Contents::default(),
            messages,
            pending: VecDeque::new(),
            failing: None,
            health_tx,
            tail: tail.clone(),
            length_tx,
            wake,
            retry_first: options.retry_first,
            retry_longest: options.retry_longest,
        };
        spawn("journal", move || drop(ending_tx.send_replace(Some(writer.run()))))?;
        spawn("log", move || {
            publisher.run(&woken);
            published_tx.send_replace(true);
        })?;
        let shared = Shared {
            dir: LogDir::live(data, tail, length_rx.clone()),
            format,
            signer,
            records: Arc::new(Semaphore::new(options.buffer_records as usize)),
            bytes: Arc::new(Semaphore::new(options.buffer_bytes as usize)),
            options,
            messages: sender,
            health_rx,
            publishing_rx,
            length_rx,
            checkpoint_rx,
            ending_rx,
            published_rx,
        };
        Ok((Self(Arc::new(shared)), recovery))
    }

    /// Records a decision, and waits until it is on disk.
    ///
    /// Runs in a Tokio runtime with time enabled, as every append does.
    ///
    /// # Errors
    /// [`RecordError`]: no durable record is promised, and the decision must not be given.
    pub async fn append_durable(&self, record: &Record) -> Result<Receipt, RecordError> {
        self.refuse_early()?;
        self.write(self.0.format.decision(record)?).await
    }

    /// Records a decision without waiting for the disk, but for room in the bounded buffer.
    ///
    /// # Errors
    /// [`RecordError`]: the record is not in the buffer, and the decision must not be given.
    pub async fn append_buffered(&self, record: &Record) -> Result<(), RecordError> {
        let draft = self.fitting(self.0.format.decision(record)?)?;
        let room = self.room(&draft).await?;
        self.submit(Submission { draft, acknowledge: None, _room: room })
    }

    /// Records what became of a decision, and waits until it is on disk.
    ///
    /// # Errors
    /// [`RecordError`]: it is not recorded, or not yet.
    pub async fn append_outcome(&self, outcome: &Outcome) -> Result<Receipt, RecordError> {
        self.refuse_early()?;
        self.write(self.0.format.outcome(outcome)?).await
    }

    /// How many entries are durable: the next index, but for pending records.
    #[must_use]
    pub fn len(&self) -> u64 {
        *self.0.length_rx.borrow()
    }

    /// Whether no entry is durable.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Watches how many entries are durable.
    #[must_use]
    pub fn length_rx(&self) -> watch::Receiver<u64> {
        self.0.length_rx.clone()
    }

    /// Reads what is durable, also while it grows. Cheap to clone.
    #[must_use]
    pub fn reader(&self) -> LogDir {
        self.0.dir.clone()
    }

    /// The newest durable checkpoint; `None` before the first.
    #[must_use]
    pub fn checkpoint(&self) -> Option<Arc<Checkpoint>> {
        self.0.checkpoint_rx.borrow().clone()
    }

    /// Watches the newest durable checkpoint.
    #[must_use]
    pub fn checkpoint_rx(&self) -> watch::Receiver<Option<Arc<Checkpoint>>> {
        self.0.checkpoint_rx.clone()
    }

    /// The log's origin.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.0.signer.name()
    }

    /// The key by which others check what the log signs.
    #[must_use]
    pub fn verifier(&self) -> Verifier {
        self.0.signer.verifier()
    }

    /// Whether it can write, now.
    #[must_use]
    pub fn health(&self) -> Health<DiskError> {
        self.0.health_rx.borrow().clone()
    }

    /// Watches whether it can write. The channel closes when the log has.
    #[must_use]
    pub fn health_rx(&self) -> watch::Receiver<Health<DiskError>> {
        self.0.health_rx.clone()
    }

    /// Watches whether tiles and checkpoints can be written. The channel closes when the log has.
    #[must_use]
    pub fn publishing_rx(&self) -> watch::Receiver<Health<ReadError>> {
        self.0.publishing_rx.clone()
    }

    /// Takes no more records, writes what is pending, and publishes it; other clones are closed too.
    ///
    /// A disk that stalls stalls this: the caller bounds the wait.
    ///
    /// # Errors
    /// [`CloseError`] when records that were buffered could not be written. What is durable and could not be
    /// published is in the journal, and is published by the next run.
    pub async fn close(&self) -> Result<(), CloseError> {
        drop(self.0.messages.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.0.records.close();
        self.0.bytes.close();
        let mut published_rx = self.0.published_rx.clone();
        published_rx.wait_for(|published| *published).await.map_err(|_| CloseError::Thread)?;
        let mut ending_rx = self.0.ending_rx.clone();
        match ending_rx.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(Ending::Lost { records, cause })) => {
                Err(CloseError::Lost { records: *records, cause: cause.clone() })
            }
            Ok(Some(Ending::Flushed)) => Ok(()),
            Ok(None) | Err(_) => Err(CloseError::Thread),
        }
    }

    fn refuse_early(&self) -> Result<(), RecordError> {
        match self.health().cause() {
            Some(cause) => Err(RecordError::Unwritable { cause }),
            None => Ok(()),
        }
    }

    /// Submits a draft, and waits until it is on disk.
    async fn write(&self, draft: Draft) -> Result<Receipt, RecordError> {
        let draft = self.fitting(draft)?;
        let (acknowledge, acknowledged) = oneshot::channel();
        let mut health_rx = self.health_rx();
        let failing = async move {
            match health_rx.wait_for(|health| !health.is_ok()).await.map(|health| health.cause()) {
                Ok(Some(cause)) => RecordError::Unwritable { cause },
                Ok(None) | Err(_) => RecordError::Closed,
            }
        };
        let room = tokio::select! {
            room = self.room(&draft) => room?,
            error = failing => return Err(error),
        };
        self.submit(Submission { draft, acknowledge: Some(acknowledge), _room: room })?;
        let waited = self.0.options.durable_wait;
        match timeout(waited, acknowledged).await {
            Ok(Ok(Ok((log_index, leaf_hash)))) => {
                let text = receipt_text(self.origin(), log_index, &leaf_hash);
                let signature = self.0.signer.sign(text.as_bytes());
                Ok(Receipt { log_index, leaf_hash: leaf_hash.to_vec(), signature })
            }
            Ok(Ok(Err(cause))) => Err(RecordError::Unwritable { cause }),
            Ok(Err(_)) => Err(RecordError::Closed),
            Err(_) => Err(RecordError::TooSlow { waited }),
        }
    }

    /// The draft, where it fits in an entry, a group and the buffer.
    fn fitting(&self, draft: Draft) -> Result<Draft, RecordError> {
        let buffer = (self.0.options.buffer_bytes as usize).saturating_sub(FRAME_HEAD_BYTES);
        let body = (entry::longest_body(self.0.format.as_ref(), &draft), MAX_ENTRY_BYTES);
        let whole = (draft_bytes(&draft), MAX_DRAFT_BYTES.min(buffer));
        match [body, whole].into_iter().find(|(bytes, limit)| bytes > limit) {
            Some((bytes, limit)) => Err(RecordError::TooLarge { bytes, limit }),
            None => Ok(draft),
        }
    }

    /// Waits for room, first come, first served.
    async fn room(&self, draft: &Draft) -> Result<Room, RecordError> {
        let covered = self.checkpoint().map_or(0, |checkpoint| checkpoint.size);
        let entries = self.len().saturating_sub(covered);
        if entries > self.0.options.unpublished_entries {
            let cause = self.0.publishing_rx.borrow().cause();
            return Err(RecordError::Unpublished { entries, cause });
        }
        // At most MAX_DRAFT_BYTES and a head, so it fits.
        let permits = u32::try_from(draft_bytes(draft) + FRAME_HEAD_BYTES).unwrap_or(u32::MAX);
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
        match self.0.messages.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            Some(sender) => sender.send(Message::Write(submission)).map_err(|_| RecordError::Closed),
            None => Err(RecordError::Closed),
        }
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { dir, signer, .. } = self.0.as_ref();
        f.debug_struct("Log").field("dir", dir).field("key", signer).finish_non_exhaustive()
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), OpenError> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map(drop).map_err(|source| OpenError::Thread { source })
}
