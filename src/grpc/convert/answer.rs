//! Answers and records: from the domain to the wire only.

use super::choice::Choice;
use super::holding::to_holding;
use super::party::to_party;
use super::process::to_process;
use super::question::to_request;
use super::tenant::to_tenant;
use super::to_instant;
use crate::domain::{Answer, CategoryVerdict, Obligation, Reason, Receipt, Record, Route};
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

fn to_obligation(obligation: Obligation) -> proto::Obligation {
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

fn to_receipt(receipt: Receipt) -> proto::Receipt {
    proto::Receipt {
        log_index: receipt.log_index,
        leaf_hash: receipt.leaf_hash,
        signature: receipt.signature,
    }
}

/// To the wire: one entry of the log.
pub(super) fn to_journal_record(record: &Record) -> proto::JournalRecord {
    let decision = &record.decision;
    proto::JournalRecord {
        caller: record.caller.clone(),
        trace_id: record.trace_id.clone(),
        engine_version: record.engine_version.clone(),
        question: Some(to_request(&decision.question)),
        action: decision.action.to_wire(),
        tenant: decision.tenant.as_deref().map(to_tenant),
        holding: decision.holding.as_deref().map(to_holding),
        matched: decision.matched.as_ref().map(ToString::to_string).unwrap_or_default(),
        requester: decision.requester.as_deref().map(to_party),
        process: decision.process.as_deref().map(to_process),
        answer: Some(to_response(decision.answer.clone())),
    }
}
