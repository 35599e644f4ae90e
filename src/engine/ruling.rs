//! What was ruled on a question, apart from when it is answered: so that the same question, asked again, is
//! answered without asking the policies.
//!
//! A ruling hangs on the clock in few ways, and [`Term`] knows them all: the boundaries of law, the issue of a
//! process, what ends (a process, a duty to be silent, an approval), the whole days of a waiting period, and facts
//! that become overdue for review. Between two of these instants only what counts from the answer itself moves.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::answer::{Merged, obligations};
use super::point::days_between;
use super::resolve::{Known, Resolved};
use crate::domain::{Action, Answer, Decision, Disposition, Holding, LegalProcess, Party, Question, Tenant};
use crate::law::World;
use crate::policy::Bundle;

/// What was ruled.
pub(super) struct Ruling {
    pub action: Action,
    pub tenant: Option<Arc<Tenant>>,
    pub holding: Option<Arc<Holding>>,
    pub requester: Option<Arc<Party>>,
    pub process: Option<Arc<LegalProcess>>,
    pub merged: Merged,
    pub term: Term,
}

/// For how long a ruling stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Term {
    /// The instant that it was ruled at.
    from: Timestamp,
    /// The first instant at which the same question may be ruled otherwise; absent: none is known.
    until: Option<Timestamp>,
    /// The first instant at which an answer may no longer be used; absent: none is known, or nothing is.
    ends: Option<Timestamp>,
    /// Whether the facts were whole, so that an answer may be used for a while.
    whole: bool,
}

// === impl Ruling ===

impl Ruling {
    /// The decision as it is given now.
    pub fn answer(
        &self,
        bundle: &Bundle,
        question: Question,
        known: &Known,
        now: Timestamp,
        id: Uuid,
    ) -> Decision {
        let merged = &self.merged;
        let hypothetical = question.as_of.is_some();
        let answer = Answer {
            decision: merged.decision,
            disposition: merged.disposition,
            next_step: merged.next_step.clone(),
            reasons: merged.reasons.clone(),
            category_verdicts: merged.category_verdicts.clone(),
            obligations: obligations(&merged.duties, now),
            routes: merged.routes.clone(),
            regimes: merged.regimes.clone(),
            policy_version: bundle.version().to_owned(),
            facts_version: bundle.facts().version().to_owned(),
            catalog_revision: known.revision,
            decided_at: now,
            as_of: question.as_of.unwrap_or(now),
            hypothetical,
            // An answer under the law of another instant licenses nothing.
            valid_until: if hypothetical { now } else { self.valid_until(bundle, now) },
            receipt: None,
            decision_id: id,
            request_id: question.request_id.clone(),
        };
        Decision {
            question,
            action: self.action,
            tenant: self.tenant.clone(),
            holding: self.holding.clone(),
            matched: known.matched.clone(),
            requester: self.requester.clone(),
            recipient: known.recipient.clone(),
            process: self.process.clone(),
            answer,
        }
    }

    /// The earliest of what ends, and the age that the bundle allows.
    fn valid_until(&self, bundle: &Bundle, now: Timestamp) -> Timestamp {
        if !self.term.whole {
            return now;
        }
        let age = SignedDuration::from_secs(i64::from(bundle.facts().max_age(self.action.as_str())));
        let oldest = now.checked_add(age).unwrap_or(now);
        self.term.ends.map_or(oldest, |ends| ends.min(oldest))
    }

    /// Whether it may answer the same question at another instant. A fault never does: it may pass.
    pub fn stands(&self, now: Timestamp) -> bool {
        self.merged.disposition != Disposition::Fault && self.term.holds(now)
    }
}

// === impl Term ===

impl Term {
    pub fn of(resolved: Option<&Resolved>, world: &World, now: Timestamp) -> Self {
        let process = resolved.and_then(|resolved| resolved.process.as_deref());
        let tenant = resolved.and_then(|resolved| resolved.tenant.as_deref());
        let process_ends =
            process.into_iter().flat_map(|process| [process.expires_at, process.nondisclosure_until]);
        let approvals =
            tenant.into_iter().flat_map(|tenant| &tenant.approvals).map(|approval| approval.until);
        let ends = process_ends.chain(approvals).flatten().chain(world.until());
        let ends = ends.filter(|end| *end > now).min();
        let starts = process
            .into_iter()
            .flat_map(|process| [process.received_at, process.enforcing_authority_notified_at]);
        // A waiting period turns at whole days after its start.
        let turns = starts.flatten().filter_map(|from| {
            let days = days_between(from, now).checked_add(1)?;
            Timestamp::from_second(from.as_second().checked_add(days.checked_mul(86_400)?)?).ok()
        });
        let issued = process.and_then(|process| process.issued_at).filter(|issued| *issued > now);
        let until = turns.chain(issued).chain(ends).chain(world.facts().next_review(now)).min();
        Self { from: now, until, ends, whole: resolved.is_some() }
    }

    /// Whether nothing that a ruling hangs on turned between its instant and this one.
    fn holds(self, now: Timestamp) -> bool {
        self.from <= now && self.until.is_none_or(|until| now < until)
    }
}
