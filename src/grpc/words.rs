//! Messages in plain words: the form of case files, of the command line and of imports.
//!
//! An enum is its lower-case word without prefix (`surrender_key`), an instant is RFC 3339 text or a date,
//! which is noon UTC, a message that has an id can be the id alone, a list of one its element, and bytes
//! are hexadecimal. It knows the messages by their description alone, so a new field needs nothing here.
//! What the words mean is not asked here: that is [`convert`]'s.

mod pairs;
mod read;
mod record;
#[cfg(test)]
mod tests;
mod write;

use std::sync::LazyLock;

use prost::{Message, Name};
use prost_reflect::{DescriptorPool, DynamicMessage, EnumDescriptor, Kind, MessageDescriptor};
use serde_json::Value;

use super::convert::{self, BadFields};
use super::proto;
use crate::domain::{Answer, Entry, EntryKind, Question, Vocabulary};

pub use self::record::{duty, duty_filter, logged};

/// Full name of the one message that has a form of its own: an instant.
const TIMESTAMP: &str = "google.protobuf.Timestamp";

static POOL: LazyLock<Result<DescriptorPool, String>> =
    LazyLock::new(|| DescriptorPool::decode(proto::FILE_DESCRIPTOR_SET).map_err(|error| error.to_string()));

/// Why words are no message, or a message has no words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    /// The words are wrong. The caller can mend them.
    #[error(transparent)]
    Bad(#[from] BadFields),
    /// The embedded description of the messages is damaged. The build is broken.
    #[error("the description of the messages is damaged: {0}")]
    Description(String),
}

/// Reads a message.
///
/// # Errors
/// [`WordsError::Bad`] names every word that is not one of this message, with near ones.
pub fn read<M: Message + Name + Default>(words: &Value) -> Result<M, WordsError> {
    let message = read::message(descriptor::<M>()?, words)?;
    message.transcode_to().map_err(|error| WordsError::Description(error.to_string()))
}

/// Writes a message. What is not set is left out.
///
/// # Errors
/// [`WordsError::Description`] only.
pub fn write<M: Message + Name>(message: &M) -> Result<Value, WordsError> {
    let mut dynamic = DynamicMessage::new(descriptor::<M>()?);
    dynamic.transcode_from(message).map_err(|error| WordsError::Description(error.to_string()))?;
    Ok(write::message(&dynamic))
}

/// Reads and checks a question: a `[case.request]`, for one.
///
/// # Errors
/// [`WordsError::Bad`] names every word that is not known and every field that is not valid.
pub fn question(words: &Value, vocabulary: &dyn Vocabulary) -> Result<Question, WordsError> {
    Ok(convert::request(read(words)?, vocabulary)?)
}

/// The words of a field of a question, given inline: `key=value,key=value`, or an id alone.
///
/// # Errors
/// [`WordsError::Bad`] names every part that is no pair, and every key that is given twice.
pub fn inline(field: &str, text: &str) -> Result<Value, WordsError> {
    let question = descriptor::<proto::AuthorizeRequest>()?;
    match question.get_field_by_name(field).map(|field| field.kind()) {
        Some(Kind::Message(message)) => Ok(pairs::message(&message, field, text)?),
        _ => Err(WordsError::Description(format!("`{field}` of a question is no message"))),
    }
}

/// Writes an answer.
///
/// # Errors
/// [`WordsError::Description`] only.
pub fn answer(answer: Answer) -> Result<Value, WordsError> {
    write(&convert::to_response(answer))
}

/// Reads and checks an entry of the catalogue.
///
/// # Errors
/// [`WordsError::Bad`] names every word that is not known and every field that is not valid.
pub fn entry(kind: EntryKind, words: &Value, vocabulary: &dyn Vocabulary) -> Result<Entry, WordsError> {
    let wire = wire_entry(kind, words)?;
    Ok(convert::entry(wire, vocabulary).map_err(|bad| bad.below(&entry_path(kind)))?)
}

/// The path of an entry's fields in the message of an entry.
pub(in crate::grpc) fn entry_path(kind: EntryKind) -> String {
    format!("entry.{}.", kind.as_str())
}

/// Reads an entry of the catalogue as a message, with nothing checked but that it is one.
pub(in crate::grpc) fn wire_entry(kind: EntryKind, words: &Value) -> Result<proto::Entry, WordsError> {
    use proto::entry::Entry as Wire;
    let wire = match kind {
        EntryKind::Tenant => Wire::Tenant(read(words)?),
        EntryKind::Holding => Wire::Holding(read(words)?),
        EntryKind::Party => Wire::Party(read(words)?),
        EntryKind::Process => Wire::Process(read(words)?),
    };
    Ok(proto::Entry { entry: Some(wire) })
}

/// Writes an entry of the catalogue, without its kind.
///
/// # Errors
/// [`WordsError::Description`] only.
pub fn to_entry(entry: &Entry) -> Result<Value, WordsError> {
    from_wire_entry(&convert::to_entry(entry))
}

/// Writes the message of an entry, without its kind; null where it has none.
pub(in crate::grpc) fn from_wire_entry(entry: &proto::Entry) -> Result<Value, WordsError> {
    use proto::entry::Entry as Wire;
    match &entry.entry {
        Some(Wire::Tenant(tenant)) => write(tenant),
        Some(Wire::Holding(holding)) => write(holding),
        Some(Wire::Party(party)) => write(party),
        Some(Wire::Process(process)) => write(process),
        None => Ok(Value::Null),
    }
}

/// The JSON form of TOML: an instant or a date becomes its text.
#[must_use]
pub fn from_toml(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::from(text.as_str()),
        toml::Value::Integer(number) => Value::from(*number),
        // JSON has no such numbers. As a text they fit no field, where null would pass for unset.
        toml::Value::Float(number) if !number.is_finite() => Value::from(number.to_string()),
        toml::Value::Float(number) => Value::from(*number),
        toml::Value::Boolean(flag) => Value::from(*flag),
        toml::Value::Datetime(instant) => Value::from(instant.to_string()),
        toml::Value::Array(elements) => elements.iter().map(from_toml).collect(),
        toml::Value::Table(fields) => {
            Value::Object(fields.iter().map(|(key, value)| (key.clone(), from_toml(value))).collect())
        }
    }
}

/// The TOML form of JSON; absent where TOML has none: for null, and for a number beyond its range.
#[must_use]
pub fn to_toml(value: &Value) -> Option<toml::Value> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(flag) => toml::Value::Boolean(*flag),
        Value::Number(number) => match number.as_i64() {
            Some(number) => toml::Value::Integer(number),
            None if number.is_u64() => return None,
            None => toml::Value::Float(number.as_f64()?),
        },
        Value::String(text) => toml::Value::String(text.clone()),
        Value::Array(elements) => {
            toml::Value::Array(elements.iter().map(to_toml).collect::<Option<Vec<_>>>()?)
        }
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| Some((key.clone(), to_toml(value)?)));
            toml::Value::Table(fields.collect::<Option<toml::Table>>()?)
        }
    })
}

fn descriptor<M: Name>() -> Result<MessageDescriptor, WordsError> {
    let pool = POOL.as_ref().map_err(|error| WordsError::Description(error.clone()))?;
    let name = M::full_name();
    pool.get_message_by_name(&name).ok_or_else(|| WordsError::Description(format!("it lacks `{name}`")))
}

/// The words of an enum, each with its number; what is unspecified has none.
fn enum_words(descriptor: &EnumDescriptor) -> Vec<(String, i32)> {
    let zero = descriptor.default_value();
    let prefix = zero.name().strip_suffix("UNSPECIFIED").unwrap_or_default();
    let values = descriptor.values().filter(|value| value.number() != 0);
    values
        .map(|value| {
            let word = value.name().strip_prefix(prefix).unwrap_or(value.name());
            (word.to_ascii_lowercase(), value.number())
        })
        .collect()
}
