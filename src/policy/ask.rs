//! A question to the policies, in plain values, and its form in Cedar.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::str::FromStr;
use std::sync::LazyLock;

use cedar_policy::{Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression};

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
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is the Cedar type of that name")]
pub enum Value {
    Bool(bool),
    Long(i64),
    Text(String),
    Entity(Uid),
    Set(BTreeSet<Value>),
    Record(BTreeMap<&'static str, Value>),
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

    /// Every entity that it names.
    pub(super) fn uids<'a>(&'a self, into: &mut BTreeSet<&'a Uid>) {
        match self {
            Self::Bool(_) | Self::Long(_) | Self::Text(_) => {}
            Self::Entity(uid) => {
                into.insert(uid);
            }
            Self::Set(values) => values.iter().for_each(|value| value.uids(into)),
            Self::Record(fields) => fields.values().for_each(|value| value.uids(into)),
        }
    }

    pub(super) fn expression(&self) -> Result<RestrictedExpression, AskError> {
        Ok(match self {
            Self::Bool(value) => RestrictedExpression::new_bool(*value),
            Self::Long(value) => RestrictedExpression::new_long(*value),
            Self::Text(value) => RestrictedExpression::new_string(value.clone()),
            Self::Entity(uid) => RestrictedExpression::new_entity_uid(uid.cedar()?),
            Self::Set(values) => RestrictedExpression::new_set(
                values.iter().map(Self::expression).collect::<Result<Vec<_>, _>>()?,
            ),
            Self::Record(fields) => {
                let fields = fields.iter().map(|(name, value)| Ok(((*name).to_owned(), value.expression()?)));
                RestrictedExpression::new_record(fields.collect::<Result<Vec<_>, AskError>>()?)
                    .map_err(|error| AskError::Value(error.to_string()))?
            }
        })
    }
}

/// An entity with its attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
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

    pub(super) fn cedar(&self) -> Result<Entity, AskError> {
        let attributes =
            self.attributes.iter().map(|(name, value)| Ok(((*name).to_owned(), value.expression()?)));
        let parents = self.parents.iter().map(Uid::cedar).collect::<Result<Vec<_>, _>>()?;
        let tags = self
            .tags
            .iter()
            .map(|(key, value)| (key.clone(), RestrictedExpression::new_string(value.clone())));
        Entity::new_with_tags(
            self.uid.cedar()?,
            attributes.collect::<Result<Vec<_>, AskError>>()?,
            parents,
            tags,
        )
        .map_err(|error| AskError::Value(error.to_string()))
    }
}

/// One question to the policies.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// Every entity type of the schema, parsed once.
static TYPES: LazyLock<HashMap<&'static str, EntityTypeName>> = LazyLock::new(|| {
    super::schema::TYPES
        .iter()
        .filter_map(|name| Some((*name, EntityTypeName::from_str(name).ok()?)))
        .collect()
});

impl Uid {
    pub(super) fn cedar(&self) -> Result<EntityUid, AskError> {
        let name = TYPES
            .get(self.kind)
            .ok_or_else(|| AskError::Value(format!("`{}` is no entity type", self.kind)))?;
        Ok(EntityUid::from_type_name_and_id(name.clone(), EntityId::new(&self.id)))
    }
}
