//! The shape of a question: the names and types of its values, without what they say.
//!
//! Whether a question fits the schema depends on its shape alone, once each of its entities is declared. So a
//! shape is checked when it first comes, and known from then on.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

use super::ask::{Ask, Value};

/// Shapes that are remembered, at some 700 bytes each. The engine's questions have a few for each action and
/// kind of requester; what is beyond is checked each time.
const MOST: usize = 1024;

/// The types of a value, written out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Shape(Vec<u8>);

/// The shapes that fit a schema.
#[derive(Default)]
pub(super) struct Fitting(RwLock<HashSet<Shape>>);

// === impl Shape ===

impl Shape {
    /// That of a value; absent where its elements do not say their type.
    pub fn of(value: &Value) -> Option<Self> {
        let mut shape = Vec::new();
        write(value, &mut shape)?;
        Some(Self(shape))
    }

    /// That of a set of entities, which may be empty.
    pub fn set(kind: &str) -> Self {
        let mut shape = vec![b'{'];
        entity(kind, &mut shape);
        Self(shape)
    }

    /// That of a question; absent where a value does not say its type.
    pub fn of_question(ask: &Ask) -> Option<Self> {
        let mut shape = Vec::with_capacity(1024);
        for text in [ask.action, ask.principal.uid.kind, ask.resource.uid.kind] {
            name(text, &mut shape);
        }
        for (field, value) in &ask.context {
            name(field, &mut shape);
            write(value, &mut shape)?;
        }
        Some(Self(shape))
    }

    /// The same with one field more.
    pub fn with(mut self, field: &str, value: &Value) -> Option<Self> {
        name(field, &mut self.0);
        write(value, &mut self.0)?;
        Some(self)
    }
}

fn write(value: &Value, shape: &mut Vec<u8>) -> Option<()> {
    match value {
        Value::Bool(_) => shape.push(b'b'),
        Value::Long(_) => shape.push(b'l'),
        Value::Text(_) => shape.push(b't'),
        Value::Entity(uid) => entity(uid.kind, shape),
        Value::Set(values) => {
            let mut shapes = values.iter().map(Shape::of);
            let first = shapes.next()??;
            // A set of several types is no set for Cedar's schema: it is left to that to say so.
            if !shapes.all(|shape| shape.as_ref() == Some(&first)) {
                return None;
            }
            shape.push(b'{');
            shape.extend(&first.0);
        }
        Value::Record(fields) => {
            shape.push(b'(');
            for (field, value) in fields {
                name(field, shape);
                write(value, shape)?;
            }
            shape.push(b')');
        }
        Value::Shared(shared) => shape.extend(&shared.shape().0),
    }
    Some(())
}

fn entity(kind: &str, shape: &mut Vec<u8>) {
    shape.push(b'e');
    name(kind, shape);
}

/// A name of the program's own, which has no zero byte.
fn name(text: &str, shape: &mut Vec<u8>) {
    shape.extend(text.as_bytes());
    shape.push(0);
}

// === impl Fitting ===

impl Fitting {
    /// Whether a shape is known to fit.
    pub fn has(&self, shape: &Shape) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(shape)
    }

    /// Remembers that it fits.
    pub fn add(&self, shape: Shape) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MOST {
            known.insert(shape);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_tells_types_apart_and_not_what_is_said() {
        let shape = |value: &Value| Shape::of(value);
        assert_eq!(shape(&Value::Bool(true)), shape(&Value::Bool(false)));
        assert_ne!(shape(&Value::Bool(true)), shape(&Value::Long(1)));
        let set = |kind, id: &str| Value::entities(kind, [id.to_owned()]);
        assert_eq!(shape(&set("Regime", "a")), shape(&set("Regime", "b")));
        assert_ne!(shape(&set("Regime", "a")), shape(&set("Mode", "a")));
        assert_ne!(shape(&set("Regime", "a")), shape(&Value::entity("Regime", "a")));
        let record = |name, value| Value::Record([(name, value)].into());
        assert_ne!(shape(&record("a", Value::Bool(true))), shape(&record("b", Value::Bool(true))));
        // What does not say its type has no shape, and so is never taken for one that was checked.
        assert!(shape(&Value::Set([].into())).is_none());
        let mixed = Value::Set([Value::Bool(true), Value::Long(1)].into());
        assert!(shape(&mixed).is_none() && shape(&record("a", mixed)).is_none());
    }
}
