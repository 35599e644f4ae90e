//! A catalogue that is given whole and never changes: a file of a person's own, to ask a question of.
//!
//! It is in memory alone. What the catalogue refuses to register is refused here too, so that a file that this
//! takes is one that a server takes.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::{
    Bounds, Codec, Committed, Needs, Refusal, Revision, Store, StoreError, StoredChange, StoredEntry,
    Transaction, WriteError, check,
};
use crate::domain::{Entry, EntryKind};

/// A store of what it was made of.
#[derive(Clone, Debug, Default)]
pub struct Fixed(BTreeMap<(EntryKind, String), (Revision, Vec<u8>)>);

impl Fixed {
    /// A store of these entries, in any order.
    ///
    /// # Errors
    /// [`WriteError`] names the first entry that a catalogue would refuse: one that is there twice, or a
    /// holding without its tenant.
    pub fn new(entries: impl IntoIterator<Item = Entry>, codec: Codec) -> Result<Self, WriteError> {
        let mut fixed = Self::default();
        let mut needed = Vec::new();
        for (entry, revision) in entries.into_iter().zip(1..) {
            let (kind, key) = (entry.kind(), entry.key().to_owned());
            needed.extend(check::entry(&entry)?.map(|needs| (kind, key.clone(), needs)));
            let stored = (revision, codec.encode_stored(entry));
            if fixed.0.insert((kind, key.clone()), stored).is_some() {
                let field = if kind == EntryKind::Holding { "data_ref" } else { "id" };
                return Err(WriteError::Invalid { kind, key, field, detail: String::from("is there twice") });
            }
        }
        for (kind, key, needs) in needed {
            if let Needs::Entry { kind: missing_kind, key: missing } = needs
                && !fixed.0.contains_key(&(missing_kind, missing.clone()))
            {
                return Err(Refusal::Missing { kind, key, missing_kind, missing }.into());
            }
        }
        Ok(fixed)
    }

    /// Takes an entry as another store has it: it was checked there.
    pub(super) fn take(&mut self, entry: &StoredEntry<'_>) {
        let StoredEntry { kind, key, revision, value } = *entry;
        self.0.insert((kind, key.to_owned()), (revision, value.to_vec()));
    }

    fn revision(&self) -> Revision {
        self.0.values().map(|(revision, _)| *revision).max().unwrap_or(0)
    }
}

impl Store for Fixed {
    fn load(&self, each: &mut dyn FnMut(StoredEntry<'_>) -> ControlFlow<()>) -> Result<Bounds, StoreError> {
        for ((kind, key), (revision, value)) in &self.0 {
            let entry = StoredEntry { kind: *kind, key, revision: *revision, value };
            if each(entry).is_break() {
                break;
            }
        }
        Ok(Bounds { revision: self.revision(), compacted: self.revision() })
    }

    fn commit(&self, _group: &[Transaction]) -> Result<Committed, StoreError> {
        let source = std::io::Error::from(std::io::ErrorKind::ReadOnlyFilesystem);
        Err(StoreError::Failed { doing: String::from("write a fixed catalogue"), source: source.into() })
    }

    fn changes_after(&self, revision: Revision, _limit: usize) -> Result<Vec<StoredChange>, StoreError> {
        let oldest = self.revision();
        if revision < oldest { Err(StoreError::Compacted { oldest }) } else { Ok(Vec::new()) }
    }
}
