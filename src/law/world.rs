//! The law of one interval between two boundaries: what lies in what, and what is in force.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use super::current::Regimes;
use super::facts::Facts;
use super::places::Codes;
use super::standing::RelationState;

/// The law at an instant. Cheap to clone: what it is made of is built once for each interval.
#[derive(Clone)]
pub struct World {
    pub(super) facts: Arc<Facts>,
    pub(super) epoch: Arc<Epoch>,
}

/// What holds between two boundaries.
pub(super) struct Epoch {
    pub closures: HashMap<String, Codes>,
    pub relation_states: Vec<RelationState>,
    pub regimes: Regimes,
    mechanisms: BTreeSet<usize>,
    from: Timestamp,
    until: Option<Timestamp>,
}

impl World {
    /// The law of an instant.
    #[must_use]
    pub fn at(facts: &Arc<Facts>, instant: Timestamp) -> Self {
        Self { facts: Arc::clone(facts), epoch: facts.epoch(instant) }
    }

    /// The facts that it is a view of.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The first instant at which another law holds; absent where none is known.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        self.epoch.until
    }

    /// The boundary at which it begins.
    #[must_use]
    pub fn from(&self) -> Timestamp {
        self.epoch.from
    }

    /// The state of every relation, by its id.
    pub fn relation_states(&self) -> impl Iterator<Item = (&str, RelationState)> {
        let states = self.epoch.relation_states.iter().copied();
        self.facts.relations.iter().map(|fact| fact.row.id.as_str()).zip(states)
    }

    /// The mechanisms in force that these safeguard words stand for.
    #[must_use]
    pub fn mechanisms_carried_by(&self, safeguards: &BTreeSet<String>) -> BTreeSet<String> {
        if safeguards.is_empty() {
            return BTreeSet::new();
        }
        let valid = self.epoch.mechanisms.iter().filter_map(|index| self.facts.mechanisms.get(*index));
        valid
            .filter(|mechanism| mechanism.row.carried_by.iter().any(|word| safeguards.contains(word)))
            .map(|mechanism| mechanism.row.id.clone())
            .collect()
    }
}

impl Epoch {
    /// Builds the interval that ends at boundary `index`, or the last one.
    pub fn build(facts: &Facts, index: usize) -> Self {
        let before = index.checked_sub(1).and_then(|before| facts.boundaries.get(before));
        let from = before.copied().unwrap_or(Timestamp::MIN);
        let valid =
            facts.mechanisms.iter().enumerate().filter(|(_, mechanism)| mechanism.interval.holds(from));
        Self {
            closures: closures(facts, from),
            relation_states: facts.relations.iter().map(|relation| relation.state(from)).collect(),
            regimes: Regimes::at(facts, from),
            mechanisms: valid.map(|(index, _)| index).collect(),
            from,
            until: facts.boundaries.get(index).copied(),
        }
    }
}

fn closures(facts: &Facts, at: Timestamp) -> HashMap<String, Codes> {
    let groups_of = |code: &str| -> Codes {
        let memberships =
            facts.jurisdictions.get(code).map(|row| row.memberships.as_slice()).unwrap_or_default();
        let current = memberships.iter().filter(|(group, interval)| {
            let group_stands = facts.groupings.get(group).is_some_and(|row| row.interval.holds(at));
            group_stands && interval.holds(at)
        });
        current.map(|(group, _)| group.clone()).collect()
    };
    let mut closures = HashMap::new();
    for code in facts.jurisdictions.keys() {
        let mut closure = groups_of(code);
        closure.insert(code.clone());
        if let Some(parent) = facts.parent(code) {
            closure.extend(groups_of(&parent));
            closure.insert(parent);
        }
        closures.insert(code.clone(), closure);
    }
    // A grouping lies in another when every member of it does.
    let mut of_groupings = HashMap::new();
    for grouping in facts.groupings.keys() {
        let members = closures.values().filter(|closure| closure.contains(grouping));
        let common = members.fold(None::<Codes>, |common, closure| {
            Some(match common {
                None => closure.clone(),
                Some(common) => common.intersection(closure).cloned().collect(),
            })
        });
        let mut closure: Codes = common
            .unwrap_or_default()
            .into_iter()
            .filter(|code| facts.groupings.contains_key(code))
            .collect();
        closure.insert(grouping.clone());
        of_groupings.insert(grouping.clone(), closure);
    }
    closures.extend(of_groupings);
    closures
}
