//! Which policies a question can reach, found by their scope without evaluating the rest.
//!
//! A policy stands in one cell for each action that its scope names: that of the entity which its scope asks the
//! resource to be or to lie in, else that of the principal, else the cell that every question reaches. A question
//! reaches the cells of its entities and of all that they lie in. Cedar judges each policy by itself, so what a
//! question's cells say is what the whole set says.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use cedar_policy::{EntityUid, Policy, PrincipalConstraint, ResourceConstraint};
use cedar_policy_core::ast::Expr;

use super::ask::{Ask, Uid};
use super::bundle::ACTIONS;
use super::rule::Rule;
use super::schema;
use crate::domain::Effect;

/// A policy that stands in a cell.
#[derive(Clone)]
pub(super) struct Entry {
    /// Its place among the rules.
    pub rule: usize,
    /// The type of principal that its scope asks for; absent: any.
    principal: Option<&'static str>,
    /// Scope and conditions as one expression.
    pub condition: Arc<Expr>,
}

/// Policies of one cell.
#[derive(Default)]
pub(super) struct Cell {
    judging: Vec<Entry>,
    advising: Vec<Entry>,
}

/// The cells of one action.
#[derive(Default)]
struct Cells {
    of_all: Cell,
    of_entity: HashMap<Uid, Cell>,
}

/// The cells of a bundle, by action.
#[derive(Default)]
pub(super) struct Index(HashMap<&'static str, Cells>);

/// What is asked of the policies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Permits and forbids.
    Judge,
    /// Advice.
    Advise,
}

impl Index {
    /// Adds a policy; `number` is the place of its rule.
    pub fn add(&mut self, number: usize, rule: &Rule, policy: &Policy) {
        let (principal, by_principal) = principal(policy.principal_constraint());
        let key = resource(policy.resource_constraint()).or(by_principal);
        let entry = Entry { rule: number, principal, condition: Arc::new(policy.as_ref().condition()) };
        for action in ACTIONS {
            if !rule.actions.is_empty() && !rule.actions.iter().any(|known| known == action) {
                continue;
            }
            let cells = self.0.entry(*action).or_default();
            let cell = match &key {
                Some(uid) => cells.of_entity.entry(uid.clone()).or_default(),
                None => &mut cells.of_all,
            };
            let entries = if rule.effect == Effect::Advice { &mut cell.advising } else { &mut cell.judging };
            entries.push(entry.clone());
        }
    }

    /// The policies that a question can match.
    pub fn reach<'a>(&'a self, ask: &'a Ask, phase: Phase) -> impl Iterator<Item = &'a Entry> {
        let cells = self.0.get(ask.action);
        // What the resource lies in may itself lie in something; each cell once.
        let uids: BTreeSet<&Uid> =
            ask.own().flat_map(|entity| std::iter::once(&entity.uid).chain(&entity.parents)).collect();
        let of_entities = cells
            .into_iter()
            .flat_map(move |cells| uids.clone().into_iter().filter_map(|uid| cells.of_entity.get(uid)));
        let reached = cells.into_iter().map(|cells| &cells.of_all).chain(of_entities);
        let kind = ask.principal.uid.kind;
        let entries = reached.flat_map(move |cell| match phase {
            Phase::Judge => &cell.judging,
            Phase::Advise => &cell.advising,
        });
        entries.filter(move |entry| entry.principal.is_none_or(|asked| asked == kind))
    }
}

/// The type that a scope asks the principal to have, and the entity to be or to lie in.
fn principal(constraint: PrincipalConstraint) -> (Option<&'static str>, Option<Uid>) {
    match constraint {
        PrincipalConstraint::Any => (None, None),
        PrincipalConstraint::Is(kind) => (schema::kind(&kind.to_string()), None),
        PrincipalConstraint::IsIn(kind, uid) => (schema::kind(&kind.to_string()), of(&uid)),
        PrincipalConstraint::Eq(uid) | PrincipalConstraint::In(uid) => (None, of(&uid)),
    }
}

/// The entity that a scope asks the resource to be or to lie in.
fn resource(constraint: ResourceConstraint) -> Option<Uid> {
    match constraint {
        ResourceConstraint::Any | ResourceConstraint::Is(_) => None,
        ResourceConstraint::Eq(uid) | ResourceConstraint::In(uid) | ResourceConstraint::IsIn(_, uid) => {
            of(&uid)
        }
    }
}

/// Absent for a type that the engine has no values of: such a policy stands where every question finds it.
fn of(uid: &EntityUid) -> Option<Uid> {
    Some(Uid::new(schema::kind(&uid.type_name().to_string())?, uid.id().unescaped()))
}
