//! The form that a question has in Cedar: values, entities and the request, without a detour through text or
//! expressions.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use cedar_policy_core::ast::{self, Eid, EntityType, EntityUIDEntry, PartialValue};
use cedar_policy_core::entities::{Entities, NoEntitiesSchema, TCComputation};
use cedar_policy_core::extensions::Extensions;
use smol_str::SmolStr;

use super::ask::{Ask, AskError, EntityValue, Uid, Value};

/// Every entity type of the schema, parsed once.
static TYPES: LazyLock<HashMap<&'static str, EntityType>> = LazyLock::new(|| {
    super::schema::TYPES.iter().filter_map(|name| Some((*name, EntityType::from_str(name).ok()?))).collect()
});

/// The fields of a context.
pub(super) type Fields = BTreeMap<SmolStr, ast::Value>;

impl Uid {
    pub(super) fn cedar(&self) -> Result<ast::EntityUID, AskError> {
        let kind = TYPES
            .get(self.kind)
            .ok_or_else(|| AskError::Value(format!("`{}` is no entity type", self.kind)))?;
        Ok(ast::EntityUID::from_components(kind.clone(), Eid::new(self.id.as_str()), None))
    }
}

impl Value {
    pub(super) fn cedar(&self) -> Result<ast::Value, AskError> {
        Ok(match self {
            Self::Bool(value) => ast::Value::from(*value),
            Self::Long(value) => ast::Value::from(*value),
            Self::Text(value) => ast::Value::from(value.as_str()),
            Self::Entity(uid) => ast::Value::from(uid.cedar()?),
            Self::Set(values) => {
                let values = values.iter().map(Self::cedar).collect::<Result<Vec<_>, _>>()?;
                ast::Value::set(values, None)
            }
            Self::Record(fields) => ast::Value::record_arc(Arc::new(self::fields(fields)?), None),
            Self::Shared(shared) => shared.cedar().clone(),
        })
    }
}

/// The fields of a record or a context.
pub(super) fn fields(fields: &BTreeMap<&'static str, Value>) -> Result<Fields, AskError> {
    fields.iter().map(|(name, value)| Ok((SmolStr::new_static(name), value.cedar()?))).collect()
}

impl EntityValue {
    /// `above`: what it lies in by way of its parents.
    fn cedar(&self, above: HashSet<ast::EntityUID>) -> Result<ast::Entity, AskError> {
        let attributes = self.attributes.iter().map(|(name, value)| {
            let value = PartialValue::from(value.cedar()?);
            Ok((SmolStr::new_static(name), value))
        });
        let parents = self.parents.iter().map(Uid::cedar).collect::<Result<HashSet<_>, _>>()?;
        let above = above.into_iter().filter(|uid| !parents.contains(uid)).collect();
        let tags = self.tags.iter().map(|(key, value)| {
            let value = PartialValue::from(ast::Value::from(value.as_str()));
            (SmolStr::from(key.as_str()), value)
        });
        Ok(ast::Entity::new_with_attr_partial_value(
            self.uid.cedar()?,
            attributes.collect::<Result<Vec<_>, AskError>>()?,
            above,
            parents,
            tags,
        ))
    }
}

impl Ask {
    /// Every entity that the question brings.
    pub(super) fn own(&self) -> impl Iterator<Item = &EntityValue> {
        [&self.principal, &self.resource].into_iter().chain(&self.others)
    }

    /// The entities, each with all that it lies in.
    pub(super) fn entities(&self) -> Result<Entities, AskError> {
        let built = self.own().map(|entity| Ok(Arc::new(entity.cedar(self.above(entity)?)?)));
        let built = built.collect::<Result<Vec<_>, AskError>>()?;
        // INVARIANT: `above` closes each over its parents, so there is nothing left to compute; two that have one
        // id and differ are refused.
        Entities::new()
            .add_entities(
                built,
                None::<&NoEntitiesSchema>,
                TCComputation::AssumeAlreadyComputed,
                Extensions::all_available(),
            )
            .map_err(|error| AskError::Schema(error.to_string()))
    }

    /// What an entity lies in by way of its parents.
    fn above(&self, entity: &EntityValue) -> Result<HashSet<ast::EntityUID>, AskError> {
        let parents_of = |uid: &Uid| {
            let own = self.own().filter(|entity| entity.uid == *uid && !entity.parents.is_empty());
            own.flat_map(|entity| &entity.parents).collect::<Vec<_>>()
        };
        let mut above: BTreeSet<&Uid> = BTreeSet::new();
        let mut open: Vec<&Uid> = match self.others.iter().all(|other| other.parents.is_empty()) {
            // Nearly always: what the question brings beside the two lies in nothing.
            true => Vec::new(),
            false => entity.parents.iter().flat_map(parents_of).collect(),
        };
        while let Some(uid) = open.pop() {
            if above.insert(uid) {
                open.extend(parents_of(uid));
            }
        }
        if above.contains(&entity.uid) {
            return Err(AskError::Value(format!("`{}` lies in itself", entity.uid.id)));
        }
        above.into_iter().map(Uid::cedar).collect()
    }

    /// The request, by the context in its form.
    pub(super) fn request(&self, context: Arc<Fields>) -> Result<ast::Request, AskError> {
        let known = |uid: ast::EntityUID| EntityUIDEntry::known(uid, None);
        Ok(ast::Request::new_unchecked(
            known(self.principal.uid.cedar()?),
            known(Uid::new("Action", self.action).cedar()?),
            known(self.resource.uid.cedar()?),
            Some(ast::Context::Value(context)),
        ))
    }
}
