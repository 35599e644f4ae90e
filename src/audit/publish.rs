//! The thread that publishes: makes entry bundles, tiles and private files of what is durable in the journal,
//! then signs the checkpoint that covers them, then trims the journal.
//!
//! It owns the files below `log/`. Each is made whole and durable before the checkpoint that covers it, and
//! none is changed after. A failure leaves the last checkpoint as it is, and everything since is made anew.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::checkpoint::Checkpoint;
use super::dir::{CHECKPOINT, LOG};
use super::disk::{self, Disk, DiskError, DiskFile};
use super::error::ReadError;
use super::health::Health;
use super::journal::{self, Leaf};
use super::log::Messages;
use super::note::Signer;
use super::options::Options;
use super::private::{self, Texts};
use super::tail::Tail;
use super::tile::{TILE_WIDTH, Tile};
use super::tree::Edge;
use super::writer::Message;

/// Most entries of one checkpoint: 64 bundles and their tiles, whose files are open together until they are
/// synced.
const BATCH_ENTRIES: usize = 64 * TILE_WIDTH as usize;

/// What the thread works on.
pub(super) struct Publisher {
    disk: Arc<dyn Disk>,
    data: PathBuf,
    log: PathBuf,
    signer: Signer,
    /// The tree under the last checkpoint.
    edge: Edge,
    checkpoint_tx: watch::Sender<Option<Arc<Checkpoint>>>,
    tail: Tail,
    length_rx: watch::Receiver<u64>,
    health_tx: watch::Sender<Health<ReadError>>,
    messages: Messages,
    options: Options,
    /// Directories whose names were made durable in this run.
    made: BTreeSet<PathBuf>,
    /// Whether something was published since a segment was asked for, and when that was.
    rotates: bool,
    rotated: Instant,
    pause: Option<Duration>,
}

/// The files of one checkpoint, on their way to the disk.
struct Batch<'a> {
    disk: &'a dyn Disk,
    log: &'a Path,
    files: Vec<(PathBuf, Box<dyn DiskFile>)>,
    /// Tiles that became full: their partial forms go.
    full: Vec<Tile>,
    private: BTreeMap<u64, Texts>,
}

// === impl Publisher ===

impl Publisher {
    /// Reads the tree under the last checkpoint.
    #[expect(clippy::too_many_arguments, reason = "each is a part of the log that another owns")]
    pub(super) fn open(
        disk: Arc<dyn Disk>,
        data: &Path,
        signer: Signer,
        checkpoint_tx: watch::Sender<Option<Arc<Checkpoint>>>,
        tail: Tail,
        length_rx: watch::Receiver<u64>,
        health_tx: watch::Sender<Health<ReadError>>,
        messages: Messages,
        options: Options,
    ) -> Result<Self, ReadError> {
        let log = data.join(LOG);
        let checkpoint = checkpoint_tx.borrow().clone();
        let edge = match checkpoint {
            Some(checkpoint) => Edge::load(&log, checkpoint.size, &checkpoint.root)?,
            None => Edge::default(),
        };
        let data = data.to_owned();
        let (made, rotates, rotated) = (BTreeSet::new(), false, Instant::now());
        Ok(Self {
            disk,
            data,
            log,
            signer,
            edge,
            checkpoint_tx,
            tail,
            length_rx,
            health_tx,
            messages,
            options,
            made,
            rotates,
            rotated,
            pause: None,
        })
    }

    /// Publishes until the writer is gone.
    pub(super) fn run(mut self, woken: &Receiver<()>) {
        let mut last: Option<Instant> = None;
        loop {
            let wait = self.wait(last);
            if wait.is_none_or(|wait| !wait.is_zero()) {
                let ended = match wait {
                    Some(wait) => woken.recv_timeout(wait),
                    None => woken.recv().map_err(|_| RecvTimeoutError::Disconnected),
                };
                match ended {
                    Ok(()) if self.is_behind() => continue,
                    // The writer began a segment: the one before it may go.
                    Ok(()) => {
                        self.tidy(&[]);
                        continue;
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => break,
                }
            }
            if self.is_behind() {
                last = Some(Instant::now());
                self.publish();
            }
            self.rotate();
        }
        // What cannot be published now is in the journal, and is by the next run.
        while self.is_behind() && self.publish() {}
        // The writer began a segment before it ended: what it had written goes.
        self.tidy(&[]);
    }

    /// How long until there is something to do; `None`: until the writer has written.
    fn wait(&self, last: Option<Instant>) -> Option<Duration> {
        let pending = self.length_rx.borrow().saturating_sub(self.edge.size());
        match (self.pause, last) {
            (Some(pause), Some(last)) => Some(pause.saturating_sub(last.elapsed())),
            _ if !self.is_behind() => {
                self.rotates.then(|| self.options.rotate_after.saturating_sub(self.rotated.elapsed()))
            }
            (_, Some(last)) if pending < BATCH_ENTRIES as u64 => {
                Some(self.options.checkpoint_interval.saturating_sub(last.elapsed()))
            }
            _ => Some(Duration::ZERO),
        }
    }

    fn is_behind(&self) -> bool {
        self.checkpoint_tx.borrow().is_none() || *self.length_rx.borrow() > self.edge.size()
    }

    /// Publishes once, and says how it went; whether it did.
    fn publish(&mut self) -> bool {
        match self.batch() {
            Ok(()) => {
                if self.pause.take().is_some() {
                    tracing::info!(size = self.edge.size(), "checkpoints are written again");
                    self.health_tx.send_replace(Health::Ok);
                }
                true
            }
            Err(error) => {
                let pause = self.pause.map_or(self.options.retry_first, |pause| pause * 2);
                let pause = pause.min(self.options.retry_longest);
                self.pause = Some(pause);
                tracing::error!(%error, size = self.edge.size(), ?pause, "a checkpoint cannot be written");
                Health::fail(&self.health_tx, Arc::new(error));
                false
            }
        }
    }

    /// Publishes what is durable, up to the most entries of a checkpoint.
    fn batch(&mut self) -> Result<(), ReadError> {
        let old = self.edge.size();
        let mut edge = self.edge.clone();
        let mut batch = Batch {
            disk: self.disk.as_ref(),
            log: &self.log,
            files: Vec::new(),
            full: Vec::new(),
            private: BTreeMap::new(),
        };
        for leaf in self.durable(old)? {
            if !leaf.private.is_empty() {
                let texts = batch.private.entry(edge.size() / TILE_WIDTH).or_default();
                texts.insert(edge.size(), leaf.private.clone());
            }
            edge.push(&leaf, |tile, bytes| {
                batch.full.push(tile);
                batch.write(tile, TILE_WIDTH, bytes)
            })?;
        }
        for (tile, width, bytes) in edge.partials() {
            // What did not grow is there already.
            if tile.width(old) != width {
                batch.write(tile, width, &bytes)?;
            }
        }
        let Batch { mut files, full, private, .. } = batch;
        for (path, file) in &mut files {
            file.sync_data().map_err(DiskError::of("sync", path))?;
        }
        let made = self.sync_names(files.iter().filter_map(|(path, _)| path.parent()))?;
        drop(files);
        for (bundle, texts) in private {
            private::change(self.disk.as_ref(), &self.log, bundle, |kept| kept.extend(texts))?;
        }
        let checkpoint = Checkpoint::sign(&self.signer, edge.size(), edge.root());
        disk::replace(self.disk.as_ref(), &self.data.join(CHECKPOINT), checkpoint.to_string().as_bytes())?;
        self.disk.sync_dir(&self.log).map_err(DiskError::of("sync", &self.log))?;
        // From here on it is published; what follows is tidying.
        self.made.extend(made);
        self.rotates |= edge.size() > old;
        self.edge = edge;
        self.checkpoint_tx.send_replace(Some(Arc::new(checkpoint)));
        self.tail.drop_before(self.edge.size());
        self.tidy(&full);
        Ok(())
    }

    /// Entries that are durable and not published, from memory or else from the journal.
    fn durable(&self, from: u64) -> Result<Vec<Arc<Leaf>>, ReadError> {
        let length = *self.length_rx.borrow();
        let wanted = usize::try_from(length - from).unwrap_or(usize::MAX).min(BATCH_ENTRIES);
        if let Some(leaves) = self.tail.get(from, wanted) {
            return Ok(leaves);
        }
        let until = length.min(from + wanted as u64);
        let leaves = journal::read(&self.data)?.starting_at(from).ending_at(until);
        leaves.map(|leaf| leaf.map(|(_, leaf)| Arc::new(leaf))).collect()
    }

    /// Makes names durable: those in the directories that were written to, and of new directories their own.
    fn sync_names<'a>(
        &self,
        written: impl Iterator<Item = &'a Path>,
    ) -> Result<BTreeSet<PathBuf>, ReadError> {
        let mut dirs = BTreeSet::from([self.log.clone()]);
        let mut made = BTreeSet::new();
        for dir in written {
            dirs.insert(dir.to_owned());
            for above in dir.ancestors().take_while(|above| *above != self.data) {
                if self.made.contains(above) || !made.insert(above.to_owned()) {
                    break;
                }
                dirs.extend(above.parent().map(Path::to_owned));
            }
        }
        if !self.made.contains(&self.log) {
            self.disk.create_dir(&self.log).map_err(DiskError::of("create", &self.log))?;
            made.insert(self.log.clone());
            dirs.insert(self.data.clone());
        }
        for dir in &dirs {
            self.disk.sync_dir(dir).map_err(DiskError::of("sync", dir))?;
        }
        Ok(made)
    }

    /// Removes what the checkpoint made needless. What stays for now goes with the next.
    fn tidy(&mut self, full: &[Tile]) {
        for tile in full {
            let partials = self.log.join(tile.partials());
            self.made.remove(&partials);
            if partials.is_dir()
                && let Err(error) = self.disk.remove_dir(&partials)
            {
                tracing::warn!(%error, path = %partials.display(), "partial tiles were not removed");
            }
        }
        if let Err(error) = journal::trim(self.disk.as_ref(), &self.data, self.edge.size()) {
            tracing::warn!(%error, "the journal was not trimmed");
        }
    }

    /// Asks for a new segment now and then, so that no private text stays in the journal for long.
    fn rotate(&mut self) {
        if self.rotates && self.rotated.elapsed() >= self.options.rotate_after {
            (self.rotates, self.rotated) = (false, Instant::now());
            let messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
            // Without a sender the log is being closed, which begins a segment too.
            let _ = messages.as_ref().map(|sender| sender.send(Message::Rotate));
        }
    }
}

// === impl Batch ===

impl Batch<'_> {
    fn write(&mut self, tile: Tile, width: u64, bytes: &[u8]) -> Result<(), ReadError> {
        let path = self.log.join(tile.path(width));
        if let Some(dir) = path.parent() {
            self.disk.create_dir(dir).map_err(DiskError::of("create", dir))?;
        }
        let mut file = self.disk.create(&path).map_err(DiskError::of("create", &path))?;
        file.write_all(bytes).map_err(DiskError::of("write", &path))?;
        self.files.push((path, file));
        Ok(())
    }
}
