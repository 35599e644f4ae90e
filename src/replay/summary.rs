//! What came of all records: counted, with the first differences whole.

use std::collections::BTreeMap;

use super::{After, Cause, Difference, Flow, Replayed, RuleChange, Skipped};
use crate::domain::{Recorded, Verdict};

/// Most different keys that are counted each by itself: what a person or a tool can look through.
const MOST_KEYS: usize = 10_000;

/// How the decision changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// What was allowed is denied.
    Denied,
    /// What was denied is allowed.
    Allowed,
    /// What was decided is no valid question any more.
    Refused,
    /// The decision is the same, the rest of the answer is not.
    Otherwise,
}

/// Counts by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts<K> {
    by_key: BTreeMap<K, u64>,
    /// Those of the keys that are too many to be counted each by itself.
    pub others: u64,
}

/// What came of all records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many records there were.
    pub records: u64,
    /// How many of them were enquiries.
    pub enquiries: u64,
    /// How many have the same answer.
    pub same: u64,
    /// How many have another.
    pub differ: u64,
    /// How the decisions changed.
    pub changes: Counts<Change>,
    /// Which fields of the answers differ.
    pub fields: Counts<&'static str>,
    /// What the differences come of; one can have several causes.
    pub causes: Counts<Cause>,
    /// Which rules made them.
    pub rules: Counts<RuleChange>,
    /// In which flows they are.
    pub flows: Counts<(Flow, Change)>,
    /// Whose data they are about.
    pub tenants: Counts<(String, Change)>,
    /// Versions of the program that decided them.
    pub engines: Counts<String>,
    /// Records of which a content is no longer kept.
    pub pruned: u64,
    /// Records of which fields were erased.
    pub erased: u64,
    /// Records whose bundle is not kept, by its version.
    pub not_kept: Counts<String>,
    /// Records whose bundle this program cannot load, by its version.
    pub not_loaded: Counts<String>,
    /// The first differences.
    pub first: Vec<Difference>,
}

impl Summary {
    /// Adds what came of a record, and keeps the difference whole as long as there are fewer than `show`.
    pub fn add(&mut self, recorded: &Recorded, replayed: Replayed, show: usize) {
        self.records += 1;
        self.enquiries += u64::from(recorded.decided.hypothetical);
        let difference = match replayed {
            Replayed::Same => return self.same += 1,
            Replayed::Skipped(Skipped::Pruned) => return self.pruned += 1,
            Replayed::Skipped(Skipped::Erased) => return self.erased += 1,
            Replayed::Skipped(Skipped::NotKept(version)) => return self.not_kept.add(version),
            Replayed::Skipped(Skipped::NotLoaded(version)) => return self.not_loaded.add(version),
            Replayed::Differs(difference) => *difference,
        };
        self.differ += 1;
        let change = difference.change();
        self.changes.add(change);
        difference.fields.iter().for_each(|field| self.fields.add(field));
        difference.causes.iter().for_each(|cause| self.causes.add(*cause));
        difference.rules.iter().for_each(|rule| self.rules.add(rule.clone()));
        self.flows.add((difference.flow.clone(), change));
        self.tenants.add((difference.tenant.clone(), change));
        self.engines.add(difference.engine_version.clone());
        if self.first.len() < show {
            self.first.push(difference);
        }
    }

    /// How many records were decided again.
    #[must_use]
    pub const fn replayed(&self) -> u64 {
        self.same + self.differ
    }

    /// How many decisions changed: from allow to deny, from deny to allow, or to none.
    #[must_use]
    pub fn decisions_changed(&self) -> u64 {
        self.differ - self.changes.of(&Change::Otherwise)
    }
}

impl Difference {
    /// How the decision changed.
    #[must_use]
    pub fn change(&self) -> Change {
        match (self.before.decision, &self.after) {
            (_, After::Refused(_)) => Change::Refused,
            (Verdict::Allow, After::Answer(after)) if after.decision == Verdict::Deny => Change::Denied,
            (Verdict::Deny, After::Answer(after)) if after.decision == Verdict::Allow => Change::Allowed,
            _ => Change::Otherwise,
        }
    }
}

impl Change {
    /// The words that the command line uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Denied => "allow -> deny",
            Self::Allowed => "deny -> allow",
            Self::Refused => "no longer a valid question",
            Self::Otherwise => "same decision, other answer",
        }
    }
}

impl<K: Ord + Clone> Counts<K> {
    fn add(&mut self, key: K) {
        if self.by_key.len() < MOST_KEYS || self.by_key.contains_key(&key) {
            *self.by_key.entry(key).or_default() += 1;
        } else {
            self.others += 1;
        }
    }

    /// The count of a key.
    #[must_use]
    pub fn of(&self, key: &K) -> u64 {
        self.by_key.get(key).copied().unwrap_or(0)
    }

    /// The sum of all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.others + self.by_key.values().sum::<u64>()
    }

    /// Every key with its count, the highest first.
    #[must_use]
    pub fn sorted(&self) -> Vec<(&K, u64)> {
        let mut counts: Vec<(&K, u64)> = self.by_key.iter().map(|(key, count)| (key, *count)).collect();
        counts.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(other.0)));
        counts
    }
}

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self { by_key: BTreeMap::new(), others: 0 }
    }
}
