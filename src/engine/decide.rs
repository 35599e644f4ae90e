//! The decision: synchronous, pure, and closed on every fault.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::answer::{Merged, merge};
use super::ask::{Asking, categories};
use super::compile::{compile, plain_reason};
use super::picture::Picture;
use super::point::{Point, places};
use super::resolve::{Known, Resolution, Resolved, resolve};
use crate::domain::{Answer, Decision, Disposition, Question, Verdict};
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
    let facts = bundle.facts();
    let at = question.as_of.unwrap_or(now);
    let world = World::at(facts, at);
    let Resolution { action, tenant, holding, requester, process, outcome } = resolve(question, known, facts);
    let mut until = now;
    let merged = match outcome {
        Ok(resolved) => {
            until = valid_until(bundle, &resolved, &world, now);
            decide_points(bundle, question, &resolved, &world, at, now)
        }
        Err(missing) => denied(bundle, &missing),
    };
    let hypothetical = question.as_of.is_some();
    let answer = Answer {
        decision: merged.decision,
        disposition: merged.disposition,
        next_step: merged.next_step,
        reasons: merged.reasons,
        category_verdicts: merged.category_verdicts,
        obligations: merged.obligations,
        routes: merged.routes,
        regimes: merged.regimes,
        policy_version: bundle.version().to_owned(),
        facts_version: facts.version().to_owned(),
        catalog_revision: known.revision,
        decided_at: now,
        as_of: at,
        hypothetical,
        // An answer under the law of another instant licenses nothing.
        valid_until: if hypothetical { now } else { until },
        receipt: None,
        decision_id: id,
        request_id: question.request_id.clone(),
    };
    let matched = known.matched.clone();
    let recipient = known.recipient.clone();
    Decision {
        question: question.clone(),
        action,
        tenant,
        holding,
        matched,
        requester,
        recipient,
        process,
        answer,
    }
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
    let asking = Asking { question, resolved, picture: &picture, world, at };
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
        obligations: Vec::new(),
        routes: Vec::new(),
        regimes: Vec::new(),
    }
}

/// The earliest of the next boundary of law, any end of the process or an approval, and the age that the
/// bundle allows.
fn valid_until(bundle: &Bundle, resolved: &Resolved, world: &World, now: Timestamp) -> Timestamp {
    let age = SignedDuration::from_secs(i64::from(bundle.facts().max_age(resolved.action.as_str())));
    let oldest = now.checked_add(age).unwrap_or(now);
    let process = resolved.process.as_ref();
    let process_ends = process.into_iter().flat_map(|process| {
        // A waiting period turns at whole days after its start; the age of the bundle is far shorter.
        [process.expires_at, process.nondisclosure_until].into_iter().flatten()
    });
    let approvals =
        resolved.tenant.iter().flat_map(|tenant| &tenant.approvals).filter_map(|approval| approval.until);
    process_ends
        .chain(approvals)
        .chain(world.until())
        .filter(|end| *end > now)
        .fold(oldest, std::cmp::Ord::min)
}
