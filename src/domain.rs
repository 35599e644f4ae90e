//! The words of the product: plain data, with no wire format, no Cedar and no I/O.
//!
//! A [`Question`] is what a caller asks, an [`Answer`] what Situs says, and the catalogue's entries
//! ([`Tenant`], [`Holding`], [`Party`], [`LegalProcess`]) are the registered facts between the two.
//! Identifiers that law defines (instruments, safeguards, regimes) are strings here: the bundle's
//! facts declare them, so a new statute needs no new code.

mod answer;
mod caller;
mod entry;
mod fault;
mod log;
mod names;
mod question;
mod vocabulary;

pub use answer::{
    Answer, CategoryVerdict, Confidence, Decision, Effect, Obligation, Reason, Receipt, Record, Route,
};
pub use caller::{Caller, Identity};
pub use entry::{Approval, Consent, Entry, EntryKind, Holding, HoldingField, LegalProcess, Party, Tenant};
pub use fault::{Fault, Files, did_you_mean, line_of, near};
pub use log::{
    Content, ContentPart, ContentRef, Decided, Digest, Draft, Duty, DutyFilter, DutyState, Hidden, LogEntry,
    Masked, Masking, Outcome, PlainText, RecordFilter, Recorded,
};
pub use names::{
    Action, AuthorityType, Category, Credential, Disposition, KeyControl, Method, Personal, ProviderRole,
    RequesterKind, TenantType, UnknownWord, Verdict,
};
pub use question::{Assertion, DataRef, DataRefError, Question, Requester, Transfer};
pub use vocabulary::{IdentifierSet, Vocabulary};
