//! The rows that say what the law is: relations, mechanisms and regimes.

use serde::Deserialize;

use super::plain;

row! {
    /// A directed, dated relation between jurisdictions.
    pub struct Relation {
    /// Its id.
    #[serde(deserialize_with = "plain")] id: String,
    /// Its declared kind.
    kind: String,
    /// Whose law recognises, binds or lists.
    from: String,
    /// Whom.
    to: String,
    /// Also read the other way round.
    #[serde(default)] symmetric: bool,
    /// Between any two members of the group.
    #[serde(default)] intra_group: bool,
    /// Groupings that stand with `from`.
    #[serde(default)] extends_from: Vec<String>,
    /// Groupings that stand with `to`.
    #[serde(default)] extends_to: Vec<String>,
    /// Its status as recorded: in_force, ended, suspended, negotiating, not_in_force, none, empty.
    status: String,
    /// When it was signed.
    signed: Option<String>,
    /// When it was adopted.
    adopted: Option<String>,
    /// Its first day.
    effective_from: Option<String>,
    /// The first day past its end.
    effective_until: Option<String>,
    /// The zone in which those days begin; UTC where none is named.
    zone: Option<String>,
    /// What ended it.
    ended_by: Option<String>,
    /// How it ended: invalidated, expired, superseded, accession, suspended.
    ended_as: Option<String>,
    /// Seen in force by this day, where the first day is not known.
    in_force_seen_by: Option<String>,
    /// What it covers.
    #[serde(default)] scope: String,
    /// What must hold of a recipient or an order; an unmet one means that the relation does not help.
    #[serde(default)] conditions: Vec<String>,
    /// The least maximum penalty, in years, of an offence that counts as serious.
    serious_crime_years: Option<u32>,
    /// That threshold, in words.
    serious_crime: Option<String>,
    /// Whom its orders may not target.
    targeting: Option<String>,
    /// Notice to a third country.
    third_country_notice: Option<String>,
    /// Essential interests of the parties.
    essential_interests: Option<String>,
    /// Where it stands.
    citation: String,
    /// Its CELEX number.
    celex: Option<String>,
    /// The provision that it was made under.
    legal_basis: Option<String>,
    /// Whether it was checked against a public source.
    #[serde(default)] verified: bool,
    /// How sure it is, where it was not.
    confidence: Option<String>,
    /// More to know.
    note: Option<String>,
    /// When it was last looked at.
    reviewed_at: Option<String>,
    /// When it must be looked at again.
    review_by: Option<String>,
} }

row! {
    /// A contractual or other transfer mechanism: the validity of the instrument, not of a given contract.
    pub struct Mechanism {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// The regimes that know it.
    laws: Vec<String>,
    /// Safeguard words that stand for it.
    #[serde(default)] carried_by: Vec<String>,
    /// Its first day.
    effective_from: Option<String>,
    /// The first day past its end.
    effective_until: Option<String>,
    /// Where it stands.
    citation: String,
    /// Whether it was checked against a public source.
    #[serde(default)] verified: bool,
    /// How sure it is, where it was not.
    confidence: Option<String>,
    /// More to know.
    note: Option<String>,
    /// When it was last looked at.
    reviewed_at: Option<String>,
    /// When it must be looked at again.
    review_by: Option<String>,
} }

/// Whether a regime is law at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the status of the same name")]
pub enum RegimeStatus {
    InForce,
    Repealed,
    Replaced,
    EnactedNotInForce,
    EnactedNotCommenced,
    /// Ended, with orders made under it that may still be relied on.
    LapsedResidual,
}

/// What must hold beside a link for a regime to govern.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Limit {
    /// The holding belongs to one of the regime's sectors.
    Sector(bool),
    /// The people may be protected persons of this jurisdiction: they are not known not to be.
    PersonsOf(String),
    /// The place is in this grouping.
    DestinationIn(String),
}

row! {
    /// A jurisdiction for which a regime began or ended on days of its own.
    pub struct Phase {
    /// The jurisdiction.
    jurisdiction: String,
    /// Its first day there.
    in_force_from: Option<String>,
    /// The first day past its end there.
    in_force_until: Option<String>,
} }

row! {
    /// A legal regime: what makes it govern a holding. What it then demands is a policy.
    pub struct Regime {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// Whose law it is; `*` for the provider's own commitments.
    jurisdictions: Vec<String>,
    /// `one`: its jurisdictions are one territory; `each`: each stands by itself.
    #[serde(default = "one")] territory: String,
    /// What it does.
    kind: Vec<String>,
    /// Whether it is law at present.
    status: RegimeStatus,
    /// Its first day.
    in_force_from: Option<String>,
    /// The first day past its end.
    in_force_until: Option<String>,
    /// The zone in which those days begin; UTC where none is named.
    zone: Option<String>,
    /// Facts of which any one makes it govern.
    #[serde(default)] links: Vec<String>,
    /// Facts that must each hold too.
    #[serde(default)] limits: Vec<Limit>,
    /// The sectors that it binds, where a sector limits it.
    #[serde(default)] sector: Vec<String>,
    /// Thresholds settle its outcome.
    #[serde(default)] volume_threshold: bool,
    /// The kinds and categories of data that it is about.
    data_scope: Vec<String>,
    /// What a demand must rest on for it to bite.
    #[serde(default)] demand_basis: Vec<String>,
    /// Instruments whose own regime it is.
    #[serde(default)] instruments: Vec<String>,
    /// Jurisdictions with days of their own.
    #[serde(default)] phase: Vec<Phase>,
    /// Where it stands.
    citations: Vec<String>,
    /// Whether it was checked against a public source.
    #[serde(default)] verified: bool,
    /// How sure it is, where it was not.
    confidence: Option<String>,
    /// Duties that it lays on those it binds.
    #[serde(default)] obligations: Vec<String>,
    /// What a breach costs.
    penalty: Option<String>,
    /// More to know.
    note: Option<String>,
    /// When it was last looked at.
    reviewed_at: Option<String>,
    /// When it must be looked at again.
    review_by: Option<String>,
    /// Its transfer rule, in words.
    transfer: Option<toml::Table>,
    /// Its disclosure rule, in words.
    disclosure: Option<toml::Table>,
    /// Its process ladder, in words.
    #[serde(default)] ladder: Vec<toml::Table>,
    /// Its thresholds, in words.
    #[serde(default)] threshold: Vec<toml::Table>,
    /// Its notice rules, in words.
    notice: Option<toml::Table>,
    /// Its comity motion, in words.
    comity_motion: Option<toml::Table>,
    /// Its review of conflicts, in words.
    conflict_review: Option<toml::Table>,
} }

fn one() -> String {
    String::from("one")
}

impl Regime {
    /// The word of its transfer rule; empty where it has none.
    #[must_use]
    pub fn transfer_rule(&self) -> &str {
        self.transfer
            .as_ref()
            .and_then(|table| table.get("rule"))
            .and_then(toml::Value::as_str)
            .unwrap_or_default()
    }
}
