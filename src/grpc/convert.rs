//! Between the wire and the domain: the one door by which loose input becomes a domain value. What comes
//! through it holds its invariants, and nothing behind it checks again.
//!
//! Every fault of a message is found, not only the first. What words there are is the facts' to say, by
//! [`Vocabulary`]; what a caller may assert is the access policy's.

mod admin;
mod answer;
mod audit;
mod bad;
mod check;
mod choice;
mod entry;
mod holding;
mod limits;
mod party;
mod process;
mod question;
mod record;
mod tenant;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;

use self::check::Checker;
use super::proto;
use crate::domain::{Question, Vocabulary, near};

pub(in crate::grpc) use self::admin::{key, kinds, list, list_policies, policy_id, to_effect, to_kind};
pub(in crate::grpc) use self::answer::to_receipt;
pub use self::answer::to_response;
pub(in crate::grpc) use self::audit::{
    get_record, list_obligations, list_records, new_outcome, proof_subject, to_checkpoint, to_duty, to_proof,
    to_record,
};
use self::bad::hint;
pub(in crate::grpc) use self::bad::quote;
pub use self::bad::{BadField, BadFields};
pub(in crate::grpc) use self::check::Path;
pub use self::entry::{decode_entry, encode_entry, entry, to_entry};
pub use self::record::{
    DECODE, INSPECT, NoSalt, ReadError, content_entry, content_refs, draft, draft_outcome, log_entry,
    obligations, recorded,
};
pub(in crate::grpc) use self::record::{to_facts, to_outcome};

/// Bytes of a question's own id.
pub(in crate::grpc) const MAX_REQUEST_ID: usize = limits::ID_BYTES;

/// Checks a question.
///
/// # Errors
/// [`BadFields`] names every field that is not valid; the caller can only mend them.
pub fn request(request: proto::AuthorizeRequest, vocabulary: &dyn Vocabulary) -> Result<Question, BadFields> {
    let mut check = Checker::new(vocabulary);
    let question = question::question(&mut check, request);
    check.finish(question)
}

/// To the wire.
#[must_use]
pub fn to_request(question: &Question) -> proto::AuthorizeRequest {
    question::to_request(question)
}

/// To the wire, where nanoseconds always count forward.
pub(in crate::grpc) fn to_instant(instant: Timestamp) -> prost_types::Timestamp {
    let (mut seconds, mut nanos) = (instant.as_second(), instant.subsec_nanosecond());
    if nanos < 0 {
        seconds = seconds.saturating_sub(1);
        nanos = nanos.saturating_add(1_000_000_000);
    }
    prost_types::Timestamp { seconds, nanos }
}

/// To the wire, where a text that is not stated is left out.
fn to_text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn to_labels(labels: &[(String, String)]) -> BTreeMap<String, String> {
    labels.iter().cloned().collect()
}

/// Words that are spelt nearly so, said in a sentence; or nothing.
pub(in crate::grpc) fn near_words<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> String {
    // Bounds the search: nothing that is declared is this long.
    if word.len() > limits::IDENTIFIER_BYTES { String::new() } else { hint(&near(word, known)) }
}
