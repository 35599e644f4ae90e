//! A bundle in memory: facts, rules, and the index by which a question finds those that it can match.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use cedar_policy::{Policy, Schema};
use sha2::{Digest, Sha256};

use super::evaluate::Checked;
use super::granted::Granted;
use super::index::Index;
use super::rule::Rule;
use super::schema::ClosedLists;
use super::shared::Sets;
use crate::domain::Files;
use crate::law::Facts;

/// A bundle that was loaded whole. It never changes.
pub struct Bundle {
    version: String,
    facts: Arc<Facts>,
    rules: Vec<Rule>,
    by_id: HashMap<String, usize>,
    pub(super) deciding: Checked,
    pub(super) advising: Checked,
    pub(super) index: Index,
    /// Sets of entities that questions have had.
    pub(super) sets: Sets,
    pub(super) granted: Granted,
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
        policies: &[Policy],
        lists: ClosedLists,
    ) -> Self {
        let mut index = Index::default();
        for (number, (rule, policy)) in rules.iter().zip(policies).enumerate() {
            index.add(number, rule, policy);
        }
        let by_id = rules.iter().enumerate().map(|(index, rule)| (rule.id.clone(), index)).collect();
        Self {
            version: digest(files),
            facts,
            rules,
            by_id,
            deciding: Checked::new(deciding),
            advising: Checked::new(advising),
            index,
            sets: Sets::default(),
            granted: Granted::default(),
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
