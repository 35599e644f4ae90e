//! What Situs says.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::{
    Action, Category, DataRef, Disposition, Holding, LegalProcess, Party, Question, Tenant, Verdict,
};

/// What a rule of the answer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// It forbids.
    Forbid,
    /// It permits.
    Permit,
    /// It explains.
    Advice,
}

impl Effect {
    /// The word of the wire and the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Forbid => "forbid",
            Self::Permit => "permit",
            Self::Advice => "advice",
        }
    }
}

/// How sure the facts are that an answer turns on; the least of several counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// From memory, not corroborated.
    Low,
    /// Partly corroborated.
    Medium,
    /// From general knowledge that is not in doubt.
    High,
    /// Checked against a public source.
    Verified,
}

impl Confidence {
    /// The word of facts, the wire and the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Verified => "verified",
        }
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A rule that decided, or an advice that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The policy's id.
    pub policy_id: String,
    /// What it does.
    pub effect: Effect,
    /// A declared reason code.
    pub code: String,
    /// The regime it belongs to; empty for a core rule.
    pub regime: String,
    /// The relations and mechanisms it turned on.
    pub relations: Vec<String>,
    /// Where the law stands.
    pub citation: String,
    /// A sentence for a person.
    pub message: String,
    /// How sure the facts are that it turned on.
    pub confidence: Confidence,
}

/// What the caller must do with the answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Obligation {
    /// A declared obligation.
    pub kind: String,
    /// When it falls due; absent where it has no instant, or its base is not known.
    pub due: Option<Timestamp>,
    /// The ISO 8601 period that `due` was computed with; empty: none.
    pub period: String,
    /// What more there is to say.
    pub detail: String,
}

/// A lawful way on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// A declared route.
    pub kind: String,
    /// The treaty or agreement in force that carries it; empty: none needed.
    pub relation: String,
    /// What it is, in a sentence.
    pub detail: String,
    /// Where it stands.
    pub citation: String,
}

/// The verdict for one category of what is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CategoryVerdict {
    /// The category.
    pub category: Category,
    /// Its verdict.
    pub decision: Verdict,
    /// Why.
    pub disposition: Disposition,
}

/// Proof that the decision was recorded before it was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Place in the log, from 0.
    pub log_index: u64,
    /// Digest of the record.
    pub leaf_hash: Vec<u8>,
    /// The log's signature; empty as long as the log does not sign.
    pub signature: Vec<u8>,
}

/// The whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Allow or deny.
    pub decision: Verdict,
    /// Why, in one word.
    pub disposition: Disposition,
    /// What the caller does next: a declared next step.
    pub next_step: String,
    /// Every determining rule, then every advice that holds.
    pub reasons: Vec<Reason>,
    /// By category, so that a demand can be narrowed to what is lawful.
    pub category_verdicts: Vec<CategoryVerdict>,
    /// What the caller must do with it.
    pub obligations: Vec<Obligation>,
    /// Lawful ways on, when denied.
    pub routes: Vec<Route>,
    /// Every regime found to govern.
    pub regimes: Vec<String>,
    /// Digest of the policies.
    pub policy_version: String,
    /// Digest of the facts.
    pub facts_version: String,
    /// Revision of the catalogue.
    pub catalog_revision: u64,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// Under the law of which instant.
    pub as_of: Timestamp,
    /// Whether that was another instant than now: it then licenses nothing.
    pub hypothetical: bool,
    /// Until when it may be used.
    pub valid_until: Timestamp,
    /// Present where the record was durable before the answer.
    pub receipt: Option<Receipt>,
    /// UUIDv7: the key of its record.
    pub decision_id: Uuid,
    /// The caller's own id, echoed.
    pub request_id: String,
}

/// A decision with what it was made of: what is recorded. Its facts are shared, for many decisions rest on the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The question as it was asked.
    pub question: Question,
    /// The action, once defaults were applied.
    pub action: Action,
    /// The tenant as resolved; absent where none is known.
    pub tenant: Option<Arc<Tenant>>,
    /// The holding as resolved; absent where none is known.
    pub holding: Option<Arc<Holding>>,
    /// The registered prefix that answered; absent where the facts came inline alone.
    pub matched: Option<DataRef>,
    /// The requester as resolved; absent where none is known.
    pub requester: Option<Arc<Party>>,
    /// The registered recipient of a transfer; absent where there is none.
    pub recipient: Option<Arc<Party>>,
    /// The process as resolved; absent where there is none.
    pub process: Option<Arc<LegalProcess>>,
    /// What was answered.
    pub answer: Answer,
}

/// What goes into the log: a decision, and who asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The caller's identity.
    pub caller: String,
    /// The caller's trace id; empty: none.
    pub trace_id: String,
    /// The version of this program.
    pub engine_version: String,
    /// The decision.
    pub decision: Decision,
}
