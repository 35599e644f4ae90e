//! Links of templates to single customers: `tenants/*.toml`, each a row with `id`, `template`, and the
//! `principal` or `resource` that fill its slots.

use std::collections::HashMap;
use std::str::FromStr;

use cedar_policy::{EntityUid, Policy, PolicyId, PolicySet, SlotId};
use serde::Deserialize;
use serde_json::Value as Json;
use toml::Spanned;

use crate::domain::{Fault, Files, did_you_mean, near};
use crate::law::{Facts, IdSet};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LinksFile {
    #[serde(default)]
    link: Vec<LinkRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LinkRow {
    id: Spanned<String>,
    template: String,
    principal: Option<String>,
    resource: Option<String>,
}

/// Where each link stands, by its id.
pub(super) type Places = HashMap<String, (String, usize)>;

/// Adds the links of a bundle to its policies.
pub(super) fn add(files: &Files, facts: &Facts, policies: &mut PolicySet, faults: &mut Vec<Fault>) -> Places {
    let mut places = Places::new();
    for (path, text) in
        files.iter().filter(|(path, _)| path.starts_with("tenants/") && path.ends_with(".toml"))
    {
        let rows = match toml::from_str::<LinksFile>(text) {
            Ok(file) => file.link,
            Err(error) => {
                let offset = error.span().map_or(0, |span| span.start);
                faults.push(Fault::at(path, text, offset, error.message().to_owned()));
                continue;
            }
        };
        for row in rows {
            let offset = row.id.span().start;
            let id = row.id.into_inner();
            let mut fault = |message: String| faults.push(Fault::at(path, text, offset, message));
            let mut slots = HashMap::new();
            let mut good = true;
            for (slot, value, kinds) in [
                (SlotId::principal(), &row.principal, PRINCIPALS),
                (SlotId::resource(), &row.resource, RESOURCES),
            ] {
                match value.as_deref().map(|value| filling(value, kinds, facts)) {
                    None => {}
                    Some(Ok(uid)) => {
                        slots.insert(slot, uid);
                    }
                    Some(Err(error)) => {
                        good = false;
                        fault(format!("link `{id}`: {error}"));
                    }
                }
            }
            if good && let Err(error) = policies.link(PolicyId::new(&row.template), PolicyId::new(&id), slots)
            {
                fault(format!("link `{id}` of template `{}`: {error}", row.template));
            }
            places.insert(id, (path.clone(), crate::domain::line_of(text, offset)));
        }
    }
    places
}

/// What can ask, and so fill a template's `?principal`.
const PRINCIPALS: &[&str] = &["Workload", "Operator", "Customer", "Recipient", "Authority"];
/// What data is, or lies in, and so can fill a template's `?resource`.
const RESOURCES: &[&str] = &["Tenant", "Holding", "Regime"];

/// Reads what fills a slot. Its fault is the link's, not its template's.
fn filling(text: &str, kinds: &[&str], facts: &Facts) -> Result<EntityUid, String> {
    let uid = EntityUid::from_str(text)
        .map_err(|_| format!("`{text}` is no entity; write Type::\"id\", such as Tenant::\"acme\""))?;
    let kind = uid.type_name().to_string();
    if !kinds.contains(&kind.as_str()) {
        let hint = did_you_mean(&near(&kind, kinds.iter().copied()));
        return Err(format!("`{kind}` cannot stand there, only {}{hint}", kinds.join(", ")));
    }
    if kind == "Regime" {
        facts.identifier(IdSet::Regime, uid.id().unescaped()).map_err(|error| error.to_string())?;
    }
    Ok(uid)
}

/// A linked policy as one that stands by itself: its template's text with the slots filled, under the link's
/// own id. Cells take policies one by one, and Cedar keeps a link only beside its template.
///
/// # Errors
/// What Cedar says of it. The template was parsed and the slots are entities, so none is known.
pub(super) fn alone(policy: &Policy) -> Result<Policy, String> {
    let mut json = policy.to_json().map_err(|error| error.to_string())?;
    if let Some(annotations) = json.get_mut("annotations").and_then(Json::as_object_mut) {
        annotations.insert(String::from("id"), Json::from(policy.id().to_string()));
    }
    Policy::from_json(Some(policy.id().clone()), json).map_err(|error| error.to_string())
}
