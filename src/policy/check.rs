//! Checks of a policy that Cedar's validator does not make.
//!
//! A misspelt `Jurisdiction::"UK"` validates, and is silently never equal to anything; so every entity id
//! must be one that the facts declare. A `has` guard goes quiet when its fact is missing; so a forbid may
//! guard only facts whose absence is presumed to be harmless.

use serde_json::Value as Json;

use super::schema::ClosedLists;
use crate::domain::{did_you_mean, near};
use crate::law::{AbsenceMeaning, Facts};

/// Looks at the JSON form of a policy.
pub(super) fn check(
    policy: &Json,
    facts: &Facts,
    lists: &ClosedLists,
    forbids: bool,
    advice: bool,
) -> Vec<String> {
    let mut faults = Vec::new();
    walk(policy, &mut |node| {
        if let Some((kind, id)) = entity(node) {
            faults.extend(entity_fault(kind, id, facts, lists));
        }
        if let Some(attribute) = guarded(node)
            && forbids
            && !is_presumed(attribute, facts)
        {
            faults.push(format!(
                "a forbid guards `{attribute}` by `has`, so it would go quiet where the fact is missing; \
                 its absence is not declared `presumed` in facts/absences.toml"
            ));
        }
        if !advice && reads_verdict(node) {
            faults.push("only advice may read `context.verdict`; mark the policy `@advice`".to_owned());
        }
    });
    faults.sort();
    faults.dedup();
    faults
}

pub(super) fn walk(node: &Json, visit: &mut impl FnMut(&Json)) {
    visit(node);
    match node {
        Json::Object(fields) => fields.values().for_each(|child| walk(child, visit)),
        Json::Array(items) => items.iter().for_each(|child| walk(child, visit)),
        _ => {}
    }
}

/// An entity literal, in a condition (`__entity`) or a scope (`entity`).
fn entity(node: &Json) -> Option<(&str, &str)> {
    let literal = node.as_object()?;
    Some((literal.get("type")?.as_str()?, literal.get("id")?.as_str()?))
}

fn guarded(node: &Json) -> Option<&str> {
    node.get("has")?.get("attr")?.as_str()
}

fn reads_verdict(node: &Json) -> bool {
    node.get(".").and_then(|access| access.get("attr")).and_then(Json::as_str) == Some("verdict")
}

fn is_presumed(attribute: &str, facts: &Facts) -> bool {
    facts.absences().iter().any(|absence| {
        absence.absence == AbsenceMeaning::Presumed
            && absence.fact.rsplit_once('.').is_some_and(|(_, field)| field == attribute)
    })
}

fn entity_fault(kind: &str, id: &str, facts: &Facts, lists: &ClosedLists) -> Option<String> {
    if kind == "Jurisdiction" {
        if facts.is_jurisdiction(id) {
            return None;
        }
        return Some(match facts.place(id) {
            Ok(canonical) => {
                format!("`Jurisdiction::\"{id}\"` is another name; write `Jurisdiction::\"{canonical}\"`")
            }
            Err(error) => format!("`Jurisdiction::\"{id}\"`: {error}"),
        });
    }
    let known = lists.get(kind)?;
    if known.iter().any(|declared| declared == id) {
        return None;
    }
    let hint = did_you_mean(&near(id, known.iter().map(String::as_str)));
    Some(format!("`{kind}::\"{id}\"` is not declared by the facts{hint}"))
}
