//! What relations do for a question: the state of each at an instant, and where a law stands towards a
//! place, or one state towards others.

use std::sync::Arc;

use jiff::Timestamp;

use super::condition::RequestFacts;
use super::facts::{RelationFact, Reviewed};
use super::places::Codes;
use super::rows::{Between, Relation};
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
#[derive(Clone, Debug)]
pub struct Standing {
    row: Arc<Relation>,
    /// Its state towards this question.
    pub state: RelationState,
    /// Its conditions that are not met.
    pub unmet: Vec<String>,
    /// Whose law it binds: its ends, and the groupings that stand with them.
    pub parties: Arc<Codes>,
    /// Its first instant; absent where none is known.
    pub begins: Option<Timestamp>,
    /// How sure it is, and when to look again.
    pub reviewed: Reviewed,
}

impl Standing {
    /// The relation's id.
    #[must_use]
    pub fn relation(&self) -> &str {
        &self.row.id
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.row.kind
    }

    /// Where it stands.
    #[must_use]
    pub fn citation(&self) -> &str {
        &self.row.citation
    }
}

impl World {
    /// The relations between one side and the other that are looked for there, with their states.
    ///
    /// A side is a set of codes that is closed upward. `facts` answers the conditions.
    pub fn standings(
        &self,
        from: &Codes,
        to: &Codes,
        between: Between,
        facts: &dyn RequestFacts,
    ) -> Vec<Standing> {
        let candidates = self.facts.index.relations(between, from);
        candidates.filter_map(|number| self.standing(number, from, to, facts)).collect()
    }

    fn standing(
        &self,
        number: usize,
        from: &Codes,
        to: &Codes,
        facts: &dyn RequestFacts,
    ) -> Option<Standing> {
        let fact = self.facts.relations.get(number)?;
        let state = *self.epoch.relation_states.get(number)?;
        let row = &fact.row;
        let from_end = |side: &Codes| fact.starts().any(|code| side.contains(code));
        let to_end = |side: &Codes| fact.ends().any(|code| side.contains(code));
        let forward = from_end(from) && to_end(to);
        let backward = row.symmetric && from_end(to) && to_end(from);
        if !forward && !backward {
            return None;
        }
        let unmet: Vec<String> = match state {
            RelationState::InForce => {
                let other = if forward { &row.to } else { &row.from };
                let other = std::slice::from_ref(other);
                let unmet = fact.conditions.iter().filter(|condition| !condition.holds(facts, other));
                unmet.map(|condition| condition.word.clone()).collect()
            }
            _ => Vec::new(),
        };
        Some(Standing {
            row: Arc::clone(row),
            state: if unmet.is_empty() { state } else { RelationState::ConditionUnmet },
            unmet,
            parties: Arc::clone(&fact.parties),
            begins: fact.interval.from,
            reviewed: fact.reviewed,
        })
    }

    /// How sure a relation, regime or mechanism is, and when to look again.
    #[must_use]
    pub fn reviewed(&self, id: &str) -> Option<Reviewed> {
        self.facts.index.reviewed(id)
    }
}
