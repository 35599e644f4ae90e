//! What the services need of the rest of the program, and no more: the engine, the catalogue and the
//! policies stand behind these traits, so that the wire can be tested without them.

mod audit;

use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::{Answer, Caller, Effect, Entry, EntryKind, Fault, Method, Question, Vocabulary};

pub use self::audit::{
    AuditError, AuditLog, AuditPage, CheckpointInfo, ItemKey, LogItem, NewOutcome, Proof, ProofSubject,
    WholeItem,
};

/// Gives the declared words of the bundle that answers now.
pub trait Vocabularies: Send + Sync + 'static {
    /// The words; absent while no bundle is loaded.
    fn vocabulary(&self) -> Option<Arc<dyn Vocabulary>>;
}

/// Answers questions.
pub trait Authorizer: Send + Sync + 'static {
    /// Answers a question that was checked, and came by this method. A deny is an answer.
    fn answer(
        &self,
        method: Method,
        question: Question,
        caller: &Caller,
    ) -> impl Future<Output = Result<Answer, AnswerError>> + Send;
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// No bundle is loaded. Worth a retry.
    #[error("no bundle of policies is loaded")]
    NotReady,
    /// This replica does not have what the caller has seen. Worth a retry, here or elsewhere.
    #[error("the {what} here is `{here}`, the caller asks for `{wanted}`")]
    Behind {
        /// What is behind: the catalogue's revision, or the policy version.
        what: &'static str,
        /// What there is.
        here: String,
        /// What the caller asks for.
        wanted: String,
    },
    /// The decision could not be recorded, so it is not given. Worth a retry.
    #[error("the decision could not be recorded: {0}")]
    NotRecorded(String),
    /// The caller may not ask about this data. Not worth a retry.
    #[error("the caller may not do this")]
    Forbidden,
    /// The caller may not assert this field. Not worth a retry.
    #[error("the caller may not give `{field}`")]
    FieldForbidden {
        /// The field, such as `process.upheld`.
        field: String,
    },
    /// Too much is being asked. Worth a retry after a pause.
    #[error("too many questions wait")]
    Overloaded,
}

/// What a write expects to replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Whatever there is.
    Any,
    /// Nothing.
    Absent,
    /// The entry that this revision wrote.
    Revision(u64),
}

/// One page of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Entries with the revisions that wrote them.
    pub entries: Vec<(Entry, u64)>,
    /// Asks for the next page; empty: this is the last.
    pub next_page_token: String,
}

/// One thing that happened in the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly every event is a put")]
pub enum WatchEvent {
    /// It was registered; in a snapshot, it is there.
    Put {
        /// What.
        entry: Entry,
        /// The revision that wrote it.
        revision: u64,
    },
    /// It was removed.
    Delete {
        /// Its kind.
        kind: EntryKind,
        /// Its key.
        key: String,
        /// The revision that removed it.
        revision: u64,
    },
    /// The snapshot is whole.
    SnapshotEnd {
        /// The revision it shows.
        revision: u64,
    },
    /// Nothing happened for a while.
    Bookmark {
        /// A revision to resume from.
        revision: u64,
    },
}

/// Reads and writes the catalogue.
pub trait CatalogAdmin: Send + Sync + 'static {
    /// A running watch. Dropping it ends it.
    type Watch: CatalogWatch;

    /// Registers an entry that was checked, durably; gives its revision.
    fn put(
        &self,
        entry: Entry,
        expected: Expected,
        caller: &Caller,
    ) -> impl Future<Output = Result<u64, CatalogError>> + Send;

    /// Removes an entry, durably; gives the revision that did.
    fn delete(
        &self,
        kind: EntryKind,
        key: &str,
        expected: Expected,
        caller: &Caller,
    ) -> impl Future<Output = Result<u64, CatalogError>> + Send;

    /// Reads an entry as registered, with the revision that wrote it.
    ///
    /// # Errors
    /// [`CatalogError::NotFound`], or that the caller may not.
    fn get(&self, kind: EntryKind, key: &str, caller: &Caller) -> Result<(Entry, u64), CatalogError>;

    /// Lists at most `page_size` entries by the order of their keys.
    ///
    /// # Errors
    /// [`CatalogError::PageToken`], or that the caller may not.
    fn list(
        &self,
        kind: EntryKind,
        prefix: &str,
        page_size: usize,
        page_token: &str,
        caller: &Caller,
    ) -> Result<Page, CatalogError>;

    /// Follows changes of these kinds: from a snapshot, or after a revision.
    ///
    /// # Errors
    /// [`CatalogError::Compacted`], or that the caller may not.
    fn watch(
        &self,
        kinds: &[EntryKind],
        from_revision: Option<u64>,
        caller: &Caller,
    ) -> Result<Self::Watch, CatalogError>;
}

/// A running watch.
pub trait CatalogWatch: Send + 'static {
    /// The next event, by one global order. After an error, or absence, there is none. Cancelling it
    /// loses no event.
    fn next(&mut self) -> impl Future<Output = Option<Result<WatchEvent, CatalogError>>> + Send;
}

/// Why the catalogue does not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// Another write came first. Read again, then retry.
    #[error("the entry is at revision {actual}")]
    Conflict {
        /// The revision that wrote what is there; 0: nothing is.
        actual: u64,
    },
    /// There is no such entry.
    #[error("there is no such entry")]
    NotFound,
    /// The catalogue would no longer hang together, such as a tenant removed from above its holdings.
    #[error("the catalogue refuses it: {0}")]
    Refused(String),
    /// The changes after that revision are no longer kept. Begin again with a snapshot.
    #[error("the changes are kept after revision {oldest} only")]
    Compacted {
        /// The oldest revision that a watch can resume after.
        oldest: u64,
    },
    /// The watcher was too slow. Resume after the last revision.
    #[error("the watcher fell behind after revision {last}")]
    Lagged {
        /// The last revision that it was given.
        last: u64,
    },
    /// The page token is not one of this list.
    #[error("the page token is not one of this list")]
    PageToken,
    /// The caller may not. Not worth a retry.
    #[error("the caller may not do this")]
    Forbidden,
    /// Too much is being written, or watched. Worth a retry after a pause.
    #[error("the catalogue has too much to do")]
    Overloaded,
    /// The store does not work. Worth a retry.
    #[error("the catalogue's store failed: {0}")]
    Store(String),
}

/// A bundle that was loaded whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleInfo {
    /// Digest of its policies.
    pub policy_version: String,
    /// Digest of its facts.
    pub facts_version: String,
    /// When it began to answer.
    pub loaded_at: Timestamp,
    /// Where it came from.
    pub source: String,
    /// How many policies it has.
    pub policy_count: u64,
}

/// Which bundle answers, and how the last attempt to load another failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyStatus {
    /// The bundle that answers; absent: none.
    pub active: Option<BundleInfo>,
    /// When the last attempt failed, and why; absent: it did not.
    pub last_failure: Option<(Timestamp, Vec<Fault>)>,
}

/// A policy that answers now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyInfo {
    /// Its id.
    pub policy_id: String,
    /// What it does.
    pub effect: Effect,
    /// The file that it stands in, relative to the bundle.
    pub file: String,
    /// The line there, from 1.
    pub line: usize,
    /// Its annotations, by name.
    pub annotations: Vec<(String, String)>,
}

/// One page of policies, by the order of their ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyPage {
    /// The policies.
    pub policies: Vec<PolicyInfo>,
    /// Whether more come after them.
    pub more: bool,
    /// The version they belong to.
    pub policy_version: String,
}

/// One policy with its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyText {
    /// What it is.
    pub info: PolicyInfo,
    /// Its text, as written.
    pub source: String,
    /// The version it belongs to.
    pub policy_version: String,
}

/// What a reload did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reloaded {
    /// The bundle that answers from now on.
    pub active: BundleInfo,
    /// Whether it differs from the one before.
    pub changed: bool,
}

/// Shows and reloads the policies.
pub trait PolicyAdmin: Send + Sync + 'static {
    /// Which bundle answers.
    ///
    /// # Errors
    /// That the caller may not ask.
    fn status(&self, caller: &Caller) -> Result<PolicyStatus, PolicyError>;

    /// At most `limit` policies whose ids begin with `prefix` and come after `after`.
    ///
    /// # Errors
    /// That no bundle is loaded, or that the caller may not ask.
    fn policies(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
        caller: &Caller,
    ) -> Result<PolicyPage, PolicyError>;

    /// One policy.
    ///
    /// # Errors
    /// That there is none, that no bundle is loaded, or that the caller may not ask.
    fn policy(&self, policy_id: &str, caller: &Caller) -> Result<PolicyText, PolicyError>;

    /// Loads the bundle from its files.
    fn reload(&self, caller: &Caller) -> impl Future<Output = Result<Reloaded, PolicyError>> + Send;
}

/// Why the policies are not shown or not reloaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// No bundle is loaded. Worth a retry.
    #[error("no bundle of policies is loaded")]
    NotReady,
    /// There is no such policy.
    #[error("there is no such policy")]
    NotFound,
    /// The bundle has faults; the one before goes on answering. Mend the files.
    #[error("the bundle has {} faults", .0.len())]
    Rejected(Vec<Fault>),
    /// The caller may not. Not worth a retry.
    #[error("the caller may not do this")]
    Forbidden,
    /// The files could not be read. Worth a retry.
    #[error("the bundle could not be read: {0}")]
    Unreadable(String),
}
