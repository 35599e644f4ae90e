//! A replay for tools: one JSON object with stable names.

use serde_json::{Map, Value, json};

use super::Basis;
use crate::replay::{After, Change, Counts, Difference, Ruling, Summary};

pub(super) fn of(basis: &Basis, summary: &Summary) -> Value {
    json!({
        "engine_version": env!("CARGO_PKG_VERSION"),
        "policy_version": basis.policy_version,
        "catalog_revision": basis.catalog_revision,
        "records": summary.records,
        "enquiries": summary.enquiries,
        "replayed": summary.replayed(),
        "same": summary.same,
        "differ": summary.differ,
        "not_replayed": {
            "erased": summary.erased,
            "pruned": summary.pruned,
            "bundle_not_kept": map(&summary.not_kept, String::clone),
            "bundle_not_loaded": map(&summary.not_loaded, String::clone),
        },
        "changes": map(&summary.changes, |change| word(*change).to_owned()),
        "fields": map(&summary.fields, |field| (*field).to_owned()),
        "causes": map(&summary.causes, |cause| cause.as_str().to_owned()),
        "engines": map(&summary.engines, String::clone),
        "rules": list(&summary.rules, |rule| json!({
            "policy_id": rule.rule, "effect": rule.effect.as_str(), "part": rule.part.as_str(),
            "edit": rule.edit.as_str(),
        })),
        "flows": list(&summary.flows, |(flow, change)| json!({
            "action": flow.action, "from": flow.from, "to": flow.to, "change": word(*change),
        })),
        "tenants": list(&summary.tenants, |(tenant, change)| json!({
            "tenant": tenant, "change": word(*change),
        })),
        "differences": summary.first.iter().map(difference).collect::<Vec<_>>(),
    })
}

fn difference(difference: &Difference) -> Value {
    let (after, refused) = match &difference.after {
        After::Answer(after) => (ruling(after), Value::Null),
        After::Refused(why) => (Value::Null, json!(why)),
    };
    json!({
        "decision_id": difference.decision_id.to_string(),
        "timestamp": difference.decided_at.to_string(),
        "engine_version": difference.engine_version,
        "tenant": difference.tenant,
        "data_ref": difference.data_ref,
        "action": difference.flow.action,
        "from": difference.flow.from,
        "to": difference.flow.to,
        "change": word(difference.change()),
        "before": ruling(&difference.before),
        "after": after,
        "refused": refused,
        "fields": difference.fields,
        "causes": difference.causes.iter().map(|cause| cause.as_str()).collect::<Vec<_>>(),
        "rules": difference.rules.iter().map(|rule| json!({
            "policy_id": rule.rule, "effect": rule.effect.as_str(), "part": rule.part.as_str(),
            "edit": rule.edit.as_str(),
        })).collect::<Vec<_>>(),
    })
}

fn ruling(ruling: &Ruling) -> Value {
    json!({
        "decision": ruling.decision.as_str(),
        "disposition": ruling.disposition.as_str(),
        "next_step": ruling.next_step,
    })
}

const fn word(change: Change) -> &'static str {
    match change {
        Change::Denied => "allow_to_deny",
        Change::Allowed => "deny_to_allow",
        Change::Refused => "refused",
        Change::Otherwise => "other",
    }
}

/// Counts by name; what is too much to be counted each by itself is under `others`.
fn map<K: Ord + Clone>(counts: &Counts<K>, name: impl Fn(&K) -> String) -> Value {
    let mut map: Map<String, Value> =
        counts.sorted().into_iter().map(|(key, count)| (name(key), Value::from(count))).collect();
    if counts.others > 0 {
        map.insert(String::from("others"), Value::from(counts.others));
    }
    Value::Object(map)
}

/// Counts as objects, the highest first; the last has only a count, where some were too many.
fn list<K: Ord + Clone>(counts: &Counts<K>, object: impl Fn(&K) -> Value) -> Value {
    let with = |mut value: Value, count: u64| {
        if let Value::Object(fields) = &mut value {
            fields.insert(String::from("count"), Value::from(count));
        }
        value
    };
    let mut list: Vec<Value> =
        counts.sorted().into_iter().map(|(key, count)| with(object(key), count)).collect();
    if counts.others > 0 {
        list.push(with(json!({}), counts.others));
    }
    Value::Array(list)
}
