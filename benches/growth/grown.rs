//! A bundle with many policies of tenants, and a catalogue of many holdings.

use std::fmt::Write;
use std::ops::ControlFlow;
use std::sync::Arc;

use serde_json::json;
use situs::catalog::{
    Bounds, Codec, Committed, Revision, Store, StoreError, StoredChange, StoredEntry, Transaction,
};
use situs::domain::{Entry, EntryKind, Files, Holding, Question, Tenant};
use situs::grpc::{decode_entry, encode_entry, words};
use situs::policy::{Bundle, default_files};

/// Different facts among the holdings.
pub const PROFILES: usize = 10_000;
/// Holdings of a tenant.
const OF_TENANT: usize = 100;
/// Links of a file.
const OF_FILE: usize = 10_000;

const TEMPLATE: &str = r#"
@id("growth.template")
@reason("nothing_permits")
@disposition("residency_commitment")
@next_step("refuse_policy")
forbid (principal, action == Action::"transfer", resource in ?resource)
when { context.mode == Mode::"support" };
"#;

/// The default bundle, with so many links of a template to tenants.
pub fn bundle_files(links: usize) -> Files {
    let mut files = default_files();
    files.retain(|path, _| !path.starts_with("scenarios/"));
    files.insert(String::from("tenants/growth.cedar"), Arc::from(TEMPLATE));
    for (number, first) in (0..links).step_by(OF_FILE).enumerate() {
        let mut text = String::new();
        for link in first..links.min(first + OF_FILE) {
            let _written = write!(
                text,
                "[[link]]\nid = \"growth.{link}\"\ntemplate = \"growth.template\"\nresource = 'Tenant::\"t{link}\"'\n"
            );
        }
        files.insert(format!("tenants/growth-{number}.toml"), Arc::from(text));
    }
    files
}

pub fn codec() -> Codec {
    Codec { encode: encode_entry, decode: decode_entry }
}

/// A transfer of one of the holdings, inside the places that its customer allows.
pub fn question(bundle: &Bundle, holding: usize) -> Question {
    let words = json!({
        "data_ref": format!("t{}/d{holding}/x", holding / OF_TENANT), "jurisdiction": "FR",
        "requester": { "kind": "workload", "jurisdiction": "IE" }, "transfer": { "mode": "replication" },
    });
    words::question(&words, &**bundle.facts()).unwrap()
}

/// A store of so many holdings.
pub struct Grown(pub usize);

impl Store for Grown {
    fn load(&self, each: &mut dyn FnMut(StoredEntry<'_>) -> ControlFlow<()>) -> Result<Bounds, StoreError> {
        let mut revision: Revision = 0;
        let mut take = |kind: EntryKind, key: &str, value: &[u8]| {
            revision += 1;
            let _goes_on = each(StoredEntry { kind, key, revision, value });
        };
        for tenant in 0..self.0.div_ceil(OF_TENANT) {
            let id = format!("t{tenant}");
            let tenant =
                Tenant { id: id.clone(), established_in: vec![String::from("DE")], ..Tenant::default() };
            take(EntryKind::Tenant, &id, &encode_entry(&Entry::Tenant(tenant)));
        }
        let profiles: Vec<Vec<u8>> = (0..PROFILES.min(self.0)).map(profile).collect();
        for (holding, value) in (0..self.0).zip(profiles.iter().cycle()) {
            take(EntryKind::Holding, &format!("t{}/d{holding}", holding / OF_TENANT), value);
        }
        Ok(Bounds { revision, compacted: revision })
    }

    fn commit(&self, _group: &[Transaction]) -> Result<Committed, StoreError> {
        let source = std::io::Error::from(std::io::ErrorKind::ReadOnlyFilesystem);
        Err(StoreError::Failed { doing: String::from("write"), source: source.into() })
    }

    fn changes_after(&self, _: Revision, _: usize) -> Result<Vec<StoredChange>, StoreError> {
        Ok(Vec::new())
    }
}

/// The stored bytes of a holding's facts.
fn profile(number: usize) -> Vec<u8> {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let holding = Holding {
        stored_in: texts(&["aws:eu-central-1"]),
        residency: texts(&["EEA"]),
        data_kinds: texts(&["health"]),
        subject_locations: texts(&["DE"]),
        subject_count: Some(number as u64),
        provider_established_in: texts(&["DE", "IE"]),
        ..Holding::default()
    };
    encode_entry(&Entry::Holding(holding))
}
