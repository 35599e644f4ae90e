//! From `key=value,key=value` to words: the form in which the command line takes a message inline.
//!
//! Commas part the pairs, `+` the elements of a list, a dot leads into a message or a map, and a backslash
//! takes what follows it as it is. What is first and has no `=` is the id. The description of the message says
//! which text is a number or a flag; what is wrong with the words themselves is found where they are read.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value};

use super::super::convert::{BadFields, quote};

/// Reads the pairs of a message. `at` is the field that the message stands in.
///
/// # Errors
/// Names every part that is no pair, and every key that is given twice.
pub(super) fn message(descriptor: &MessageDescriptor, at: &str, text: &str) -> Result<Value, BadFields> {
    let mut bad = BadFields::default();
    let mut fields = Map::new();
    let parts = split(text, ',');
    for (index, part) in parts.iter().enumerate() {
        match part.split_once('=') {
            Some((path, value)) => {
                let path = path.trim();
                if !insert(&mut fields, descriptor, path, value.trim()) {
                    bad.add(&format!("{at}.{path}"), || String::from("is given twice"));
                }
            }
            None if index == 0 && descriptor.get_field_by_name("id").is_some() => {
                let id = unescape(part);
                if parts.len() == 1 {
                    return Ok(Value::String(id));
                }
                fields.insert(String::from("id"), Value::String(id));
            }
            None => bad.add(&at, || format!("{} is no key=value", quote(part))),
        }
    }
    if bad.is_empty() { Ok(Value::Object(fields)) } else { Err(bad) }
}

/// Puts a value at its path. Whether there was none before.
fn insert(fields: &mut Map<String, Value>, descriptor: &MessageDescriptor, path: &str, value: &str) -> bool {
    let field = |name: &str| descriptor.get_field_by_name(name);
    let Some((name, rest)) = path.split_once('.') else {
        let value = field(path).map_or_else(|| Value::String(unescape(value)), |field| words(&field, value));
        return fields.insert(path.to_owned(), value).is_none();
    };
    let inner = fields.entry(name).or_insert_with(|| Value::Object(Map::new()));
    let Value::Object(inner) = inner else { return false };
    match field(name).map(|field| (field.is_map(), field.kind())) {
        Some((false, Kind::Message(descriptor))) => insert(inner, &descriptor, rest, value),
        // In a map, dots are a part of the key; under a name that is not known, that is what will be said.
        _ => inner.insert(rest.to_owned(), Value::String(unescape(value))).is_none(),
    }
}

fn words(field: &FieldDescriptor, value: &str) -> Value {
    if field.is_list() {
        let elements = split(value, '+');
        return elements.iter().map(|element| scalar(&field.kind(), element.trim())).collect();
    }
    scalar(&field.kind(), value)
}

/// A text that is no number or flag where one is wanted stays a text, and is refused where it is read.
fn scalar(kind: &Kind, value: &str) -> Value {
    let text = || Value::String(unescape(value));
    match kind {
        Kind::Bool => value.parse::<bool>().map_or_else(|_| text(), Value::from),
        Kind::Uint32 | Kind::Uint64 => value.parse::<u64>().map_or_else(|_| text(), Value::from),
        Kind::Int32 | Kind::Int64 => value.parse::<i64>().map_or_else(|_| text(), Value::from),
        _ => text(),
    }
}

/// The parts between separators that no backslash protects, with their backslashes.
fn split(text: &str, separator: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut protected = false;
    for character in text.chars() {
        if character == separator && !protected {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(character);
        }
        protected = character == '\\' && !protected;
    }
    parts
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => plain.extend(characters.next()),
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::inline;

    #[test]
    fn pairs_have_the_form_of_their_fields() {
        let process = "instrument=search_warrant,court_circuit=2,names_accounts=true,\
                       offence_max_penalty_years=5,data_categories=content+traffic,issued_at=2026-01-01T00:00:00+02:00";
        assert_eq!(
            inline("process", process).unwrap(),
            json!({
                "instrument": "search_warrant", "court_circuit": "2", "names_accounts": true,
                "offence_max_penalty_years": 5, "data_categories": ["content", "traffic"],
                "issued_at": "2026-01-01T00:00:00+02:00",
            })
        );
        assert_eq!(inline("process", "warrant").unwrap(), json!("warrant"));
        assert_eq!(
            inline("process", "warrant,stayed=true").unwrap(),
            json!({"id": "warrant", "stayed": true})
        );
        let tenant = "consent.given=true,labels.cost.centre=a=b,approval.destination=DE+FR";
        assert_eq!(
            inline("tenant", tenant).unwrap(),
            json!({
                "consent": {"given": true}, "labels": {"cost.centre": "a=b"},
                "approval": {"destination": ["DE", "FR"]},
            })
        );
        assert_eq!(
            inline("transfer", r"purpose=a\, b\\c,safeguards=x\+y").unwrap(),
            json!({"purpose": r"a, b\c", "safeguards": ["x+y"]})
        );
    }

    #[test]
    fn what_is_no_pair_is_named() {
        for (field, text, fault) in [
            ("transfer", "replication", "`transfer`: `replication` is no key=value"),
            ("process", "warrant,loose", "`process`: `loose` is no key=value"),
            ("process", "stayed=true,stayed=true", "`process.stayed`: is given twice"),
            ("tenant", "labels.a=1,labels.a=2", "`tenant.labels.a`: is given twice"),
            ("tenant", "consent=x,consent.given=true", "`tenant.consent.given`: is given twice"),
        ] {
            assert_eq!(inline(field, text).unwrap_err().to_string(), fault);
        }
        // What is no word of the message is left for the reading to name.
        assert_eq!(inline("process", "stayd=maybe").unwrap(), json!({"stayd": "maybe"}));
    }
}
