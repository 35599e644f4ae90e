//! What relations do for a question: the state of each at an instant, and where a law stands towards a
//! place, or one state towards others.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::condition::RequestFacts;
use super::facts::{RelationFact, Reviewed};
use super::places::Codes;
use super::world::World;

/// The state of a relation, at an instant or towards a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RelationState {
    /// In force, and its conditions are met: it can help.
    InForce,
    /// In force, but a condition is not met.
    ConditionUnmet,
    /// Ended by a court.
    Invalidated,
    /// Ended otherwise.
    Ended,
    /// Suspended.
    Suspended,
    /// Concluded, with its first day still to come.
    NotYet,
    /// Still to be concluded, as the facts know from later.
    Future,
    /// Being negotiated, or concluded without a first day.
    Negotiating,
    /// Recorded as absent.
    None,
}

impl RelationState {
    /// Every state.
    pub const ALL: &'static [Self] = &[
        Self::InForce,
        Self::ConditionUnmet,
        Self::Invalidated,
        Self::Ended,
        Self::Suspended,
        Self::NotYet,
        Self::Future,
        Self::Negotiating,
        Self::None,
    ];

    /// The word that policies use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InForce => "in_force",
            Self::ConditionUnmet => "condition_unmet",
            Self::Invalidated => "invalidated",
            Self::Ended => "ended",
            Self::Suspended => "suspended",
            Self::NotYet => "not_yet",
            Self::Future => "future",
            Self::Negotiating => "negotiating",
            Self::None => "none",
        }
    }
}

impl RelationFact {
    /// Its state at an instant, before any condition is asked.
    pub fn state(&self, at: Timestamp) -> RelationState {
        match self.row.status.as_str() {
            "negotiating" | "not_in_force" => RelationState::Negotiating,
            "none" | "empty" => RelationState::None,
            _ if self.interval.is_future(at) => match self.signed {
                Some(signed) if at < signed => RelationState::Future,
                _ => RelationState::NotYet,
            },
            _ if self.interval.is_past(at) => match self.row.ended_as.as_deref() {
                Some("invalidated") => RelationState::Invalidated,
                Some("suspended") => RelationState::Suspended,
                _ => RelationState::Ended,
            },
            _ => RelationState::InForce,
        }
    }
}

/// A relation that bears on a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its id.
    pub relation: String,
    /// Its kind.
    pub kind: String,
    /// Its state towards this question.
    pub state: RelationState,
    /// Its conditions that are not met.
    pub unmet: Vec<String>,
    /// Whose law it binds: its ends, and the groupings that stand with them.
    pub parties: Codes,
    /// Its first instant; absent where none is known.
    pub begins: Option<Timestamp>,
    /// How sure it is, and when to look again.
    pub reviewed: Reviewed,
    /// Where it stands.
    pub citation: String,
    /// What it covers.
    pub scope: String,
}

impl World {
    /// The relations between one side and the other, of any of these kinds, with their states.
    ///
    /// A side is a set of codes that is closed upward. `facts` answers the conditions.
    pub fn standings(
        &self,
        from: &Codes,
        to: &Codes,
        kinds: &BTreeSet<&str>,
        facts: &dyn RequestFacts,
    ) -> Vec<Standing> {
        let relations = self.facts.relations.iter().zip(&self.epoch.relation_states);
        let mut standings = Vec::new();
        for (fact, state) in relations.filter(|(fact, _)| kinds.contains(fact.row.kind.as_str())) {
            let row = &fact.row;
            let from_end = |side: &Codes| {
                side.contains(&row.from) || row.extends_from.iter().any(|code| side.contains(code))
            };
            let to_end = |side: &Codes| {
                side.contains(&row.to) || row.extends_to.iter().any(|code| side.contains(code))
            };
            let forward = from_end(from) && to_end(to);
            let backward = row.symmetric && from_end(to) && to_end(from);
            if !forward && !backward {
                continue;
            }
            let other = if forward { [row.to.clone()] } else { [row.from.clone()] };
            let unmet: Vec<String> = match state {
                RelationState::InForce => {
                    let unmet = fact.conditions.iter().filter(|condition| !condition.holds(facts, &other));
                    unmet.map(|condition| condition.word.clone()).collect()
                }
                _ => Vec::new(),
            };
            standings.push(Standing {
                relation: row.id.clone(),
                kind: row.kind.clone(),
                state: if unmet.is_empty() { *state } else { RelationState::ConditionUnmet },
                unmet,
                parties: [&row.from, &row.to]
                    .into_iter()
                    .chain(&row.extends_from)
                    .chain(&row.extends_to)
                    .cloned()
                    .collect(),
                begins: fact.interval.from,
                reviewed: fact.reviewed,
                citation: row.citation.clone(),
                scope: row.scope.clone(),
            });
        }
        standings
    }

    /// The same, by kind.
    pub fn standings_by_kind(standings: &[Standing]) -> BTreeMap<&str, BTreeSet<RelationState>> {
        let mut by_kind: BTreeMap<&str, BTreeSet<RelationState>> = BTreeMap::new();
        for standing in standings {
            by_kind.entry(standing.kind.as_str()).or_default().insert(standing.state);
        }
        by_kind
    }

    /// How sure a relation, regime or mechanism is, and when to look again.
    #[must_use]
    pub fn reviewed(&self, id: &str) -> Option<Reviewed> {
        let facts = &self.facts;
        let relation = facts.relations.iter().find(|fact| fact.row.id == id).map(|fact| fact.reviewed);
        let regime = || facts.regimes.iter().find(|fact| fact.row.id == id).map(|fact| fact.reviewed);
        let mechanism = || facts.mechanisms.iter().find(|fact| fact.row.id == id).map(|fact| fact.reviewed);
        relation.or_else(regime).or_else(mechanism)
    }
}
