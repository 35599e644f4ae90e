//! One answer from the verdicts of several points.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::compile::PointVerdict;
use crate::domain::{Category, CategoryVerdict, Disposition, Obligation, Reason, Route, Verdict};
use crate::law::Facts;
use crate::policy::DueRule;

/// The verdicts of all points, merged.
pub(super) struct Merged {
    pub decision: Verdict,
    pub disposition: Disposition,
    pub next_step: String,
    pub reasons: Vec<Reason>,
    pub category_verdicts: Vec<CategoryVerdict>,
    /// Of every point that speaks; [`obligations`] makes of them what the answer says.
    pub duties: Vec<Duty>,
    pub routes: Vec<Route>,
    pub regimes: Vec<String>,
}

/// An obligation as a rule lays it, before it is known when the answer is given.
#[derive(Clone, Debug)]
pub(super) struct Duty {
    /// Its `due` is set where it does not hang on when the answer is given.
    pub obligation: Obligation,
    /// Present where its time runs from the decision.
    pub from_decision: Option<DueRule>,
}

/// Merges: ALLOW only where every point is; otherwise what the points that deny say.
pub(super) fn merge(points: Vec<PointVerdict>, facts: &Facts) -> Merged {
    let allowed = !points.is_empty() && points.iter().all(|point| point.decision == Verdict::Allow);
    let decision = if allowed { Verdict::Allow } else { Verdict::Deny };
    let disposition = points.iter().map(|point| point.disposition).min().unwrap_or(Disposition::NoGrant);
    let mut by_category: BTreeMap<Category, (Verdict, Disposition)> = BTreeMap::new();
    let mut regimes = Vec::new();
    for point in &points {
        if let Some(category) = point.category {
            let verdict = by_category.entry(category).or_insert((point.decision, point.disposition));
            if point.disposition < verdict.1 {
                *verdict = (point.decision, point.disposition);
            }
        }
        add_new(&mut regimes, point.regimes.iter().cloned());
    }
    let speaking: Vec<PointVerdict> = points.into_iter().filter(|point| point.decision == decision).collect();
    let strongest = speaking.iter().filter(|point| allowed || point.disposition == disposition);
    let next_step = facts
        .strongest_next_step(strongest.map(|point| point.next_step.as_str()).filter(|step| !step.is_empty()));
    let next_step = next_step.unwrap_or_default().to_owned();
    let (mut reasons, mut duties, mut routes) = (Vec::new(), Vec::new(), Vec::new());
    for point in speaking {
        add_new(&mut reasons, point.reasons);
        duties.extend(point.duties);
        add_new(&mut routes, point.routes);
    }
    reasons.sort_by_key(|reason: &Reason| reason.effect);
    Merged {
        decision,
        disposition,
        next_step,
        reasons,
        category_verdicts: by_category
            .into_iter()
            .map(|(category, (decision, disposition))| CategoryVerdict { category, decision, disposition })
            .collect(),
        duties,
        routes,
        regimes,
    }
}

/// The obligations of an answer that is given now, each once.
pub(super) fn obligations(duties: &[Duty], now: Timestamp) -> Vec<Obligation> {
    let mut obligations = Vec::new();
    add_new(&mut obligations, duties.iter().map(|duty| duty.at(now)));
    // A duty with an instant says more than the same without; a plain one that repeats it is dropped.
    let dated: Vec<String> = obligations
        .iter()
        .filter(|duty: &&Obligation| duty.due.is_some())
        .map(|duty| duty.kind.clone())
        .collect();
    obligations.retain(|duty: &Obligation| {
        duty.due.is_some()
            || !duty.period.is_empty()
            || !duty.detail.is_empty()
            || !dated.contains(&duty.kind)
    });
    obligations
}

impl Duty {
    fn at(&self, now: Timestamp) -> Obligation {
        let from_decision = self.from_decision.as_ref().map(|rule| rule.due(now));
        Obligation { due: from_decision.unwrap_or(self.obligation.due), ..self.obligation.clone() }
    }
}

/// Adds what is not there yet, keeping the order.
fn add_new<T: PartialEq>(list: &mut Vec<T>, more: impl IntoIterator<Item = T>) {
    for item in more {
        if !list.contains(&item) {
            list.push(item);
        }
    }
}
