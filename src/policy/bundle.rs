//! A bundle in memory: facts, rules, and the cells that a question is put to.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use cedar_policy::{Policy, PolicySet, Schema};
use sha2::{Digest, Sha256};

use super::rule::Rule;
use super::schema::ClosedLists;
use crate::domain::{Effect, Files};
use crate::law::Facts;

/// Policies that share what their scope asks of a question.
#[derive(Default)]
pub(super) struct Cell {
    pub permits: PolicySet,
    pub forbids: PolicySet,
    pub advice: PolicySet,
}

/// A bundle that was loaded whole. It never changes.
pub struct Bundle {
    version: String,
    facts: Arc<Facts>,
    rules: Vec<Rule>,
    by_id: HashMap<String, usize>,
    pub(super) deciding: Schema,
    pub(super) advising: Schema,
    /// By the action and the regime that a scope names. Cedar judges each policy by itself, so the union of
    /// the cells that a question reaches is the answer of the whole set.
    pub(super) cells: HashMap<(String, Option<String>), Cell>,
    /// The ids of every closed list, by entity type.
    pub(super) lists: ClosedLists,
    files: Files,
}

/// The actions of the schema; a policy that names none is in the cells of each.
pub(super) const ACTIONS: &[&str] =
    &["transfer", "access", "disclose", "preserve", "surrender_key", "call", "assert"];

impl Bundle {
    pub(super) fn assemble(
        files: &Files,
        facts: Arc<Facts>,
        (deciding, advising): (Schema, Schema),
        rules: Vec<Rule>,
        decide: &PolicySet,
        advise: &PolicySet,
        lists: ClosedLists,
    ) -> Self {
        let mut cells: HashMap<(String, Option<String>), Cell> = HashMap::new();
        let policies: HashMap<String, &Policy> = decide
            .policies()
            .chain(advise.policies())
            .map(|policy| (policy.id().to_string(), policy))
            .collect();
        for rule in &rules {
            let Some(policy) = policies.get(&rule.id) else { continue };
            let all: Vec<String> = ACTIONS.iter().map(|action| (*action).to_owned()).collect();
            let actions = if rule.actions.is_empty() { &all } else { &rule.actions };
            for action in actions {
                let cell = cells.entry((action.clone(), rule.scope_regime.clone())).or_default();
                let set = match rule.effect {
                    Effect::Permit => &mut cell.permits,
                    Effect::Forbid => &mut cell.forbids,
                    Effect::Advice => &mut cell.advice,
                };
                // INVARIANT: ids are unique in a bundle, so adding to a cell cannot clash.
                let _ = set.add((*policy).clone());
            }
        }
        let by_id = rules.iter().enumerate().map(|(index, rule)| (rule.id.clone(), index)).collect();
        Self {
            version: digest(files),
            facts,
            rules,
            by_id,
            deciding,
            advising,
            cells,
            lists,
            files: files.clone(),
        }
    }

    /// Digest of the policies, the schema and the facts, in hexadecimal.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The facts.
    #[must_use]
    pub fn facts(&self) -> &Arc<Facts> {
        &self.facts
    }

    /// Every rule, by file and line.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// A rule by its id.
    #[must_use]
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.get(*self.by_id.get(id)?)
    }

    /// The files that it was loaded from.
    #[must_use]
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// The regimes that any rule belongs to.
    #[must_use]
    pub fn regimes_with_rules(&self) -> BTreeSet<&str> {
        self.rules.iter().map(|rule| rule.regime.as_str()).filter(|regime| !regime.is_empty()).collect()
    }

    /// The whole schema, with the closed lists that the facts declare.
    #[must_use]
    pub fn schema_text(&self) -> String {
        let file = self.files.get(super::schema::PATH).map(AsRef::as_ref).unwrap_or_default();
        super::schema::text(file, &self.facts)
    }
}

fn digest(files: &Files) -> String {
    let mut digest = Sha256::new();
    let decides = |path: &str| !path.starts_with("scenarios/") && !path.starts_with("guarantees/");
    for (path, text) in files.iter().filter(|(path, _)| decides(path)) {
        digest.update((path.len() as u64).to_be_bytes());
        digest.update(path);
        digest.update((text.len() as u64).to_be_bytes());
        digest.update(text.as_bytes());
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
