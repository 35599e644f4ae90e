//! Recorded decisions, decided again: does this program still give the answers that were given, and what would
//! other rules, other facts or today's catalogue give?
//!
//! ```text
//! record: question, facts as resolved, instant ─┬─> decided under the recorded bundle, or another ─┐
//!                                               └─> the answer that was given ──────> compared <───┘
//! ```
//!
//! Owns the comparison, what a difference comes of, and the count of all. Leaves reading the log, that it is whole,
//! and keeping the bundles to others. What cannot be decided again is counted, never guessed.

mod compare;
mod former;
mod past;
mod run;
mod summary;

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use uuid::Uuid;

use crate::catalog::Catalog;
use crate::domain::{Action, Answer, Decision, Disposition, Files, Personal, Question, Recorded, Verdict};
use crate::engine::{Known, decide, enquire};
use crate::grpc::convert;
use crate::policy::Bundle;

pub use self::compare::{Edit, Part, RuleChange};
pub use self::past::{Select, past};
pub use self::summary::{Change, Counts, Summary};

use self::compare::{Loose, differing, responsible};
use self::former::{Former, Missing};

/// Gives the files of a bundle that was kept, by its version.
pub type Shelf = Box<dyn Fn(&str) -> Option<Files> + Send + Sync>;

/// Decides recorded questions again.
pub struct Replay {
    shelf: Shelf,
    target: Option<Arc<Bundle>>,
    catalog: Option<Catalog>,
    /// The bundles of records, the one that was used last at the end.
    formers: Mutex<Vec<Arc<Former>>>,
}

/// What came of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// The same answer.
    Same,
    /// Another.
    Differs(Box<Difference>),
    /// It could not be decided again.
    Skipped(Skipped),
}

/// Why a record could not be decided again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// Its question, facts or answer are no longer kept.
    Pruned,
    /// Fields that it was decided by were erased.
    Erased,
    /// The bundle of this version, which decided it, is not kept.
    NotKept(String),
    /// The bundle of this version is kept, and this program cannot load it.
    NotLoaded(String),
}

/// Another answer than the recorded one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The key of the record.
    pub decision_id: Uuid,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// The version of the program that decided it.
    pub engine_version: String,
    /// The tenant.
    pub tenant: String,
    /// What data was asked for.
    pub data_ref: String,
    /// What would be done with it, from where to where.
    pub flow: Flow,
    /// What was answered.
    pub before: Ruling,
    /// What is answered now.
    pub after: After,
    /// The fields of the answer that differ, by their names on the wire.
    pub fields: Vec<&'static str>,
    /// The rules that made the difference.
    pub rules: Vec<RuleChange>,
    /// What it comes of.
    pub causes: Vec<Cause>,
}

/// A way that data goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flow {
    /// The word of the action.
    pub action: &'static str,
    /// Where the data is, as stated or registered; empty: not known.
    pub from: Vec<String>,
    /// The place or the law that was asked about.
    pub to: String,
}

/// The short of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// Allow or deny.
    pub decision: Verdict,
    /// Why, in one word.
    pub disposition: Disposition,
    /// What the caller does next.
    pub next_step: String,
}

/// What a recorded question gets now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum After {
    /// An answer.
    Answer(Ruling),
    /// No decision: the bundle does not declare words that the question uses. This says which.
    Refused(String),
}

/// What a difference comes of. Where several things are other than they were, they are changed one after
/// another, in this order, and each at which the answer changes is a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// This program decides otherwise by the same rules and the same facts.
    Engine,
    /// The facts of the bundle.
    Facts,
    /// The rules of the bundle.
    Bundle,
    /// The rules or the facts of the bundle: the former rules do not load with the new facts.
    BundleOrFacts,
    /// What the catalogue knows.
    Catalogue,
    /// The recorded bundle is not at hand, so the engine and the bundle cannot be told apart.
    Untold,
}

/// A question with all that it was decided by.
struct Asked<'a> {
    question: &'a Question,
    known: Known,
    at: Timestamp,
    id: Uuid,
}

/// What is said to a question: an answer, or why it is not one.
type Said = Result<Answer, String>;

/// Hidden fields that no decision depends on.
const NO_INPUT: &[Personal] = &[Personal::Caller, Personal::TraceId, Personal::RequestId, Personal::Detail];

// === impl Replay ===

impl Replay {
    /// Replays under the versions that are recorded.
    #[must_use]
    pub fn new(shelf: Shelf) -> Self {
        Self { shelf, target: None, catalog: None, formers: Mutex::default() }
    }

    /// Under this bundle instead.
    #[must_use]
    pub fn under(self, bundle: Arc<Bundle>) -> Self {
        Self { target: Some(bundle), ..self }
    }

    /// By what this catalogue knows instead.
    #[must_use]
    pub fn with_catalog(self, catalog: Catalog) -> Self {
        Self { catalog: Some(catalog), ..self }
    }

    /// Decides a record again.
    #[must_use]
    pub fn again(&self, recorded: &Recorded) -> Replayed {
        let Some(decision) = &recorded.decision else { return Replayed::Skipped(Skipped::Pruned) };
        let is_input = |name: &String| !NO_INPUT.iter().any(|field| field.as_str() == name);
        if recorded.withheld.iter().any(is_input) {
            return Replayed::Skipped(Skipped::Erased);
        }
        let version = &recorded.decided.policy_version;
        let former = self.former(version);
        let (bundle, is_other) = match (&self.target, former.bundle()) {
            (Some(target), _) if target.version() != version => (Arc::clone(target), true),
            (_, Ok(bundle)) => (Arc::clone(bundle), false),
            (_, Err(Missing::NotKept)) => return Replayed::Skipped(Skipped::NotKept(version.clone())),
            (_, Err(Missing::NotLoaded)) => return Replayed::Skipped(Skipped::NotLoaded(version.clone())),
        };
        let asked = Asked {
            question: &decision.question,
            known: known(decision),
            at: recorded.decided.decided_at,
            id: recorded.decided.id,
        };
        let said = match &self.catalog {
            Some(catalog) => asked.of(&bundle, is_other, catalog),
            None => asked.again(&bundle, is_other),
        };
        let loose = Loose { versions: is_other, catalog: self.catalog.is_some() };
        let before = &decision.answer;
        let fields = match &said {
            Ok(after) => differing(before, after, loose),
            Err(_) => vec!["decision"],
        };
        if fields.is_empty() {
            return Replayed::Same;
        }
        let rules = said.as_ref().map(|after| responsible(before, after)).unwrap_or_default();
        let rules = rules.into_iter().map(|rule| rule.edited(former.bundle().ok(), &bundle)).collect();
        Replayed::Differs(Box::new(Difference {
            decision_id: recorded.decided.id,
            decided_at: recorded.decided.decided_at,
            engine_version: recorded.decided.engine_version.clone(),
            tenant: recorded.decided.tenant.clone(),
            data_ref: decision.question.data_ref.to_string(),
            flow: Flow::of(decision),
            before: Ruling::of(before),
            causes: self.causes(&asked, &former, before, is_other.then_some(&bundle), &said),
            after: match said {
                Ok(answer) => After::Answer(Ruling::of(&answer)),
                Err(why) => After::Refused(why),
            },
            fields,
            rules,
        }))
    }

    /// Changes one thing after another from what was to what is, and names those that change the answer.
    fn causes(
        &self,
        asked: &Asked<'_>,
        former: &Former,
        before: &Answer,
        other: Option<&Arc<Bundle>>,
        said: &Said,
    ) -> Vec<Cause> {
        let Ok(recorded) = former.bundle() else { return vec![Cause::Untold] };
        let mut steps = vec![(Cause::Engine, asked.again(recorded, false))];
        if let Some(target) = other {
            let same_facts = recorded.facts().version() == target.facts().version();
            let mixed = if same_facts { None } else { former.under_facts_of(target) };
            let rest = if same_facts || mixed.is_some() { Cause::Bundle } else { Cause::BundleOrFacts };
            steps.extend(mixed.map(|mixed| (Cause::Facts, asked.again(mixed, true))));
            steps.push((rest, asked.again(target, true)));
        }
        if self.catalog.is_some() {
            steps.push((Cause::Catalogue, said.clone()));
        }
        let mut last = Ok(before.clone());
        let mut causes = Vec::new();
        for (cause, said) in steps {
            let same = match (&last, &said) {
                (Ok(last), Ok(said)) => {
                    differing(last, said, Loose { versions: true, catalog: true }).is_empty()
                }
                (last, said) => last == said,
            };
            if !same {
                causes.push(cause);
            }
            last = said;
        }
        // What is left is in the fields that these steps do not compare: those of the record itself.
        if causes.is_empty() { vec![Cause::Engine] } else { causes }
    }

    /// The bundle of a version, as it was kept.
    fn former(&self, version: &str) -> Arc<Former> {
        let mut formers = self.formers.lock().unwrap_or_else(PoisonError::into_inner);
        let found = formers.iter().position(|former| former.version() == version);
        let former = match found {
            Some(place) => formers.remove(place),
            None => Arc::new(Former::load(version, &self.shelf)),
        };
        if formers.len() >= former::MOST {
            formers.remove(0);
        }
        formers.push(Arc::clone(&former));
        former
    }
}

impl std::fmt::Debug for Replay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replay").finish_non_exhaustive()
    }
}

// === impl Asked ===

impl Asked<'_> {
    /// By what was known then.
    fn again(&self, bundle: &Bundle, is_other: bool) -> Said {
        if is_other {
            declared(self.question, bundle)?;
        }
        Ok(decide(bundle, self.question, &self.known, self.at, self.id).answer)
    }

    /// By what a catalogue knows now.
    fn of(&self, bundle: &Bundle, is_other: bool, catalog: &Catalog) -> Said {
        if is_other {
            declared(self.question, bundle)?;
        }
        // What it expected was met when it was asked.
        let question = Question {
            expect_policy_version: String::new(),
            at_least_revision: None,
            ..self.question.clone()
        };
        let decision = enquire(bundle, catalog, &question, self.at).map_err(|error| error.to_string())?;
        Ok(Answer { decision_id: self.id, ..decision.answer })
    }
}

/// A question is checked at the door of each bundle: one that uses other words is no question there.
fn declared(question: &Question, bundle: &Bundle) -> Result<(), String> {
    let checked = convert::request(convert::to_request(question), &**bundle.facts());
    checked.map(drop).map_err(|error| error.to_string())
}

/// What was known of a question: the facts as they were resolved. What the caller said is in them already, and
/// what the catalogue knows wins, so resolving them again gives the same.
fn known(decision: &Decision) -> Known {
    Known {
        tenant: decision.tenant.clone(),
        holding: decision.holding.clone(),
        matched: decision.matched.clone(),
        requester: decision.requester.clone(),
        recipient: decision.recipient.clone(),
        process: decision.process.clone(),
        revision: decision.answer.catalog_revision,
    }
}

// === impl Flow, Ruling, Cause ===

impl Flow {
    fn of(decision: &Decision) -> Self {
        let mut from = decision.holding.as_ref().map(|holding| holding.stored_in.clone()).unwrap_or_default();
        from.sort();
        from.dedup();
        Self { action: Action::as_str(decision.action), from, to: decision.question.jurisdiction.clone() }
    }
}

impl std::fmt::Display for Flow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let from = if self.from.is_empty() { String::from("?") } else { self.from.join("+") };
        write!(f, "{} {from} -> {}", self.action, self.to)
    }
}

impl Ruling {
    fn of(answer: &Answer) -> Self {
        let Answer { decision, disposition, next_step, .. } = answer;
        Self { decision: *decision, disposition: *disposition, next_step: next_step.clone() }
    }
}

impl Cause {
    /// The word that the command line uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Facts => "facts",
            Self::Bundle => "bundle",
            Self::BundleOrFacts => "bundle or facts",
            Self::Catalogue => "catalogue",
            Self::Untold => "untold",
        }
    }
}
