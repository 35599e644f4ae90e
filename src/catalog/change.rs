//! A change of the catalogue as memory takes it and watchers see it, and how it is made of stored bytes.

use std::sync::Arc;

use super::merged::Pool;
use super::{Codec, Revision, StoreError};
use crate::domain::{DataRef, Entry, EntryKind, Holding, LegalProcess, Party, Tenant};

/// One change, with the revision that it made. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) revision: Revision,
    pub(super) edit: Edit,
}

/// What became of which entry; an absent value is a deletion.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    Tenant(Arc<str>, Option<TenantRecord>),
    Holding(DataRef, Option<Arc<Holding>>),
    Party(Arc<str>, Option<Arc<Party>>),
    Process(Arc<str>, Option<Arc<LegalProcess>>),
}

/// A tenant, and its defaults once more as facts that tenants share.
#[derive(Clone, Debug)]
pub(super) struct TenantRecord {
    pub(super) tenant: Arc<Tenant>,
    pub(super) defaults: Option<Arc<Holding>>,
}

/// A value that can be shown as an entry again.
pub(super) trait ToEntry<K> {
    /// The entry of this value under its key.
    fn to_entry(&self, key: &K) -> Entry;
}

// === impl Edit ===

impl Edit {
    /// The edit that stored bytes (absent: a deletion) stand for.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when they do not make an entry of that kind and key.
    pub(super) fn from_stored(
        kind: EntryKind,
        key: &str,
        value: Option<&[u8]>,
        codec: Codec,
        pool: &mut Pool,
    ) -> Result<Self, StoreError> {
        let corrupt = |detail| StoreError::Corrupt { kind, key: key.to_owned(), detail };
        let Some(value) = value else { return Self::deletion(kind, key).map_err(corrupt) };
        if kind == EntryKind::Holding {
            // Equal facts have equal bytes, so most of a million holdings are never decoded.
            let data_ref = DataRef::parse(key).map_err(|error| corrupt(error.to_string()))?;
            let facts = pool
                .take(value, || match codec.decode_stored(kind, key, value)? {
                    Entry::Holding(holding) => Ok(Holding { data_ref: None, ..holding }),
                    other => Err(format!("it is a {}", other.kind().as_str())),
                })
                .map_err(corrupt)?;
            return Ok(Self::Holding(data_ref, Some(facts)));
        }
        Ok(match codec.decode_stored(kind, key, value).map_err(corrupt)? {
            Entry::Tenant(tenant) => {
                let defaults = tenant
                    .holding_defaults
                    .as_deref()
                    .map(|defaults| {
                        let facts = Holding { data_ref: None, ..defaults.clone() };
                        pool.take(&codec.encode_stored(Entry::Holding(facts.clone())), || Ok(facts))
                    })
                    .transpose()
                    .map_err(corrupt)?;
                Self::Tenant(Arc::from(key), Some(TenantRecord { tenant: Arc::new(tenant), defaults }))
            }
            Entry::Party(party) => Self::Party(Arc::from(key), Some(Arc::new(party))),
            Entry::Process(process) => Self::Process(Arc::from(key), Some(Arc::new(process))),
            Entry::Holding(_) => return Err(corrupt(String::from("it is a holding"))),
        })
    }

    fn deletion(kind: EntryKind, key: &str) -> Result<Self, String> {
        Ok(match kind {
            EntryKind::Tenant => Self::Tenant(Arc::from(key), None),
            EntryKind::Holding => {
                Self::Holding(DataRef::parse(key).map_err(|error| error.to_string())?, None)
            }
            EntryKind::Party => Self::Party(Arc::from(key), None),
            EntryKind::Process => Self::Process(Arc::from(key), None),
        })
    }

    /// The kind of its entry.
    pub(super) const fn kind(&self) -> EntryKind {
        match self {
            Self::Tenant(..) => EntryKind::Tenant,
            Self::Holding(..) => EntryKind::Holding,
            Self::Party(..) => EntryKind::Party,
            Self::Process(..) => EntryKind::Process,
        }
    }

    /// The key of its entry.
    pub(super) fn key(&self) -> &str {
        match self {
            Self::Holding(data_ref, _) => data_ref.as_str(),
            Self::Tenant(key, _) | Self::Party(key, _) | Self::Process(key, _) => key,
        }
    }

    /// Its entry; absent for a deletion.
    pub(super) fn to_entry(&self) -> Option<Entry> {
        match self {
            Self::Tenant(key, value) => value.as_ref().map(|value| value.to_entry(key)),
            Self::Holding(data_ref, value) => value.as_ref().map(|value| value.to_entry(data_ref)),
            Self::Party(key, value) => value.as_ref().map(|value| value.to_entry(key)),
            Self::Process(key, value) => value.as_ref().map(|value| value.to_entry(key)),
        }
    }
}

// === impl ToEntry ===

impl ToEntry<Arc<str>> for TenantRecord {
    fn to_entry(&self, _key: &Arc<str>) -> Entry {
        Entry::Tenant((*self.tenant).clone())
    }
}

impl ToEntry<DataRef> for Arc<Holding> {
    fn to_entry(&self, data_ref: &DataRef) -> Entry {
        Entry::Holding(Holding { data_ref: Some(data_ref.clone()), ..(**self).clone() })
    }
}

impl ToEntry<Arc<str>> for Arc<Party> {
    fn to_entry(&self, _key: &Arc<str>) -> Entry {
        Entry::Party((**self).clone())
    }
}

impl ToEntry<Arc<str>> for Arc<LegalProcess> {
    fn to_entry(&self, _key: &Arc<str>) -> Entry {
        Entry::Process((**self).clone())
    }
}
