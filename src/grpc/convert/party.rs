//! Requesters and registered parties.

use super::check::{Checker, Path};
use super::choice::{Choice, to_optional};
use super::{limits, to_labels, to_text};
use crate::domain::{IdentifierSet, Party, Requester, RequesterKind};
use crate::grpc::proto;

/// Checks who asks: an id, or facts with a kind.
pub(super) fn requester(check: &mut Checker<'_>, at: &Path<'_>, wire: Option<proto::Requester>) -> Requester {
    let wire = wire.unwrap_or_default();
    if wire.id.is_empty() && wire.kind.is_none() {
        check.rule(at, || String::from("has neither the `id` of a registered party nor a `kind`"));
    }
    Requester {
        id: check.text(&at.field("id"), Some(wire.id), limits::ID_BYTES),
        kind: check.choice(&at.field("kind"), wire.kind),
        jurisdiction: check.place(&at.field("jurisdiction"), wire.jurisdiction),
        authority_type: check.choice(&at.field("authority_type"), wire.authority_type),
        certifications: certifications(check, at, wire.certifications),
        labels: check.labels(&at.field("labels"), wire.labels),
    }
}

/// Checks a registered party; absent where it has no kind, which is then noted.
pub(super) fn party(check: &mut Checker<'_>, at: &Path<'_>, wire: proto::Party) -> Option<Party> {
    let id = check.required_text(&at.field("id"), wire.id, limits::ID_BYTES);
    let kind = check.required_choice(&at.field("kind"), wire.kind);
    let places = at.field("jurisdiction");
    let stated = wire.jurisdiction.as_ref().is_some_and(|code| !code.is_empty());
    if kind == Some(RequesterKind::Authority) && !stated {
        check.rule(&places, || String::from("is empty; an authority has one"));
    }
    let jurisdiction = check.place(&places, wire.jurisdiction);
    let authority_type = check.choice(&at.field("authority_type"), wire.authority_type);
    let certifications = certifications(check, at, wire.certifications);
    let labels = check.labels(&at.field("labels"), wire.labels);
    Some(Party { id, kind: kind?, jurisdiction, authority_type, certifications, labels })
}

fn certifications(check: &mut Checker<'_>, at: &Path<'_>, words: Vec<String>) -> Vec<String> {
    check.identifiers(&at.field("certifications"), IdentifierSet::Safeguard, words)
}

/// To the wire.
pub(super) fn to_requester(requester: &Requester) -> proto::Requester {
    proto::Requester {
        id: requester.id.clone(),
        kind: to_optional(requester.kind),
        jurisdiction: to_text(&requester.jurisdiction),
        authority_type: to_optional(requester.authority_type),
        certifications: requester.certifications.clone(),
        labels: to_labels(&requester.labels),
    }
}

/// To the wire.
pub(super) fn to_party(party: &Party) -> proto::Party {
    proto::Party {
        id: party.id.clone(),
        kind: party.kind.to_wire(),
        jurisdiction: to_text(&party.jurisdiction),
        authority_type: to_optional(party.authority_type),
        certifications: party.certifications.clone(),
        labels: to_labels(&party.labels),
    }
}
