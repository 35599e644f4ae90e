//! From a message to words.

use std::fmt::Write;

use jiff::Timestamp;
use prost_reflect::{DynamicMessage, EnumDescriptor, Kind, MapKey, ReflectMessage};
use serde_json::Value;

use super::{TIMESTAMP, enum_words};

/// Writes a message. What is not set is left out.
pub(super) fn message(message: &DynamicMessage) -> Value {
    if message.descriptor().full_name() == TIMESTAMP
        && let Ok(instant) = message.transcode_to::<prost_types::Timestamp>()
        && let Ok(instant) = Timestamp::new(instant.seconds, instant.nanos)
    {
        return Value::from(instant.to_string());
    }
    let fields = message.fields();
    Value::Object(fields.map(|(field, set)| (field.name().to_owned(), value(&field.kind(), set))).collect())
}

fn value(kind: &Kind, set: &prost_reflect::Value) -> Value {
    use prost_reflect::Value as Wire;
    match set {
        Wire::Bool(flag) => Value::from(*flag),
        Wire::I32(number) => Value::from(*number),
        Wire::I64(number) => Value::from(*number),
        Wire::U32(number) => Value::from(*number),
        Wire::U64(number) => Value::from(*number),
        Wire::F32(number) => Value::from(*number),
        Wire::F64(number) => Value::from(*number),
        Wire::String(text) => Value::from(text.as_str()),
        Wire::Bytes(bytes) => Value::from(hex(bytes)),
        Wire::EnumNumber(number) => match kind {
            Kind::Enum(descriptor) => word(descriptor, *number),
            _ => Value::from(*number),
        },
        Wire::Message(inner) => message(inner),
        Wire::List(elements) => elements.iter().map(|element| value(kind, element)).collect(),
        Wire::Map(entries) => {
            let kind = match kind {
                Kind::Message(entry) if entry.is_map_entry() => entry.map_entry_value_field().kind(),
                other => other.clone(),
            };
            Value::Object(entries.iter().map(|(name, set)| (key(name), value(&kind, set))).collect())
        }
    }
}

fn key(key: &MapKey) -> String {
    match key {
        MapKey::Bool(flag) => flag.to_string(),
        MapKey::I32(number) => number.to_string(),
        MapKey::I64(number) => number.to_string(),
        MapKey::U32(number) => number.to_string(),
        MapKey::U64(number) => number.to_string(),
        MapKey::String(text) => text.clone(),
    }
}

/// The word of an enum's number; of one that is not known, the number.
fn word(descriptor: &EnumDescriptor, number: i32) -> Value {
    let word = enum_words(descriptor).into_iter().find(|(_, known)| *known == number);
    word.map_or(Value::from(number), |(word, _)| Value::from(word))
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _written = write!(text, "{byte:02x}");
    }
    text
}
