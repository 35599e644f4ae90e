//! The segment files as they are written: recovery, groups, rotation, trimming.
//!
//! It owns every change of the journal's directory, and that no file is trusted after an error. It leaves
//! queueing, retries and answers to the writer.
//!
//! A segment is born whole: written with its first group under another name, synced, renamed, and the
//! directory synced. So a segment that is there has a sound header, and it takes the place of what an earlier
//! one holds from its first index on only when it holds as much itself.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::format::{self, HEADER_BYTES, Header, Leaf};
use super::read;
use crate::audit::disk::{Disk, DiskError, DiskFile};
use crate::audit::error::ReadError;
use crate::audit::failure::OpenError;

/// The file that keeps a second process out.
const LOCK: &str = "lock";

/// What opening found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Entries of the log, all durable now.
    pub entries: u64,
    /// The last write of the former run, where it was torn: its whole entries are kept, the rest is cut.
    pub torn: Option<Torn>,
}

/// A torn write that was cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// The file it ended.
    pub path: PathBuf,
    /// Where its whole entries end.
    pub offset: u64,
    /// Bytes cut; 0 where it broke between two entries.
    pub bytes: u64,
}

/// The files of one journal, open for appending.
pub(in crate::audit) struct Journal {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    segment_bytes: u64,
    open: Option<OpenSegment>,
    /// Number of the next segment file.
    next_segment: u64,
    /// Index of the next leaf; all before it are durable.
    next_index: u64,
    /// What the next write sends, kept for its allocation.
    buffer: Vec<u8>,
    _lock: Lock,
}

/// Held as long as the journal is, released by the system when the process ends in any way.
pub(in crate::audit) struct Lock(#[expect(dead_code, reason = "it is held, not read")] File);

/// The segment that groups are appended to.
struct OpenSegment {
    path: PathBuf,
    file: Box<dyn DiskFile>,
    salt: u64,
    first_index: u64,
    length: usize,
}

// === impl Journal ===

impl Journal {
    /// Opens the journal below a data directory, or begins one.
    ///
    /// Checks every segment's header and the last two segments whole; [`read::read`] checks the rest.
    /// `covered` entries are in the log for good: the journal begins no later, and ends no earlier.
    pub(in crate::audit) fn open(
        disk: Arc<dyn Disk>,
        data: &Path,
        lock: Lock,
        segment_bytes: u64,
        covered: u64,
    ) -> Result<(Self, Recovery), OpenError> {
        let mut journal = Self {
            disk,
            directory: read::directory(data),
            segment_bytes,
            open: None,
            next_segment: 0,
            next_index: 0,
            buffer: Vec::new(),
            _lock: lock,
        };
        let recovery = journal.recover(covered)?;
        Ok((journal, recovery))
    }

    /// Finds the end of the journal, and writes anew what is not proved to be durable.
    fn recover(&mut self, covered: u64) -> Result<Recovery, OpenError> {
        let segments = read::list(&self.directory)?;
        let first = segments.first().map_or(0, |segment| segment.first_index);
        if first > covered || (segments.is_empty() && covered > 0) {
            let number = segments.first().map_or(0, |segment| segment.number.saturating_sub(1));
            let path = read::segment_path(&self.directory, number);
            return Err(ReadError::Missing { path }.into());
        }
        if let [.., before, _] = segments.as_slice() {
            before.load()?;
        }
        let mut unproved = Vec::new();
        let mut recovery = Recovery::default();
        if let Some(last) = segments.last() {
            let (bytes, scan) = last.load()?;
            recovery.entries = scan.next_index();
            if recovery.entries < covered {
                // It is of a time before the checkpoint: an older copy, or one that lost its end.
                return Err(ReadError::Damaged { path: last.path.clone(), offset: bytes.len() as u64 }.into());
            }
            recovery.torn = scan.damage.map(|damage| Torn {
                path: last.path.clone(),
                offset: damage.offset as u64,
                bytes: (bytes.len() - damage.offset) as u64,
            });
            let placed = (scan.header.first_index..).zip(&scan.leaves);
            unproved.extend(
                placed
                    .filter(|(index, _)| *index >= scan.unproved_from)
                    .map(|(_, placed)| placed.leaf(&bytes)),
            );
            self.next_index = scan.unproved_from;
            // A segment of unproved leaves alone is replaced, so that restarts do not pile up files.
            let replaces = last.first_index == self.next_index;
            self.next_segment = if replaces { last.number } else { last.number + 1 };
        }
        self.create(unproved.iter())?;
        Ok(recovery)
    }

    /// How many entries are durable.
    pub(in crate::audit) fn len(&self) -> u64 {
        self.next_index
    }

    /// Makes a group of leaves durable, in order, and gives the index of the first.
    ///
    /// An error of the open segment abandons it, and the group goes into a new one; an error there is given
    /// back, and the next call begins another. A group of none marks the last one as proved.
    pub(in crate::audit) fn commit<'a>(
        &mut self,
        leaves: impl Iterator<Item = &'a Leaf> + Clone,
    ) -> Result<u64, DiskError> {
        let first = self.next_index;
        if let Some(mut segment) = self.open.take()
            && (segment.length as u64) < self.segment_bytes
        {
            match self.append(&mut segment, leaves.clone()) {
                Ok(()) => {
                    self.open = Some(segment);
                    return Ok(first);
                }
                Err(error) => tracing::warn!(%error, "journal segment abandoned, trying a new one"),
            }
        }
        self.create(leaves)?;
        Ok(first)
    }

    /// Begins a new segment, so that the one before it can be trimmed. One without leaves goes on.
    pub(in crate::audit) fn rotate(&mut self) -> Result<(), DiskError> {
        match self.open.take() {
            Some(segment) if segment.first_index == self.next_index => {
                self.open = Some(segment);
                Ok(())
            }
            _ => self.create(std::iter::empty()),
        }
    }

    fn append<'a>(
        &mut self,
        segment: &mut OpenSegment,
        leaves: impl Iterator<Item = &'a Leaf> + Clone,
    ) -> Result<(), DiskError> {
        self.buffer.clear();
        format::write_group(&mut self.buffer, segment.length, segment.salt, self.next_index, leaves.clone());
        segment.file.write_all(&self.buffer).map_err(DiskError::of("write", &segment.path))?;
        segment.file.sync_data().map_err(DiskError::of("sync", &segment.path))?;
        segment.length += self.buffer.len();
        self.next_index += leaves.count() as u64;
        Ok(())
    }

    /// Makes a new segment that begins with these leaves, and goes on in it.
    fn create<'a>(&mut self, leaves: impl Iterator<Item = &'a Leaf> + Clone) -> Result<(), DiskError> {
        // INVARIANT: `next_index` counts durable leaves alone, so what this segment voids was never
        // acknowledged from elsewhere.
        let path = read::segment_path(&self.directory, self.next_segment);
        let draft = path.with_extension("tmp");
        let header = Header::new(self.next_index);
        let count = leaves.clone().count() as u64;
        self.buffer.clear();
        header.write(&mut self.buffer);
        if count > 0 {
            format::write_group(&mut self.buffer, HEADER_BYTES, header.salt, self.next_index, leaves);
        }
        let file = self.publish(&draft, &path).inspect_err(|_| {
            // On a full disk the draft's room is needed; when it cannot go, the next one takes its place.
            let _ = self.disk.remove(&draft);
        })?;
        let (salt, first_index) = (header.salt, header.first_index);
        self.open = Some(OpenSegment { path, file, salt, first_index, length: self.buffer.len() });
        self.next_segment += 1;
        self.next_index += count;
        Ok(())
    }

    /// Writes the buffer to a file that has its name only once it is whole and durable.
    fn publish(&self, draft: &Path, path: &Path) -> Result<Box<dyn DiskFile>, DiskError> {
        let mut file = self.disk.create(draft).map_err(DiskError::of("create", draft))?;
        file.write_all(&self.buffer).map_err(DiskError::of("write", draft))?;
        file.sync_data().map_err(DiskError::of("sync", draft))?;
        self.disk.rename(draft, path).map_err(DiskError::of("rename", draft))?;
        self.disk.sync_dir(&self.directory).map_err(DiskError::of("sync", &self.directory))?;
        Ok(file)
    }
}

/// Removes the segments whose every leaf is below an index, oldest first: one that cannot go is tried again
/// with the next. The last segment stays, as the place where the journal goes on.
pub(in crate::audit) fn trim(disk: &dyn Disk, data: &Path, below: u64) -> Result<(), ReadError> {
    for segment in read::list(&read::directory(data))? {
        if segment.end_index.is_none_or(|end| end > below) {
            break;
        }
        disk.remove(&segment.path).map_err(DiskError::of("remove", &segment.path))?;
    }
    Ok(())
}

/// Whether a process writes to the journal of a data directory now.
pub(in crate::audit) fn is_written(data: &Path) -> bool {
    // A shared lock, and given back at once: no server that starts meanwhile is likely to meet it.
    fs::File::open(read::directory(data).join(LOCK))
        .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Makes the journal's directory, and keeps every other process out of the whole log.
pub(in crate::audit) fn lock(disk: &dyn Disk, data: &Path) -> Result<Lock, OpenError> {
    let directory = read::directory(data);
    disk.create_dir(&directory).map_err(DiskError::of("create", &directory))?;
    let path = directory.join(LOCK);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o640)
        .open(&path)
        .map_err(DiskError::of("create", &path))?;
    match fs::File::try_lock(&file) {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(OpenError::Locked { path }),
        Err(TryLockError::Error(source)) => return Err(DiskError::of("lock", &path)(source).into()),
    }
    for dir in [data, &directory] {
        disk.sync_dir(dir).map_err(DiskError::of("sync", dir))?;
    }
    Ok(Lock(file))
}
