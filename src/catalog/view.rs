//! Reading the catalogue at one revision, and resolving references in it.

use std::sync::Arc;

use super::Revision;
use super::change::ToEntry as _;
use super::memory::Memory;
use super::merged::Link;
use crate::domain::{DataRef, Entry, EntryKind, Holding, LegalProcess, Party, Tenant};

/// The catalogue at one revision.
pub struct View<'a> {
    memory: &'a Memory,
    at: Revision,
}

/// What the catalogue knows of a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The tenant that the reference names.
    pub tenant: Option<Arc<Tenant>>,
    /// The facts of the longest registered prefix, with what it does not state taken from each shorter one, then
    /// from the tenant's defaults. Without `data_ref`, for holdings with equal facts share them: usually it is
    /// the same `Arc` for the same facts, and always the same facts for the same `Arc` while it lives.
    pub holding: Option<Arc<Holding>>,
    /// The longest registered prefix.
    pub matched: Option<DataRef>,
    /// The revision at which all this holds.
    pub revision: Revision,
}

// === impl View ===

impl<'a> View<'a> {
    pub(super) const fn new(memory: &'a Memory, at: Revision) -> Self {
        Self { memory, at }
    }

    /// The revision.
    #[must_use]
    pub const fn revision(&self) -> Revision {
        self.at
    }

    /// What is known of a reference. Costs one look-up for each of its prefixes, however many holdings there are.
    #[must_use]
    pub fn resolve(&self, data_ref: &DataRef) -> Resolved {
        let tenant = self.memory.tenants.read(data_ref.tenant(), self.at, |_, record, _| record.clone());
        let mut matched = None;
        let mut chain = Vec::new();
        for prefix in data_ref.prefixes() {
            let link = self.memory.holdings.read(prefix, self.at, |registered, facts, _| {
                if matched.is_none() {
                    matched = Some(registered.clone());
                }
                Link(Arc::clone(facts))
            });
            chain.extend(link);
        }
        // Defaults alone register no data.
        if let Some(defaults) = tenant.as_ref().and_then(|record| record.defaults.clone())
            && matched.is_some()
        {
            chain.push(Link(defaults));
        }
        Resolved {
            tenant: tenant.map(|record| record.tenant),
            holding: self.memory.merged.of(chain),
            matched,
            revision: self.at,
        }
    }

    /// A tenant by its id.
    #[must_use]
    pub fn tenant(&self, id: &str) -> Option<Arc<Tenant>> {
        self.memory.tenants.read(id, self.at, |_, record, _| Arc::clone(&record.tenant))
    }

    /// A registered requester or recipient by its id.
    #[must_use]
    pub fn party(&self, id: &str) -> Option<Arc<Party>> {
        self.memory.parties.read(id, self.at, |_, party, _| Arc::clone(party))
    }

    /// A registered legal process by its id.
    #[must_use]
    pub fn process(&self, id: &str) -> Option<Arc<LegalProcess>> {
        self.memory.processes.read(id, self.at, |_, process, _| Arc::clone(process))
    }

    /// An entry as it was put, and the revision of its last change.
    #[must_use]
    pub fn get(&self, kind: EntryKind, key: &str) -> Option<(Entry, Revision)> {
        let (memory, at) = (self.memory, self.at);
        match kind {
            EntryKind::Tenant => memory.tenants.read(key, at, |key, value, at| (value.to_entry(key), at)),
            EntryKind::Holding => memory.holdings.read(key, at, |key, value, at| (value.to_entry(key), at)),
            EntryKind::Party => memory.parties.read(key, at, |key, value, at| (value.to_entry(key), at)),
            EntryKind::Process => memory.processes.read(key, at, |key, value, at| (value.to_entry(key), at)),
        }
    }
}

// === impl Resolved ===

impl Resolved {
    /// The facts as a holding of their own, with the matched prefix as its `data_ref`.
    #[must_use]
    pub fn to_holding(&self) -> Option<Holding> {
        self.holding.as_deref().map(|facts| Holding { data_ref: self.matched.clone(), ..facts.clone() })
    }
}
