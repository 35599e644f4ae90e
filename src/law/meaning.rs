//! What declared words mean: what they imply, what a mode or an instrument is, and when facts are to be looked at
//! again.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::facts::{Facts, InstrumentFact};
use super::vocabulary::IdSet;

impl Facts {
    /// Words of a set with all that they imply.
    pub(super) fn closed<'a>(
        &self,
        set: IdSet,
        words: impl IntoIterator<Item = &'a String>,
    ) -> BTreeSet<String> {
        let mut closed = BTreeSet::new();
        let mut open: Vec<String> = words.into_iter().cloned().collect();
        while let Some(word) = open.pop() {
            if closed.insert(word.clone()) {
                open.extend(self.implies.get(&(set, word)).into_iter().flatten().cloned());
            }
        }
        closed
    }

    /// Whether a mode is the first storage, before which no copy exists.
    #[must_use]
    pub fn is_first_storage(&self, mode: &str) -> bool {
        mode == self.settings.first_storage_mode
    }

    /// The mode of a transfer that states none.
    #[must_use]
    pub fn presumed_mode(&self) -> String {
        self.settings.presumed_mode.clone()
    }

    /// Whether a transfer mode is systematic, not a single occasion. An unknown mode is.
    #[must_use]
    pub fn is_systematic(&self, mode: &str) -> bool {
        self.systematic.contains(mode) || !self.ids(IdSet::Mode).contains(mode)
    }

    /// What an instrument is: a legal process at all, the state's own, preserving only, and the relation
    /// kind that it stands under. `None` where there is no such instrument.
    #[must_use]
    pub fn instrument(&self, id: &str) -> Option<InstrumentFact<'_>> {
        let row = self.instruments.get(id)?;
        Some(InstrumentFact {
            own: row.own,
            legal_process: row.legal_process,
            executed: row.executed,
            preserves: row.preserves,
            under: row.under.as_deref(),
        })
    }

    /// Every instant from which a fact is overdue for review, in order.
    pub(super) fn reviews(&self) -> Vec<Timestamp> {
        let relations = self.relations.iter().map(|fact| fact.reviewed);
        let regimes = self.regimes.iter().map(|fact| fact.reviewed);
        let mechanisms = self.mechanisms.iter().map(|fact| fact.reviewed);
        let all = relations.chain(regimes).chain(mechanisms);
        let mut reviews: Vec<Timestamp> = all.filter_map(|reviewed| reviewed.review_by).collect();
        reviews.sort_unstable();
        reviews.dedup();
        reviews
    }

    /// The first instant after this one from which some fact is overdue for review.
    #[must_use]
    pub fn next_review(&self, now: Timestamp) -> Option<Timestamp> {
        self.reviews.get(self.reviews.partition_point(|review| *review <= now)).copied()
    }
}
