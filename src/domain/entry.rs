//! What the catalogue registers, and what a caller may assert inline: tenants, holdings, parties and
//! legal processes. An absent scalar and an empty list mean unknown, never false or none.

use jiff::Timestamp;

use super::{AuthorityType, DataRef, RequesterKind, TenantType};

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

// They use the macros above, and so come after them.
mod holding;
mod process;

pub use holding::{Holding, HoldingField};
pub use process::LegalProcess;

/// A customer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Approval {
    /// Where to: jurisdiction codes or cloud regions.
    pub destination: Vec<String>,
    /// For what: actions, transfer modes, purposes, or `all`.
    pub scope: Vec<String>,
    /// Until when; absent: it has no end, and so does not count.
    pub until: Option<Timestamp>,
}

/// A customer's consent to a disclosure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
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

    /// The tenant that an entry with this key belongs to; empty: to none.
    #[must_use]
    pub fn tenant_of(self, key: &str) -> &str {
        match self {
            Self::Tenant => key,
            Self::Holding => key.split_once('/').map_or(key, |(tenant, _)| tenant),
            Self::Party | Self::Process => "",
        }
    }

    /// The tenant that every entry below this prefix of a key belongs to; empty: they may be of several.
    #[must_use]
    pub fn tenant_below(self, prefix: &str) -> &str {
        match self {
            Self::Holding => prefix.split_once('/').map_or("", |(tenant, _)| tenant),
            Self::Tenant | Self::Party | Self::Process => "",
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

    #[test]
    fn a_prefix_names_a_tenant_only_where_it_ends_with_it() {
        assert_eq!(EntryKind::Holding.tenant_of("acme/mail/2020"), "acme");
        assert_eq!(EntryKind::Tenant.tenant_of("acme"), "acme");
        assert_eq!(EntryKind::Party.tenant_of("acme"), "");
        assert_eq!(EntryKind::Holding.tenant_below("acme/ma"), "acme");
        // `acme` is a prefix of `acme-labs/mail` too, and of the tenant `acme-labs`.
        assert_eq!(EntryKind::Holding.tenant_below("acme"), "");
        assert_eq!(EntryKind::Tenant.tenant_below("acme"), "");
    }
}
