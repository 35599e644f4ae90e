//! Finds the obligations of a decision's answer, which stands somewhere before it in the log.

use std::collections::HashMap;

use super::{Decode, IndexError, Source};
use crate::audit::Entry;
use crate::domain::{ContentPart, ContentRef, Decided, LogEntry, Obligation};

/// The contents that a batch of entries names.
pub(super) struct Contents<'a, S> {
    /// Those of the batch itself, where most are.
    batch: HashMap<u64, &'a Entry>,
    source: &'a S,
    decode: Decode,
}

// === impl Contents ===

impl<'a, S: Source> Contents<'a, S> {
    pub fn new(batch: &'a [Entry], source: &'a S, decode: Decode) -> Self {
        Self { batch: batch.iter().map(|entry| (entry.index, entry)).collect(), source, decode }
    }

    /// What an entry says.
    pub fn read(&self, entry: &Entry) -> Result<LogEntry, IndexError> {
        (self.decode.entry)(&entry.bytes).map_err(|problem| IndexError::Entry { index: entry.index, problem })
    }

    /// The obligations of a decision; none where its answer is no longer kept.
    pub fn duties(&self, decided: &Decided) -> Result<Vec<Obligation>, IndexError> {
        let Some(at) = decided.contents.iter().find(|at| at.sha256 == decided.answer) else {
            return Ok(Vec::new());
        };
        let Some(bytes) = self.content(at)? else { return Ok(Vec::new()) };
        (self.decode.duties)(&bytes).map_err(|problem| IndexError::Entry { index: at.index, problem })
    }

    /// The bytes of a content, from all its parts.
    fn content(&self, at: &ContentRef) -> Result<Option<Vec<u8>>, IndexError> {
        let mut bytes = Vec::new();
        for index in at.index.. {
            let Some(ContentPart { sha256, part, parts, bytes: more }) = self.part(index)? else {
                return Ok(None);
            };
            if sha256 != at.sha256 || u64::from(part) != index - at.index {
                return Ok(None);
            }
            bytes.extend(more);
            if part + 1 >= parts {
                break;
            }
        }
        Ok(Some(bytes))
    }

    fn part(&self, index: u64) -> Result<Option<ContentPart>, IndexError> {
        let read = match self.batch.get(&index) {
            Some(entry) => self.read(entry)?,
            None => match self.source.entry(index)? {
                Some(entry) => self.read(&entry)?,
                None => return Ok(None),
            },
        };
        Ok(match read {
            LogEntry::Content(part) => Some(part),
            LogEntry::Decision(_) | LogEntry::Outcome(..) => None,
        })
    }
}
