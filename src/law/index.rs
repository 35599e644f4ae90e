//! The facts by what a question looks them up by, built once: relations by their ends, and what is found by an id.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use super::calendar::Interval;
use super::condition::Condition;
use super::facts::{Facts, RelationFact, Reviewed};
use super::places::Codes;
use super::rows::{Between, Relation};

/// What a question finds facts by.
#[derive(Default)]
pub(super) struct Index {
    /// The relations that have a code at either end, by their places in the facts.
    by_end: HashMap<String, Vec<usize>>,
    /// Between whom each relation is looked for; absent where its kind is declared nowhere.
    between: Vec<Option<Between>>,
    /// How sure each relation, regime and mechanism is.
    reviewed: HashMap<String, Reviewed>,
    /// The place of each regime in the facts.
    regimes: HashMap<String, usize>,
}

impl Index {
    pub fn of(facts: &Facts) -> Self {
        let mut index = Self::default();
        for (number, fact) in facts.relations.iter().enumerate() {
            let ends: BTreeSet<&String> = fact.starts().chain(fact.ends()).collect();
            for end in ends {
                index.by_end.entry(end.clone()).or_default().push(number);
            }
            index.between.push(facts.relation_kinds.get(&fact.row.kind).copied());
        }
        let relations = facts.relations.iter().map(|fact| (&fact.row.id, fact.reviewed));
        let regimes = facts.regimes.iter().map(|fact| (&fact.row.id, fact.reviewed));
        let mechanisms = facts.mechanisms.iter().map(|fact| (&fact.row.id, fact.reviewed));
        for (id, reviewed) in relations.chain(regimes).chain(mechanisms) {
            index.reviewed.entry(id.clone()).or_insert(reviewed);
        }
        for (number, fact) in facts.regimes.iter().enumerate() {
            index.regimes.entry(fact.row.id.clone()).or_insert(number);
        }
        index
    }

    /// The relations of one sort that have an end on this side, in order of declaration.
    pub fn relations(&self, between: Between, side: &Codes) -> impl Iterator<Item = usize> {
        let ends = side.iter().filter_map(|code| self.by_end.get(code));
        let of_sort = ends
            .flatten()
            .copied()
            .filter(|number| self.between.get(*number).is_some_and(|known| *known == Some(between)));
        let mut found: Vec<usize> = of_sort.collect();
        found.sort_unstable();
        found.dedup();
        found.into_iter()
    }

    pub fn reviewed(&self, id: &str) -> Option<Reviewed> {
        self.reviewed.get(id).copied()
    }

    pub fn regime(&self, id: &str) -> Option<usize> {
        self.regimes.get(id).copied()
    }
}

impl RelationFact {
    pub fn new(
        row: Relation,
        interval: Interval,
        signed: Option<Timestamp>,
        conditions: Vec<Condition>,
        reviewed: Reviewed,
    ) -> Self {
        let ends = [&row.from, &row.to].into_iter().chain(&row.extends_from).chain(&row.extends_to);
        let parties = Arc::new(ends.cloned().collect());
        Self { row: Arc::new(row), parties, interval, signed, conditions, reviewed }
    }

    /// The codes that stand at its beginning.
    pub fn starts(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.row.from).chain(&self.row.extends_from)
    }

    /// The codes that stand at its end.
    pub fn ends(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.row.to).chain(&self.row.extends_to)
    }
}
