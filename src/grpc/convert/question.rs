//! Questions.

use super::check::{Checker, Path};
use super::choice::{to_numbers, to_optional};
use super::holding::{holding, to_holding};
use super::party::{requester, to_requester};
use super::process::{process, to_process};
use super::tenant::{tenant, to_tenant};
use super::{limits, to_instant, to_text};
use crate::domain::{DataRef, Holding, IdentifierSet, Question, Tenant, Transfer};
use crate::grpc::convert::bad::quote;
use crate::grpc::proto;

/// Checks a question; absent where it has no reference, which is then noted.
pub(super) fn question(check: &mut Checker<'_>, wire: proto::AuthorizeRequest) -> Option<Question> {
    let at = Path::Root;
    let data_ref = check.data_ref(&at.field("data_ref"), &wire.data_ref);
    let requester = requester(check, &at.field("requester"), wire.requester);
    let jurisdiction = check.required_place(&at.field("jurisdiction"), &wire.jurisdiction);
    let action = check.choice(&at.field("action"), wire.action);
    let data_categories = check.choices(&at.field("data_categories"), wire.data_categories);
    let process = wire.process.map(|wire| process(check, &at.field("process"), wire));
    let transfer = wire.transfer.map(|wire| transfer(check, &at.field("transfer"), wire));
    let tenant = wire.tenant.map(|wire| tenant(check, &at.field("tenant"), wire));
    let holding = wire.holding.map(|wire| holding(check, &at.field("holding"), wire));
    if let Some(data_ref) = &data_ref {
        belongs(check, &at, data_ref, tenant.as_ref(), holding.as_ref());
    }
    let as_of = check.instant(&at.field("as_of"), wire.as_of);
    let version = wire.expect_policy_version;
    let version = check.text(&at.field("expect_policy_version"), version, limits::ID_BYTES);
    let request_id = check.text(&at.field("request_id"), Some(wire.request_id), limits::ID_BYTES);
    Some(Question {
        data_ref: data_ref?,
        requester,
        jurisdiction,
        action,
        data_categories,
        process,
        transfer,
        tenant,
        holding,
        as_of,
        at_least_revision: wire.at_least_revision,
        expect_policy_version: version,
        request_id,
    })
}

/// That facts which say whose they are speak of the data that is asked about.
fn belongs(
    check: &mut Checker<'_>,
    at: &Path<'_>,
    data_ref: &DataRef,
    tenant: Option<&Tenant>,
    holding: Option<&Holding>,
) {
    if let Some(tenant) = tenant
        && !tenant.id.is_empty()
        && tenant.id != data_ref.tenant()
    {
        check.rule(&at.field("tenant").field("id"), || {
            format!("{} is not the tenant of `data_ref`", quote(&tenant.id))
        });
    }
    if let Some(prefix) = holding.and_then(|holding| holding.data_ref.as_ref())
        && !data_ref.prefixes().any(|known| known == prefix.as_str())
    {
        check.rule(&at.field("holding").field("data_ref"), || {
            format!("{} is no prefix of `data_ref`", quote(prefix.as_str()))
        });
    }
}

fn transfer(check: &mut Checker<'_>, at: &Path<'_>, wire: proto::Transfer) -> Transfer {
    Transfer {
        purpose: check.text(&at.field("purpose"), wire.purpose, limits::TEXT_BYTES),
        mode: check.identifier(&at.field("mode"), IdentifierSet::Mode, wire.mode),
        safeguards: check.identifiers(&at.field("safeguards"), IdentifierSet::Safeguard, wire.safeguards),
        recipient: check.text(&at.field("recipient"), wire.recipient, limits::ID_BYTES),
        subjects_past_12_months: wire.subjects_past_12_months,
        subjects_year_to_date: wire.subjects_year_to_date,
    }
}

/// To the wire.
pub(super) fn to_request(question: &Question) -> proto::AuthorizeRequest {
    proto::AuthorizeRequest {
        data_ref: question.data_ref.to_string(),
        requester: Some(to_requester(&question.requester)),
        jurisdiction: question.jurisdiction.clone(),
        action: to_optional(question.action),
        data_categories: to_numbers(&question.data_categories),
        process: question.process.as_ref().map(to_process),
        transfer: question.transfer.as_ref().map(to_transfer),
        tenant: question.tenant.as_ref().map(to_tenant),
        holding: question.holding.as_ref().map(to_holding),
        as_of: question.as_of.map(to_instant),
        at_least_revision: question.at_least_revision,
        expect_policy_version: to_text(&question.expect_policy_version),
        request_id: question.request_id.clone(),
    }
}

fn to_transfer(transfer: &Transfer) -> proto::Transfer {
    proto::Transfer {
        purpose: to_text(&transfer.purpose),
        mode: to_text(&transfer.mode),
        safeguards: transfer.safeguards.clone(),
        recipient: to_text(&transfer.recipient),
        subjects_past_12_months: transfer.subjects_past_12_months,
        subjects_year_to_date: transfer.subjects_year_to_date,
    }
}
