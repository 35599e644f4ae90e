//! Catalogue entries, on the wire and in the store.

use prost::Message;

use super::bad::BadFields;
use super::check::{AnyWord, Checker, Path};
use super::holding::{holding, to_holding};
use super::party::{party, to_party};
use super::process::{process, to_process};
use super::tenant::{tenant, to_tenant};
use crate::domain::{Entry, EntryKind, Vocabulary};
use crate::grpc::proto;
use crate::grpc::proto::entry::Entry as Wire;

/// Checks an entry that is to be registered.
///
/// # Errors
/// [`BadFields`] names every field that is not valid; the caller can only mend them.
pub fn entry(wire: proto::Entry, vocabulary: &dyn Vocabulary) -> Result<Entry, BadFields> {
    let mut check = Checker::new(vocabulary);
    if let Some(Wire::Holding(holding)) = &wire.entry
        && holding.data_ref.is_empty()
    {
        let root = Path::Root;
        check.fault(&root.field("entry").field("holding").field("data_ref"), || String::from("is empty"));
    }
    let entry = checked(&mut check, wire);
    check.finish(entry)
}

fn checked(check: &mut Checker<'_>, wire: proto::Entry) -> Option<Entry> {
    let root = Path::Root;
    let at = root.field("entry");
    match wire.entry {
        None => {
            check.fault(&at, || String::from("is none of tenant, holding, party, process"));
            None
        }
        Some(Wire::Tenant(wire)) => {
            let at = at.field("tenant");
            if wire.id.is_empty() {
                check.fault(&at.field("id"), || String::from("is empty"));
            }
            Some(Entry::Tenant(tenant(check, &at, wire)))
        }
        Some(Wire::Holding(wire)) => Some(Entry::Holding(holding(check, &at.field("holding"), wire))),
        Some(Wire::Party(wire)) => party(check, &at.field("party"), wire).map(Entry::Party),
        Some(Wire::Process(wire)) => {
            let at = at.field("process");
            if wire.id.is_empty() {
                check.fault(&at.field("id"), || String::from("is empty"));
            }
            Some(Entry::Process(process(check, &at, wire)))
        }
    }
}

/// To the wire.
#[must_use]
pub fn to_entry(entry: &Entry) -> proto::Entry {
    proto::Entry {
        entry: Some(match entry {
            Entry::Tenant(tenant) => Wire::Tenant(to_tenant(tenant)),
            Entry::Holding(holding) => Wire::Holding(to_holding(holding)),
            Entry::Party(party) => Wire::Party(to_party(party)),
            Entry::Process(process) => Wire::Process(to_process(process)),
        }),
    }
}

/// The bytes that the catalogue's store keeps of an entry. The same entry always has the same bytes.
#[must_use]
pub fn encode_entry(entry: &Entry) -> Vec<u8> {
    to_entry(entry).encode_to_vec()
}

/// The entry of [`encode_entry`]'s bytes. Words that the facts no longer declare are kept: they were
/// declared when the entry was registered, and what no rule knows grants nothing. A holding may lack its
/// `data_ref`: the catalogue keeps that as its key.
///
/// # Errors
/// A sentence, where the bytes are no entry of this kind: the store is damaged, or newer than this program.
pub fn decode_entry(kind: EntryKind, bytes: &[u8]) -> Result<Entry, String> {
    let wire = proto::Entry::decode(bytes).map_err(|error| error.to_string())?;
    let mut check = Checker::new(&AnyWord);
    let entry = checked(&mut check, wire);
    let entry = check.finish(entry).map_err(|error| error.to_string())?;
    if entry.kind() == kind {
        Ok(entry)
    } else {
        Err(format!("the entry is a {}, not a {}", entry.kind().as_str(), kind.as_str()))
    }
}
