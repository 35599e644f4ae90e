//! What makes an entry one that can be registered, as far as no law is needed to tell. Codes and declared
//! identifiers are checked by the callers, who know the facts.

use super::{Needs, WriteError};
use crate::domain::{DataRef, Entry, EntryKind};

/// Longest id of a party or a process, in bytes: what a log line and an index key can carry with ease.
const ID_BYTES: usize = 256;

/// Checks an entry, and says what it needs of others.
pub(super) fn entry(entry: &Entry) -> Result<Option<Needs>, WriteError> {
    let invalid = |field, detail: String| {
        Err(WriteError::Invalid { kind: entry.kind(), key: entry.key().to_owned(), field, detail })
    };
    match entry {
        Entry::Tenant(tenant) => {
            // The id must be one that a reference can begin with, or its data could never be named.
            if tenant.id.contains('/') {
                return invalid("id", String::from("must be one segment, without `/`"));
            }
            if let Err(error) = DataRef::parse(&format!("{}/x", tenant.id)) {
                return invalid("id", format!("cannot begin a reference: {error}"));
            }
            if tenant.holding_defaults.as_ref().is_some_and(|defaults| defaults.data_ref.is_some()) {
                return invalid(
                    "holding_defaults.data_ref",
                    String::from("must be empty: defaults have no place"),
                );
            }
            Ok(None)
        }
        Entry::Holding(holding) => match &holding.data_ref {
            None => invalid("data_ref", String::from("is required")),
            Some(data_ref) => {
                Ok(Some(Needs::Entry { kind: EntryKind::Tenant, key: data_ref.tenant().to_owned() }))
            }
        },
        Entry::Party(party) => id(&party.id).map_or(Ok(None), |detail| invalid("id", detail)),
        Entry::Process(process) => id(&process.id).map_or(Ok(None), |detail| invalid("id", detail)),
    }
}

/// What the deletion of an entry needs of others.
pub(super) fn deletion(kind: EntryKind, key: &str) -> Option<Needs> {
    (kind == EntryKind::Tenant)
        .then(|| Needs::NoneUnder { kind: EntryKind::Holding, prefix: format!("{key}/") })
}

/// What is wrong with an id.
fn id(id: &str) -> Option<String> {
    if id.is_empty() {
        Some(String::from("is required"))
    } else if id.len() > ID_BYTES {
        Some(format!("is longer than {ID_BYTES} bytes"))
    } else if id.chars().any(char::is_control) || id.trim() != id {
        Some(String::from("has a control character, or a space at an end"))
    } else {
        None
    }
}
