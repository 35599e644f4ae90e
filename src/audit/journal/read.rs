//! Reads a journal's leaves back.
//!
//! It owns which segment holds which leaf. Each segment holds the leaves from its first index up to the next
//! segment's: what an earlier one has beyond was abandoned when a write failed, and is skipped. The first
//! segments go once a checkpoint covers them, so a journal begins anywhere. It changes no file.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::vec;

use super::format::{HEADER_BYTES, Header, HeaderFault, Leaf};
use super::scan::{self, Placed, Scan};
use crate::audit::disk::DiskError;
use crate::audit::error::ReadError;

/// The directory below the data directory.
const DIRECTORY: &str = "journal";

/// Iterates over a journal's leaves in order, each with its index. Ends at the first error.
///
/// Holds one segment in memory at a time.
#[derive(Debug)]
pub(in crate::audit) struct Reader {
    segments: vec::IntoIter<Segment>,
    current: Option<Current>,
    /// Index of its first leaf.
    first: Option<u64>,
    /// The least index still to give.
    from: u64,
    /// The index to stop before.
    until: u64,
}

/// A file of the journal.
#[derive(Clone, Debug)]
pub(in crate::audit) struct Segment {
    pub number: u64,
    pub path: PathBuf,
    pub first_index: u64,
    /// Where the next segment begins; `None` in the last.
    pub end_index: Option<u64>,
}

#[derive(Debug)]
struct Current {
    bytes: Vec<u8>,
    leaves: std::iter::Zip<std::ops::Range<u64>, vec::IntoIter<Placed>>,
}

/// Reads the journal below a data directory, from the first leaf that it has.
///
/// Every byte is checked but for a torn end of the last segment, which is left out.
///
/// # Errors
/// [`ReadError`] when the directory or a segment's header cannot be read; those of later bytes come as items.
pub(in crate::audit) fn read(dir: &Path) -> Result<Reader, ReadError> {
    let segments = list(&directory(dir))?;
    let first = segments.first().map(|segment| segment.first_index);
    Ok(Reader { segments: segments.into_iter(), current: None, first, from: 0, until: u64::MAX })
}

/// Where the journal of a data directory is.
pub(in crate::audit) fn directory(dir: &Path) -> PathBuf {
    dir.join(DIRECTORY)
}

/// Path of the segment of that number.
pub(super) fn segment_path(journal: &Path, number: u64) -> PathBuf {
    journal.join(format!("{number:020}.log"))
}

/// Every segment in order, with none missing between, their headers checked.
pub(in crate::audit) fn list(journal: &Path) -> Result<Vec<Segment>, ReadError> {
    let failed = |source| DiskError { operation: "list", path: journal.to_owned(), source };
    let mut numbers = Vec::new();
    for entry in fs::read_dir(journal).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let stem = name.to_str().and_then(|name| name.strip_suffix(".log"));
        numbers.extend(stem.and_then(|stem| stem.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    let mut segments: Vec<Segment> = Vec::with_capacity(numbers.len());
    for number in numbers {
        let path = segment_path(journal, number);
        let header = match header(&path) {
            // It was trimmed since it was listed, and so was what came before it.
            Err(ReadError::Disk(error)) if error.source.kind() == io::ErrorKind::NotFound => {
                segments.clear();
                continue;
            }
            header => header?,
        };
        if let Some(last) = segments.last_mut() {
            if number != last.number + 1 {
                return Err(ReadError::Missing { path: segment_path(journal, last.number + 1) });
            }
            if header.first_index < last.first_index {
                return Err(ReadError::Damaged { path, offset: 0 });
            }
            last.end_index = Some(header.first_index);
        }
        segments.push(Segment { number, path, first_index: header.first_index, end_index: None });
    }
    Ok(segments)
}

/// Where bytes of a segment are no whole write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::audit) struct Ragged {
    pub path: PathBuf,
    /// The first of them.
    pub offset: u64,
    /// Whether the segment is the last; in another it is a write that failed, which the next one made good.
    pub last: bool,
}

/// Finds the segments whose last bytes are no whole write.
///
/// # Errors
/// [`ReadError`] when the directory or a segment cannot be read.
pub(in crate::audit) fn ragged(dir: &Path) -> Result<Vec<Ragged>, ReadError> {
    let mut found = Vec::new();
    for segment in list(&directory(dir))? {
        let (_, scan) = segment.load()?;
        found.extend(scan.damage.map(|damage| Ragged {
            path: segment.path,
            offset: damage.offset as u64,
            last: segment.end_index.is_none(),
        }));
    }
    Ok(found)
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
    /// Reads it whole, and checks that it holds every leaf that it must.
    ///
    /// What is wrong after those is left in [`Scan::damage`]: it is a torn end, or was abandoned.
    pub(super) fn load(&self) -> Result<(Vec<u8>, Scan), ReadError> {
        let bytes = fs::read(&self.path).map_err(DiskError::of("read", &self.path))?;
        let scan = scan::scan(&bytes).map_err(|fault| header_error(&self.path, fault))?;
        let damaged = |offset: usize| ReadError::Damaged { path: self.path.clone(), offset: offset as u64 };
        // A file that was replaced since it was listed holds other leaves.
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
    /// Index of the first leaf that the journal still has; `None` where it has no segment.
    pub(in crate::audit) fn first(&self) -> Option<u64> {
        self.first
    }

    /// Goes on from that index, without reading the segments before it.
    pub(in crate::audit) fn starting_at(mut self, index: u64) -> Self {
        self.from = index;
        self
    }

    /// Stops before that index.
    pub(in crate::audit) fn ending_at(mut self, index: u64) -> Self {
        self.until = index;
        self
    }

    fn advance(&mut self) -> Result<Option<(u64, Leaf)>, ReadError> {
        loop {
            if let Some(Current { bytes, leaves }) = &mut self.current {
                let from = self.from;
                if let Some((index, placed)) = leaves.find(|(index, _)| *index >= from) {
                    return Ok((index < self.until).then(|| (index, placed.leaf(bytes))));
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
            let leaves = (segment.first_index..end).zip(scan.leaves);
            self.current = Some(Current { bytes, leaves });
        }
    }
}

impl Iterator for Reader {
    type Item = Result<(u64, Leaf), ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.advance().transpose();
        if !matches!(next, Some(Ok(_))) {
            self.until = 0;
        }
        next
    }
}

// === impl Placed ===

impl Placed {
    /// The leaf, from its segment's bytes.
    pub(super) fn leaf(&self, segment: &[u8]) -> Leaf {
        let bytes = |range: &std::ops::Range<usize>| segment.get(range.clone()).unwrap_or_default().to_vec();
        Leaf { payload: bytes(&self.payload), hash: self.hash, private: bytes(&self.private) }
    }
}
