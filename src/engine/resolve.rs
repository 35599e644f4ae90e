//! What is known of a question: the catalogue's facts, and under them the caller's.

use super::decide::Missing;
use crate::domain::{Action, DataRef, Holding, LegalProcess, Party, Question, Tenant};
use crate::law::{AbsenceMeaning, Facts};

/// What the catalogue knows that a question refers to.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The tenant.
    pub tenant: Option<Tenant>,
    /// The holding, with what it inherits.
    pub holding: Option<Holding>,
    /// The longest registered prefix.
    pub matched: Option<DataRef>,
    /// The registered requester.
    pub requester: Option<Party>,
    /// The registered recipient of a transfer.
    pub recipient: Option<Party>,
    /// The registered process.
    pub process: Option<LegalProcess>,
    /// The revision that all of this was read at.
    pub revision: u64,
}

/// A question with everything that is known of it.
#[derive(Clone, Debug)]
pub(super) struct Resolved {
    pub action: Action,
    pub tenant: Option<Tenant>,
    pub holding: Holding,
    pub requester: Party,
    pub recipient: Option<Party>,
    pub process: Option<LegalProcess>,
}

/// What could be resolved, and what is missing of the rest.
#[derive(Clone, Debug)]
pub(super) struct Resolution {
    pub action: Action,
    pub tenant: Option<Tenant>,
    pub holding: Option<Holding>,
    pub requester: Option<Party>,
    pub process: Option<LegalProcess>,
    pub outcome: Result<Resolved, Missing>,
}

/// Puts the catalogue's facts over the caller's: what the catalogue knows always wins.
pub(super) fn resolve(question: &Question, known: &Known, facts: &Facts) -> Resolution {
    let tenant = over(known.tenant.clone(), question.tenant.clone(), |base, more| base.inherit(more));
    let holding = over(known.holding.clone(), question.holding.clone(), |base, more| base.inherit(more));
    // Facts that only name a prefix are no facts.
    let mut holding =
        holding.filter(|holding| holding.stated_fields().iter().any(|field| *field != "data_ref"));
    if let (Some(holding), Some(defaults)) =
        (&mut holding, tenant.as_ref().and_then(|tenant| tenant.holding_defaults.as_deref()))
    {
        holding.inherit(defaults);
    }
    let requester = known.requester.clone().or_else(|| inline_requester(question));
    let process = over(known.process.clone(), question.process.clone(), |base, more| base.inherit(more))
        .filter(|process| !process.stated_fields().is_empty());
    let action = question.effective_action(requester.as_ref().map(|requester| requester.kind));
    let outcome = match (&holding, &requester) {
        (None, _) => Err(Missing::Data),
        (_, None) => Err(Missing::Requester),
        (Some(holding), Some(requester)) => {
            let mut missing = required(question, action, holding, facts);
            missing.extend(unregistered(question, known, process.as_ref()).map(str::to_owned));
            if missing.is_empty() {
                Ok(Resolved {
                    action,
                    tenant: tenant.clone(),
                    holding: holding.clone(),
                    requester: requester.clone(),
                    recipient: known.recipient.clone(),
                    process: process.clone(),
                })
            } else {
                Err(Missing::Facts(missing))
            }
        }
    };
    Resolution { action, tenant, holding, requester, process, outcome }
}

fn over<T>(registered: Option<T>, asserted: Option<T>, inherit: impl FnOnce(&mut T, &T)) -> Option<T> {
    match (registered, asserted) {
        (Some(mut base), Some(more)) => {
            inherit(&mut base, &more);
            Some(base)
        }
        (base, more) => base.or(more),
    }
}

fn inline_requester(question: &Question) -> Option<Party> {
    let requester = &question.requester;
    Some(Party {
        id: requester.id.clone(),
        kind: requester.kind?,
        jurisdiction: requester.jurisdiction.clone(),
        authority_type: requester.authority_type,
        certifications: requester.certifications.clone(),
        labels: requester.labels.clone(),
    })
}

/// What the question names by an id that nobody registered, and says nothing else of.
fn unregistered(
    question: &Question,
    known: &Known,
    process: Option<&LegalProcess>,
) -> impl Iterator<Item = &'static str> {
    let recipient = question.transfer.as_ref().is_some_and(|transfer| !transfer.recipient.is_empty());
    let named = question.process.as_ref().is_some_and(|process| !process.id.is_empty());
    [
        ("transfer.recipient", recipient && known.recipient.is_none()),
        ("process.id", named && process.is_none()),
    ]
    .into_iter()
    .filter_map(|(fact, missing)| missing.then_some(fact))
}

/// The facts that this action cannot be decided without, and that are missing.
fn required(question: &Question, action: Action, holding: &Holding, facts: &Facts) -> Vec<String> {
    let mut stated = holding.stated_fields();
    let first_storage = action == Action::Transfer
        && question.transfer.as_ref().is_some_and(|transfer| facts.is_first_storage(&transfer.mode));
    // No copy exists yet: the data leaves from where it was collected, so that must be known instead.
    if first_storage && (!holding.collected_in.is_empty() || !holding.subject_locations.is_empty()) {
        stated.push("stored_in");
    }
    let needed = facts.absences().iter().filter(|absence| {
        absence.absence == AbsenceMeaning::Required
            && absence.required_for.iter().any(|known| known == action.as_str())
    });
    needed
        .filter(|absence| absence.fact.strip_prefix("holding.").is_some_and(|field| !stated.contains(&field)))
        .map(|absence| absence.fact.clone())
        .collect()
}
