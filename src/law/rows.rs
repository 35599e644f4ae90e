//! The rows of `facts/*.toml`, as written.

#![expect(dead_code, reason = "rows keep citations and notes for the reader of the file")]

use serde::Deserialize;
use toml::Spanned;

use super::vocabulary::IdSet;

/// What is said of how sure a row is, and when it must be looked at again.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct ReviewRow {
    pub reviewed_at: Option<String>,
    pub review_by: Option<String>,
}

macro_rules! row {
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($(#[$fmeta:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        $vis struct $name { $($(#[$fmeta])* pub $field: $type,)* }
    };
}

// It uses the macro above, and so comes after it.
mod law;

pub use law::{Limit, Mechanism, Regime, RegimeStatus, Relation};

row! { pub(super) struct MembershipRow {
    group: String,
    from: Option<String>,
    until: Option<String>,
    status: Option<String>,
    #[serde(default)] verified: bool,
    confidence: Option<String>,
} }

row! { pub(super) struct GroupingRow {
    id: Spanned<String>,
    name: String,
    kind: String,
    from: Option<String>,
    until: Option<String>,
    status: Option<String>,
    court_circuit: Option<String>,
    citation: Option<String>,
    #[serde(default)] verified: bool,
    confidence: Option<String>,
    note: Option<String>,
    reviewed_at: Option<String>,
    review_by: Option<String>,
} }

row! { pub(super) struct JurisdictionRow {
    code: Spanned<String>,
    name: String,
    level: Level,
    parent: Option<String>,
    #[serde(default)] aliases: Vec<String>,
    federal_circuit: Option<String>,
    #[serde(default)] memberships: Vec<MembershipRow>,
    note: Option<String>,
    reviewed_at: Option<String>,
    review_by: Option<String>,
} }

row! { pub(super) struct AliasRow {
    code: Spanned<String>,
    is: String,
    note: Option<String>,
    citation: Option<String>,
} }

/// What kind of place a jurisdiction is. Only a subdivision stands under its parent's law: a territory, a
/// free zone and an organisation have their own, and never inherit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Level {
    Country,
    Subdivision,
    Territory,
    FreeZone,
    InternationalOrganisation,
}

row! { pub(super) struct RegionRow {
    id: Spanned<String>,
    provider: String,
    code: String,
    name: String,
    kind: Option<String>,
    jurisdiction: Option<String>,
    #[serde(default)] jurisdictions: Vec<String>,
    #[serde(default)] subdivision: String,
    partition: String,
    #[serde(default)] operated_by: Vec<String>,
    #[serde(default)] technology_from: Vec<String>,
    #[serde(default)] members: Vec<String>,
    pair: Option<String>,
    status: String,
    #[serde(default)] verified: bool,
    confidence: Option<String>,
    note: Option<String>,
} }

row! { pub(super) struct InstrumentRow {
    id: Spanned<String>,
    name: String,
    message: Option<String>,
    own: bool,
    under: Option<String>,
    #[serde(default = "yes")] legal_process: bool,
    #[serde(default)] preserves: bool,
    #[serde(default)] executed: bool,
} }

fn yes() -> bool {
    true
}

/// A declared identifier with its name; what it implies is also held where it is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WordRow {
    #[serde(alias = "code", alias = "kind")]
    pub id: Spanned<String>,
    #[serde(default, alias = "message")]
    pub name: String,
    #[serde(default)]
    pub implies: Vec<String>,
    #[serde(default)]
    pub implied_by: Vec<String>,
    #[serde(default)]
    pub carried_by: Vec<String>,
    #[serde(default)]
    pub fulfils: Vec<String>,
    #[serde(default)]
    pub systematic: bool,
    #[serde(default)]
    pub decision: Option<String>,
    #[serde(default)]
    pub counts_as: Option<CountsAs>,
    #[serde(default)]
    pub note: Option<String>,
}

/// What a transparency report counts a next step, an obligation or an outcome as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountsAs {
    /// The authority is sent to the customer: of a next step.
    ToCustomer,
    /// The customer is to be told: of an obligation.
    NoticeDue,
    /// The customer is to be told later: of an obligation or an outcome.
    NoticeDelayed,
    /// The customer must not be told, and no date says until when: likewise.
    NoticeProhibited,
    /// The demand may be counted in wide bands only: of an obligation.
    BandsOnly,
    /// All that was demanded was handed over: of an outcome, as are those below.
    Disclosed,
    /// A part of it was.
    Narrowed,
    /// Nothing was.
    Withheld,
    /// There was nothing to hand over.
    NoData,
    /// The authority withdrew the demand.
    Withdrawn,
    /// The authority was sent to the customer.
    Redirected,
    /// The customer was told.
    NoticeGiven,
}

impl CountsAs {
    /// Whether a word of a set can count as this.
    pub(super) const fn fits(self, set: IdSet) -> bool {
        match self {
            Self::ToCustomer => matches!(set, IdSet::NextStep),
            Self::NoticeDue | Self::BandsOnly => matches!(set, IdSet::Obligation),
            Self::NoticeDelayed | Self::NoticeProhibited => matches!(set, IdSet::Obligation | IdSet::Outcome),
            _ => matches!(set, IdSet::Outcome),
        }
    }
}

/// A kind of route, with the relation kinds that carry it.
#[derive(Clone, Debug)]
pub struct RouteKind {
    /// Its id.
    pub id: String,
    /// What it is, in a sentence.
    pub message: String,
    /// Relation kinds of which one in force carries it; empty: none needed.
    pub carried_by: Vec<String>,
}

/// Between whom a relation of a kind is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Between {
    /// The law of a governing regime and the place.
    LawAndPlace,
    /// The demanding state and the states that hold a copy.
    DemandAndStore,
    /// The demanding state and the states that the provider stands under.
    DemandAndProvider,
    /// The demanding state and the state of the addressee.
    DemandAndAddressee,
}

row! { pub(super) struct RelationKindRow {
    id: Spanned<String>,
    name: String,
    between: Between,
} }

row! { pub(super) struct ConditionRow {
    id: Spanned<String>,
    fact: Option<String>,
    contains: Option<String>,
    is: Option<bool>,
    at_least_relation: Option<String>,
    lacks_other_party: Option<bool>,
    names_other_party: Option<bool>,
    present: Option<bool>,
    by_rule: Option<String>,
    absent: Option<String>,
    note: Option<String>,
} }

/// What the absence of an optional fact means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AbsenceMeaning {
    /// A rule that needs it denies.
    Required,
    /// It is assumed against release.
    Adverse,
    /// A stated default is taken.
    Presumed,
}

row! {
    /// What the absence of a fact means.
    pub struct Absence {
    /// The fact, as `message.field`.
    fact: String,
    /// What its absence means.
    absence: AbsenceMeaning,
    /// What is then assumed, in words.
    default: String,
    /// Why.
    reason: String,
    /// Actions for which nothing can be decided without it.
    #[serde(default)] required_for: Vec<String>,
} }

row! {
    /// What a regime says that no rule of the bundle carries, and why.
    pub struct NotARule {
    /// The regime.
    #[serde(deserialize_with = "plain")] regime: String,
    /// No rule carries any of the regime.
    #[serde(default)] whole: bool,
    /// What it says.
    what: String,
    /// Why no rule carries it.
    why: String,
} }

row! { pub(super) struct SettingsRow {
    id: String,
    max_age_seconds: u32,
    #[serde(default)] max_age_zero_for: Vec<String>,
    overdue_denies: Vec<String>,
    open_transfer_rules: Vec<String>,
    presumed_mode: String,
    first_storage_mode: String,
    #[serde(default)] move_regimes: Vec<String>,
    #[serde(default)] demand_regimes: Vec<String>,
} }

fn plain<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer)
}
