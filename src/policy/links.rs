//! Links of templates to single customers: `tenants/*.toml`, each a row with `id`, `template`, and the
//! `principal` or `resource` that fill its slots.

use std::collections::HashMap;
use std::str::FromStr;

use cedar_policy::{EntityUid, PolicyId, PolicySet, SlotId};
use serde::Deserialize;
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
