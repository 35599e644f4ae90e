//! What goes into the log of decisions, and what it is made of.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{Action, Category, Decision, Disposition, Obligation, Personal, Verdict};

/// SHA-256 of some bytes.
pub type Digest = [u8; 32];

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
    pub sha256: Digest,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// As much of a [`Content`] as one entry holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentPart {
    /// SHA-256 of the whole.
    pub sha256: Digest,
    /// Which part this is, from 0.
    pub part: u32,
    /// How many parts the whole has; they follow one another in the log.
    pub parts: u32,
    /// This part's bytes.
    pub bytes: Vec<u8>,
}

/// Where a content is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentRef {
    /// SHA-256 of the whole.
    pub sha256: Digest,
    /// Place of its first part, from 0.
    pub index: u64,
}

/// Which fields are kept out of the log's entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Masking {
    /// An entry has a commitment in their place, and their plain texts stand beside the log.
    pub mask: Vec<Personal>,
    /// They are kept nowhere; this wins over `mask`.
    pub erase: Vec<Personal>,
}

/// What an entry says of the fields that are not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hidden {
    /// Fields that stand there by a commitment.
    pub masked: Vec<Masked>,
    /// Names of fields that were left out for good.
    pub erased: Vec<String>,
}

/// A field that stands in an entry by a commitment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Masked {
    /// Its name: one of [`Personal`], or `answer` where its sentences named a value that is masked.
    pub name: String,
    /// SHA-256 of the salt and the plain text.
    pub commitment: Digest,
}

/// The plain text of a masked field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlainText {
    /// The field's name, as in [`Masked`].
    pub name: String,
    /// What makes the text hard to guess from its commitment.
    pub salt: Vec<u8>,
    /// The text.
    pub text: Vec<u8>,
}

/// What an entry of the log says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogEntry {
    /// A decision, or an enquiry: see [`Decided::hypothetical`].
    Decision(Box<Decided>),
    /// What became of a decision.
    Outcome(Box<Outcome>, Hidden),
    /// Bytes that later entries name.
    Content(ContentPart),
}

/// A decision as its entry has it: its question, facts and answer are named by their digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// UUIDv7: its key.
    pub id: Uuid,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// Whether it is an enquiry, under the law of another instant: it licenses nothing, and is no decision.
    pub hypothetical: bool,
    /// The caller's identity; empty: hidden.
    pub caller: String,
    /// The caller's trace id; empty: none, or hidden.
    pub trace_id: String,
    /// The caller's own id of the question; empty: none, or hidden.
    pub request_id: String,
    /// The version of the program that decided.
    pub engine_version: String,
    /// Digest of the policies.
    pub policy_version: String,
    /// Digest of the facts.
    pub facts_version: String,
    /// Revision of the catalogue.
    pub catalog_revision: u64,
    /// Under the law of which instant.
    pub as_of: Timestamp,
    /// Until when the answer may be used.
    pub valid_until: Timestamp,
    /// The tenant: the first segment of the reference.
    pub tenant: String,
    /// What data was asked for; empty: hidden.
    pub data_ref: String,
    /// The place or the authority's law, as asked.
    pub jurisdiction: String,
    /// The action, once defaults were applied.
    pub action: Action,
    /// Allow or deny.
    pub decision: Verdict,
    /// Why, in one word.
    pub disposition: Disposition,
    /// Digest of the question.
    pub question: Digest,
    /// Digest of the facts as resolved.
    pub facts: Digest,
    /// Digest of the answer.
    pub answer: Digest,
    /// What is not in the entry.
    pub hidden: Hidden,
    /// Where the contents are that it names.
    pub contents: Vec<ContentRef>,
}

/// A decision from the log with all that it names, and with the plain texts that are still kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// What its entry says.
    pub decided: Decided,
    /// What it was made of and what was answered, without receipt; absent: a content is no longer kept.
    /// A reference that is hidden reads `TENANT/~hidden`.
    pub decision: Option<Decision>,
    /// Names of the fields that were stated and cannot be shown; empty: it is as it was decided.
    pub withheld: Vec<String>,
}

/// An obligation of a decision, and whether it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duty {
    /// Which decision.
    pub decision_id: Uuid,
    /// Its tenant.
    pub tenant: String,
    /// What must be done.
    pub obligation: Obligation,
    /// The outcome that did it; absent: none yet.
    pub outcome_id: Option<Uuid>,
}

/// Which records: those that meet all that is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordFilter {
    /// Decided at or after this instant.
    pub from: Option<Timestamp>,
    /// Decided before this instant.
    pub until: Option<Timestamp>,
    /// Of this tenant; empty: of any.
    pub tenant: String,
    /// With this verdict.
    pub decision: Option<Verdict>,
    /// Asked for this jurisdiction; empty: any.
    pub jurisdiction: String,
    /// With this disposition.
    pub disposition: Option<Disposition>,
    /// About this action.
    pub action: Option<Action>,
    /// Enquiries too.
    pub enquiries: bool,
}

/// Which duties: those that meet all that is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DutyFilter {
    /// Due before this instant.
    pub due_before: Option<Timestamp>,
    /// Of this tenant; empty: of any.
    pub tenant: String,
    /// Of this decision.
    pub decision: Option<Uuid>,
    /// Those that are done, too.
    pub done: bool,
}

/// Where a duty stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DutyState {
    /// It is to be done.
    Open,
    /// It is to be done, and falls due within a day.
    Due,
    /// Its time has passed.
    Overdue,
    /// An outcome says that it was done.
    Done,
}

// === impl DutyState ===

impl DutyState {
    /// The word of the wire and the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Due => "due",
            Self::Overdue => "overdue",
            Self::Done => "done",
        }
    }
}

// === impl Duty ===

impl Duty {
    /// Where it stands at an instant.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> DutyState {
        let soon = now.checked_add(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MAX);
        match self.obligation.due {
            _ if self.outcome_id.is_some() => DutyState::Done,
            Some(due) if due <= now => DutyState::Overdue,
            Some(due) if due <= soon => DutyState::Due,
            _ => DutyState::Open,
        }
    }
}

// === impl Masking ===

impl Masking {
    /// Whether a field goes into entries as it is.
    #[must_use]
    pub fn shows(&self, field: Personal) -> bool {
        !self.mask.contains(&field) && !self.erase.contains(&field)
    }
}
