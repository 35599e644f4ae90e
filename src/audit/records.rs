//! The log's entries with what they name: contents put together from their parts, and plain texts put in.
//!
//! It owns the contents that are kept in memory while a log is read in order. What bytes mean is for [`Decode`]
//! to say.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use super::dir::{Entries, Entry, LogDir};
use super::error::ReadError;
use crate::domain::{ContentPart, ContentRef, Digest, Hidden, LogEntry, Obligation, Outcome, Recorded};

/// Most bytes of contents in memory: those of some 10,000 entries, near which most are named again.
const CACHE_BYTES: usize = 32 << 20;

/// How the bytes of entries are read, which the log does not know.
#[derive(Clone, Copy, Debug)]
pub struct Decode {
    /// An entry, with its plain texts; empty: none are kept.
    pub entry: fn(&[u8], &[u8]) -> Result<LogEntry, String>,
    /// A decision with its contents; absent where the entry is something else.
    pub recorded: ReadRecorded,
    /// The obligations of an answer's content.
    pub obligations: fn(&[u8]) -> Result<Vec<Obligation>, String>,
}

/// Reads a decision's entry and plain texts with the contents that it finds.
pub type ReadRecorded = fn(&[u8], &[u8], &mut FindContent<'_>) -> Result<Option<Recorded>, String>;

/// Gives the bytes of a content; nothing where it is no longer kept.
pub type FindContent<'a> = dyn FnMut(&ContentRef) -> Option<Vec<u8>> + 'a;

/// An entry that is no content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedRecord {
    /// Its place in the log, from 0.
    pub index: u64,
    /// RFC 6962 hash of its leaf.
    pub leaf_hash: Digest,
    /// What it says.
    pub what: Logged,
}

/// What an entry says that is no content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Logged {
    /// A decision, or an enquiry.
    Decision(Box<Recorded>),
    /// What became of a decision.
    Outcome(Box<Outcome>, Hidden),
}

/// Why an entry could not be read with what it names.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
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
}

/// Iterates over decisions, enquiries and outcomes in the order of the log.
#[derive(Debug)]
pub struct Records {
    entries: Entries,
    contents: Contents,
}

/// Finds contents, from memory where they were met lately, else from the log.
#[derive(Debug)]
pub struct Contents {
    log: LogDir,
    decode: Decode,
    parts: BTreeMap<u64, ContentPart>,
    order: VecDeque<u64>,
    bytes: usize,
}

// === impl Records ===

impl Records {
    /// Reads a stretch of the log, from the first entry of it that is kept.
    ///
    /// # Errors
    /// [`ReadError`] when the log cannot be read; what is wrong with later entries comes as items.
    pub fn open(log: &LogDir, range: Range<u64>, decode: Decode) -> Result<Self, ReadError> {
        Ok(Self { entries: log.entries(range)?, contents: Contents::new(log.clone(), decode) })
    }

    /// The place of the next entry, for who tells how far it came.
    fn advance(&mut self) -> Result<Option<LoggedRecord>, RecordsError> {
        while let Some(entry) = self.entries.next().transpose()? {
            if let Some(record) = self.contents.record(entry)? {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }
}

impl Iterator for Records {
    type Item = Result<LoggedRecord, RecordsError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}

// === impl Contents ===

impl Contents {
    /// Finds the contents of a log.
    #[must_use]
    pub fn new(log: LogDir, decode: Decode) -> Self {
        Self { log, decode, parts: BTreeMap::new(), order: VecDeque::new(), bytes: 0 }
    }

    /// What an entry says, with what it names; absent where it is a content, which is then kept in memory.
    ///
    /// # Errors
    /// [`RecordsError`]: the log is damaged, or newer than this program.
    pub fn record(&mut self, entry: Entry) -> Result<Option<LoggedRecord>, RecordsError> {
        let Entry { index, bytes, leaf_hash } = entry;
        let what = match self.entry(index, &bytes, &[])? {
            LogEntry::Content(part) => {
                self.keep(index, part);
                return Ok(None);
            }
            LogEntry::Outcome(outcome, hidden) if hidden.masked.is_empty() => {
                Logged::Outcome(outcome, hidden)
            }
            LogEntry::Outcome(..) => match self.entry(index, &bytes, &self.private(index)?)? {
                LogEntry::Outcome(outcome, hidden) => Logged::Outcome(outcome, hidden),
                LogEntry::Decision(_) | LogEntry::Content(_) => return Ok(None),
            },
            LogEntry::Decision(decided) => {
                let private =
                    if decided.hidden.masked.is_empty() { Vec::new() } else { self.private(index)? };
                let (recorded, mut failed) = (self.decode.recorded, None);
                let read = recorded(&bytes, &private, &mut |at| {
                    self.content(at).unwrap_or_else(|error| {
                        failed = Some(error);
                        None
                    })
                });
                if let Some(error) = failed {
                    return Err(error);
                }
                match read.map_err(|problem| RecordsError::Entry { index, problem })? {
                    Some(recorded) => Logged::Decision(Box::new(recorded)),
                    None => return Ok(None),
                }
            }
        };
        Ok(Some(LoggedRecord { index, leaf_hash, what }))
    }

    /// The obligations of an answer; none where it is no longer kept.
    ///
    /// # Errors
    /// [`RecordsError`]: the log is damaged, or newer than this program.
    pub fn obligations(&mut self, answer: &ContentRef) -> Result<Vec<Obligation>, RecordsError> {
        let Some(bytes) = self.content(answer)? else { return Ok(Vec::new()) };
        (self.decode.obligations)(&bytes)
            .map_err(|problem| RecordsError::Entry { index: answer.index, problem })
    }

    /// The bytes of a content, from all its parts; absent where one is no longer kept.
    ///
    /// # Errors
    /// [`RecordsError`]: the log is damaged, or newer than this program.
    pub fn content(&mut self, at: &ContentRef) -> Result<Option<Vec<u8>>, RecordsError> {
        let mut bytes = Vec::new();
        for (index, number) in (at.index..).zip(0_u32..) {
            let Some(part) = self.part(index)? else { return Ok(None) };
            if part.sha256 != at.sha256 || part.part != number {
                let problem = String::from("it is not the part of a content that a later entry names");
                return Err(RecordsError::Entry { index, problem });
            }
            bytes.extend_from_slice(&part.bytes);
            if number.saturating_add(1) >= part.parts {
                break;
            }
        }
        Ok(Some(bytes))
    }

    /// What an entry says; one that is a content is then kept in memory.
    pub(super) fn read(&mut self, entry: &Entry) -> Result<LogEntry, RecordsError> {
        let read = self.entry(entry.index, &entry.bytes, &[])?;
        if let LogEntry::Content(part) = &read {
            self.keep(entry.index, part.clone());
        }
        Ok(read)
    }

    fn entry(&self, index: u64, bytes: &[u8], private: &[u8]) -> Result<LogEntry, RecordsError> {
        (self.decode.entry)(bytes, private).map_err(|problem| RecordsError::Entry { index, problem })
    }

    fn private(&self, index: u64) -> Result<Vec<u8>, ReadError> {
        Ok(self.log.private(index)?.unwrap_or_default())
    }

    fn part(&mut self, index: u64) -> Result<Option<&ContentPart>, RecordsError> {
        if !self.parts.contains_key(&index) {
            // Its neighbours are often named next, and reading one reads their file.
            let entries = match self.log.entries(index..index.saturating_add(64)) {
                Err(ReadError::Pruned { .. }) => return Ok(None),
                entries => entries?,
            };
            for entry in entries {
                let Entry { index, bytes, .. } = entry?;
                if let LogEntry::Content(part) = self.entry(index, &bytes, &[])? {
                    self.keep(index, part);
                }
            }
        }
        Ok(self.parts.get(&index))
    }

    fn keep(&mut self, index: u64, part: ContentPart) {
        self.bytes += part.bytes.len();
        match self.parts.insert(index, part) {
            Some(known) => self.bytes -= known.bytes.len(),
            None => self.order.push_back(index),
        }
        while self.bytes > CACHE_BYTES
            && let Some(oldest) = self.order.pop_front()
            && let Some(part) = self.parts.remove(&oldest)
        {
            self.bytes -= part.bytes.len();
        }
    }
}
