//! Holdings.

use super::check::{Checker, Path, once};
use super::choice::{to_numbers, to_optional};
use super::{limits, to_labels, to_text};
use crate::domain::{Holding, HoldingField, IdentifierSet};
use crate::grpc::convert::bad::quote;
use crate::grpc::proto;

/// Checks a holding. Whether its reference is needed is for the caller to say.
pub(super) fn holding(check: &mut Checker<'_>, at: &Path<'_>, wire: proto::Holding) -> Holding {
    let data_ref =
        if wire.data_ref.is_empty() { None } else { check.data_ref(&at.field("data_ref"), &wire.data_ref) };
    macro_rules! places {
        ($field:ident) => {
            check.places(&at.field(stringify!($field)), wire.$field)
        };
    }
    Holding {
        data_ref,
        stored_in: places!(stored_in),
        location_dynamic: wire.location_dynamic,
        collected_in: places!(collected_in),
        offered_in: places!(offered_in),
        targets: places!(targets),
        residency: places!(residency),
        access_boundary: places!(access_boundary),
        data_categories: check.choices(&at.field("data_categories"), wire.data_categories),
        data_kinds: check.identifiers(&at.field("data_kinds"), IdentifierSet::DataKind, wire.data_kinds),
        sectors: check.identifiers(&at.field("sectors"), IdentifierSet::Sector, wire.sectors),
        subject_locations: places!(subject_locations),
        subject_citizenships: places!(subject_citizenships),
        persons_of: places!(persons_of),
        not_persons_of: places!(not_persons_of),
        subject_count: wire.subject_count,
        provider_role: check.choice(&at.field("provider_role"), wire.provider_role),
        provider_established_in: places!(provider_established_in),
        provider_headquarters: check.place(&at.field("provider_headquarters"), wire.provider_headquarters),
        control_from: places!(control_from),
        addressee_in: check.place(&at.field("addressee_in"), wire.addressee_in),
        key_control: check.choice(&at.field("key_control"), wire.key_control),
        keys_in: places!(keys_in),
        labels: check.labels(&at.field("labels"), wire.labels),
        cleared: cleared(check, &at.field("cleared"), wire.cleared),
    }
}

/// Names of lists, each once.
fn cleared(check: &mut Checker<'_>, at: &Path<'_>, names: Vec<String>) -> Vec<HoldingField> {
    let all = HoldingField::ALL;
    let given = check.list(at, names, limits::IDENTIFIERS, |check, at, name| {
        let field = all.iter().find(|(_, known)| *known == name).map(|(field, _)| *field);
        if field.is_none() {
            check.fault(at, || {
                let near = super::near_words(&name, all.iter().map(|(_, known)| *known));
                format!("{} is no list that can be cleared{near}", quote(&name))
            });
        }
        field
    });
    once(given.into_iter().flatten())
}

/// To the wire.
pub(super) fn to_holding(holding: &Holding) -> proto::Holding {
    proto::Holding {
        data_ref: holding.data_ref.as_ref().map(ToString::to_string).unwrap_or_default(),
        stored_in: holding.stored_in.clone(),
        location_dynamic: holding.location_dynamic,
        collected_in: holding.collected_in.clone(),
        offered_in: holding.offered_in.clone(),
        targets: holding.targets.clone(),
        residency: holding.residency.clone(),
        access_boundary: holding.access_boundary.clone(),
        data_categories: to_numbers(&holding.data_categories),
        data_kinds: holding.data_kinds.clone(),
        sectors: holding.sectors.clone(),
        subject_locations: holding.subject_locations.clone(),
        subject_citizenships: holding.subject_citizenships.clone(),
        persons_of: holding.persons_of.clone(),
        not_persons_of: holding.not_persons_of.clone(),
        subject_count: holding.subject_count,
        provider_role: to_optional(holding.provider_role),
        provider_established_in: holding.provider_established_in.clone(),
        provider_headquarters: to_text(&holding.provider_headquarters),
        control_from: holding.control_from.clone(),
        addressee_in: to_text(&holding.addressee_in),
        key_control: to_optional(holding.key_control),
        keys_in: holding.keys_in.clone(),
        labels: to_labels(&holding.labels),
        cleared: holding.cleared.iter().map(|field| field.as_str().to_owned()).collect(),
    }
}
