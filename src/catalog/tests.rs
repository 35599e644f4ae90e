//! The catalogue through its public surface, over a real store in a folder of the test's own.
//!
//! The entries here state a few fields only, in a small encoding of their own.

mod crash;
mod fixed;
mod listing;
mod resolving;
mod storing;
mod watching;
mod writing;

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::domain::{Holding, HoldingField, RequesterKind, Tenant};

/// A catalogue in a folder that goes with it.
struct Fixture {
    catalog: Catalog,
    folder: TempDir,
}

impl Fixture {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let catalog = open(folder.path(), limits);
        Self { catalog, folder }
    }

    /// Closes the catalogue and opens it again.
    fn reopened(self) -> Self {
        let Self { catalog, folder } = self;
        drop(catalog);
        let catalog = open(folder.path(), Limits::default());
        Self { catalog, folder }
    }
}

fn open(folder: &Path, limits: Limits) -> Catalog {
    Catalog::open(Arc::new(mk_store(folder)), codec(), limits).unwrap()
}

fn mk_store(folder: &Path) -> Sqlite {
    Sqlite::open(&folder.join("catalog.db"), 2000).unwrap()
}

fn mk_tenant(id: &str) -> Entry {
    Entry::Tenant(Tenant { id: id.to_owned(), ..Tenant::default() })
}

fn mk_holding(data_ref: &str, stored_in: &str) -> Entry {
    let data_ref = Some(DataRef::parse(data_ref).unwrap());
    Entry::Holding(Holding { data_ref, stored_in: vec![stored_in.to_owned()], ..Holding::default() })
}

fn mk_party(id: &str, jurisdiction: &str) -> Entry {
    Entry::Party(Party {
        id: id.to_owned(),
        kind: RequesterKind::Workload,
        jurisdiction: jurisdiction.to_owned(),
        authority_type: None,
        certifications: Vec::new(),
        labels: Vec::new(),
    })
}

fn mk_process(id: &str, instrument: &str) -> Entry {
    Entry::Process(LegalProcess {
        id: id.to_owned(),
        instrument: instrument.to_owned(),
        ..LegalProcess::default()
    })
}

/// Everything registered, by kind and key.
fn everything(catalog: &Catalog) -> Vec<(Entry, Revision)> {
    let mut all = Vec::new();
    for kind in EntryKind::ALL {
        let mut token = String::new();
        loop {
            let page = catalog.list(*kind, "", 1000, &token, |_| true).unwrap();
            all.extend(page.entries);
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
    }
    all
}

fn codec() -> Codec {
    Codec { encode, decode }
}

fn encode(entry: &Entry) -> Vec<u8> {
    let value = match entry {
        Entry::Tenant(tenant) => json!({
            "id": tenant.id,
            "established_in": tenant.established_in,
            "holding_defaults": tenant.holding_defaults.as_deref().map(facts),
        }),
        Entry::Holding(holding) => facts(holding),
        Entry::Party(party) => json!({ "id": party.id, "jurisdiction": party.jurisdiction }),
        Entry::Process(process) => json!({ "id": process.id, "instrument": process.instrument }),
    };
    serde_json::to_vec(&value).unwrap()
}

fn facts(holding: &Holding) -> Value {
    json!({
        "stored_in": holding.stored_in,
        "residency": holding.residency,
        "sectors": holding.sectors,
        "subject_count": holding.subject_count,
        "provider_headquarters": holding.provider_headquarters,
        "labels": holding.labels,
        "cleared": holding.cleared.iter().map(|field| field.as_str()).collect::<Vec<_>>(),
    })
}

fn decode(kind: EntryKind, bytes: &[u8]) -> Result<Entry, String> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    Ok(match kind {
        EntryKind::Tenant => {
            let defaults = Some(&value["holding_defaults"]).filter(|defaults| !defaults.is_null());
            Entry::Tenant(Tenant {
                id: text(&value["id"]),
                established_in: texts(&value["established_in"]),
                holding_defaults: defaults.map(|defaults| Box::new(holding(defaults))),
                ..Tenant::default()
            })
        }
        EntryKind::Holding => Entry::Holding(holding(&value)),
        EntryKind::Party => mk_party(&text(&value["id"]), &text(&value["jurisdiction"])),
        EntryKind::Process => mk_process(&text(&value["id"]), &text(&value["instrument"])),
    })
}

fn holding(value: &Value) -> Holding {
    let pair = |pair: &Value| (text(&pair[0]), text(&pair[1]));
    let field = |name: &String| HoldingField::ALL.iter().find(|(_, known)| known == name).unwrap().0;
    Holding {
        stored_in: texts(&value["stored_in"]),
        residency: texts(&value["residency"]),
        sectors: texts(&value["sectors"]),
        subject_count: value["subject_count"].as_u64(),
        provider_headquarters: text(&value["provider_headquarters"]),
        labels: value["labels"].as_array().unwrap().iter().map(pair).collect(),
        cleared: texts(&value["cleared"]).iter().map(field).collect(),
        ..Holding::default()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(text).collect()
}
