//! Reads a journal's records back, for recovery and for tools.
//!
//! It owns which segment holds which record, and the errors of reading. Each segment holds the records from
//! its first index up to the next segment's: what an earlier one has beyond was abandoned when a write
//! failed, and is skipped. It changes no file.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::vec;

use super::disk::DiskError;
use super::format::{HEADER_BYTES, Header, HeaderFault, LeafHash};
use super::scan::{self, Placed, Scan};

/// The directory below the data directory.
const DIRECTORY: &str = "journal";

/// A record as the log holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Place in the log, from 0.
    pub index: u64,
    /// The record's bytes.
    pub bytes: Vec<u8>,
    /// Their RFC 6962 leaf hash.
    pub leaf_hash: LeafHash,
}

/// Why a journal could not be read. None passes by itself: the files must be mended from a copy.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The disk did not give the bytes.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Bytes that were durable are not what was written.
    #[error("journal segment `{}` is damaged at offset {offset}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The first wrong byte.
        offset: u64,
    },
    /// A file of the sequence is not there.
    #[error("journal segment `{}` is missing", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// Another version of the program wrote it.
    #[error("journal segment `{}` has format version {version}, which this program does not read", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
}

/// Iterates over a journal's records in order. Ends at the first error.
///
/// Holds one segment in memory at a time.
#[derive(Debug)]
pub struct Reader {
    segments: vec::IntoIter<Segment>,
    current: Option<Current>,
    /// The least index still to give.
    from: u64,
    /// The index to stop before.
    until: u64,
}

/// A file of the journal.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub number: u64,
    pub path: PathBuf,
    pub first_index: u64,
    /// Where the next segment begins; `None` in the last.
    pub end_index: Option<u64>,
}

#[derive(Debug)]
struct Current {
    bytes: Vec<u8>,
    records: std::iter::Zip<std::ops::Range<u64>, vec::IntoIter<Placed>>,
}

/// Reads the journal below a data directory, from index 0.
///
/// Every byte is checked but for a torn end of the last segment, which is left out. Of a journal that is
/// open in this process, read through [`Journal::read`](super::Journal::read) instead: that stops before
/// what is not yet durable.
///
/// # Errors
/// [`ReadError`] when the directory or a segment's header cannot be read; those of later bytes come as items.
pub fn read(dir: &Path) -> Result<Reader, ReadError> {
    Ok(Reader { segments: list(&directory(dir))?.into_iter(), current: None, from: 0, until: u64::MAX })
}

/// Where the journal of a data directory is.
pub(super) fn directory(dir: &Path) -> PathBuf {
    dir.join(DIRECTORY)
}

/// Path of the segment of that number.
pub(super) fn segment_path(journal: &Path, number: u64) -> PathBuf {
    journal.join(format!("{number:020}.log"))
}

/// Every segment in order, with none missing between, their headers checked.
pub(super) fn list(journal: &Path) -> Result<Vec<Segment>, ReadError> {
    let failed = |source| DiskError { operation: "list", path: journal.to_owned(), source };
    let mut numbers = Vec::new();
    for entry in fs::read_dir(journal).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let stem = name.to_str().and_then(|name| name.strip_suffix(".log"));
        numbers.extend(stem.and_then(|stem| stem.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    let mut segments: Vec<Segment> = Vec::with_capacity(numbers.len());
    for (expected, number) in (0_u64..).zip(numbers) {
        let path = segment_path(journal, number);
        if number != expected {
            return Err(ReadError::Missing { path: segment_path(journal, expected) });
        }
        let header = header(&path)?;
        if let Some(last) = segments.last_mut() {
            if header.first_index < last.first_index {
                return Err(ReadError::Damaged { path, offset: 0 });
            }
            last.end_index = Some(header.first_index);
        } else if header.first_index != 0 {
            return Err(ReadError::Damaged { path, offset: 0 });
        }
        segments.push(Segment { number, path, first_index: header.first_index, end_index: None });
    }
    Ok(segments)
}

fn header(path: &Path) -> Result<Header, ReadError> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES);
    fs::File::open(path)
        .and_then(|file| file.take(HEADER_BYTES as u64).read_to_end(&mut bytes))
        .map_err(DiskError::of("read", path))?;
    Header::read(&bytes).map_err(|fault| header_error(path, fault))
}

fn header_error(path: &Path, fault: HeaderFault) -> ReadError {
    match fault {
        HeaderFault::Damaged => ReadError::Damaged { path: path.to_owned(), offset: 0 },
        HeaderFault::Version(version) => ReadError::Version { path: path.to_owned(), version },
    }
}

// === impl Segment ===

impl Segment {
    /// Reads it whole, and checks that it holds every record that it must.
    ///
    /// What is wrong after those is left in [`Scan::damage`]: it is a torn end, or was abandoned.
    pub(super) fn load(&self) -> Result<(Vec<u8>, Scan), ReadError> {
        let bytes = fs::read(&self.path).map_err(DiskError::of("read", &self.path))?;
        let scan = scan::scan(&bytes).map_err(|fault| header_error(&self.path, fault))?;
        let damaged = |offset: usize| ReadError::Damaged { path: self.path.clone(), offset: offset as u64 };
        // A file that was replaced since it was listed holds other records.
        if scan.header.first_index != self.first_index {
            return Err(damaged(0));
        }
        match (self.end_index, scan.damage) {
            (Some(end), damage) if scan.next_index() < end => {
                Err(damaged(damage.map_or(bytes.len(), |damage| damage.offset)))
            }
            (None, Some(damage)) if !damage.torn => Err(damaged(damage.offset)),
            _ => Ok((bytes, scan)),
        }
    }
}

// === impl Reader ===

impl Reader {
    /// Goes on from that index, without reading the segments before it.
    #[must_use]
    pub fn starting_at(mut self, index: u64) -> Self {
        self.from = index;
        self
    }

    /// Stops before that index.
    pub(super) fn ending_at(mut self, index: u64) -> Self {
        self.until = index;
        self
    }

    fn advance(&mut self) -> Result<Option<Entry>, ReadError> {
        loop {
            if let Some(Current { bytes, records }) = &mut self.current {
                let from = self.from;
                if let Some((index, placed)) = records.find(|(index, _)| *index >= from) {
                    if index >= self.until {
                        return Ok(None);
                    }
                    let bytes = bytes.get(placed.payload).unwrap_or_default().to_vec();
                    return Ok(Some(Entry { index, bytes, leaf_hash: placed.hash }));
                }
            }
            let from = self.from;
            let Some(segment) = self.segments.find(|segment| segment.end_index.is_none_or(|end| end > from))
            else {
                return Ok(None);
            };
            if segment.first_index >= self.until {
                return Ok(None);
            }
            let (bytes, scan) = segment.load()?;
            let end = segment.end_index.unwrap_or_else(|| scan.next_index());
            let records = (segment.first_index..end).zip(scan.records);
            self.current = Some(Current { bytes, records });
        }
    }
}

impl Iterator for Reader {
    type Item = Result<Entry, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.advance().transpose();
        if !matches!(next, Some(Ok(_))) {
            self.until = 0;
        }
        next
    }
}
