//! Tenants, with their approvals and consents.

use super::check::{Checker, Path};
use super::choice::to_optional;
use super::holding::{holding, to_holding};
use super::{limits, to_instant, to_labels, to_text};
use crate::domain::{Approval, Consent, DataRef, Tenant};
use crate::grpc::proto;

/// Checks a tenant. Whether its id is needed is for the caller to say.
pub(super) fn tenant(check: &mut Checker<'_>, at: &Path<'_>, wire: proto::Tenant) -> Tenant {
    id(check, &at.field("id"), &wire.id);
    Tenant {
        id: wire.id,
        kind: check.choice(&at.field("type"), wire.r#type),
        established_in: check.places(&at.field("established_in"), wire.established_in),
        approvals: check.list(&at.field("approval"), wire.approval, limits::APPROVALS, approval),
        consent: wire.consent.map(|wire| consent(check, &at.field("consent"), wire)),
        is_suspect: wire.is_suspect,
        redirect_attempted: wire.redirect_attempted,
        holding_defaults: wire.holding_defaults.map(|wire| {
            let at = at.field("holding_defaults");
            let defaults = holding(check, &at, wire);
            if defaults.data_ref.is_some() {
                check.fault(&at.field("data_ref"), || {
                    String::from("is given; defaults are for every holding")
                });
            }
            Box::new(defaults)
        }),
        labels: check.labels(&at.field("labels"), wire.labels),
    }
}

/// That an id, where there is one, can be the first segment of a reference.
fn id(check: &mut Checker<'_>, at: &Path<'_>, id: &str) {
    if !id.is_empty() && (id.contains('/') || DataRef::parse(&format!("{id}/-")).is_err()) {
        check.fault(at, || {
            String::from(
                "cannot begin a reference: it takes letters, digits and -_.@:=+~, but not . or .. alone",
            )
        });
    }
}

fn approval(check: &mut Checker<'_>, at: &Path<'_>, wire: proto::Approval) -> Approval {
    Approval {
        destination: check.places(&at.field("destination"), wire.destination),
        scope: check.list(&at.field("scope"), wire.scope, limits::SCOPES, |check, at, scope| {
            check.required_text(at, scope, limits::ID_BYTES)
        }),
        until: check.instant(&at.field("until"), wire.until),
    }
}

fn consent(check: &mut Checker<'_>, at: &Path<'_>, wire: proto::Consent) -> Consent {
    Consent {
        given: wire.given,
        scope: check.text(&at.field("scope"), wire.scope, limits::TEXT_BYTES),
        verified_identity: wire.verified_identity,
        transfer_ground: check.text(&at.field("transfer_ground"), wire.transfer_ground, limits::TEXT_BYTES),
    }
}

/// To the wire.
pub(super) fn to_tenant(tenant: &Tenant) -> proto::Tenant {
    proto::Tenant {
        id: tenant.id.clone(),
        r#type: to_optional(tenant.kind),
        established_in: tenant.established_in.clone(),
        approval: tenant.approvals.iter().map(to_approval).collect(),
        consent: tenant.consent.as_ref().map(to_consent),
        is_suspect: tenant.is_suspect,
        redirect_attempted: tenant.redirect_attempted,
        holding_defaults: tenant.holding_defaults.as_deref().map(to_holding),
        labels: to_labels(&tenant.labels),
    }
}

fn to_approval(approval: &Approval) -> proto::Approval {
    proto::Approval {
        destination: approval.destination.clone(),
        scope: approval.scope.clone(),
        until: approval.until.map(to_instant),
    }
}

fn to_consent(consent: &Consent) -> proto::Consent {
    proto::Consent {
        given: consent.given,
        scope: to_text(&consent.scope),
        verified_identity: consent.verified_identity,
        transfer_ground: to_text(&consent.transfer_ground),
    }
}
