//! The decision: synchronous, pure, and closed on every fault.

use jiff::Timestamp;
use uuid::Uuid;

use super::answer::{Merged, merge};
use super::ask::{Asking, categories};
use super::compile::{compile, plain_reason};
use super::parties::Parties;
use super::picture::Picture;
use super::point::{Point, places};
use super::resolve::{Known, Resolution, Resolved, resolve};
use super::ruling::{Ruling, Term};
use crate::domain::{Decision, Disposition, Question, Verdict};
use crate::law::World;
use crate::policy::Bundle;

/// Why no policy could be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// Neither the catalogue nor the caller knows the data.
    Data,
    /// Neither knows who asks.
    Requester,
    /// Facts that nothing can be decided without.
    Facts(Vec<String>),
}

/// The most points of one question: places times categories. A region spans 8 places, and there are 5
/// categories; a question that needs more is denied rather than half asked.
const MAX_POINTS: usize = 256;

/// Decides a question, given what the catalogue knows, at an instant.
#[must_use]
pub fn decide(bundle: &Bundle, question: &Question, known: &Known, now: Timestamp, id: Uuid) -> Decision {
    rule(bundle, question, known, now).answer(bundle, question.clone(), known, now, id)
}

/// What the law and the rules say of a question, apart from when it is said.
pub(super) fn rule(bundle: &Bundle, question: &Question, known: &Known, now: Timestamp) -> Ruling {
    let facts = bundle.facts();
    let at = question.as_of.unwrap_or(now);
    let world = World::at(facts, at);
    let Resolution { action, tenant, holding, requester, process, outcome } = resolve(question, known, facts);
    let (resolved, merged) = match outcome {
        Ok(resolved) => {
            let merged = decide_points(bundle, question, &resolved, &world, at, now);
            (Some(resolved), merged)
        }
        Err(missing) => (None, denied(bundle, &missing)),
    };
    let term = Term::of(resolved.as_ref(), &world, now);
    Ruling { action, tenant, holding, requester, process, merged, term }
}

fn decide_points(
    bundle: &Bundle,
    question: &Question,
    resolved: &Resolved,
    world: &World,
    at: Timestamp,
    now: Timestamp,
) -> Merged {
    let picture = Picture::of(question, resolved, world);
    let parties = Parties::of(bundle, question, resolved, &picture, world);
    let parties = &parties;
    let asking = Asking { bundle, question, resolved, picture: &picture, world, at, parties };
    let places = places(question, resolved, world);
    let categories = categories(question, resolved.action, &picture);
    if places.is_empty() || places.len() * categories.len() > MAX_POINTS {
        return denied(bundle, &Missing::Facts(vec![String::from("jurisdiction")]));
    }
    let mut verdicts = Vec::with_capacity(places.len() * categories.len());
    for code in &places {
        for category in &categories {
            let point = Point::of(question, resolved, &picture, world, code, *category, at);
            verdicts.push(compile(bundle, &asking, &point, now));
        }
    }
    merge(verdicts, bundle.facts())
}

fn denied(bundle: &Bundle, missing: &Missing) -> Merged {
    let (disposition, code, detail) = match missing {
        Missing::Data => (Disposition::UnknownData, "unknown_data", String::new()),
        Missing::Requester => (Disposition::UnknownRequester, "unknown_requester", String::new()),
        Missing::Facts(facts) => (Disposition::UnknownData, "fact_missing", facts.join(", ")),
    };
    let facts = bundle.facts();
    Merged {
        decision: Verdict::Deny,
        disposition,
        next_step: facts.refusal_step().to_owned(),
        reasons: vec![plain_reason(bundle, code, &detail)],
        category_verdicts: Vec::new(),
        duties: Vec::new(),
        routes: Vec::new(),
        regimes: Vec::new(),
    }
}
