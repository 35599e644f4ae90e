//! The words that law defines: which there are is for the facts to say, so this is a seam. Questions and
//! entries are checked against it where they come in.

/// A set of declared identifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdentifierSet {
    /// Legal instruments: orders, warrants, requests.
    Instrument,
    /// Safeguards of a transfer, and certifications of a party.
    Safeguard,
    /// Regulated sectors.
    Sector,
    /// Modes of a transfer.
    Mode,
    /// Kinds of data.
    DataKind,
    /// Who can issue or validate a process.
    Issuer,
    /// Flags of a process.
    Flag,
    /// Relations between jurisdictions: treaties, agreements, decisions.
    Relation,
    /// Outcomes: what became of a decision.
    Outcome,
}

impl IdentifierSet {
    /// Every set.
    pub const ALL: &'static [Self] = &[
        Self::Instrument,
        Self::Safeguard,
        Self::Sector,
        Self::Mode,
        Self::DataKind,
        Self::Issuer,
        Self::Flag,
        Self::Relation,
        Self::Outcome,
    ];

    /// What one of its identifiers is called in a sentence.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Instrument => "instrument",
            Self::Safeguard => "safeguard",
            Self::Sector => "sector",
            Self::Mode => "transfer mode",
            Self::DataKind => "data kind",
            Self::Issuer => "issuer",
            Self::Flag => "process flag",
            Self::Relation => "relation",
            Self::Outcome => "outcome",
        }
    }
}

/// The declared words of one version of the facts.
///
/// Near words are asked for apart: a lookup is made for every word that comes in, and the search for near
/// ones only for the few faults that are reported, so that a large bad request stays cheap to refuse.
pub trait Vocabulary: Send + Sync {
    /// The canonical form of a jurisdiction code or cloud region (`UK` gives `GB`); absent: unknown.
    fn place(&self, code: &str) -> Option<String>;

    /// Whether the set declares the identifier.
    fn declares(&self, set: IdentifierSet, identifier: &str) -> bool;

    /// Known places that are spelt nearly so, nearest first; at most three.
    fn near_places(&self, code: &str) -> Vec<String>;

    /// Declared identifiers that are spelt nearly so, nearest first; at most three.
    fn near_identifiers(&self, set: IdentifierSet, identifier: &str) -> Vec<String>;
}
