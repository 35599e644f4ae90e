//! Takes what a log holds, and counts.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::demand::Demand;
use super::dimension::By;
use super::transfers::Transfers;
use super::{Report, Source, tables};
use crate::domain::{Action, Decision, Outcome, Recorded};
use crate::law::Facts;

/// What is asked of a report.
#[derive(Clone, Debug)]
pub struct Options {
    /// What it is called.
    pub title: String,
    /// From this instant.
    pub from: Timestamp,
    /// Until before this one.
    pub to: Timestamp,
    /// No count below this is told; 0 or 1: all are.
    pub threshold: u64,
    /// How wide the bands are for demands that the law lets be counted in bands only. At least 1.
    pub band: u64,
    /// Count the demands by each combination of these, in place of the usual tables; empty: the usual ones.
    pub by: Vec<By>,
}

/// Counts what a log holds.
///
/// It keeps every demand of the period, some hundred bytes each; of transfers it keeps counts alone.
pub struct Tally {
    pub(super) facts: Arc<Facts>,
    pub(super) options: Options,
    pub(super) demands: Vec<Demand>,
    pub(super) transfers: Transfers,
    /// Decisions about demands of which the log no longer keeps what was asked.
    pub(super) pruned: u64,
    /// Whether some demand could not be told from others, since its process has no id or is hidden.
    pub(super) unnamed: bool,
    by_process: HashMap<Key, usize>,
    by_decision: HashMap<Uuid, (usize, String)>,
}

/// What makes two questions be about one demand.
#[derive(PartialEq, Eq, Hash)]
enum Key {
    Process { action: Action, issuer: String, instrument: String, id: String },
    Decision(Uuid),
}

// === impl Tally ===

impl Tally {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(facts: Arc<Facts>, options: Options) -> Self {
        Self {
            facts,
            options,
            demands: Vec::new(),
            transfers: Transfers::default(),
            pruned: 0,
            unnamed: false,
            by_process: HashMap::new(),
            by_decision: HashMap::new(),
        }
    }

    /// Takes a decision; one that is out of the period, or an enquiry, is left out.
    pub fn decision(&mut self, recorded: &Recorded) {
        let decided = &recorded.decided;
        let in_period = (self.options.from..self.options.to).contains(&decided.decided_at);
        if decided.hypothetical || !in_period {
            return;
        }
        match (decided.action, &recorded.decision) {
            (Action::Access, _) | (Action::Transfer, None) => {}
            (Action::Transfer, Some(decision)) => self.transfers.take(decision, &self.facts),
            (Action::Disclose | Action::SurrenderKey | Action::Preserve, None) => self.pruned += 1,
            (Action::Disclose | Action::SurrenderKey | Action::Preserve, Some(decision)) => {
                self.demand(decided.id, decision);
            }
        }
    }

    /// Takes what became of a decision, whenever that was; one of a decision that was not taken is left out.
    pub fn outcome(&mut self, outcome: &Outcome) {
        if let Some((at, data_ref)) = self.by_decision.get(&outcome.decision_id)
            && let Some(demand) = self.demands.get_mut(*at)
        {
            demand.conclude(data_ref, outcome, &self.facts);
        }
    }

    /// What may be published.
    #[must_use]
    pub fn report(&self, made_at: Timestamp, logs: Vec<Source>) -> Report {
        tables::report(self, made_at, logs)
    }

    fn demand(&mut self, id: Uuid, decision: &Decision) {
        let key = match decision.process.as_ref().filter(|process| !process.id.is_empty()) {
            Some(process) => Key::Process {
                action: decision.action,
                issuer: process.issuing_jurisdiction.clone(),
                instrument: process.instrument.clone(),
                id: process.id.clone(),
            },
            None => {
                self.unnamed = true;
                Key::Decision(id)
            }
        };
        let at = *self.by_process.entry(key).or_insert(self.demands.len());
        if at == self.demands.len() {
            self.demands.push(Demand::new(decision, &self.facts));
        }
        if let Some(demand) = self.demands.get_mut(at) {
            demand.take(decision, &self.facts);
            self.by_decision.insert(id, (at, decision.question.data_ref.as_str().to_owned()));
        }
    }
}
