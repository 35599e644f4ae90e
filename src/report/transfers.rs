//! Questions about transfers, counted by where the data is and where it would be.

use std::collections::{BTreeMap, BTreeSet};

use super::demand::jurisdictions;
use crate::domain::{Decision, Disposition, Verdict};
use crate::law::Facts;

/// Counts of transfers. One of data that is in several places counts for each.
#[derive(Debug, Default)]
pub(super) struct Transfers {
    /// Those that were permitted, by origin and destination; an empty origin is not known, or has no copy yet.
    pub permitted: BTreeMap<(String, String), u64>,
    /// Those that were refused, by destination.
    pub refused: BTreeMap<String, u64>,
    /// Those that were refused, by the reason.
    pub why_refused: BTreeMap<Disposition, u64>,
}

impl Transfers {
    pub fn take(&mut self, decision: &Decision, facts: &Facts) {
        let destinations = states(facts, [&decision.question.jurisdiction]);
        if decision.answer.decision == Verdict::Deny {
            *self.why_refused.entry(decision.answer.disposition).or_default() += 1;
            // Counted once, so that both counts of refusals have the same total.
            let destination = destinations.into_iter().next().unwrap_or_default();
            *self.refused.entry(destination).or_default() += 1;
            return;
        }
        let mut origins = states(facts, decision.holding.iter().flat_map(|holding| &holding.stored_in));
        if origins.is_empty() {
            origins.insert(String::new());
        }
        for origin in origins {
            for destination in &destinations {
                *self.permitted.entry((origin.clone(), destination.clone())).or_default() += 1;
            }
        }
    }
}

fn states<'a>(facts: &Facts, places: impl IntoIterator<Item = &'a String>) -> BTreeSet<String> {
    let codes = places.into_iter().flat_map(|place| jurisdictions(facts, place));
    codes.map(|code| facts.state_of(&code)).collect()
}
