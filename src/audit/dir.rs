//! Reads a log: its entries from bundles and then from the journal, its checkpoint, tiles and private texts.
//!
//! It owns what a reader sees while the log grows. It works on the files alone, whether a server writes to
//! them or not, and trusts none of their hashes: whoever must be sure checks them against the checkpoint.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use tokio::sync::watch;

use super::checkpoint::Checkpoint;
use super::disk::{self, Disk as _, DiskError, LocalDisk};
use super::error::ReadError;
use super::journal::{self, Leaf, Reader};
use super::merkle::{self, Hash};
use super::note::{NoteError, Verifier};
use super::private;
use super::tail::Tail;
use super::tile::{self, TILE_WIDTH, Tile, Tiles};

/// The log's folder in the data directory.
pub(super) const LOG: &str = "log";
/// The newest checkpoint.
pub(super) const CHECKPOINT: &str = "log/checkpoint";
/// The newest checkpoint that witnesses have signed, too.
const COSIGNED: &str = "log/cosigned";
/// Index of the first entry that is kept, where earlier ones were pruned.
const PRUNED: &str = "log/pruned";
/// Entries that are taken from memory at once.
const TAKEN: usize = 1024;

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Place in the log, from 0.
    pub index: u64,
    /// The entry's bytes.
    pub bytes: Vec<u8>,
    /// Their RFC 6962 leaf hash.
    pub leaf_hash: Hash,
}

/// A log's files. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LogDir {
    data: PathBuf,
    live: Option<Live>,
}

/// What the log of this process knows beyond the files.
#[derive(Clone, Debug)]
struct Live {
    tail: Tail,
    length_rx: watch::Receiver<u64>,
}

/// Iterates over entries in order. Ends at the first error.
#[derive(Debug)]
pub struct Entries {
    dir: LogDir,
    next: u64,
    end: u64,
    /// Entries under the checkpoint that was read last.
    covered: Option<u64>,
    read: VecDeque<Entry>,
    journal: Option<Reader>,
}

/// What came of looking for the next entries.
enum Found {
    /// They were read.
    Some,
    /// There are none.
    End,
    /// They are no longer where they were looked for.
    Elsewhere,
}

// === impl LogDir ===

impl LogDir {
    /// The log below a data directory. Nothing is read yet.
    #[must_use]
    pub fn open(data: &Path) -> Self {
        Self { data: data.to_owned(), live: None }
    }

    /// That of a log which is open in this process: it ends with what is durable.
    pub(super) fn live(data: &Path, tail: Tail, length_rx: watch::Receiver<u64>) -> Self {
        Self { data: data.to_owned(), live: Some(Live { tail, length_rx }) }
    }

    /// The folder of tiles, bundles and checkpoint.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.data.join(LOG)
    }

    /// The newest checkpoint, whose signature is not checked; `None` where there is none yet.
    ///
    /// # Errors
    /// [`ReadError`]: it is not a checkpoint, or cannot be read.
    pub fn checkpoint(&self) -> Result<Option<Checkpoint>, ReadError> {
        self.note(CHECKPOINT)
    }

    /// The newest checkpoint that has signatures of witnesses, none of them checked; `None` where no witness
    /// signed one.
    ///
    /// # Errors
    /// As [`LogDir::checkpoint`].
    pub fn cosigned(&self) -> Result<Option<Checkpoint>, ReadError> {
        self.note(COSIGNED)
    }

    /// Keeps a checkpoint that witnesses have signed, in place of the one before.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn keep_cosigned(&self, checkpoint: &Checkpoint) -> Result<(), DiskError> {
        disk::replace(&LocalDisk, &self.data.join(COSIGNED), checkpoint.to_string().as_bytes())?;
        let log = self.log();
        LocalDisk.sync_dir(&log).map_err(DiskError::of("sync", &log))
    }

    /// How many entries the newest checkpoint covers.
    fn covered(&self) -> Result<u64, ReadError> {
        Ok(self.checkpoint()?.map_or(0, |checkpoint| checkpoint.size))
    }

    fn note(&self, name: &str) -> Result<Option<Checkpoint>, ReadError> {
        let path = self.data.join(name);
        let text = match fs::read(&path) {
            Ok(bytes) => String::from_utf8(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(DiskError::of("read", &path)(error).into()),
        };
        let text = text.map_err(|_| NoteError::Note("it is not text"));
        let checkpoint = text.and_then(|text| text.parse());
        checkpoint.map(Some).map_err(|source| ReadError::Note { path, source })
    }

    /// The newest checkpoint, which the log of that key signed.
    pub(super) fn checkpoint_of(&self, key: &Verifier) -> Result<Option<Checkpoint>, ReadError> {
        let checkpoint = self.checkpoint()?;
        if let Some(checkpoint) = &checkpoint {
            let path = self.data.join(CHECKPOINT);
            checkpoint.check(key).map_err(|source| ReadError::Note { path, source })?;
        }
        Ok(checkpoint)
    }

    /// The file that says from where on entries are kept.
    pub(super) fn pruned(&self) -> PathBuf {
        self.data.join(PRUNED)
    }

    /// Index of the first entry that is kept: 0 unless earlier ones were pruned.
    ///
    /// # Errors
    /// [`ReadError`]: the file that says so is damaged.
    pub fn first(&self) -> Result<u64, ReadError> {
        let path = self.data.join(PRUNED);
        match fs::read_to_string(&path) {
            Ok(text) => text.trim_end().parse().map_err(|_| ReadError::Damaged { path, offset: 0 }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(DiskError::of("read", &path)(error).into()),
        }
    }

    /// Entries from one index up to another, which is not among them, from bundles and then from the journal.
    /// Begins with the first entry that is kept, and ends with the last that there is.
    ///
    /// # Errors
    /// [`ReadError`] when the log cannot be read; what is wrong with later files comes as items.
    pub fn entries(&self, range: Range<u64>) -> Result<Entries, ReadError> {
        let next = range.start.max(self.first()?);
        let end = match &self.live {
            Some(live) => range.end.min(*live.length_rx.borrow()),
            None => range.end,
        };
        let (read, dir) = (VecDeque::new(), self.clone());
        Ok(Entries { dir, next, end, covered: None, read, journal: None })
    }

    /// One entry; `None` beyond the end.
    ///
    /// # Errors
    /// [`ReadError::Pruned`], or what is wrong with its files.
    pub fn entry(&self, index: u64) -> Result<Option<Entry>, ReadError> {
        let first = self.first()?;
        if index < first {
            return Err(ReadError::Pruned { index, first });
        }
        self.entries(index..index.saturating_add(1))?.next().transpose()
    }

    /// The plain texts of an entry's masked fields, from their own file or else from the journal; `None` where
    /// it has none, or none any more.
    ///
    /// # Errors
    /// [`ReadError`]: a file is damaged, or cannot be read.
    pub fn private(&self, index: u64) -> Result<Option<Vec<u8>>, ReadError> {
        if let Some(live) = &self.live
            && let Some(leaf) = live.tail.get(index, 1).and_then(|leaves| leaves.into_iter().next())
        {
            return Ok(Some(leaf.private.clone()).filter(|text| !text.is_empty()));
        }
        loop {
            let covered = self.covered()?;
            if index < covered {
                return Ok(private::read(&self.log(), index / TILE_WIDTH)?.remove(&index));
            }
            let leaf = journal::read(&self.data).and_then(|journal| {
                journal.starting_at(index).ending_at(index.saturating_add(1)).next().transpose()
            });
            // A log that went on meanwhile has it in the file by now.
            if matches!(leaf, Ok(Some(_))) || self.covered()? == covered {
                return Ok(leaf?.map(|(_, leaf)| leaf.private).filter(|text| !text.is_empty()));
            }
        }
    }

    /// Erases the plain texts of an entry's masked fields; whether there were any. The journal may hold them
    /// until it is trimmed: an hour in a server that runs, and no longer than until it ends in order.
    ///
    /// # Errors
    /// [`ReadError::Pruned`] and the like; [`ReadError::Missing`] where no checkpoint covers it yet: ask again.
    pub fn erase(&self, index: u64) -> Result<bool, ReadError> {
        let covered = self.covered()?;
        if index >= covered {
            return Err(ReadError::Missing { path: private::path(&self.log(), index / TILE_WIDTH) });
        }
        let mut erased = false;
        private::change(&LocalDisk, &self.log(), index / TILE_WIDTH, |texts| {
            erased = texts.remove(&index).is_some();
        })?;
        Ok(erased)
    }

    /// The tiles of the tree of that size, which a checkpoint covers: they give the hashes for proofs.
    #[must_use]
    pub fn tiles(&self, size: u64) -> Tiles {
        Tiles::new(&self.log(), size)
    }
}

// === impl Entries ===

impl Entries {
    fn advance(&mut self) -> Result<Option<Entry>, ReadError> {
        loop {
            if let Some(entry) = self.read.pop_front() {
                self.next = entry.index + 1;
                return Ok(Some(entry));
            }
            if self.next >= self.end {
                return Ok(None);
            }
            let covered = self.covered()?;
            let fault = match self.fill(covered) {
                Ok(Found::Some) => continue,
                Ok(Found::End) => return Ok(None),
                Ok(Found::Elsewhere) => None,
                Err(error) => Some(error),
            };
            // A log that went on meanwhile has what was to be read elsewhere: in a bundle, or a wider one.
            self.journal = None;
            let now = self.dir.covered()?;
            if now == covered {
                return fault.map_or(Ok(None), Err);
            }
            self.covered = Some(now);
        }
    }

    /// Reads the next entries.
    fn fill(&mut self, covered: u64) -> Result<Found, ReadError> {
        if let Some(journal) = &mut self.journal {
            let Some((index, leaf)) = journal.next().transpose()? else { return Ok(Found::End) };
            self.read.push_back(entry(index, &leaf));
            return Ok(Found::Some);
        }
        if self.next < covered {
            self.bundle(covered)?;
            return Ok(Found::Some);
        }
        self.beyond()
    }

    fn covered(&mut self) -> Result<u64, ReadError> {
        match self.covered {
            Some(covered) => Ok(covered),
            None => {
                let covered = self.dir.covered()?;
                self.covered = Some(covered);
                Ok(covered)
            }
        }
    }

    /// Reads the bundle of the next entry.
    fn bundle(&mut self, covered: u64) -> Result<(), ReadError> {
        let bundle = self.next / TILE_WIDTH;
        let tile = Tile::Entries { index: bundle };
        let log = self.dir.log();
        let Some((path, bytes)) = tile.read(&log, covered)? else {
            let first = self.dir.first()?;
            return Err(match self.next < first {
                true => ReadError::Pruned { index: self.next, first },
                false => ReadError::Missing { path: log.join(tile.path(tile.width(covered))) },
            });
        };
        let width = usize::try_from(tile.width(covered)).unwrap_or(usize::MAX);
        let entries = tile::entries(&bytes)
            .filter(|entries| entries.len() >= width)
            .ok_or(ReadError::Damaged { path, offset: bytes.len() as u64 })?;
        for (index, bytes) in (bundle * TILE_WIDTH..).zip(entries).take(width) {
            if index >= self.next && index < self.end {
                let leaf_hash = merkle::leaf_hash(bytes);
                self.read.push_back(Entry { index, bytes: bytes.to_vec(), leaf_hash });
            }
        }
        Ok(())
    }

    /// Finds the next entry beyond the checkpoint: in memory, or in the journal.
    fn beyond(&mut self) -> Result<Found, ReadError> {
        if let Some(live) = &self.dir.live
            && let Some(leaves) = live.tail.get(self.next, TAKEN)
        {
            let entries = (self.next..self.end).zip(leaves);
            self.read.extend(entries.map(|(index, leaf)| entry(index, &leaf)));
            return Ok(if self.read.is_empty() { Found::End } else { Found::Some });
        }
        let journal = journal::read(&self.dir.data)?.starting_at(self.next).ending_at(self.end);
        if journal.first().is_none_or(|first| first > self.next) {
            return Ok(Found::Elsewhere);
        }
        self.journal = Some(journal);
        self.fill(self.next)
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.advance().transpose();
        if !matches!(next, Some(Ok(_))) {
            self.end = 0;
        }
        next
    }
}

fn entry(index: u64, leaf: &Leaf) -> Entry {
    Entry { index, bytes: leaf.payload.clone(), leaf_hash: leaf.hash }
}
