//! The log of decisions, as the wire needs it: in bytes, which the wire reads.

use uuid::Uuid;

use crate::domain::{Caller, Category, Digest, Duty, DutyFilter, DutyState, Receipt, RecordFilter};

/// An entry of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogItem {
    /// Its place, from 0.
    pub index: u64,
    /// RFC 6962 hash of its leaf.
    pub leaf_hash: Digest,
    /// Its bytes: the leaf.
    pub bytes: Vec<u8>,
    /// Plain texts that stand beside it; empty: none are kept.
    pub private: Vec<u8>,
}

/// An entry with all that belongs to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WholeItem {
    /// The entry.
    pub item: LogItem,
    /// The contents that it names, as far as they are kept, by their digests.
    pub contents: Vec<(Digest, Vec<u8>)>,
    /// What became of it, in the order of the log.
    pub outcomes: Vec<LogItem>,
    /// The log's origin.
    pub origin: String,
}

/// Which entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemKey {
    /// That of a decision or enquiry.
    Decision(Uuid),
    /// That at this place.
    Index(u64),
}

/// What to prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofSubject {
    /// That the entry is in the log.
    Entry(ItemKey),
    /// That the newest checkpoint extends the tree of this size.
    Extends(u64),
}

/// The newest checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckpointInfo {
    /// The signed note.
    pub checkpoint: String,
    /// The log's origin.
    pub origin: String,
    /// The log's public key, as a verifier key.
    pub verifier_key: String,
    /// Entries that it covers.
    pub tree_size: u64,
    /// Entries that are durable and not yet covered.
    pub pending: u64,
}

/// A proof under the newest checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// The checkpoint.
    pub checkpoint: String,
    /// The entry; absent: it is a proof of extension.
    pub entry: Option<(u64, Digest)>,
    /// The path.
    pub hashes: Vec<Digest>,
    /// The same as a text file; empty for a proof of extension.
    pub text: String,
}

/// What became of a decision, as its caller says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOutcome {
    /// Which decision.
    pub decision_id: Uuid,
    /// A declared outcome.
    pub kind: String,
    /// When; absent: now.
    pub at: Option<jiff::Timestamp>,
    /// Which categories; empty: all.
    pub categories: Vec<Category>,
    /// What more there is to say.
    pub detail: String,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditPage<T> {
    /// What it has.
    pub items: Vec<T>,
    /// Asks for the next page; empty: this is the last.
    pub next_page_token: String,
}

/// Shows and proves what is in the log, and takes outcomes.
pub trait AuditLog: Send + Sync + 'static {
    /// One entry with all that belongs to it.
    fn item(
        &self,
        key: ItemKey,
        caller: &Caller,
    ) -> impl Future<Output = Result<WholeItem, AuditError>> + Send;

    /// Decisions by the time they were made at; at most `page_size`.
    fn items(
        &self,
        filter: RecordFilter,
        page_size: usize,
        page_token: &str,
        caller: &Caller,
    ) -> impl Future<Output = Result<AuditPage<LogItem>, AuditError>> + Send;

    /// The newest checkpoint.
    fn checkpoint(&self, caller: &Caller) -> impl Future<Output = Result<CheckpointInfo, AuditError>> + Send;

    /// A proof under the newest checkpoint.
    fn proof(
        &self,
        subject: ProofSubject,
        caller: &Caller,
    ) -> impl Future<Output = Result<Proof, AuditError>> + Send;

    /// Records an outcome, durably; gives its id.
    fn record_outcome(
        &self,
        outcome: NewOutcome,
        caller: &Caller,
    ) -> impl Future<Output = Result<(Uuid, Receipt), AuditError>> + Send;

    /// Duties by the time they fall due at, and where each stands; at most `page_size`.
    fn duties(
        &self,
        filter: DutyFilter,
        page_size: usize,
        page_token: &str,
        caller: &Caller,
    ) -> impl Future<Output = Result<AuditPage<(Duty, DutyState)>, AuditError>> + Send;
}

/// Why the log does not say, or does not take it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    /// There is no such entry, or the caller may not see it: both answer alike.
    #[error("there is no such record")]
    NotFound,
    /// The caller may not. Not worth a retry.
    #[error("the caller may not do this")]
    Forbidden,
    /// The page token is not one of this list.
    #[error("the page token is not one of this list")]
    PageToken,
    /// No bundle is loaded, so that nobody knows the words. Worth a retry.
    #[error("no bundle of policies is loaded")]
    NotReady,
    /// No checkpoint covers the entry yet. Worth a retry in a moment.
    #[error("entry {index} is recorded, and the newest checkpoint covers {tree_size} entries")]
    NotCovered {
        /// The entry.
        index: u64,
        /// Entries that the newest checkpoint covers.
        tree_size: u64,
    },
    /// The tree of that size is larger than the newest checkpoint's.
    #[error("the newest checkpoint covers {tree_size} entries, not {wanted}")]
    Smaller {
        /// The size asked for.
        wanted: u64,
        /// Entries that the newest checkpoint covers.
        tree_size: u64,
    },
    /// The log, or the index over it, does not work now. Worth a retry.
    #[error("the log cannot be read now: {0}")]
    Unreadable(String),
    /// The outcome could not be recorded. Worth a retry.
    #[error("the outcome could not be recorded: {0}")]
    NotRecorded(String),
    /// An entry is not what this program writes. Not worth a retry.
    #[error("the log is damaged, or newer than this program: {0}")]
    Damaged(String),
}
