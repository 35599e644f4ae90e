//! A question to the policies, in plain values. Their form in Cedar is [`form`](super::form)'s.

use std::collections::{BTreeMap, BTreeSet};

use super::shared::Shared;

/// An entity's type and id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid {
    /// A type of the schema.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
}

impl Uid {
    /// An entity by its type and id.
    pub fn new(kind: &'static str, id: impl Into<String>) -> Self {
        Self { kind, id: id.into() }
    }
}

/// A value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is the Cedar type of that name")]
pub enum Value {
    Bool(bool),
    Long(i64),
    Text(String),
    Entity(Uid),
    Set(BTreeSet<Value>),
    Record(BTreeMap<&'static str, Value>),
    /// One of these that was built before: [`Bundle::share`](super::Bundle::share).
    Shared(Shared),
}

impl Value {
    /// An entity of a type.
    pub fn entity(kind: &'static str, id: impl Into<String>) -> Self {
        Self::Entity(Uid::new(kind, id))
    }

    /// A set of entities of one type.
    pub fn entities<S: Into<String>>(kind: &'static str, ids: impl IntoIterator<Item = S>) -> Self {
        Self::Set(ids.into_iter().map(|id| Self::entity(kind, id)).collect())
    }

    /// A number, cut to the largest that Cedar has.
    #[must_use]
    pub fn long(number: u64) -> Self {
        Self::Long(i64::try_from(number).unwrap_or(i64::MAX))
    }

    /// Every entity that it names; of a shared value, whose entities were looked at when it was built, only one
    /// that nothing declares.
    pub(super) fn uids<'a>(&'a self, each: &mut impl FnMut(&'a Uid)) {
        match self {
            Self::Bool(_) | Self::Long(_) | Self::Text(_) => {}
            Self::Shared(shared) => shared.undeclared().into_iter().for_each(each),
            Self::Entity(uid) => each(uid),
            Self::Set(values) => values.iter().for_each(|value| value.uids(each)),
            Self::Record(fields) => fields.values().for_each(|value| value.uids(each)),
        }
    }

    /// The value itself, where it is shared.
    #[must_use]
    pub fn plain(&self) -> &Self {
        match self {
            Self::Shared(shared) => shared.plain(),
            plain => plain,
        }
    }
}

/// An entity with its attributes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EntityValue {
    /// Its type and id.
    pub uid: Uid,
    /// What it is in.
    pub parents: BTreeSet<Uid>,
    /// Its attributes.
    pub attributes: BTreeMap<&'static str, Value>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

impl EntityValue {
    /// An entity without parents, attributes or tags.
    #[must_use]
    pub fn bare(uid: Uid) -> Self {
        Self { uid, parents: BTreeSet::new(), attributes: BTreeMap::new(), tags: BTreeMap::new() }
    }
}

/// One question to the policies.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ask {
    /// The action's id.
    pub action: &'static str,
    /// Who asks.
    pub principal: EntityValue,
    /// For what.
    pub resource: EntityValue,
    /// What else the two refer to.
    pub others: Vec<EntityValue>,
    /// The circumstances.
    pub context: BTreeMap<&'static str, Value>,
}

/// Why a question could not be put to Cedar. Each is a FAULT: the caller can do nothing but report it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// A value has no form in Cedar.
    #[error("a value cannot be put to Cedar: {0}")]
    Value(String),
    /// An entity is named that nothing declares.
    #[error("`{kind}::\"{id}\"` is named, and is not in the store")]
    Missing {
        /// Its type.
        kind: &'static str,
        /// Its id.
        id: String,
    },
    /// The question does not fit the schema.
    #[error("the question does not fit the schema: {0}")]
    Schema(String),
}
