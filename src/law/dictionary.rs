//! The facts as the vocabulary that what comes in is checked against.

use super::facts::Facts;
use super::vocabulary::IdSet;
use crate::domain::{IdentifierSet, Vocabulary};

impl Vocabulary for Facts {
    fn place(&self, code: &str) -> Option<String> {
        self.canonical(code)
    }

    fn declares(&self, set: IdentifierSet, identifier: &str) -> bool {
        self.ids(id_set(set)).contains(identifier)
    }

    fn near_places(&self, code: &str) -> Vec<String> {
        self.place(code).err().map(|unknown| unknown.near).unwrap_or_default()
    }

    fn near_identifiers(&self, set: IdentifierSet, identifier: &str) -> Vec<String> {
        self.identifier(id_set(set), identifier).err().map(|unknown| unknown.near).unwrap_or_default()
    }
}

const fn id_set(set: IdentifierSet) -> IdSet {
    match set {
        IdentifierSet::Instrument => IdSet::Instrument,
        IdentifierSet::Safeguard => IdSet::Safeguard,
        IdentifierSet::Sector => IdSet::Sector,
        IdentifierSet::Mode => IdSet::Mode,
        IdentifierSet::DataKind => IdSet::DataKind,
        IdentifierSet::Issuer => IdSet::Issuer,
        IdentifierSet::Flag => IdSet::Flag,
        IdentifierSet::Relation => IdSet::Relation,
        IdentifierSet::Outcome => IdSet::Outcome,
    }
}
