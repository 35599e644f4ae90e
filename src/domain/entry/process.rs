//! Legal processes: the instrument, who issued it, and what is known of it.

use jiff::Timestamp;

use crate::domain::Category;

/// A legal process: the instrument, who issued it, and what is known of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LegalProcess {
    /// Its id in the catalogue; empty when it is given inline.
    pub id: String,
    /// A declared instrument; empty when there is none.
    pub instrument: String,
    /// Whose law it is issued under.
    pub issuing_jurisdiction: String,
    /// Who issued it: a declared issuer.
    pub issued_by: String,
    /// Who validated it: a declared issuer.
    pub validated_by: String,
    /// Who executes a treaty request.
    pub executed_by_jurisdiction: String,
    /// Where it was served.
    pub served_in: String,
    /// When it was issued.
    pub issued_at: Option<Timestamp>,
    /// When it was received.
    pub received_at: Option<Timestamp>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// The categories that it names. Empty: all that are wanted.
    pub data_categories: Vec<Category>,
    /// Whether it names accounts or other specific identifiers.
    pub names_accounts: Option<bool>,
    /// Whether it asks in bulk.
    pub bulk: Option<bool>,
    /// The federal circuit of the issuing court.
    pub court_circuit: String,
    /// The statute that it is based on.
    pub statute: String,
    /// Whether it is stayed.
    pub stayed: Option<bool>,
    /// Whether a court upheld it after a challenge.
    pub upheld: Option<bool>,
    /// The maximum penalty of the offence, in years.
    pub offence_max_penalty_years: Option<u32>,
    /// Whether life is in danger.
    pub danger_to_life: Option<bool>,
    /// Whether a person found the danger credible.
    pub credible: Option<bool>,
    /// Whether validation follows after the fact.
    pub ex_post_validation: Option<bool>,
    /// Whether the enforcing authority was notified.
    pub enforcing_authority_notified: Option<bool>,
    /// When it was notified.
    pub enforcing_authority_notified_at: Option<Timestamp>,
    /// Days since it was notified, where the instant is not given.
    pub enforcing_authority_days_elapsed: Option<u32>,
    /// Whether it said that it raises no ground for refusal.
    pub enforcing_authority_cleared: Option<bool>,
    /// Whether it raised a ground for refusal.
    pub enforcing_authority_refused: Option<bool>,
    /// The relation, a declared agreement, that it invokes; empty: none.
    pub invokes_agreement: String,
    /// Whether it came by the agreement's designated authority.
    pub via_designated_authority: Option<bool>,
    /// Whether it says why the processor, not the controller, is addressed.
    pub processor_justification: Option<bool>,
    /// Whether it forbids telling the customer.
    pub nondisclosure: Option<bool>,
    /// Until when.
    pub nondisclosure_until: Option<Timestamp>,
    /// Whether counsel approved.
    pub counsel_approved: Option<bool>,
    /// Declared flags.
    pub flags: Vec<String>,
}

impl LegalProcess {
    /// Takes from `base` what this process does not state.
    pub fn inherit(&mut self, base: &Self) {
        let over = self;
        fill!(over, base;
            scalars issued_at, received_at, expires_at, names_accounts, bulk, stayed, upheld,
                offence_max_penalty_years, danger_to_life, credible, ex_post_validation,
                enforcing_authority_notified, enforcing_authority_notified_at,
                enforcing_authority_days_elapsed, enforcing_authority_cleared, enforcing_authority_refused,
                via_designated_authority, processor_justification, nondisclosure, nondisclosure_until,
                counsel_approved;
            lists data_categories, flags;
            texts id, instrument, issuing_jurisdiction, issued_by, validated_by, executed_by_jurisdiction,
                served_in, court_circuit, statute, invokes_agreement);
    }

    /// The names of the fields that it states, but for its id.
    #[must_use]
    pub fn stated_fields(&self) -> Vec<&'static str> {
        let of = self;
        stated!(of;
            scalars issued_at, received_at, expires_at, names_accounts, bulk, stayed, upheld,
                offence_max_penalty_years, danger_to_life, credible, ex_post_validation,
                enforcing_authority_notified, enforcing_authority_notified_at,
                enforcing_authority_days_elapsed, enforcing_authority_cleared, enforcing_authority_refused,
                via_designated_authority, processor_justification, nondisclosure, nondisclosure_until,
                counsel_approved;
            lists data_categories, flags;
            texts instrument, issuing_jurisdiction, issued_by, validated_by, executed_by_jurisdiction,
                served_in, court_circuit, statute, invokes_agreement)
    }
}
