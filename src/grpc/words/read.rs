//! From words to a message.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::civil::Date;
use prost_reflect::{
    DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage,
};
use serde_json::Value;

use super::super::convert::{BadFields, Path, near_words, quote, to_instant};
use super::{TIMESTAMP, enum_words};

/// Reads a message.
///
/// # Errors
/// Names every word that is not one of this message.
pub(super) fn message(descriptor: MessageDescriptor, words: &Value) -> Result<DynamicMessage, BadFields> {
    let mut reader = Reader(BadFields::default());
    let message = reader.message(descriptor, &Path::Root, words);
    message.filter(|_| reader.0.is_empty()).ok_or(reader.0)
}

/// Reads, and collects what is wrong. A part that is wrong is absent.
struct Reader(BadFields);

impl Reader {
    /// Notes a fault. INVARIANT: whatever is absent was noted, so that nothing is lost in silence.
    fn fault(&mut self, at: &Path<'_>, problem: impl FnOnce() -> String) {
        self.0.add(at, problem);
    }

    fn refuse<T>(&mut self, at: &Path<'_>, problem: impl FnOnce() -> String) -> Option<T> {
        self.fault(at, problem);
        None
    }

    fn message(
        &mut self,
        descriptor: MessageDescriptor,
        at: &Path<'_>,
        words: &Value,
    ) -> Option<DynamicMessage> {
        let mut message = DynamicMessage::new(descriptor.clone());
        match words {
            Value::String(text) if descriptor.full_name() == TIMESTAMP => {
                let instant = self.instant(at, text)?;
                if message.transcode_from(&instant).is_err() {
                    return self.refuse(at, || String::from("takes no instant"));
                }
            }
            Value::String(id) => match descriptor.get_field_by_name("id") {
                Some(field) => self.set(&mut message, &field, at, prost_reflect::Value::String(id.clone())),
                None => return self.refuse(at, || String::from("takes a table of fields, not a text")),
            },
            Value::Object(fields) => {
                for (name, words) in fields.iter().filter(|(_, words)| !words.is_null()) {
                    self.field(&mut message, at, name, words);
                }
            }
            _ => return self.refuse(at, || String::from("takes a table of fields")),
        }
        Some(message)
    }

    fn field(&mut self, message: &mut DynamicMessage, at: &Path<'_>, name: &str, words: &Value) {
        let is_plain = !name.chars().any(char::is_control);
        let at = if is_plain { at.field(name) } else { Path::Key(at, name) };
        let descriptor = message.descriptor();
        let Some(field) = descriptor.get_field_by_name(name) else {
            self.fault(&at, || {
                let known: Vec<_> = descriptor.fields().map(|field| field.name().to_owned()).collect();
                format!("is no field{}", near_words(name, known.iter().map(String::as_str)))
            });
            return;
        };
        let taken =
            field.containing_oneof().and_then(|oneof| oneof.fields().find(|other| message.has_field(other)));
        if let Some(other) = taken {
            self.fault(&at, || format!("cannot stand beside `{}`", other.name()));
            return;
        }
        if let Some(value) = self.value(&field, &at, words) {
            self.set(message, &field, &at, value);
        }
    }

    fn set(
        &mut self,
        message: &mut DynamicMessage,
        field: &FieldDescriptor,
        at: &Path<'_>,
        value: prost_reflect::Value,
    ) {
        if message.try_set_field(field, value).is_err() {
            self.fault(at, || String::from("does not take this"));
        }
    }

    fn value(
        &mut self,
        field: &FieldDescriptor,
        at: &Path<'_>,
        words: &Value,
    ) -> Option<prost_reflect::Value> {
        if field.is_map() {
            return self.map(at, words);
        }
        if !field.is_list() {
            return self.scalar(&field.kind(), at, words);
        }
        let elements = words.as_array().map_or(std::slice::from_ref(words), Vec::as_slice);
        let values: Vec<_> = elements
            .iter()
            .enumerate()
            .map(|(index, element)| self.scalar(&field.kind(), &at.index(index), element))
            .collect();
        values.into_iter().collect::<Option<Vec<_>>>().map(prost_reflect::Value::List)
    }

    /// A map of texts: every map of these messages is one.
    fn map(&mut self, at: &Path<'_>, words: &Value) -> Option<prost_reflect::Value> {
        let Some(fields) = words.as_object() else {
            return self.refuse(at, || String::from("takes a table of texts"));
        };
        let mut map = HashMap::new();
        for (key, words) in fields {
            let text = match words {
                Value::String(text) => text.clone(),
                Value::Bool(_) | Value::Number(_) => words.to_string(),
                _ => return self.refuse(&Path::Key(at, key), || String::from("takes a text")),
            };
            map.insert(MapKey::String(key.clone()), prost_reflect::Value::String(text));
        }
        Some(prost_reflect::Value::Map(map))
    }

    fn scalar(&mut self, kind: &Kind, at: &Path<'_>, words: &Value) -> Option<prost_reflect::Value> {
        use prost_reflect::Value as Wire;
        let value = match kind {
            Kind::Message(descriptor) => {
                return self.message(descriptor.clone(), at, words).map(Wire::Message);
            }
            Kind::Enum(descriptor) => return self.choice(descriptor, at, words).map(Wire::EnumNumber),
            Kind::Bool => words.as_bool().map(Wire::Bool),
            Kind::String => words.as_str().map(|text| Wire::String(text.to_owned())),
            Kind::Bytes => words.as_str().and_then(bytes).map(|bytes| Wire::Bytes(bytes.into())),
            Kind::Uint64 => words.as_u64().map(Wire::U64),
            Kind::Uint32 => words.as_u64().and_then(|number| number.try_into().ok()).map(Wire::U32),
            Kind::Int32 => words.as_i64().and_then(|number| number.try_into().ok()).map(Wire::I32),
            Kind::Int64 => words.as_i64().map(Wire::I64),
            // These messages have no other kind. One that comes is refused until it has its words.
            _ => None,
        };
        if value.is_none() {
            let wanted = match kind {
                Kind::Bool => "true or false",
                Kind::String => "a text",
                Kind::Bytes => "bytes in hexadecimal",
                Kind::Uint64 | Kind::Uint32 => "a whole number from 0",
                _ => "a whole number",
            };
            self.fault(at, || format!("takes {wanted}"));
        }
        value
    }

    fn choice(&mut self, descriptor: &EnumDescriptor, at: &Path<'_>, words: &Value) -> Option<i32> {
        let Some(text) = words.as_str() else {
            return self.refuse(at, || String::from("takes a word"));
        };
        let known = enum_words(descriptor);
        let word = text.to_ascii_lowercase().replace('-', "_");
        let full =
            descriptor.get_value_by_name(text).map(|value| value.number()).filter(|number| *number != 0);
        let number =
            full.or_else(|| known.iter().find(|(known, _)| *known == word).map(|(_, number)| *number));
        if number.is_none() {
            return self.refuse(at, || {
                let words: Vec<_> = known.iter().map(|(word, _)| word.as_str()).collect();
                format!("{} is not one of {}", quote(text), words.join(", "))
            });
        }
        number
    }

    fn instant(&mut self, at: &Path<'_>, text: &str) -> Option<prost_types::Timestamp> {
        let noon = |date: Date| date.at(12, 0, 0, 0).in_tz("UTC").ok().map(|zoned| zoned.timestamp());
        // A date alone first: it is no instant by itself.
        let is_date = text.len() == "2016-07-14".len();
        let instant = if is_date { text.parse().ok().and_then(noon) } else { text.parse::<Timestamp>().ok() };
        match instant {
            Some(instant) => Some(to_instant(instant)),
            None => self.refuse(at, || {
                format!(
                    "{} is no date and no instant with its zone, such as 2016-07-14T12:00:00Z",
                    quote(text)
                )
            }),
        }
    }
}

/// Bytes of hexadecimal text.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}
