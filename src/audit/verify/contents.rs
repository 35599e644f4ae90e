//! Whether entries name their contents rightly: each by its digest, and where the log has it.

use std::collections::BTreeMap;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::fault::{Faults, Problem};
use crate::audit::entry::CONTENT_WINDOW;
use crate::domain::{ContentPart, Decided, Digest, LogEntry};

/// The contents that an entry may name: those within the window before it.
pub(super) struct Contents {
    /// The first entry that is kept: what was before it can be named, and not be checked.
    first_kept: u64,
    whole: BTreeMap<u64, Digest>,
    open: Option<Open>,
}

/// A content of which parts are still to come.
struct Open {
    first: u64,
    sha256: Digest,
    parts: u32,
    next: u32,
    /// Absent: its beginning was pruned.
    hasher: Option<Sha256>,
}

// === impl Contents ===

impl Contents {
    pub(super) fn new(first_kept: u64) -> Self {
        Self { first_kept, whole: BTreeMap::new(), open: None }
    }

    /// Takes the next entry of the log.
    pub(super) fn take(&mut self, index: u64, entry: &LogEntry, path: &Path, faults: &mut Faults) {
        if let LogEntry::Content(part) = entry {
            if !self.part(index, part) {
                let first = self.open.take().map_or(index, |open| open.first);
                faults.add(index, path, Problem::Digest { entry: first });
            }
            return;
        }
        if let Some(open) = self.open.take() {
            faults.add(open.first, path, Problem::Digest { entry: open.first });
        }
        if let LogEntry::Decision(decided) = entry
            && !self.names(index, decided)
        {
            faults.add(index, path, Problem::Content { entry: index });
        }
    }

    /// Whether a content that the log ends within is left open.
    pub(super) fn open(&self) -> Option<u64> {
        self.open.as_ref().map(|open| open.first)
    }

    fn part(&mut self, index: u64, part: &ContentPart) -> bool {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => {
                let pruned = part.part > 0 && index == self.first_kept;
                Open {
                    first: index,
                    sha256: part.sha256,
                    parts: part.parts,
                    next: if pruned { part.part } else { 0 },
                    hasher: (!pruned).then(Sha256::new),
                }
            }
        };
        let follows = (open.sha256, open.parts, open.next) == (part.sha256, part.parts, part.part);
        if let Some(hasher) = &mut open.hasher {
            hasher.update(&part.bytes);
        }
        open.next = open.next.saturating_add(1);
        if open.next < open.parts {
            self.open = Some(open);
            return follows;
        }
        let holds = open.hasher.is_none_or(|hasher| <Digest>::from(hasher.finalize()) == open.sha256);
        self.whole.insert(open.first, open.sha256);
        follows && holds && open.next == open.parts
    }

    fn names(&mut self, index: u64, decided: &Decided) -> bool {
        self.whole = self.whole.split_off(&index.saturating_sub(CONTENT_WINDOW));
        let nothing: Digest = Sha256::digest([]).into();
        let mut wanted = [decided.question, decided.facts, decided.answer].into_iter();
        let named = wanted.all(|digest| {
            digest == nothing || decided.contents.iter().any(|content| content.sha256 == digest)
        });
        let placed = decided.contents.iter().all(|content| {
            let near = content.index < index && index - content.index <= CONTENT_WINDOW;
            let there = self.whole.get(&content.index) == Some(&content.sha256);
            near && (there || content.index < self.first_kept)
        });
        named && placed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mk_part(whole: &[&str], part: usize) -> LogEntry {
        LogEntry::Content(ContentPart {
            sha256: Sha256::digest(whole.concat()).into(),
            part: part as u32,
            parts: whole.len() as u32,
            bytes: whole[part].as_bytes().to_vec(),
        })
    }

    fn check(first_kept: u64, entries: &[LogEntry]) -> usize {
        let (mut contents, mut faults) = (Contents::new(first_kept), Faults::default());
        for (index, entry) in (first_kept..).zip(entries) {
            contents.take(index, entry, Path::new("000"), &mut faults);
        }
        faults.finish().0.len() + usize::from(contents.open().is_some())
    }

    #[test]
    fn the_parts_of_a_content_follow_one_another() {
        let whole = ["one", "two", "three"];
        let parts = [0, 1, 2].map(|part| mk_part(&whole, part));
        assert_eq!(check(0, &parts), 0);
        assert_eq!(check(7, &parts[1..]), 0, "its beginning was pruned");
        assert_ne!(check(0, &parts[..2]), 0, "it has no end");
        assert_ne!(check(0, &[parts[0].clone(), parts[2].clone()]), 0, "a part is missing");
        assert_ne!(check(0, &[mk_part(&["a"], 0), parts[1].clone()]), 0, "its beginning is missing");
        let LogEntry::Content(mut other) = mk_part(&whole, 2) else { return };
        other.bytes.push(b'!');
        assert_eq!(check(0, &[parts[0].clone(), parts[1].clone(), LogEntry::Content(other)]), 1);
    }
}
