//! The segment files as the writer appends to them: recovery, groups, rotation.
//!
//! It owns every write to the journal's directory, and that none is trusted after an error. It leaves
//! queueing, retries and answers to the writer.
//!
//! A segment is born whole: written with its first group under another name, synced, renamed, and the
//! directory synced. So a segment that is there has a sound header, and it takes the place of what an earlier
//! one holds from its first index on only when it holds as much itself.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{Disk, DiskError, DiskFile};
use super::format::{self, HEADER_BYTES, Header, Leaf};
use super::read::{self, ReadError};

/// The file that keeps a second process out.
const LOCK: &str = "lock";

/// What opening found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Whole records, all durable now.
    pub records: u64,
    /// The last write of the former run, where it was torn: its whole records are kept, the rest is cut.
    pub torn: Option<Torn>,
}

/// A torn write that was cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// The file it ended.
    pub path: PathBuf,
    /// Where its whole records end.
    pub offset: u64,
    /// Bytes cut; 0 where it broke between two records.
    pub bytes: u64,
}

/// Why a journal could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another journal of this one, has it. Wait for its end.
    #[error("the journal is in use: `{}` is locked", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The disk refused a write. Mend the disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// What is there could not be read. Restore the file named.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The writer thread did not start. Raise the limit on threads.
    #[error("failed to start the journal's writer: {source}")]
    Thread {
        /// What the system said.
        source: std::io::Error,
    },
}

/// The files of one journal, open for appending.
pub(super) struct Log {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    segment_bytes: u64,
    open: Option<OpenSegment>,
    /// Number of the next segment file.
    next_segment: u64,
    /// Index of the next record; all before it are durable.
    next_index: u64,
    /// What the next write sends, kept for its allocation.
    buffer: Vec<u8>,
    /// Held as long as the log is, released by the system when the process ends in any way.
    _lock: File,
}

/// The segment that groups are appended to.
struct OpenSegment {
    path: PathBuf,
    file: Box<dyn DiskFile>,
    salt: u64,
    length: usize,
}

// === impl Log ===

impl Log {
    /// Opens the journal below a data directory, or begins one.
    ///
    /// Checks every segment's header and the last two segments whole; [`read::read`] checks the rest.
    pub(super) fn open(
        disk: Arc<dyn Disk>,
        data: &Path,
        segment_bytes: u64,
    ) -> Result<(Self, Recovery), OpenError> {
        let directory = read::directory(data);
        DirBuilder::new()
            .recursive(true)
            .mode(0o750)
            .create(&directory)
            .map_err(DiskError::of("create", &directory))?;
        let lock = lock(&directory.join(LOCK))?;
        for dir in [data, &directory] {
            disk.sync_dir(dir).map_err(DiskError::of("sync", dir))?;
        }
        let mut log = Self {
            disk,
            directory,
            segment_bytes,
            open: None,
            next_segment: 0,
            next_index: 0,
            buffer: Vec::new(),
            _lock: lock,
        };
        let recovery = log.recover()?;
        Ok((log, recovery))
    }

    /// Finds the end of the log, and writes anew what is not proved to be durable.
    fn recover(&mut self) -> Result<Recovery, OpenError> {
        let segments = read::list(&self.directory)?;
        if let [.., before, _] = segments.as_slice() {
            before.load()?;
        }
        let mut unproved = Vec::new();
        let mut recovery = Recovery::default();
        if let Some(last) = segments.last() {
            let (bytes, scan) = last.load()?;
            recovery.records = scan.next_index();
            recovery.torn = scan.damage.map(|damage| Torn {
                path: last.path.clone(),
                offset: damage.offset as u64,
                bytes: (bytes.len() - damage.offset) as u64,
            });
            for (index, placed) in (scan.header.first_index..).zip(&scan.records) {
                if index >= scan.unproved_from {
                    let payload = bytes.get(placed.payload.clone()).unwrap_or_default().to_vec();
                    unproved.push(Leaf { payload, hash: placed.hash });
                }
            }
            self.next_index = scan.unproved_from;
            // A segment of unproved records alone is replaced, so that restarts do not pile up files.
            let replaces = last.first_index == self.next_index;
            self.next_segment = if replaces { last.number } else { last.number + 1 };
        }
        self.create(unproved.iter())?;
        Ok(recovery)
    }

    /// How many records are durable.
    pub(super) fn len(&self) -> u64 {
        self.next_index
    }

    /// Makes a group of records durable, in order, and gives the index of the first.
    ///
    /// An error of the open segment abandons it, and the group goes into a new one; an error there is given
    /// back, and the next call begins another. A group of none marks the last one as proved.
    pub(super) fn commit<'a>(
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

    /// Makes a new segment that begins with these records, and goes on in it.
    fn create<'a>(&mut self, leaves: impl Iterator<Item = &'a Leaf> + Clone) -> Result<(), DiskError> {
        // INVARIANT: `next_index` counts durable records alone, so what this segment voids was never
        // acknowledged from elsewhere.
        let path = read::segment_path(&self.directory, self.next_segment);
        let draft = path.with_extension("tmp");
        let header = Header::new(self.next_index);
        let records = leaves.clone().count() as u64;
        self.buffer.clear();
        header.write(&mut self.buffer);
        if records > 0 {
            format::write_group(&mut self.buffer, HEADER_BYTES, header.salt, self.next_index, leaves);
        }
        let file = self.publish(&draft, &path).inspect_err(|_| {
            // On a full disk the draft's room is needed; when it cannot go, the next one takes its place.
            let _ = self.disk.remove(&draft);
        })?;
        self.open = Some(OpenSegment { path, file, salt: header.salt, length: self.buffer.len() });
        self.next_segment += 1;
        self.next_index += records;
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

fn lock(path: &Path) -> Result<File, OpenError> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o640)
        .open(path)
        .map_err(DiskError::of("create", path))?;
    match fs::File::try_lock(&file) {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(DiskError::of("lock", path)(source).into()),
    }
}
