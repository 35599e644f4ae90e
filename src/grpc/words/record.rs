//! Records of the log in words: names that stay, and that users of other decision logs know.

use serde_json::{Map, Value, json};

use super::{WordsError, write};
use crate::audit::{Logged, LoggedRecord};
use crate::domain::{Decided, Duty, DutyFilter, DutyState, Hidden, Outcome, Recorded};
use crate::grpc::convert;

/// Writes a record of the log of that origin. What is not there, or is hidden, is left out.
///
/// # Errors
/// [`WordsError::Description`] only.
pub fn logged(origin: &str, record: &LoggedRecord) -> Result<Value, WordsError> {
    let mut fields = match &record.what {
        Logged::Decision(recorded) => decision(origin, recorded)?,
        Logged::Outcome(of, hidden) => outcome(origin, of, hidden)?,
    };
    fields.insert(String::from("log_index"), Value::from(record.index));
    fields.insert(String::from("leaf_hash"), Value::from(hex(&record.leaf_hash)));
    Ok(Value::Object(fields))
}

/// Reads which duties are meant: a `ListObligationsRequest`, whose page is not asked for.
///
/// # Errors
/// [`WordsError::Bad`] names every word that is not known and every field that is not valid.
pub fn duty_filter(words: &Value) -> Result<DutyFilter, WordsError> {
    Ok(convert::list_obligations(super::read(words)?)?.filter)
}

/// Writes a duty, and where it stands.
///
/// # Errors
/// [`WordsError::Description`] only.
pub fn duty(duty: Duty, state: DutyState) -> Result<Value, WordsError> {
    write(&convert::to_duty((duty, state)))
}

fn decision(origin: &str, recorded: &Recorded) -> Result<Map<String, Value>, WordsError> {
    let Recorded { decided, decision, .. } = recorded;
    let mut fields = object(json!({
        "type": if decided.hypothetical { "enquiry" } else { "decision" },
        "decision_id": decided.id.to_string(),
        "timestamp": decided.decided_at.to_string(),
        "labels": { "id": origin, "version": decided.engine_version },
        "trace_id": decided.trace_id,
        "request_id": decided.request_id,
        "requested_by": decided.caller,
        "revision": {
            "policy": decided.policy_version,
            "facts": decided.facts_version,
            "catalog": decided.catalog_revision,
        },
        "tenant_id": decided.tenant,
        "data_ref": decided.data_ref,
        "jurisdiction": decided.jurisdiction,
        "action": decided.action.as_str(),
    }));
    match decision {
        Some(decision) => {
            fields.insert(String::from("input"), write(&convert::to_request(&decision.question))?);
            fields.insert(String::from("facts"), write(&convert::to_facts(decision))?);
            fields.insert(String::from("result"), write(&convert::to_response(decision.answer.clone()))?);
        }
        None => {
            fields.insert(String::from("result"), bare_result(decided));
        }
    }
    hide(&mut fields, &decided.hidden);
    Ok(fields)
}

/// What an entry says of its answer itself.
fn bare_result(decided: &Decided) -> Value {
    json!({
        "decision": decided.decision.as_str(),
        "disposition": decided.disposition.as_str(),
        "as_of": decided.as_of.to_string(),
        "valid_until": decided.valid_until.to_string(),
    })
}

fn outcome(origin: &str, outcome: &Outcome, hidden: &Hidden) -> Result<Map<String, Value>, WordsError> {
    let mut fields = object(write(&convert::to_outcome(outcome))?);
    fields.insert(String::from("type"), Value::from("outcome"));
    fields.insert(String::from("labels"), json!({ "id": origin }));
    for (name, stable) in [("caller", "requested_by"), ("recorded_at", "timestamp")] {
        if let Some(value) = fields.remove(name) {
            fields.insert(stable.to_owned(), value);
        }
    }
    hide(&mut fields, hidden);
    Ok(fields)
}

fn hide(fields: &mut Map<String, Value>, hidden: &Hidden) {
    let masked: Vec<_> = hidden.masked.iter().map(|field| field.name.as_str()).collect();
    fields.insert(String::from("masked"), Value::from(masked));
    fields.insert(String::from("erased"), Value::from(hidden.erased.clone()));
    fields.retain(|_, value| !is_empty(value));
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Array(elements) => elements.is_empty(),
        _ => false,
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
