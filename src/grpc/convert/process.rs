//! Legal processes.

use super::check::{Checker, Path};
use super::choice::to_numbers;
use super::{limits, to_instant, to_text};
use crate::domain::{IdentifierSet, LegalProcess};
use crate::grpc::proto;

/// Checks a legal process. Whether its id is needed is for the caller to say.
pub(super) fn process(check: &mut Checker<'_>, at: &Path<'_>, wire: proto::LegalProcess) -> LegalProcess {
    use IdentifierSet::{Flag, Instrument, Issuer, Relation};
    macro_rules! place {
        ($field:ident) => {
            check.place(&at.field(stringify!($field)), wire.$field)
        };
    }
    macro_rules! instant {
        ($field:ident) => {
            check.instant(&at.field(stringify!($field)), wire.$field)
        };
    }
    let process = LegalProcess {
        id: check.text(&at.field("id"), Some(wire.id), limits::ID_BYTES),
        instrument: check.identifier(&at.field("instrument"), Instrument, wire.instrument),
        issuing_jurisdiction: place!(issuing_jurisdiction),
        issued_by: check.identifier(&at.field("issued_by"), Issuer, wire.issued_by),
        validated_by: check.identifier(&at.field("validated_by"), Issuer, wire.validated_by),
        executed_by_jurisdiction: place!(executed_by_jurisdiction),
        served_in: place!(served_in),
        issued_at: instant!(issued_at),
        received_at: instant!(received_at),
        expires_at: instant!(expires_at),
        data_categories: check.choices(&at.field("data_categories"), wire.data_categories),
        names_accounts: wire.names_accounts,
        bulk: wire.bulk,
        court_circuit: check.text(&at.field("court_circuit"), wire.court_circuit, limits::TEXT_BYTES),
        statute: check.text(&at.field("statute"), wire.statute, limits::TEXT_BYTES),
        stayed: wire.stayed,
        upheld: wire.upheld,
        offence_max_penalty_years: wire.offence_max_penalty_years,
        danger_to_life: wire.danger_to_life,
        credible: wire.credible,
        ex_post_validation: wire.ex_post_validation,
        enforcing_authority_notified: wire.enforcing_authority_notified,
        enforcing_authority_notified_at: instant!(enforcing_authority_notified_at),
        enforcing_authority_days_elapsed: wire.enforcing_authority_days_elapsed,
        enforcing_authority_cleared: wire.enforcing_authority_cleared,
        enforcing_authority_refused: wire.enforcing_authority_refused,
        invokes_agreement: check.identifier(&at.field("invokes_agreement"), Relation, wire.invokes_agreement),
        via_designated_authority: wire.via_designated_authority,
        processor_justification: wire.processor_justification,
        nondisclosure: wire.nondisclosure,
        nondisclosure_until: instant!(nondisclosure_until),
        counsel_approved: wire.counsel_approved,
        flags: check.identifiers(&at.field("flags"), Flag, wire.flags),
    };
    let issued = process.issued_at;
    check.not_before(&at.field("expires_at"), process.expires_at, "issued_at", issued);
    check.not_before(&at.field("nondisclosure_until"), process.nondisclosure_until, "issued_at", issued);
    process
}

/// To the wire.
pub(super) fn to_process(process: &LegalProcess) -> proto::LegalProcess {
    proto::LegalProcess {
        id: process.id.clone(),
        instrument: to_text(&process.instrument),
        issuing_jurisdiction: to_text(&process.issuing_jurisdiction),
        issued_by: to_text(&process.issued_by),
        validated_by: to_text(&process.validated_by),
        executed_by_jurisdiction: to_text(&process.executed_by_jurisdiction),
        served_in: to_text(&process.served_in),
        issued_at: process.issued_at.map(to_instant),
        received_at: process.received_at.map(to_instant),
        expires_at: process.expires_at.map(to_instant),
        data_categories: to_numbers(&process.data_categories),
        names_accounts: process.names_accounts,
        bulk: process.bulk,
        court_circuit: to_text(&process.court_circuit),
        statute: to_text(&process.statute),
        stayed: process.stayed,
        upheld: process.upheld,
        offence_max_penalty_years: process.offence_max_penalty_years,
        danger_to_life: process.danger_to_life,
        credible: process.credible,
        ex_post_validation: process.ex_post_validation,
        enforcing_authority_notified: process.enforcing_authority_notified,
        enforcing_authority_notified_at: process.enforcing_authority_notified_at.map(to_instant),
        enforcing_authority_days_elapsed: process.enforcing_authority_days_elapsed,
        enforcing_authority_cleared: process.enforcing_authority_cleared,
        enforcing_authority_refused: process.enforcing_authority_refused,
        invokes_agreement: to_text(&process.invokes_agreement),
        via_designated_authority: process.via_designated_authority,
        processor_justification: process.processor_justification,
        nondisclosure: process.nondisclosure,
        nondisclosure_until: process.nondisclosure_until.map(to_instant),
        counsel_approved: process.counsel_approved,
        flags: process.flags.clone(),
    }
}
