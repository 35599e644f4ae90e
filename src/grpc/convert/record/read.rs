//! Entries of the log, from their bytes back to the domain.
//!
//! What was checked when it was recorded is not checked again: words that the facts no longer declare and
//! lists that grew by inheritance are as they were.

use std::sync::Arc;

use prost::{DecodeError, Message};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::super::answer::{from_content, obligation};
use super::super::bad::BadFields;
use super::super::check::{Checker, Path};
use super::super::choice::Choice;
use super::super::holding::holding;
use super::super::party::party;
use super::super::process::process;
use super::super::question::question;
use super::super::tenant::tenant;
use super::masking;
use crate::domain::{
    Action, ContentPart, ContentRef, Decided, Decision, Digest, Disposition, Hidden, LogEntry, Masked,
    Obligation, Outcome, PlainText, Recorded, Verdict,
};
use crate::grpc::proto;
use crate::grpc::proto::log_entry::Entry;

/// The last segment of a reference that is hidden, and the id of a requester who is.
const HIDDEN: &str = "~hidden";

/// Why bytes are no entry. The log is damaged, or newer than this program.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ReadError {
    /// They are no message of this kind.
    #[error("the bytes are no entry of the log: {0}")]
    Bytes(#[from] DecodeError),
    /// A field lacks its value, or has one that this program does not know.
    #[error("the entry's `{0}` is missing or not known")]
    Field(&'static str),
    /// A field of a content has a value that this program does not know.
    #[error("a content of the entry is not valid: {0}")]
    Content(#[from] BadFields),
}

/// An entry in the words of the wire, with the plain texts that are kept.
pub(in crate::grpc) struct Revealed {
    /// The leaf's fields and the contents; a content that is no longer kept is absent.
    pub fields: proto::PlainFields,
    /// Whether the leaf is an enquiry.
    pub enquiry: bool,
    /// Where its contents are.
    pub contents: Vec<ContentRef>,
    /// Names of the hidden fields that no plain text gives.
    pub withheld: Vec<String>,
}

/// Reads an entry. `private` are the plain texts that stand beside it; empty: none are kept.
///
/// # Errors
/// [`ReadError`]: the log is damaged, or newer than this program.
pub fn log_entry(bytes: &[u8], private: &[u8]) -> Result<LogEntry, ReadError> {
    if let Some(Entry::Content(content)) = leaf(bytes)?.entry {
        return Ok(LogEntry::Content(ContentPart {
            sha256: digest("sha256", &content.sha256)?,
            part: content.part,
            parts: content.parts,
            bytes: content.data,
        }));
    }
    let Revealed { fields, enquiry, contents, .. } = reveal(bytes, private, |_| None)?;
    match (fields.record, fields.outcome) {
        (Some(record), _) => Ok(LogEntry::Decision(Box::new(decided(record, enquiry, contents)?))),
        (None, Some(wire)) => {
            let hidden = hidden(&wire.masked, &wire.erased)?;
            Ok(LogEntry::Outcome(Box::new(outcome(wire)?), hidden))
        }
        (None, None) => Err(ReadError::Field("entry")),
    }
}

/// The plain texts that stand beside an entry; absent where the bytes are not exactly what was written.
#[must_use]
pub fn plain_texts(private: &[u8]) -> Option<Vec<PlainText>> {
    let read = proto::MaskedTexts::decode(private).ok()?;
    // A field that nobody knows would be passed over.
    let exact = read.encode_to_vec() == private;
    let texts = read.texts.into_iter();
    exact.then(|| texts.map(|text| PlainText { name: text.name, salt: text.salt, text: text.text }).collect())
}

/// Reads a decision with its contents; absent where the entry is something else. `content` gives the bytes
/// of a content, or nothing where it is no longer kept.
///
/// # Errors
/// [`ReadError`]: the log is damaged, or newer than this program.
pub fn recorded(
    bytes: &[u8],
    private: &[u8],
    content: impl FnMut(&ContentRef) -> Option<Vec<u8>>,
) -> Result<Option<Recorded>, ReadError> {
    let Revealed { fields, enquiry, contents, withheld } = reveal(bytes, private, content)?;
    let Some(record) = fields.record else { return Ok(None) };
    let decided = decided(record, enquiry, contents)?;
    let decision = match (fields.question, fields.facts, fields.answer) {
        (Some(question), Some(facts), Some(answer)) => Some(decision(&decided, question, facts, answer)?),
        _ => None,
    };
    Ok(Some(Recorded { decided, decision, withheld }))
}

/// The obligations of an answer's content.
///
/// # Errors
/// [`ReadError`]: the log is damaged, or newer than this program.
pub fn obligations(content: &[u8]) -> Result<Vec<Obligation>, ReadError> {
    let mut check = Checker::recorded();
    let wire = proto::AuthorizeResponse::decode(content)?;
    let at = Path::Root.field("obligations");
    let obligations = wire.obligations.into_iter().map(|wire| obligation(&mut check, &at, wire)).collect();
    Ok(check.finish(Some(obligations))?)
}

/// The message of an entry.
pub(in crate::grpc) fn leaf(bytes: &[u8]) -> Result<proto::LogEntry, ReadError> {
    Ok(proto::LogEntry::decode(bytes)?)
}

/// Reads an entry and its contents, and puts in the plain texts.
pub(in crate::grpc) fn reveal(
    bytes: &[u8],
    private: &[u8],
    mut content: impl FnMut(&ContentRef) -> Option<Vec<u8>>,
) -> Result<Revealed, ReadError> {
    let leaf = leaf(bytes)?;
    let mut contents = Vec::with_capacity(leaf.contents.len());
    for at in leaf.contents {
        contents.push(ContentRef { sha256: digest("contents", &at.sha256)?, index: at.log_index });
    }
    let mut fields = proto::PlainFields::default();
    let enquiry = matches!(leaf.entry, Some(Entry::Enquiry(_)));
    let (masked, erased) = match leaf.entry {
        Some(Entry::Decision(record) | Entry::Enquiry(record)) => {
            fields.question = kept(&record.question, &contents, &mut content)?;
            fields.facts = kept(&record.facts, &contents, &mut content)?;
            fields.answer = kept(&record.answer, &contents, &mut content)?;
            let hidden = (record.masked.clone(), record.erased.clone());
            fields.record = Some(record);
            hidden
        }
        Some(Entry::Outcome(outcome)) => {
            let hidden = (outcome.masked.clone(), outcome.erased.clone());
            fields.outcome = Some(outcome);
            hidden
        }
        Some(Entry::Content(_)) => Default::default(),
        None => return Err(ReadError::Field("entry")),
    };
    let texts = proto::MaskedTexts::decode(private)?.texts;
    let withheld = masking::show(&mut fields, &masked, &erased, &texts);
    Ok(Revealed { fields, enquiry, contents, withheld })
}

/// The content of a digest; absent where it is no longer kept.
fn kept<M: Message + Default>(
    named: &[u8],
    contents: &[ContentRef],
    content: &mut impl FnMut(&ContentRef) -> Option<Vec<u8>>,
) -> Result<Option<M>, ReadError> {
    if named == Sha256::digest([]).as_slice() {
        return Ok(Some(M::default()));
    }
    let at = contents.iter().find(|at| at.sha256 == named);
    Ok(at.and_then(content).map(|bytes| M::decode(bytes.as_slice())).transpose()?)
}

fn decided(
    wire: proto::DecisionRecord,
    hypothetical: bool,
    contents: Vec<ContentRef>,
) -> Result<Decided, ReadError> {
    Ok(Decided {
        id: uuid("decision_id", &wire.decision_id)?,
        decided_at: instant("decided_at", wire.decided_at)?,
        hypothetical,
        caller: wire.caller,
        trace_id: wire.trace_id,
        request_id: wire.request_id,
        engine_version: wire.engine_version,
        policy_version: wire.policy_version,
        facts_version: wire.facts_version,
        catalog_revision: wire.catalog_revision,
        as_of: instant("as_of", wire.as_of)?,
        valid_until: instant("valid_until", wire.valid_until)?,
        tenant: wire.tenant_id,
        data_ref: wire.data_ref,
        jurisdiction: wire.jurisdiction,
        action: Action::from_wire(wire.action).ok_or(ReadError::Field("action"))?,
        decision: Verdict::from_wire(wire.decision).ok_or(ReadError::Field("decision"))?,
        disposition: Disposition::from_wire(wire.disposition).ok_or(ReadError::Field("disposition"))?,
        question: digest("question", &wire.question)?,
        facts: digest("facts", &wire.facts)?,
        answer: digest("answer", &wire.answer)?,
        hidden: hidden(&wire.masked, &wire.erased)?,
        contents,
    })
}

fn decision(
    decided: &Decided,
    mut asked: proto::AuthorizeRequest,
    facts: proto::ResolvedFacts,
    answer: proto::AuthorizeResponse,
) -> Result<Decision, ReadError> {
    let mut check = Checker::recorded();
    let at = Path::Root;
    if asked.data_ref.is_empty() {
        asked.data_ref = format!("{}/{HIDDEN}", decided.tenant);
    }
    asked.request_id.clone_from(&decided.request_id);
    let asked = question(&mut check, asked);
    let matched =
        (!facts.matched.is_empty()).then(|| check.data_ref(&at.field("matched"), &facts.matched)).flatten();
    let tenant = facts.tenant.map(|wire| tenant(&mut check, &at.field("tenant"), wire));
    let holding = facts.holding.map(|wire| holding(&mut check, &at.field("holding"), wire));
    let requester = facts.requester.and_then(|wire| party(&mut check, &at.field("requester"), wire));
    let recipient = facts.recipient.and_then(|wire| party(&mut check, &at.field("recipient"), wire));
    let process = facts.process.map(|wire| process(&mut check, &at.field("process"), wire));
    let answer = from_content(&mut check, decided, answer);
    let question = check.finish(asked)?;
    Ok(Decision {
        question,
        action: decided.action,
        tenant: tenant.map(Arc::new),
        holding: holding.map(Arc::new),
        matched,
        requester: requester.map(Arc::new),
        recipient: recipient.map(Arc::new),
        process: process.map(Arc::new),
        answer,
    })
}

fn outcome(wire: proto::OutcomeRecord) -> Result<Outcome, ReadError> {
    let mut check = Checker::recorded();
    let categories = check.choices(&Path::Root.field("data_categories"), wire.data_categories);
    Ok(Outcome {
        id: uuid("outcome_id", &wire.outcome_id)?,
        decision_id: uuid("decision_id", &wire.decision_id)?,
        tenant: wire.tenant_id,
        kind: wire.kind,
        at: instant("at", wire.at)?,
        recorded_at: instant("recorded_at", wire.recorded_at)?,
        caller: wire.caller,
        categories: check.finish(Some(categories))?,
        detail: wire.detail,
    })
}

fn hidden(masked: &[proto::MaskedField], erased: &[String]) -> Result<Hidden, ReadError> {
    let masked = masked.iter().map(|field| {
        Ok(Masked { name: field.name.clone(), commitment: digest("masked", &field.commitment)? })
    });
    Ok(Hidden { masked: masked.collect::<Result<_, ReadError>>()?, erased: erased.to_vec() })
}

fn digest(field: &'static str, bytes: &[u8]) -> Result<Digest, ReadError> {
    bytes.try_into().map_err(|_| ReadError::Field(field))
}

fn uuid(field: &'static str, text: &str) -> Result<Uuid, ReadError> {
    Uuid::try_parse(text).map_err(|_| ReadError::Field(field))
}

fn instant(field: &'static str, wire: Option<prost_types::Timestamp>) -> Result<jiff::Timestamp, ReadError> {
    let mut check = Checker::recorded();
    check.instant(&Path::Root.field(field), wire).ok_or(ReadError::Field(field))
}
