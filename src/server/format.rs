//! The log's entries, in the wire's messages.

use crate::audit::{Format, NotEncoded};
use crate::domain::{ContentPart, ContentRef, Draft, Masking, Outcome, Record};
use crate::grpc;

/// Entries as messages, with the fields hidden that the configuration names.
pub(super) struct LogFormat {
    pub masking: Masking,
}

impl Format for LogFormat {
    fn decision(&self, record: &Record) -> Result<Draft, NotEncoded> {
        grpc::draft(record, &self.masking).map_err(|error| NotEncoded(error.to_string()))
    }

    fn outcome(&self, outcome: &Outcome) -> Result<Draft, NotEncoded> {
        grpc::draft_outcome(outcome, &self.masking).map_err(|error| NotEncoded(error.to_string()))
    }

    fn content(&self, part: &ContentPart) -> Vec<u8> {
        grpc::content_entry(part)
    }

    fn references(&self, contents: &[ContentRef]) -> Vec<u8> {
        grpc::content_refs(contents)
    }
}
