//! That a bundle is whole: a file that is gone leaves nothing that dangles, and yet what it said is missing.
//!
//! A regime that nothing asks about, and rules about relations of which there is none, are how that shows.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::rule::Rule;
use crate::domain::{Fault, Files};
use crate::law::{Facts, IdSet};

/// The attributes of the context that a policy reads, in its JSON form.
pub(super) fn context_attributes(policy: &Json) -> Vec<String> {
    let mut read = Vec::new();
    super::check::walk(policy, &mut |node| {
        let access = node.get(".");
        let of_context =
            access.and_then(|access| access.get("left")?.get("Var")?.as_str()) == Some("context");
        let attribute = access.and_then(|access| access.get("attr")?.as_str());
        read.extend(attribute.filter(|_| of_context).map(str::to_owned));
    });
    read
}

/// What is missing. `readers` names a rule for each attribute of the context that any rule reads.
pub(super) fn check(
    files: &Files,
    facts: &Facts,
    rules: &[Rule],
    readers: &BTreeMap<String, String>,
) -> Vec<Fault> {
    let mut faults = Vec::new();
    for kind in facts.ids(IdSet::RelationKind) {
        let Some(reader) = readers.get(kind) else { continue };
        if facts.relations().all(|(relation, _)| relation.kind != *kind) {
            let message = format!("there is no relation of kind `{kind}`, and `{reader}` turns on it");
            faults.push(
                Fault::of_file("facts", message)
                    .help("add its [[relation]] rows, facts/relations.toml say, or take the rules away"),
            );
        }
    }
    for (regime, _) in facts.regimes() {
        let told = facts.not_rules().iter().any(|row| row.whole && row.regime == regime.id);
        if !told && rules.iter().all(|rule| rule.regime != regime.id) {
            let message = format!("regime `{}` has no rule, so nothing would ever ask about it", regime.id);
            faults.push(
                declared(files, &regime.id, message)
                    .help("add its rules below regimes/, or say why there are none by a [[not_a_rule]] with `whole = true`"),
            );
        }
    }
    faults
}

/// A fault at the row that declares an id.
fn declared(files: &Files, id: &str, message: String) -> Fault {
    let row = format!("id = \"{id}\"");
    let facts = files.iter().filter(|(path, _)| path.starts_with("facts/"));
    match facts.filter_map(|(path, text)| Some((path, text, text.find(&row)?))).next() {
        Some((path, text, offset)) => Fault::at(path, text, offset, message),
        None => Fault::of_file("facts", message),
    }
}
