//! Answers: from the domain to the wire, and from the log back.

use super::check::{Checker, Path};
use super::choice::Choice;
use super::to_instant;
use crate::domain::{Answer, CategoryVerdict, Decided, Obligation, Reason, Receipt, Route};
use crate::grpc::proto;

/// To the wire. It takes the answer, so that its texts move.
#[must_use]
pub fn to_response(answer: Answer) -> proto::AuthorizeResponse {
    proto::AuthorizeResponse {
        decision: answer.decision.to_wire(),
        disposition: answer.disposition.to_wire(),
        next_step: answer.next_step,
        reasons: answer.reasons.into_iter().map(to_reason).collect(),
        category_verdicts: answer.category_verdicts.into_iter().map(to_category_verdict).collect(),
        obligations: answer.obligations.into_iter().map(to_obligation).collect(),
        routes: answer.routes.into_iter().map(to_route).collect(),
        regimes: answer.regimes,
        policy_version: answer.policy_version,
        facts_version: answer.facts_version,
        catalog_revision: answer.catalog_revision,
        decided_at: Some(to_instant(answer.decided_at)),
        as_of: Some(to_instant(answer.as_of)),
        hypothetical: answer.hypothetical,
        valid_until: Some(to_instant(answer.valid_until)),
        receipt: answer.receipt.map(to_receipt),
        decision_id: answer.decision_id.to_string(),
        request_id: answer.request_id,
    }
}

fn to_reason(reason: Reason) -> proto::Reason {
    proto::Reason {
        policy_id: reason.policy_id,
        effect: reason.effect.to_wire(),
        code: reason.code,
        regime: reason.regime,
        relations: reason.relations,
        citation: reason.citation,
        message: reason.message,
        confidence: reason.confidence.to_wire(),
    }
}

fn to_category_verdict(verdict: CategoryVerdict) -> proto::CategoryVerdict {
    proto::CategoryVerdict {
        category: verdict.category.to_wire(),
        decision: verdict.decision.to_wire(),
        disposition: verdict.disposition.to_wire(),
    }
}

pub(in crate::grpc) fn to_obligation(obligation: Obligation) -> proto::Obligation {
    proto::Obligation {
        kind: obligation.kind,
        due: obligation.due.map(to_instant),
        period: obligation.period,
        detail: obligation.detail,
    }
}

fn to_route(route: Route) -> proto::Route {
    proto::Route {
        kind: route.kind,
        relation: route.relation,
        detail: route.detail,
        citation: route.citation,
    }
}

pub(in crate::grpc) fn to_receipt(receipt: Receipt) -> proto::Receipt {
    proto::Receipt {
        log_index: receipt.log_index,
        leaf_hash: receipt.leaf_hash,
        signature: receipt.signature,
    }
}

/// What an answer's entry in the log does not say itself.
pub(super) fn to_content(answer: proto::AuthorizeResponse) -> proto::AuthorizeResponse {
    proto::AuthorizeResponse {
        next_step: answer.next_step,
        reasons: answer.reasons,
        category_verdicts: answer.category_verdicts,
        obligations: answer.obligations,
        routes: answer.routes,
        regimes: answer.regimes,
        ..proto::AuthorizeResponse::default()
    }
}

/// The answer of an entry, with its content.
pub(super) fn from_content(
    check: &mut Checker<'_>,
    decided: &Decided,
    content: proto::AuthorizeResponse,
) -> Answer {
    let at = Path::Root.field("answer");
    let (reasons, verdicts) = (content.reasons, content.category_verdicts);
    Answer {
        decision: decided.decision,
        disposition: decided.disposition,
        next_step: content.next_step,
        reasons: reasons.into_iter().filter_map(|wire| reason(check, &at.field("reasons"), wire)).collect(),
        category_verdicts: verdicts
            .into_iter()
            .filter_map(|wire| category_verdict(check, &at.field("category_verdicts"), &wire))
            .collect(),
        obligations: content
            .obligations
            .into_iter()
            .map(|wire| obligation(check, &at.field("obligations"), wire))
            .collect(),
        routes: content.routes.into_iter().map(route).collect(),
        regimes: content.regimes,
        policy_version: decided.policy_version.clone(),
        facts_version: decided.facts_version.clone(),
        catalog_revision: decided.catalog_revision,
        decided_at: decided.decided_at,
        as_of: decided.as_of,
        hypothetical: decided.hypothetical,
        valid_until: decided.valid_until,
        receipt: None,
        decision_id: decided.id,
        request_id: decided.request_id.clone(),
    }
}

fn reason(check: &mut Checker<'_>, at: &Path<'_>, wire: proto::Reason) -> Option<Reason> {
    Some(Reason {
        policy_id: wire.policy_id,
        effect: check.required_choice(&at.field("effect"), wire.effect)?,
        code: wire.code,
        regime: wire.regime,
        relations: wire.relations,
        citation: wire.citation,
        message: wire.message,
        confidence: check.required_choice(&at.field("confidence"), wire.confidence)?,
    })
}

fn category_verdict(
    check: &mut Checker<'_>,
    at: &Path<'_>,
    wire: &proto::CategoryVerdict,
) -> Option<CategoryVerdict> {
    Some(CategoryVerdict {
        category: check.required_choice(&at.field("category"), wire.category)?,
        decision: check.required_choice(&at.field("decision"), wire.decision)?,
        disposition: check.required_choice(&at.field("disposition"), wire.disposition)?,
    })
}

pub(super) fn obligation(check: &mut Checker<'_>, at: &Path<'_>, wire: proto::Obligation) -> Obligation {
    Obligation {
        kind: wire.kind,
        due: check.instant(&at.field("due"), wire.due),
        period: wire.period,
        detail: wire.detail,
    }
}

fn route(wire: proto::Route) -> Route {
    Route { kind: wire.kind, relation: wire.relation, detail: wire.detail, citation: wire.citation }
}
