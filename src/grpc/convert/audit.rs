//! Requests to the log, and what it says.

use uuid::Uuid;

use super::admin::page_size;
use super::answer::to_obligation;
use super::bad::quote;
use super::check::{AnyWord, Checker, Path};
use super::choice::Choice;
use super::limits;
use super::record::{ReadError, Revealed, reveal};
use crate::domain::{ContentRef, Duty, DutyFilter, DutyState, IdentifierSet, RecordFilter, Vocabulary};
use crate::grpc::convert::BadFields;
use crate::grpc::ports::{CheckpointInfo, ItemKey, LogItem, NewOutcome, Proof, ProofSubject, WholeItem};
use crate::grpc::proto;
use crate::grpc::proto::get_proof_request::Subject;
use crate::grpc::proto::log_entry::Entry;

/// Records or duties of a page when the caller does not say.
const DEFAULT_PAGE: u32 = 50;
/// Most records or duties of a page.
const MAX_PAGE: u32 = 500;
/// Bytes of a page token: three numbers.
const TOKEN_BYTES: usize = 100;
/// Bytes of what an outcome has to say more: a paragraph, and far less than an entry of the log holds.
const DETAIL_BYTES: usize = 4096;

/// A list request that was checked: which, how many, and where the page begins.
pub(in crate::grpc) struct AuditList<F> {
    /// Which.
    pub(in crate::grpc) filter: F,
    /// At most how many.
    pub(in crate::grpc) page_size: usize,
    /// Where the page begins; empty: at the beginning.
    pub(in crate::grpc) page_token: String,
}

/// Checks which record is meant.
pub(in crate::grpc) fn get_record(wire: proto::GetRecordRequest) -> Result<ItemKey, BadFields> {
    use proto::get_record_request::Record;
    let mut check = Checker::new(&AnyWord);
    let at = Path::Root;
    let key = match wire.record {
        Some(Record::DecisionId(id)) => {
            uuid(&mut check, &at.field("decision_id"), &id).map(ItemKey::Decision)
        }
        Some(Record::LogIndex(index)) => Some(ItemKey::Index(index)),
        None => {
            check.fault(&at.field("record"), || String::from("is none of decision_id, log_index"));
            None
        }
    };
    check.finish(key)
}

/// Checks what is to be proved.
pub(in crate::grpc) fn proof_subject(wire: proto::GetProofRequest) -> Result<ProofSubject, BadFields> {
    let mut check = Checker::new(&AnyWord);
    let at = Path::Root;
    let subject = match wire.subject {
        Some(Subject::DecisionId(id)) => uuid(&mut check, &at.field("decision_id"), &id)
            .map(|id| ProofSubject::Entry(ItemKey::Decision(id))),
        Some(Subject::LogIndex(index)) => Some(ProofSubject::Entry(ItemKey::Index(index))),
        Some(Subject::ExtendsTreeSize(size)) => Some(ProofSubject::Extends(size)),
        None => {
            check.fault(&at.field("subject"), || {
                String::from("is none of decision_id, log_index, extends_tree_size")
            });
            None
        }
    };
    check.finish(subject)
}

/// Checks which records are meant.
pub(in crate::grpc) fn list_records(
    wire: proto::ListRecordsRequest,
    vocabulary: &dyn Vocabulary,
) -> Result<AuditList<RecordFilter>, BadFields> {
    let mut check = Checker::new(vocabulary);
    let at = Path::Root;
    let filter = RecordFilter {
        from: check.instant(&at.field("from"), wire.from),
        until: check.instant(&at.field("until"), wire.until),
        tenant: check.text(&at.field("tenant_id"), Some(wire.tenant_id), limits::ID_BYTES),
        decision: check.choice(&at.field("decision"), wire.decision),
        jurisdiction: check.place(&at.field("jurisdiction"), Some(wire.jurisdiction)),
        disposition: check.choice(&at.field("disposition"), wire.disposition),
        action: check.choice(&at.field("action"), wire.action),
        enquiries: wire.enquiries,
    };
    check.not_before(&at.field("until"), filter.until, "from", filter.from);
    list(check, filter, wire.page_size, wire.page_token)
}

/// Checks which duties are meant.
pub(in crate::grpc) fn list_obligations(
    wire: proto::ListObligationsRequest,
) -> Result<AuditList<DutyFilter>, BadFields> {
    let mut check = Checker::new(&AnyWord);
    let at = Path::Root;
    let decision = match wire.decision_id.as_str() {
        "" => None,
        id => uuid(&mut check, &at.field("decision_id"), id),
    };
    let filter = DutyFilter {
        due_before: check.instant(&at.field("due_before"), wire.due_before),
        tenant: check.text(&at.field("tenant_id"), Some(wire.tenant_id), limits::ID_BYTES),
        decision,
        done: wire.done,
    };
    list(check, filter, wire.page_size, wire.page_token)
}

/// Checks an outcome that is to be recorded.
pub(in crate::grpc) fn new_outcome(
    wire: proto::RecordOutcomeRequest,
    vocabulary: &dyn Vocabulary,
) -> Result<NewOutcome, BadFields> {
    let mut check = Checker::new(vocabulary);
    let at = Path::Root;
    let decision_id = uuid(&mut check, &at.field("decision_id"), &wire.decision_id);
    if wire.kind.is_empty() {
        check.fault(&at.field("kind"), || String::from("is empty"));
    }
    let outcome = NewOutcome {
        decision_id: decision_id.unwrap_or_default(),
        kind: check.identifier(&at.field("kind"), IdentifierSet::Outcome, Some(wire.kind)),
        at: check.instant(&at.field("at"), wire.at),
        categories: check.choices(&at.field("data_categories"), wire.data_categories),
        detail: check.text(&at.field("detail"), Some(wire.detail), DETAIL_BYTES),
    };
    check.finish(Some(outcome))
}

/// To the wire: an entry, with what is kept of its contents and plain texts.
pub(in crate::grpc) fn to_record(whole: WholeItem) -> Result<proto::Record, ReadError> {
    let WholeItem { item, contents, outcomes, .. } = whole;
    let outcomes = outcomes.iter().map(|outcome| {
        let revealed = reveal(&outcome.bytes, &outcome.private, |_| None)?;
        revealed.fields.outcome.ok_or(ReadError::Field("outcome"))
    });
    let outcomes = outcomes.collect::<Result<_, _>>()?;
    let content = |at: &ContentRef| {
        contents.iter().find(|(sha256, _)| *sha256 == at.sha256).map(|(_, bytes)| bytes.clone())
    };
    let Revealed { fields, enquiry, contents, withheld } = reveal(&item.bytes, &item.private, content)?;
    let proto::PlainFields { record, question, facts, answer, outcome } = fields;
    let answer = answer.map(|answer| whole_answer(record.as_ref(), enquiry, answer));
    let question = question.map(|question| proto::AuthorizeRequest {
        request_id: record.as_ref().map(|record| record.request_id.clone()).unwrap_or_default(),
        ..question
    });
    let entry = match (record, outcome) {
        (Some(record), _) if enquiry => Some(Entry::Enquiry(record)),
        (Some(record), _) => Some(Entry::Decision(record)),
        (None, Some(outcome)) => Some(Entry::Outcome(outcome)),
        (None, None) => super::record::leaf(&item.bytes)?.entry,
    };
    let contents = contents
        .iter()
        .map(|at| proto::ContentRef { sha256: at.sha256.to_vec(), log_index: at.index })
        .collect();
    let LogItem { index, leaf_hash, bytes, .. } = item;
    Ok(proto::Record {
        log_index: index,
        leaf_hash: leaf_hash.to_vec(),
        entry: Some(proto::LogEntry { entry, contents }),
        question,
        facts,
        answer,
        outcomes,
        leaf: bytes,
        withheld,
    })
}

/// An answer's content, with what its entry says of it.
fn whole_answer(
    record: Option<&proto::DecisionRecord>,
    hypothetical: bool,
    content: proto::AuthorizeResponse,
) -> proto::AuthorizeResponse {
    let Some(record) = record.cloned() else { return content };
    proto::AuthorizeResponse {
        decision: record.decision,
        disposition: record.disposition,
        policy_version: record.policy_version,
        facts_version: record.facts_version,
        catalog_revision: record.catalog_revision,
        decided_at: record.decided_at,
        as_of: record.as_of,
        hypothetical,
        valid_until: record.valid_until,
        decision_id: record.decision_id,
        request_id: record.request_id,
        ..content
    }
}

/// To the wire.
pub(in crate::grpc) fn to_checkpoint(info: CheckpointInfo) -> proto::GetCheckpointResponse {
    proto::GetCheckpointResponse {
        checkpoint: info.checkpoint,
        origin: info.origin,
        verifier_key: info.verifier_key,
        tree_size: info.tree_size,
        pending: info.pending,
    }
}

/// To the wire.
pub(in crate::grpc) fn to_proof(proof: Proof) -> proto::GetProofResponse {
    let (log_index, leaf_hash) =
        proof.entry.map(|(index, leaf_hash)| (index, leaf_hash.to_vec())).unwrap_or_default();
    proto::GetProofResponse {
        checkpoint: proof.checkpoint,
        log_index,
        leaf_hash,
        hashes: proof.hashes.iter().map(|hash| hash.to_vec()).collect(),
        proof: proof.text,
    }
}

/// To the wire.
pub(in crate::grpc) fn to_duty((duty, state): (Duty, DutyState)) -> proto::Duty {
    proto::Duty {
        decision_id: duty.decision_id.to_string(),
        tenant_id: duty.tenant,
        obligation: Some(to_obligation(duty.obligation)),
        state: state.to_wire(),
        outcome_id: duty.outcome_id.map(|id| id.to_string()).unwrap_or_default(),
    }
}

fn list<F>(
    mut check: Checker<'_>,
    filter: F,
    size: u32,
    page_token: String,
) -> Result<AuditList<F>, BadFields> {
    let page_size = page_size(&mut check, size, DEFAULT_PAGE, MAX_PAGE);
    let page_token = check.text(&Path::Root.field("page_token"), Some(page_token), TOKEN_BYTES);
    check.finish(Some(AuditList { filter, page_size, page_token }))
}

fn uuid(check: &mut Checker<'_>, at: &Path<'_>, text: &str) -> Option<Uuid> {
    let id = Uuid::try_parse(text).ok();
    if id.is_none() {
        check.fault(at, || format!("{} is no id of a decision", quote(text)));
    }
    id
}
