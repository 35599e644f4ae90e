//! Rulings that are remembered under one bundle: the same question about the same facts is looked up.
//!
//! The key is everything that a ruling is made of: what was asked, but for the fields that only say how to answer,
//! and what the catalogue knows. Registered facts are compared by their `Arc`, which the key keeps alive, so a
//! changed fact, a longer prefix or another ancestor never finds the ruling of the one before. Another bundle
//! begins a memory of its own. The clock is [`Term`](super::ruling::Term)'s.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use jiff::Timestamp;
use quick_cache::{Equivalent, sync::Cache};
use uuid::Uuid;

use super::decide::rule;
use super::resolve::Known;
use super::ruling::Ruling;
use crate::domain::{Decision, Question};
use crate::policy::Bundle;

/// Rulings that are kept, at some 6 KiB each: 50 MiB, and three times that where every question says as much inline
/// as it may.
const RULINGS: usize = 8192;

/// A bundle with the rulings that were made under it.
pub struct Memory {
    bundle: Arc<Bundle>,
    rulings: Cache<Asked<Question, Known>, Arc<Ruling>>,
}

/// What a ruling is made of.
struct Asked<Q, K> {
    question: Q,
    known: K,
}

// === impl Memory ===

impl Memory {
    /// One of which nothing is remembered yet.
    #[must_use]
    pub fn new(bundle: Arc<Bundle>) -> Self {
        Self { bundle, rulings: Cache::new(RULINGS) }
    }

    /// The bundle.
    #[must_use]
    pub fn bundle(&self) -> &Arc<Bundle> {
        &self.bundle
    }

    /// Decides as [`decide`](super::decide()) does, from a ruling that is remembered if there is one.
    #[must_use]
    pub fn decide(&self, question: Question, known: &Known, now: Timestamp, id: Uuid) -> Decision {
        let ruling = self.ruling(&question, known, now);
        ruling.answer(&self.bundle, question, known, now, id)
    }

    /// Whether a ruling is remembered that answers this question now.
    #[must_use]
    pub fn knows(&self, question: &Question, known: &Known, now: Timestamp) -> bool {
        self.find(&Asked { question, known }, now).is_some()
    }

    fn find(&self, asked: &Asked<&Question, &Known>, now: Timestamp) -> Option<Arc<Ruling>> {
        self.rulings.get(asked).filter(|ruling| ruling.stands(now))
    }

    fn ruling(&self, question: &Question, known: &Known, now: Timestamp) -> Arc<Ruling> {
        // Under the law of another instant a person asks, once.
        if question.as_of.is_some() {
            return Arc::new(rule(&self.bundle, question, known, now));
        }
        if let Some(ruling) = self.find(&Asked { question, known }, now) {
            return ruling;
        }
        let ruling = Arc::new(rule(&self.bundle, question, known, now));
        if ruling.stands(now) {
            let key = Asked { question: question.clone(), known: known.clone() };
            self.rulings.insert(key, Arc::clone(&ruling));
        }
        ruling
    }
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory").field("rulings", &self.rulings.len()).finish_non_exhaustive()
    }
}

// === impl Asked ===

impl Asked<&Question, &Known> {
    /// Whether both come to the same ruling.
    fn is(&self, other: &Asked<&Question, &Known>) -> bool {
        // A field that is added must be thought of here.
        let Question {
            data_ref,
            requester,
            jurisdiction,
            action,
            data_categories,
            process,
            transfer,
            tenant,
            holding,
            as_of,
            at_least_revision: _,
            expect_policy_version: _,
            request_id: _,
        } = self.question;
        let Known {
            tenant: known_tenant,
            holding: known_holding,
            matched,
            requester: party,
            recipient,
            process: order,
            revision: _,
        } = self.known;
        let (question, known) = (other.question, other.known);
        same(known_holding, &known.holding)
            && same(known_tenant, &known.tenant)
            && same(party, &known.requester)
            && same(recipient, &known.recipient)
            && same(order, &known.process)
            && *matched == known.matched
            && *data_ref == question.data_ref
            && *requester == question.requester
            && *jurisdiction == question.jurisdiction
            && *action == question.action
            && *data_categories == question.data_categories
            && *process == question.process
            && *transfer == question.transfer
            && *tenant == question.tenant
            && *holding == question.holding
            && *as_of == question.as_of
    }
}

/// Whether two facts are the same piece of memory, or both are absent.
fn same<T>(one: &Option<Arc<T>>, other: &Option<Arc<T>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => true,
        _ => false,
    }
}

impl<Q, K> Asked<Q, K>
where
    Q: std::borrow::Borrow<Question>,
    K: std::borrow::Borrow<Known>,
{
    fn as_ref(&self) -> Asked<&Question, &Known> {
        Asked { question: self.question.borrow(), known: self.known.borrow() }
    }
}

impl PartialEq for Asked<Question, Known> {
    fn eq(&self, other: &Self) -> bool {
        self.as_ref().is(&other.as_ref())
    }
}

impl Eq for Asked<Question, Known> {}

impl Equivalent<Asked<Question, Known>> for Asked<&Question, &Known> {
    fn equivalent(&self, key: &Asked<Question, Known>) -> bool {
        self.is(&key.as_ref())
    }
}

impl Hash for Asked<&Question, &Known> {
    /// What nearly always tells questions apart; whether they are the same is compared.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Question {
            data_ref, requester, jurisdiction, action, data_categories, process, transfer, ..
        } = self.question;
        data_ref.hash(state);
        requester.hash(state);
        jurisdiction.hash(state);
        action.hash(state);
        data_categories.hash(state);
        process.hash(state);
        transfer.hash(state);
        self.question.tenant.hash(state);
        self.question.holding.hash(state);
        self.known.holding.as_ref().map(Arc::as_ptr).hash(state);
    }
}

impl Hash for Asked<Question, Known> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_ref().hash(state);
    }
}
