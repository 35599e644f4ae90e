//! Entries of the log: what a decision, its contents and its outcomes are in bytes, and back.
//!
//! The same record always has the same bytes, but for the salts of masked fields. What is written is read back
//! by [`read`]; where an entry stands in the log, and that it is there, is the log's.

mod masking;
mod read;
#[cfg(test)]
mod tests;

use prost::Message;
use sha2::{Digest as _, Sha256};

use self::masking::Commitments;
use super::answer::{to_content, to_response};
use super::choice::{Choice, to_numbers};
use super::holding::to_holding;
use super::party::to_party;
use super::process::to_process;
use super::question::to_request;
use super::tenant::to_tenant;
use super::to_instant;
use crate::audit::Decode;
use crate::audit::verify::Inspect;
use crate::domain::{Content, ContentPart, ContentRef, Decision, Digest, Draft, Masking, Outcome, Record};
use crate::grpc::proto;
use crate::grpc::proto::log_entry::Entry;

pub use self::read::{ReadError, log_entry, obligations, plain_texts, recorded};
pub(in crate::grpc) use self::read::{Revealed, leaf, reveal};

/// How the log's readers read its bytes.
pub const DECODE: Decode = Decode {
    entry: |bytes, private| log_entry(bytes, private).map_err(|error| error.to_string()),
    recorded: |bytes, private, content| recorded(bytes, private, content).map_err(|error| error.to_string()),
    obligations: |content| obligations(content).map_err(|error| error.to_string()),
};

/// How verification reads the log's bytes.
pub const INSPECT: Inspect = Inspect { entry: |bytes| (DECODE.entry)(bytes, &[]), texts: plain_texts };

/// Why a record could not be put into bytes: the system gave no randomness for a salt. Worth a retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no randomness for the salt of a masked field")]
pub struct NoSalt;

/// The entry of a decision or an enquiry, with the contents that it names.
///
/// # Errors
/// [`NoSalt`], where fields are masked.
pub fn draft(record: &Record, masking: &Masking) -> Result<Draft, NoSalt> {
    let mut fields = fields(record);
    let hidden = masking::hide(&mut fields, masking)?;
    let proto::PlainFields { record: leaf, question, facts, answer, .. } = fields;
    let mut leaf = leaf.unwrap_or_default();
    let mut contents = Vec::with_capacity(3);
    leaf.question = name(&mut contents, question.unwrap_or_default().encode_to_vec());
    leaf.facts = name(&mut contents, facts.unwrap_or_default().encode_to_vec());
    leaf.answer = name(&mut contents, answer.unwrap_or_default().encode_to_vec());
    let Commitments { masked, erased, private } = hidden;
    leaf.masked = masked;
    leaf.erased = erased;
    let entry = match record.decision.answer.hypothetical {
        true => Entry::Enquiry(leaf),
        false => Entry::Decision(leaf),
    };
    Ok(Draft { body: body(entry), contents, private })
}

/// The entry of an outcome.
///
/// # Errors
/// [`NoSalt`], where fields are masked.
pub fn draft_outcome(outcome: &Outcome, masking: &Masking) -> Result<Draft, NoSalt> {
    let mut fields =
        proto::PlainFields { outcome: Some(to_outcome(outcome)), ..proto::PlainFields::default() };
    let Commitments { masked, erased, private } = masking::hide(&mut fields, masking)?;
    let outcome = proto::OutcomeRecord { masked, erased, ..fields.outcome.unwrap_or_default() };
    Ok(Draft { body: body(Entry::Outcome(outcome)), contents: Vec::new(), private })
}

/// The entry of a part of a content.
#[must_use]
pub fn content_entry(part: &ContentPart) -> Vec<u8> {
    body(Entry::Content(proto::Content {
        sha256: part.sha256.to_vec(),
        part: part.part,
        parts: part.parts,
        data: part.bytes.clone(),
    }))
}

/// What an entry says of where its contents are: bytes that are appended to its own.
#[must_use]
pub fn content_refs(refs: &[ContentRef]) -> Vec<u8> {
    let contents =
        refs.iter().map(|at| proto::ContentRef { sha256: at.sha256.to_vec(), log_index: at.index }).collect();
    proto::LogEntry { entry: None, contents }.encode_to_vec()
}

/// To the wire.
pub(in crate::grpc) fn to_outcome(outcome: &Outcome) -> proto::OutcomeRecord {
    proto::OutcomeRecord {
        outcome_id: outcome.id.to_string(),
        decision_id: outcome.decision_id.to_string(),
        tenant_id: outcome.tenant.clone(),
        kind: outcome.kind.clone(),
        at: Some(to_instant(outcome.at)),
        recorded_at: Some(to_instant(outcome.recorded_at)),
        caller: outcome.caller.clone(),
        data_categories: to_numbers(&outcome.categories),
        detail: outcome.detail.clone(),
        masked: Vec::new(),
        erased: Vec::new(),
    }
}

fn body(entry: Entry) -> Vec<u8> {
    proto::LogEntry { entry: Some(entry), contents: Vec::new() }.encode_to_vec()
}

/// Adds a content, unless it is there or has nothing in it, and gives its digest.
fn name(contents: &mut Vec<Content>, bytes: Vec<u8>) -> Vec<u8> {
    let sha256: Digest = Sha256::digest(&bytes).into();
    if !bytes.is_empty() && !contents.iter().any(|content| content.sha256 == sha256) {
        contents.push(Content { sha256, bytes });
    }
    sha256.to_vec()
}

/// To the wire: the facts as resolved.
pub(in crate::grpc) fn to_facts(decision: &Decision) -> proto::ResolvedFacts {
    proto::ResolvedFacts {
        tenant: decision.tenant.as_deref().map(to_tenant),
        holding: decision.holding.as_deref().map(to_holding),
        matched: decision.matched.as_ref().map(ToString::to_string).unwrap_or_default(),
        requester: decision.requester.as_deref().map(to_party),
        recipient: decision.recipient.as_deref().map(to_party),
        process: decision.process.as_deref().map(to_process),
    }
}

/// A record in four messages, none of which says what another does.
fn fields(record: &Record) -> proto::PlainFields {
    let decision = &record.decision;
    let answer = &decision.answer;
    let leaf = proto::DecisionRecord {
        decision_id: answer.decision_id.to_string(),
        decided_at: Some(to_instant(answer.decided_at)),
        caller: record.caller.clone(),
        trace_id: record.trace_id.clone(),
        request_id: answer.request_id.clone(),
        engine_version: record.engine_version.clone(),
        policy_version: answer.policy_version.clone(),
        facts_version: answer.facts_version.clone(),
        catalog_revision: answer.catalog_revision,
        as_of: Some(to_instant(answer.as_of)),
        valid_until: Some(to_instant(answer.valid_until)),
        tenant_id: decision.question.data_ref.tenant().to_owned(),
        data_ref: decision.question.data_ref.to_string(),
        jurisdiction: decision.question.jurisdiction.clone(),
        action: decision.action.to_wire(),
        decision: answer.decision.to_wire(),
        disposition: answer.disposition.to_wire(),
        ..proto::DecisionRecord::default()
    };
    let question = proto::AuthorizeRequest { request_id: String::new(), ..to_request(&decision.question) };
    proto::PlainFields {
        record: Some(leaf),
        question: Some(question),
        facts: Some(to_facts(decision)),
        answer: Some(to_content(to_response(answer.clone()))),
        outcome: None,
    }
}
