//! What is known of a question: the catalogue's facts, and under them the caller's.

use std::sync::Arc;

use super::decide::Missing;
use crate::catalog::Catalog;
use crate::domain::{Action, DataRef, Holding, LegalProcess, Party, Question, Tenant};
use crate::law::{AbsenceMeaning, Facts};

/// What the catalogue knows that a question refers to. An `Arc` stands for the same facts as long as it lives.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The tenant.
    pub tenant: Option<Arc<Tenant>>,
    /// The facts of the holding, with what it inherits, but for its reference.
    pub holding: Option<Arc<Holding>>,
    /// The longest registered prefix.
    pub matched: Option<DataRef>,
    /// The registered requester.
    pub requester: Option<Arc<Party>>,
    /// The registered recipient of a transfer.
    pub recipient: Option<Arc<Party>>,
    /// The registered process.
    pub process: Option<Arc<LegalProcess>>,
    /// The revision that all of this was read at.
    pub revision: u64,
}

impl Known {
    /// Everything that the catalogue knows of a question, at one revision.
    #[must_use]
    pub fn of(catalog: &Catalog, question: &Question) -> Self {
        let process = question.process.as_ref().map(|process| process.id.as_str());
        let recipient = question.transfer.as_ref().map(|transfer| transfer.recipient.as_str());
        let stated = |id: &&str| !id.is_empty();
        catalog.read(|view| {
            let resolved = view.resolve(&question.data_ref);
            Self {
                tenant: resolved.tenant,
                holding: resolved.holding,
                matched: resolved.matched,
                requester: Some(question.requester.id.as_str()).filter(stated).and_then(|id| view.party(id)),
                recipient: recipient.filter(stated).and_then(|id| view.party(id)),
                process: process.filter(stated).and_then(|id| view.process(id)),
                revision: resolved.revision,
            }
        })
    }
}

/// A question with everything that is known of it.
#[derive(Clone, Debug)]
pub(super) struct Resolved {
    pub action: Action,
    pub tenant: Option<Arc<Tenant>>,
    pub holding: Arc<Holding>,
    pub requester: Arc<Party>,
    pub recipient: Option<Arc<Party>>,
    pub process: Option<Arc<LegalProcess>>,
}

/// What could be resolved, and what is missing of the rest.
#[derive(Clone, Debug)]
pub(super) struct Resolution {
    pub action: Action,
    pub tenant: Option<Arc<Tenant>>,
    /// With the registered prefix as its reference.
    pub holding: Option<Arc<Holding>>,
    pub requester: Option<Arc<Party>>,
    pub process: Option<Arc<LegalProcess>>,
    pub outcome: Result<Resolved, Missing>,
}

/// Puts the catalogue's facts over the caller's: what the catalogue knows always wins.
pub(super) fn resolve(question: &Question, known: &Known, facts: &Facts) -> Resolution {
    let tenant = over(known.tenant.as_ref(), question.tenant.as_ref(), |base, more| base.inherit(more));
    let registered = known
        .holding
        .as_deref()
        .map(|facts| Arc::new(Holding { data_ref: known.matched.clone(), ..facts.clone() }));
    let holding = over(registered.as_ref(), question.holding.as_ref(), |base, more| base.inherit(more));
    // Facts that only name a prefix are no facts.
    let mut holding =
        holding.filter(|holding| holding.stated_fields().iter().any(|field| *field != "data_ref"));
    if let (Some(holding), Some(defaults)) =
        (&mut holding, tenant.as_ref().and_then(|tenant| tenant.holding_defaults.as_deref()))
    {
        Arc::make_mut(holding).inherit(defaults);
    }
    let requester = known.requester.clone().or_else(|| inline_requester(question).map(Arc::new));
    let process = over(known.process.as_ref(), question.process.as_ref(), |base, more| base.inherit(more))
        .filter(|process| !process.stated_fields().is_empty());
    let action = question.effective_action(requester.as_ref().map(|requester| requester.kind));
    let outcome = match (&holding, &requester) {
        (None, _) => Err(Missing::Data),
        (_, None) => Err(Missing::Requester),
        (Some(holding), Some(requester)) => {
            let mut missing = required(question, action, holding, facts);
            missing.extend(unregistered(question, known, process.as_deref()).map(str::to_owned));
            if missing.is_empty() {
                Ok(Resolved {
                    action,
                    tenant: tenant.clone(),
                    holding: Arc::clone(holding),
                    requester: Arc::clone(requester),
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

fn over<T: Clone>(
    registered: Option<&Arc<T>>,
    asserted: Option<&T>,
    inherit: impl FnOnce(&mut T, &T),
) -> Option<Arc<T>> {
    match (registered, asserted) {
        (Some(base), Some(more)) => {
            let mut base = Arc::clone(base);
            inherit(Arc::make_mut(&mut base), more);
            Some(base)
        }
        (Some(base), None) => Some(Arc::clone(base)),
        (None, more) => more.cloned().map(Arc::new),
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
