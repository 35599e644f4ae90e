//! The schema of a bundle: `situs.cedarschema`, with the closed lists that the facts declare.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::Schema;

use super::bundle::ACTIONS;
use crate::domain::{
    AuthorityType, Category, Confidence, Credential, Disposition, Fault, Method, TenantType,
};
use crate::law::{Facts, IdSet, RelationState};

/// The path of the schema in a bundle.
pub(super) const PATH: &str = "situs.cedarschema";

/// Every entity type that the engine puts values of.
pub(super) const TYPES: &[&str] = &[
    "Action",
    "Authority",
    "AuthorityType",
    "Caller",
    "Category",
    "Condition",
    "Confidence",
    "Credential",
    "Customer",
    "DataKind",
    "Disposition",
    "Flag",
    "Holding",
    "Instrument",
    "Issuer",
    "Jurisdiction",
    "Mechanism",
    "Method",
    "Mode",
    "Operator",
    "ReasonCode",
    "Recipient",
    "Regime",
    "RelationState",
    "Safeguard",
    "Sector",
    "Service",
    "Tenant",
    "TenantType",
    "Workload",
];

/// A type by its name; absent where the engine puts no values of it.
pub(super) fn kind(name: &str) -> Option<&'static str> {
    TYPES.iter().find(|known| **known == name).copied()
}

/// The word for what is not there, or not known, in the lists that need one.
pub const NONE: &str = "none";
/// The word for what is not known.
pub const UNKNOWN: &str = "unknown";

/// The ids of every closed list, by entity type.
pub(super) type ClosedLists = BTreeMap<&'static str, BTreeSet<String>>;

/// Collects the closed lists.
pub(super) fn closed_lists(facts: &Facts) -> ClosedLists {
    let declared = |set: IdSet| facts.ids(set).iter().cloned();
    let with = |set: IdSet, word: &str| declared(set).chain([word.to_owned()]).collect::<BTreeSet<_>>();
    BTreeMap::from([
        ("Regime", declared(IdSet::Regime).collect()),
        ("Mechanism", declared(IdSet::Mechanism).collect()),
        ("Instrument", with(IdSet::Instrument, NONE)),
        ("Safeguard", declared(IdSet::Safeguard).collect()),
        ("Sector", declared(IdSet::Sector).collect()),
        ("Mode", with(IdSet::Mode, UNKNOWN)),
        ("DataKind", declared(IdSet::DataKind).collect()),
        ("Issuer", with(IdSet::Issuer, UNKNOWN)),
        ("Flag", declared(IdSet::Flag).collect()),
        ("Condition", declared(IdSet::Condition).collect()),
        ("ReasonCode", declared(IdSet::Reason).collect()),
        ("Category", Category::ALL.iter().map(ToString::to_string).collect()),
        ("Disposition", Disposition::ALL.iter().map(ToString::to_string).collect()),
        ("Credential", Credential::ALL.iter().map(ToString::to_string).collect()),
        ("Method", Method::ALL.iter().map(ToString::to_string).collect()),
        ("Service", Method::ALL.iter().map(|method| method.service().to_owned()).collect()),
        ("AuthorityType", words(AuthorityType::ALL, UNKNOWN)),
        ("TenantType", words(TenantType::ALL, UNKNOWN)),
        (
            "RelationState",
            RelationState::ALL
                .iter()
                .map(|state| state.as_str().to_owned())
                .chain(["own".to_owned()])
                .collect(),
        ),
        (
            "Confidence",
            [Confidence::Low, Confidence::Medium, Confidence::High, Confidence::Verified]
                .map(|confidence| confidence.as_str().to_owned())
                .into(),
        ),
    ])
}

fn words<T: ToString>(all: &[T], more: &str) -> BTreeSet<String> {
    all.iter().map(ToString::to_string).chain([more.to_owned()]).collect()
}

/// The whole schema as text: the file, then the closed lists.
pub(super) fn text(file: &str, facts: &Facts) -> String {
    let mut text = String::from(file);
    text.push_str("\n// ---- the closed lists that the facts declare\n");
    for (name, ids) in closed_lists(facts) {
        let ids: Vec<String> = ids.iter().map(|id| format!("{id:?}")).collect();
        text.push_str(&format!("entity {name} enum [{}];\n", ids.join(", ")));
    }
    text
}

const VERDICT: &str = "verdict?: Verdict,";

/// The schemas for deciding, where there is no verdict yet, and for advising, where there always is.
pub(super) fn pair(file: &str, facts: &Facts) -> Result<(Schema, Schema), Vec<Fault>> {
    if !file.contains(VERDICT) {
        let fault =
            Fault::of_file(PATH, format!("no context has `{VERDICT}`, so no advice could see a verdict"));
        return Err(vec![fault]);
    }
    let whole = text(file, facts);
    let read = |text: &str| -> Result<Schema, Vec<Fault>> {
        match Schema::from_cedarschema_str(text) {
            Ok((schema, _warnings)) => known_actions(text, schema),
            Err(error) => Err(vec![super::load::cedar_fault(PATH, text, &error)]),
        }
    };
    Ok((read(&whole.replace(VERDICT, ""))?, read(&whole.replace(VERDICT, "verdict: Verdict,"))?))
}

/// Refuses actions and groups of actions that the engine does not know: rules are found by the actions that
/// their scope names, so a forbid on another would never be asked.
fn known_actions(text: &str, schema: Schema) -> Result<Schema, Vec<Fault>> {
    let declared = schema.actions().chain(schema.action_groups());
    let mut unknown: Vec<&str> =
        declared.map(|uid| uid.id().unescaped()).filter(|id| !ACTIONS.contains(id)).collect();
    unknown.sort_unstable();
    unknown.dedup();
    let fault = |id: &str| {
        let offset = text.find(&format!("action {id}")).unwrap_or(0);
        let message = format!("action `{id}` is not one that Situs asks about");
        Fault::at(PATH, text, offset, message).help(format!("one of {}, and no groups", ACTIONS.join(", ")))
    };
    let faults: Vec<Fault> = unknown.into_iter().map(fault).collect();
    if faults.is_empty() { Ok(schema) } else { Err(faults) }
}
