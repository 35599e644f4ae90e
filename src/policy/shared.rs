//! Values that are built once and used by many questions: sets of entities, above all, which say the same of
//! every question about the same places.
//!
//! It owns the bounded table of them. What they mean is the engine's business.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use cedar_policy_core::ast;
use quick_cache::{Equivalent, sync::Cache};

use super::ask::{Uid, Value};
use super::bundle::Bundle;
use super::shape::Shape;

/// Sets that are kept: some 2 KiB each. There are as many as there are combinations of places that customers
/// use, and of regimes that govern them.
const SETS: usize = 16_384;

/// A value with its form in Cedar. Cheap to clone.
#[derive(Clone)]
pub struct Shared(Arc<Built>);

struct Built {
    plain: Value,
    cedar: ast::Value,
    shape: Shape,
    /// The first entity that it names and nothing declares.
    undeclared: Option<Uid>,
}

/// The sets of a bundle, by type and ids.
pub(super) struct Sets(Cache<Key, Shared>);

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key(&'static str, Box<[Box<str>]>);

#[derive(Hash)]
struct KeyRef<'a>(&'static str, &'a [&'a str]);

// === impl Shared ===

impl Shared {
    pub(super) fn plain(&self) -> &Value {
        &self.0.plain
    }

    pub(super) fn cedar(&self) -> &ast::Value {
        &self.0.cedar
    }

    pub(super) fn shape(&self) -> &Shape {
        &self.0.shape
    }

    pub(super) fn undeclared(&self) -> Option<&Uid> {
        self.0.undeclared.as_ref()
    }
}

// Equal where the values are, however they were built.
impl PartialEq for Shared {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.plain == other.0.plain
    }
}

impl Eq for Shared {}

impl PartialOrd for Shared {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Shared {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.plain.cmp(&other.0.plain)
    }
}

impl Hash for Shared {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.plain.hash(state);
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.plain.fmt(f)
    }
}

// === impl Sets ===

impl Default for Sets {
    fn default() -> Self {
        Self(Cache::new(SETS))
    }
}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.0 == key.0 && self.1.len() == key.1.len() && self.1.iter().zip(&key.1).all(|(a, b)| **a == **b)
    }
}

impl Bundle {
    /// The set of entities of one type, built when it is first asked for.
    pub fn entities<'a>(&self, kind: &'static str, ids: impl IntoIterator<Item = &'a str>) -> Value {
        let mut ids: Vec<&str> = ids.into_iter().collect();
        ids.sort_unstable();
        ids.dedup();
        if let Some(known) = self.sets.0.get(&KeyRef(kind, &ids)) {
            return Value::Shared(known);
        }
        let shared = self.build(Value::entities(kind, ids.iter().copied()), Shape::set(kind));
        if let Value::Shared(shared) = &shared {
            let key = Key(kind, ids.into_iter().map(Box::from).collect());
            self.sets.0.insert(key, shared.clone());
        }
        shared
    }

    /// A value that many questions will have.
    #[must_use]
    pub fn share(&self, value: Value) -> Value {
        match Shape::of(&value) {
            Some(shape) => self.build(value, shape),
            None => value,
        }
    }

    /// A record of values that were built before.
    #[must_use]
    pub fn record<const N: usize>(&self, fields: [(&'static str, Value); N]) -> Value {
        self.share(Value::Record(BTreeMap::from(fields)))
    }

    fn build(&self, plain: Value, shape: Shape) -> Value {
        let mut undeclared = None;
        plain.uids(&mut |uid| {
            if undeclared.is_none() && !self.declares(uid) {
                undeclared = Some(uid.clone());
            }
        });
        match plain.cedar() {
            Ok(cedar) => Value::Shared(Shared(Arc::new(Built { plain, cedar, shape, undeclared }))),
            // What has no form in Cedar is told when it is asked.
            Err(_) => plain,
        }
    }
}
