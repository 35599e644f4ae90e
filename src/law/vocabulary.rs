//! The declared identifiers, and what a caller or a policy may name.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::Facts;
use super::rows::{CountsAs, RouteKind};
use crate::domain::near;

/// A set of declared identifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is the set of that name")]
pub enum IdSet {
    Instrument,
    Safeguard,
    Sector,
    Mode,
    DataKind,
    Issuer,
    Flag,
    Regime,
    Mechanism,
    Relation,
    RelationKind,
    Condition,
    Reason,
    Obligation,
    Route,
    NextStep,
    Outcome,
}

impl IdSet {
    /// What a person calls a member of it.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Instrument => "instrument",
            Self::Safeguard => "safeguard",
            Self::Sector => "sector",
            Self::Mode => "transfer mode",
            Self::DataKind => "data kind",
            Self::Issuer => "issuer",
            Self::Flag => "flag",
            Self::Regime => "regime",
            Self::Mechanism => "mechanism",
            Self::Relation => "relation",
            Self::RelationKind => "relation kind",
            Self::Condition => "condition",
            Self::Reason => "reason code",
            Self::Obligation => "obligation",
            Self::Route => "route",
            Self::NextStep => "next step",
            Self::Outcome => "outcome",
        }
    }
}

/// A word that the facts do not declare, with the near ones.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is not a known {noun}{}", crate::domain::did_you_mean(near))]
pub struct Unknown {
    /// The word.
    pub word: String,
    /// What it was meant to be.
    pub noun: &'static str,
    /// Known words that are near to it.
    pub near: Vec<String>,
}

impl Facts {
    /// The declared identifiers of a set.
    #[must_use]
    pub fn ids(&self, set: IdSet) -> &BTreeSet<String> {
        static NONE: BTreeSet<String> = BTreeSet::new();
        self.sets.get(&set).unwrap_or(&NONE)
    }

    /// The sentence of a declared reason code, obligation or next step.
    #[must_use]
    pub fn message(&self, set: IdSet, id: &str) -> &str {
        self.messages.get(&(set, id.to_owned())).map_or("", String::as_str)
    }

    /// A declared kind of route.
    #[must_use]
    pub fn route(&self, kind: &str) -> Option<&RouteKind> {
        self.routes.get(kind)
    }

    /// The obligations that each outcome fulfils.
    #[must_use]
    pub fn fulfils(&self) -> &BTreeMap<String, Vec<String>> {
        &self.fulfils
    }

    /// What a transparency report counts a declared word as; `None`: as nothing.
    #[must_use]
    pub fn counts_as(&self, set: IdSet, id: &str) -> Option<CountsAs> {
        self.counted.get(&(set, id.to_owned())).copied()
    }

    /// Checks that an identifier is declared.
    ///
    /// # Errors
    /// [`Unknown`] with the near ones.
    pub fn identifier(&self, set: IdSet, word: &str) -> Result<(), Unknown> {
        let known = self.ids(set);
        if known.contains(word) {
            return Ok(());
        }
        Err(Unknown {
            word: word.to_owned(),
            noun: set.noun(),
            near: near(word, known.iter().map(String::as_str)),
        })
    }

    /// The canonical code of a place: an ISO 3166-1 alpha-2 or 3166-2 code, a grouping, a private code that
    /// the facts declare, or a cloud region. Other names of a place become the one that the facts use.
    ///
    /// # Errors
    /// [`Unknown`] with the near ones.
    pub fn place(&self, code: &str) -> Result<String, Unknown> {
        if let Some(canonical) = self.canonical(code) {
            return Ok(canonical);
        }
        let known = self.jurisdictions.keys().chain(self.groupings.keys()).chain(self.regions.keys());
        let noun = "jurisdiction or cloud region";
        Err(Unknown { word: code.to_owned(), noun, near: near(code, known.map(String::as_str)) })
    }

    /// The canonical code of a place; `None` where it is unknown, without a search for near ones.
    pub(super) fn canonical(&self, code: &str) -> Option<String> {
        if let Some(canonical) = self.aliases.get(code) {
            return Some(canonical.clone());
        }
        if self.is_jurisdiction(code) {
            return Some(code.to_owned());
        }
        let lower = code.to_lowercase();
        self.regions.contains_key(&lower).then_some(lower)
    }

    /// Whether a code is a jurisdiction or a grouping, in its canonical form.
    #[must_use]
    pub fn is_jurisdiction(&self, code: &str) -> bool {
        self.jurisdictions.contains_key(code) || self.groupings.contains_key(code) || is_iso(code)
    }

    /// The jurisdictions that a canonical place stands for: several for a region that spans them.
    #[must_use]
    pub fn jurisdictions_of(&self, place: &str) -> Vec<String> {
        self.regions.get(place).cloned().unwrap_or_else(|| vec![place.to_owned()])
    }
}

/// Whether a code is in ISO 3166-1 (alpha-2) or ISO 3166-2.
pub(super) fn is_iso(code: &str) -> bool {
    let shape = code.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-');
    shape
        && match code.len() {
            2 => rust_iso3166::from_alpha2(code).is_some(),
            4..=6 => rust_iso3166::iso3166_2::from_code(code).is_some(),
            _ => false,
        }
}
