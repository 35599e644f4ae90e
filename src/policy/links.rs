//! Links of templates to single customers: `tenants/*.toml`, each a row with `id`, `template`, and the
//! `principal` or `resource` that fill its slots.

use std::collections::HashMap;
use std::str::FromStr;

use cedar_policy::{EntityUid, Policy, PolicyId, PolicySet, SlotId};
use serde::Deserialize;
use serde_json::Value as Json;
use toml::Spanned;

use crate::domain::{Fault, Files};

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
pub(super) fn add(files: &Files, policies: &mut PolicySet, faults: &mut Vec<Fault>) -> Places {
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
            for (slot, value) in [(SlotId::principal(), &row.principal), (SlotId::resource(), &row.resource)]
            {
                match value.as_deref().map(EntityUid::from_str) {
                    None => {}
                    Some(Ok(uid)) => {
                        slots.insert(slot, uid);
                    }
                    Some(Err(error)) => fault(format!("link `{id}`: {error}; write Type::\"id\"")),
                }
            }
            if let Err(error) = policies.link(PolicyId::new(&row.template), PolicyId::new(&id), slots) {
                fault(format!("link `{id}` of template `{}`: {error}", row.template));
            }
            places.insert(id, (path.clone(), crate::domain::line_of(text, offset)));
        }
    }
    places
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
