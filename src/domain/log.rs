//! What goes into the log of decisions, and what it is made of.

use jiff::Timestamp;
use uuid::Uuid;

use super::Category;

/// What became of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// UUIDv7: its key.
    pub id: Uuid,
    /// Which decision.
    pub decision_id: Uuid,
    /// The tenant of the decision.
    pub tenant: String,
    /// A declared outcome, such as `disclosed`.
    pub kind: String,
    /// When it happened.
    pub at: Timestamp,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The identity of who said so.
    pub caller: String,
    /// Which categories it is about; empty: all.
    pub categories: Vec<Category>,
    /// What more there is to say; empty: nothing.
    pub detail: String,
}

/// An entry on its way into the log: its bytes, but for the places of the contents that it names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// The entry's bytes, to which those of its references are appended.
    pub body: Vec<u8>,
    /// The contents that it names by digest, in the order of their first use, each once.
    pub contents: Vec<Content>,
    /// Plain texts of its masked fields, kept beside the log; empty: none is masked.
    pub private: Vec<u8>,
}

/// Bytes that entries share, found by their digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// SHA-256 of the bytes.
    pub sha256: [u8; 32],
    /// The bytes.
    pub bytes: Vec<u8>,
}
