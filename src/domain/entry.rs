//! What the catalogue registers, and what a caller may assert inline: tenants, holdings, parties and
//! legal processes. An absent scalar and an empty list mean unknown, never false or none.

use jiff::Timestamp;

use super::{AuthorityType, Category, DataRef, KeyControl, ProviderRole, RequesterKind, TenantType};

/// Takes from `$base` every listed field that `$over` does not state. Lists are stated when not empty.
macro_rules! fill {
    ($over:ident, $base:ident; scalars $($scalar:ident),*; lists $($list:ident),*; texts $($text:ident),*) => {
        $(if $over.$scalar.is_none() { $over.$scalar.clone_from(&$base.$scalar); })*
        $(if $over.$list.is_empty() { $over.$list.clone_from(&$base.$list); })*
        $(if $over.$text.is_empty() { $over.$text.clone_from(&$base.$text); })*
    };
}

/// Names every listed field that `$of` states, in order of declaration.
macro_rules! stated {
    ($of:ident; scalars $($scalar:ident),*; lists $($list:ident),*; texts $($text:ident),*) => {{
        let mut fields = Vec::new();
        $(if $of.$scalar.is_some() { fields.push(stringify!($scalar)); })*
        $(if !$of.$list.is_empty() { fields.push(stringify!($list)); })*
        $(if !$of.$text.is_empty() { fields.push(stringify!($text)); })*
        fields
    }};
}

/// A customer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tenant {
    /// Its id: the first segment of its references.
    pub id: String,
    /// What kind of customer.
    pub kind: Option<TenantType>,
    /// Where it is established: jurisdiction codes.
    pub established_in: Vec<String>,
    /// Approvals by which it widened the places where its data may be.
    pub approvals: Vec<Approval>,
    /// Its consent to a disclosure.
    pub consent: Option<Consent>,
    /// Whether it is itself a suspect of the investigation.
    pub is_suspect: Option<bool>,
    /// Whether the authority was already sent to it.
    pub redirect_attempted: Option<bool>,
    /// What its holdings do not state themselves.
    pub holding_defaults: Option<Box<Holding>>,
    /// The team's own labels.
    pub labels: Vec<(String, String)>,
}

/// A customer's approval of a place outside the residency set, for a purpose and a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approval {
    /// Where to: jurisdiction codes or cloud regions.
    pub destination: Vec<String>,
    /// For what: actions, transfer modes, purposes, or `all`.
    pub scope: Vec<String>,
    /// Until when; absent: it has no end, and so does not count.
    pub until: Option<Timestamp>,
}

/// A customer's consent to a disclosure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// Whether it was given.
    pub given: Option<bool>,
    /// For what.
    pub scope: String,
    /// Whether it was checked that the customer gave it.
    pub verified_identity: Option<bool>,
    /// The ground on which the data may leave for the authority's state; empty: none.
    pub transfer_ground: String,
}

/// A registered prefix of references and the facts of the data below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    /// The prefix. Absent where the facts are given inline.
    pub data_ref: Option<DataRef>,
    /// Where any copy is: jurisdiction codes or cloud regions.
    pub stored_in: Vec<String>,
    /// Whether the provider moves shards by itself, so that the place is not fixed.
    pub location_dynamic: Option<bool>,
    /// Where it was collected.
    pub collected_in: Vec<String>,
    /// Where the service is offered.
    pub offered_in: Vec<String>,
    /// Markets aimed at.
    pub targets: Vec<String>,
    /// Where the customer lets it be. Empty: no promise was made.
    pub residency: Vec<String>,
    /// From where it may be reached.
    pub access_boundary: Vec<String>,
    /// What parts it has.
    pub data_categories: Vec<Category>,
    /// What kinds of data: declared kinds.
    pub data_kinds: Vec<String>,
    /// What regulated sectors it belongs to: declared sectors.
    pub sectors: Vec<String>,
    /// Where the people are.
    pub subject_locations: Vec<String>,
    /// What citizens they are.
    pub subject_citizenships: Vec<String>,
    /// Whose protected persons they are known to be.
    pub persons_of: Vec<String>,
    /// Whose protected persons they are known not to be.
    pub not_persons_of: Vec<String>,
    /// How many people.
    pub subject_count: Option<u64>,
    /// In which role the provider holds it.
    pub provider_role: Option<ProviderRole>,
    /// Where the provider is established.
    pub provider_established_in: Vec<String>,
    /// Where the provider has its headquarters; empty: not stated.
    pub provider_headquarters: String,
    /// From where the data can be produced.
    pub control_from: Vec<String>,
    /// Where the designated establishment or legal representative is; empty: none.
    pub addressee_in: String,
    /// Who controls the keys.
    pub key_control: Option<KeyControl>,
    /// Where the keys are.
    pub keys_in: Vec<String>,
    /// The team's own labels.
    pub labels: Vec<(String, String)>,
    /// Inherited lists that this holding says are none.
    pub cleared: Vec<HoldingField>,
}

/// A list of a [`Holding`] that a child can clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the field of the same name")]
pub enum HoldingField {
    CollectedIn,
    OfferedIn,
    Targets,
    Residency,
    AccessBoundary,
    Sectors,
    SubjectLocations,
    SubjectCitizenships,
    PersonsOf,
    NotPersonsOf,
    KeysIn,
    Labels,
}

impl HoldingField {
    /// Every list that can be cleared, with its name on the wire.
    ///
    /// `stored_in`, `data_kinds`, `data_categories` and the provider's facts are not among them: data is
    /// always somewhere, of some kind, and held by someone.
    pub const ALL: &'static [(Self, &'static str)] = &[
        (Self::CollectedIn, "collected_in"),
        (Self::OfferedIn, "offered_in"),
        (Self::Targets, "targets"),
        (Self::Residency, "residency"),
        (Self::AccessBoundary, "access_boundary"),
        (Self::Sectors, "sectors"),
        (Self::SubjectLocations, "subject_locations"),
        (Self::SubjectCitizenships, "subject_citizenships"),
        (Self::PersonsOf, "persons_of"),
        (Self::NotPersonsOf, "not_persons_of"),
        (Self::KeysIn, "keys_in"),
        (Self::Labels, "labels"),
    ];

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(field, _)| *field == self).map_or("", |(_, name)| name)
    }
}

impl Holding {
    /// Takes from `base` what this holding does not state, but for the lists that it cleared.
    pub fn inherit(&mut self, base: &Self) {
        let cleared = self.cleared.clone();
        let over = self;
        fill!(over, base;
            scalars location_dynamic, subject_count, provider_role, key_control;
            lists stored_in, data_categories, data_kinds, provider_established_in, control_from;
            texts provider_headquarters, addressee_in);
        macro_rules! inherit {
            ($($field:ident = $variant:ident),*) => {
                $(if over.$field.is_empty() && !cleared.contains(&HoldingField::$variant) {
                    over.$field.clone_from(&base.$field);
                })*
            };
        }
        inherit!(
            collected_in = CollectedIn,
            offered_in = OfferedIn,
            targets = Targets,
            residency = Residency,
            access_boundary = AccessBoundary,
            sectors = Sectors,
            subject_locations = SubjectLocations,
            subject_citizenships = SubjectCitizenships,
            persons_of = PersonsOf,
            not_persons_of = NotPersonsOf,
            keys_in = KeysIn
        );
        for (key, value) in &base.labels {
            if !cleared.contains(&HoldingField::Labels) && !over.labels.iter().any(|(own, _)| own == key) {
                over.labels.push((key.clone(), value.clone()));
            }
        }
        // A list that an ancestor cleared stays cleared below it.
        for field in &base.cleared {
            if !over.cleared.contains(field) {
                over.cleared.push(*field);
            }
        }
    }

    /// The names of the fields that it states.
    #[must_use]
    pub fn stated_fields(&self) -> Vec<&'static str> {
        let of = self;
        stated!(of;
            scalars data_ref, location_dynamic, subject_count, provider_role, key_control;
            lists stored_in, collected_in, offered_in, targets, residency, access_boundary, data_categories,
                data_kinds, sectors, subject_locations, subject_citizenships, persons_of, not_persons_of,
                provider_established_in, control_from, keys_in, labels, cleared;
            texts provider_headquarters, addressee_in)
    }
}

impl Tenant {
    /// Takes from `base` what this tenant does not state.
    pub fn inherit(&mut self, base: &Self) {
        let over = self;
        fill!(over, base; scalars kind, consent, is_suspect, redirect_attempted, holding_defaults;
            lists established_in, approvals, labels; texts id);
    }

    /// The names of the fields that it states, on the wire.
    #[must_use]
    pub fn stated_fields(&self) -> Vec<&'static str> {
        let of = self;
        let mut fields = stated!(of; scalars consent, is_suspect, redirect_attempted, holding_defaults;
            lists established_in, labels; texts id);
        if self.kind.is_some() {
            fields.push("type");
        }
        if !self.approvals.is_empty() {
            fields.push("approval");
        }
        fields
    }
}

/// A registered requester or recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// Its id.
    pub id: String,
    /// What it is.
    pub kind: RequesterKind,
    /// Where it is, or whose authority it is.
    pub jurisdiction: String,
    /// What kind of authority.
    pub authority_type: Option<AuthorityType>,
    /// Safeguards that it is certified under.
    pub certifications: Vec<String>,
    /// The team's own labels.
    pub labels: Vec<(String, String)>,
}

/// A legal process: the instrument, who issued it, and what is known of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

/// What kind of thing the catalogue registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// A [`Tenant`].
    Tenant,
    /// A [`Holding`].
    Holding,
    /// A [`Party`].
    Party,
    /// A [`LegalProcess`].
    Process,
}

impl EntryKind {
    /// Every kind, in the order in which an import takes them.
    pub const ALL: &'static [Self] = &[Self::Tenant, Self::Holding, Self::Party, Self::Process];

    /// The word that files, the command line and the store use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Holding => "holding",
            Self::Party => "party",
            Self::Process => "process",
        }
    }
}

/// Something registered in the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A customer.
    Tenant(Tenant),
    /// A prefix of references.
    Holding(Holding),
    /// A requester or recipient.
    Party(Party),
    /// A legal process.
    Process(LegalProcess),
}

impl Entry {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> EntryKind {
        match self {
            Self::Tenant(_) => EntryKind::Tenant,
            Self::Holding(_) => EntryKind::Holding,
            Self::Party(_) => EntryKind::Party,
            Self::Process(_) => EntryKind::Process,
        }
    }

    /// Its key within its kind: the id, or for a holding the reference.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Tenant(tenant) => &tenant.id,
            Self::Holding(holding) => holding.data_ref.as_ref().map_or("", DataRef::as_str),
            Self::Party(party) => &party.id,
            Self::Process(process) => &process.id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(codes: &[&str]) -> Vec<String> {
        codes.iter().map(|code| (*code).to_owned()).collect()
    }

    #[test]
    fn a_child_inherits_what_it_does_not_state_and_can_clear_a_list() {
        let parent = Holding {
            stored_in: places(&["IE"]),
            residency: places(&["IE"]),
            sectors: places(&["bank"]),
            ..Holding::default()
        };
        let mut child = Holding {
            stored_in: places(&["DE"]),
            cleared: vec![HoldingField::Residency],
            ..Holding::default()
        };
        child.inherit(&parent);
        assert_eq!(child.stored_in, ["DE"]);
        assert_eq!(child.sectors, ["bank"]);
        assert!(child.residency.is_empty());

        let mut grandchild = Holding::default();
        grandchild.inherit(&child);
        grandchild.inherit(&parent);
        assert!(grandchild.residency.is_empty(), "cleared by the child, so not taken from the parent");
    }
}
