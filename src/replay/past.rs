//! The records of a log, each with the contents that it names.

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::audit::{Entries, Entry, LogDir, ReadError};
use crate::domain::{ContentPart, ContentRef, Decided, Digest, LogEntry, Recorded};
use crate::grpc;

/// Bytes of contents that are held: those of some 50,000 records. What is not held is read from the log again.
const HELD_BYTES: usize = 128 << 20;

/// Why a record could not be read.
#[derive(Debug, thiserror::Error)]
pub enum PastError {
    /// The log cannot be read. Mend it.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// An entry is not what this program writes. Verify the log, or use the program that wrote it.
    #[error("entry {index} of the log cannot be read: {source}")]
    Entry {
        /// Its place.
        index: u64,
        /// What is wrong.
        source: grpc::convert::ReadError,
    },
    /// A content is not there, or has other bytes than its digest says. Verify the log.
    #[error("the content at entry {index} of the log is not what a record says")]
    Content {
        /// The place of its first part.
        index: u64,
    },
}

/// Which records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Select {
    /// Decided at or after this instant.
    pub from: Option<Timestamp>,
    /// Decided before this instant.
    pub until: Option<Timestamp>,
    /// Of this tenant.
    pub tenant: Option<String>,
}

/// Iterates over the decisions and enquiries of a log, from its first kept entry on. Ends at the first error.
///
/// Contents stand before what names them, so they are taken up on the way.
#[derive(Debug)]
pub struct Past {
    dir: LogDir,
    entries: Entries,
    select: Select,
    contents: HashMap<Digest, Vec<u8>>,
    /// In the order in which they were taken up.
    order: VecDeque<Digest>,
    held: usize,
    ended: bool,
}

// === impl Past ===

impl Past {
    /// The records of a log.
    ///
    /// # Errors
    /// The log cannot be read; what is wrong with later files comes as items.
    pub fn open(dir: &LogDir, select: Select) -> Result<Self, ReadError> {
        let entries = dir.entries(0..u64::MAX)?;
        let (contents, order) = (HashMap::new(), VecDeque::new());
        Ok(Self { dir: dir.clone(), entries, select, contents, order, held: 0, ended: false })
    }

    fn advance(&mut self) -> Result<Option<Recorded>, PastError> {
        while let Some(entry) = self.entries.next().transpose()? {
            match read(&entry)? {
                LogEntry::Content(first) if first.part == 0 => {
                    // What a crash cut is named by nothing, and what is not whole is told where it is named.
                    if let Some(content) = self.whole(entry.index, &first)? {
                        self.hold(first.sha256, content);
                    }
                }
                LogEntry::Decision(decided) if self.select.takes(&decided) => {
                    return self.record(&entry, &decided).map(Some);
                }
                LogEntry::Decision(_) | LogEntry::Outcome(..) | LogEntry::Content(_) => {}
            }
        }
        Ok(None)
    }

    /// A record with its contents.
    fn record(&mut self, entry: &Entry, decided: &Decided) -> Result<Recorded, PastError> {
        let mut contents = HashMap::new();
        for at in &decided.contents {
            contents.extend(self.content(at)?.map(|content| (at.sha256, content)));
        }
        let masked = !decided.hidden.masked.is_empty();
        let private = if masked { self.dir.private(entry.index)?.unwrap_or_default() } else { Vec::new() };
        let failed = |source| PastError::Entry { index: entry.index, source };
        let content = |at: &ContentRef| contents.get(&at.sha256).cloned();
        let recorded = grpc::recorded(&entry.bytes, &private, content).map_err(failed)?;
        recorded.ok_or_else(|| failed(grpc::convert::ReadError::Field("entry")))
    }

    /// A content that a record names; absent where the log does not have it any more.
    fn content(&mut self, at: &ContentRef) -> Result<Option<Vec<u8>>, PastError> {
        if let Some(content) = self.contents.get(&at.sha256) {
            return Ok(Some(content.clone()));
        }
        if at.index < self.dir.first()? {
            return Ok(None);
        }
        let entry = self.dir.entry(at.index)?;
        let content = match entry.map(|entry| read(&entry)).transpose()? {
            Some(LogEntry::Content(first)) if first.sha256 == at.sha256 => self.whole(at.index, &first)?,
            _ => None,
        };
        let content = content.ok_or(PastError::Content { index: at.index })?;
        self.hold(at.sha256, content.clone());
        Ok(Some(content))
    }

    /// The bytes of a content, of which the first part stands at this place; absent where they are not what
    /// its digest says.
    fn whole(&self, index: u64, first: &ContentPart) -> Result<Option<Vec<u8>>, PastError> {
        let mut bytes = first.bytes.clone();
        for part in 1..first.parts {
            let entry = self.dir.entry(index + u64::from(part))?;
            match entry.map(|entry| read(&entry)).transpose()? {
                Some(LogEntry::Content(more)) if more.sha256 == first.sha256 && more.part == part => {
                    bytes.extend(more.bytes);
                }
                _ => return Ok(None),
            }
        }
        let digest: Digest = Sha256::digest(&bytes).into();
        Ok((digest == first.sha256).then_some(bytes))
    }

    fn hold(&mut self, digest: Digest, content: Vec<u8>) {
        self.held += content.len();
        match self.contents.insert(digest, content) {
            Some(same) => self.held -= same.len(),
            None => self.order.push_back(digest),
        }
        while self.held > HELD_BYTES
            && let Some(oldest) = self.order.pop_front()
        {
            self.held -= self.contents.remove(&oldest).map_or(0, |content| content.len());
        }
    }
}

fn read(entry: &Entry) -> Result<LogEntry, PastError> {
    grpc::log_entry(&entry.bytes, &[]).map_err(|source| PastError::Entry { index: entry.index, source })
}

impl Iterator for Past {
    type Item = Result<Recorded, PastError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.advance().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

// === impl Select ===

impl Select {
    fn takes(&self, decided: &Decided) -> bool {
        self.from.is_none_or(|from| decided.decided_at >= from)
            && self.until.is_none_or(|until| decided.decided_at < until)
            && self.tenant.as_ref().is_none_or(|tenant| decided.tenant == *tenant)
    }
}
