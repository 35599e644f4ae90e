//! The regimes that can govern between two boundaries, by what brings each of them in.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use super::calendar::Interval;
use super::facts::{Facts, RegimeFact};
use super::governs::Circumstances;
use super::rows::RegimeStatus;

/// How a regime stands in an interval.
pub(super) struct Current {
    /// It has ended, and orders made under it may still be relied on.
    pub lapsed: bool,
    /// Its jurisdictions in which it is in force; all of them where it has lapsed.
    pub jurisdictions: Vec<String>,
}

/// The regimes of an interval.
#[derive(Default)]
pub(super) struct Regimes {
    /// By their place in the facts; absent: it cannot govern.
    current: Vec<Option<Current>>,
    /// By link, then by code.
    by_link: HashMap<String, HashMap<String, Vec<usize>>>,
    /// Those whose orders an instrument is.
    by_instrument: HashMap<String, Vec<usize>>,
    /// Those that a link alone does not bring in, for moves and for demands.
    of_moves: Vec<usize>,
    of_demands: Vec<usize>,
}

/// A regime that may govern, with the codes that its links matched.
pub(super) type Candidates<'a> = BTreeMap<usize, BTreeSet<&'a String>>;

impl Regimes {
    pub fn at(facts: &Facts, from: Timestamp) -> Self {
        let mut regimes = Self::default();
        for (number, fact) in facts.regimes.iter().enumerate() {
            let current = fact.current(from);
            if let Some(current) = &current {
                regimes.add(number, fact, current, facts);
            }
            regimes.current.push(current);
        }
        regimes
    }

    fn add(&mut self, number: usize, fact: &RegimeFact, current: &Current, facts: &Facts) {
        let row = &fact.row;
        for link in &row.links {
            let by_code = self.by_link.entry(link.clone()).or_default();
            for code in &current.jurisdictions {
                by_code.entry(code.clone()).or_default().push(number);
            }
        }
        for instrument in &row.instruments {
            self.by_instrument.entry(instrument.clone()).or_default().push(number);
        }
        let unlinked = row.links.is_empty() && !row.limits.is_empty();
        if unlinked || facts.settings.move_regimes.contains(&row.id) {
            self.of_moves.push(number);
        }
        if unlinked || facts.settings.demand_regimes.contains(&row.id) {
            self.of_demands.push(number);
        }
    }

    pub fn get(&self, number: usize) -> Option<&Current> {
        self.current.get(number)?.as_ref()
    }

    /// The regimes that any link, the question or its instrument brings in, in order of declaration. `links` gives
    /// the codes of each link, closed upward.
    pub fn candidates<'a>(
        &self,
        circumstances: &Circumstances,
        links: impl Iterator<Item = (&'a str, &'a String)>,
    ) -> Candidates<'a> {
        let mut candidates = Candidates::new();
        let of_question = if circumstances.demand { &self.of_demands } else { &self.of_moves };
        let of_instrument = self.by_instrument.get(&circumstances.instrument);
        for number in of_question.iter().chain(of_instrument.into_iter().flatten()) {
            candidates.entry(*number).or_default();
        }
        for (link, code) in links {
            let regimes = self.by_link.get(link).and_then(|by_code| by_code.get(code));
            for number in regimes.into_iter().flatten() {
                candidates.entry(*number).or_default().insert(code);
            }
        }
        candidates
    }
}

impl RegimeFact {
    /// How it stands in the interval that begins then; absent: it cannot govern.
    fn current(&self, from: Timestamp) -> Option<Current> {
        let row = &self.row;
        let lapsed = row.status == RegimeStatus::LapsedResidual && self.interval.is_past(from);
        let current = row.jurisdictions.iter().filter(|code| lapsed || self.in_force_for(code, from));
        let jurisdictions: Vec<String> = current.cloned().collect();
        let governs =
            row.status != RegimeStatus::EnactedNotCommenced && (lapsed || !jurisdictions.is_empty());
        governs.then_some(Current { lapsed, jurisdictions })
    }

    fn in_force_for(&self, code: &str, at: Timestamp) -> bool {
        let phase = self.phases.iter().find(|(place, _)| place == code).map(|(_, interval)| *interval);
        // A phase says where it differs; the end that it does not name is the regime's own.
        let own = self.interval;
        let (from, until) =
            phase.map_or((own.from, own.until), |phase| (phase.from.or(own.from), phase.until.or(own.until)));
        Interval { from, until }.holds(at)
    }
}
