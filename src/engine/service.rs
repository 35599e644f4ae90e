//! The engine at work: the current bundle, the catalogue, the clock and the log, behind one question.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use jiff::Timestamp;
use uuid::{NoContext, Uuid};

use super::access::{Right, permitted, refused_field};
use super::decide::decide;
use super::memory::Memory;
use super::resolve::Known;
use crate::audit::{Log, RecordError};
use crate::catalog::Catalog;
use crate::domain::{Action, Answer, Caller, Decision, Method, Question, Record};
use crate::policy::{Bundle, Reader};

/// Tells the time. Tests fix it.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// Why there is no answer. None of these is a verdict: the caller must treat each as DENY.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AnswerError {
    /// No bundle is loaded yet; try again.
    #[error("no policy bundle is loaded yet")]
    NotReady,
    /// This replica's catalogue is older than the caller asked for; try again, or another replica.
    #[error("the catalogue is at revision {at}, and the question needs {wanted}")]
    CatalogBehind {
        /// The revision here.
        at: u64,
        /// The revision asked for.
        wanted: u64,
    },
    /// This replica decides under another policy version; try again, or another replica.
    #[error("the policy version here is `{at}`, and the question expects `{wanted}`")]
    PolicyDiffers {
        /// The version here.
        at: String,
        /// The version asked for.
        wanted: String,
    },
    /// The decision could not be recorded; try again when the disk is back.
    #[error("the decision could not be recorded: {0}")]
    NotRecorded(RecordError),
    /// The caller may not make this assertion.
    #[error("the caller may not state `{field}`")]
    Forbidden {
        /// The field, as `message.field`.
        field: String,
    },
}

/// Answers questions. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    bundles: Reader,
    catalog: Catalog,
    log: Log,
    clock: Arc<dyn Clock>,
    durable: Arc<[Action]>,
    memory: Arc<ArcSwapOption<Memory>>,
}

impl Engine {
    /// An engine over its parts. `durable` names actions whose answer waits for its record, beside those
    /// for which it always does.
    #[must_use]
    pub fn new(
        bundles: Reader,
        catalog: Catalog,
        log: Log,
        clock: Arc<dyn Clock>,
        durable: &[Action],
    ) -> Self {
        Self { bundles, catalog, log, clock, durable: Arc::from(durable), memory: Arc::default() }
    }

    /// The current bundle.
    #[must_use]
    pub fn bundle(&self) -> Option<Arc<Bundle>> {
        self.bundles.current()
    }

    /// What is remembered under the current bundle; begun anew with each.
    fn memory(&self) -> Option<Arc<Memory>> {
        let bundle = self.bundles.current()?;
        if let Some(memory) = self.memory.load_full().filter(|memory| Arc::ptr_eq(memory.bundle(), &bundle)) {
            return Some(memory);
        }
        let memory = Arc::new(Memory::new(bundle));
        self.memory.store(Some(Arc::clone(&memory)));
        Some(memory)
    }

    /// Decides, records, and answers.
    ///
    /// # Errors
    /// [`AnswerError`]; no verdict was reached, or none may be given.
    pub async fn answer(&self, question: Question, caller: &Caller) -> Result<Answer, AnswerError> {
        let memory = self.memory().ok_or(AnswerError::NotReady)?;
        expect_version(&question, memory.bundle())?;
        if let Some(field) = refused_field(memory.bundle(), &question, caller) {
            return Err(AnswerError::Forbidden { field });
        }
        let known = known(&self.catalog, &question)?;
        let now = self.clock.now();
        let decision = memory.decide(question, &known, now, new_id(now));
        let durable = self.must_be_durable(&decision);
        let record = Record {
            caller: caller.identity.id.clone(),
            trace_id: caller.trace_id.clone(),
            engine_version: env!("CARGO_PKG_VERSION").to_owned(),
            decision,
        };
        let receipt = match durable {
            true => Some(self.log.append_durable(&record).await.map_err(AnswerError::NotRecorded)?),
            false => {
                self.log.append_buffered(&record).await.map_err(AnswerError::NotRecorded)?;
                None
            }
        };
        Ok(Answer { receipt, ..record.decision.answer })
    }

    /// What hands something over waits for its record, whatever was decided.
    fn must_be_durable(&self, decision: &Decision) -> bool {
        matches!(decision.action, Action::Disclose | Action::SurrenderKey)
            || self.durable.contains(&decision.action)
    }

    /// Whether a caller may call a method on data of a tenant; empty: of none, or of all. What `access/` does
    /// not permit is refused, and so is a caller whose credential has ended since it called.
    #[must_use]
    pub fn may_call(&self, method: Method, tenant: &str, caller: &Caller) -> bool {
        // Before the first bundle nothing says who may: health alone answers then, and asks nobody.
        caller.until.is_none_or(|until| self.clock.now() < until)
            && self
                .bundles
                .current()
                .is_some_and(|bundle| permitted(&bundle, Right::Call(method), tenant, caller))
    }
}

/// Decides over a person's own files: nobody's rights are asked, and nothing is recorded, so that what comes of
/// it licenses nothing.
///
/// # Errors
/// [`AnswerError::PolicyDiffers`] and [`AnswerError::CatalogBehind`]: it is not what the question expects.
pub fn enquire(
    bundle: &Bundle,
    catalog: &Catalog,
    question: &Question,
    now: Timestamp,
) -> Result<Decision, AnswerError> {
    expect_version(question, bundle)?;
    let known = known(catalog, question)?;
    Ok(decide(bundle, question, &known, now, new_id(now)))
}

/// Everything that the catalogue knows of a question, no older than the caller has seen.
fn known(catalog: &Catalog, question: &Question) -> Result<Known, AnswerError> {
    let known = Known::of(catalog, question);
    match question.at_least_revision.filter(|wanted| *wanted > known.revision) {
        Some(wanted) => Err(AnswerError::CatalogBehind { at: known.revision, wanted }),
        None => Ok(known),
    }
}

/// A new key of a decision or an outcome: a UUIDv7.
#[must_use]
pub fn new_id(now: Timestamp) -> Uuid {
    let seconds = u64::try_from(now.as_second()).unwrap_or(0);
    let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
    Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, seconds, nanos))
}

fn expect_version(question: &Question, bundle: &Bundle) -> Result<(), AnswerError> {
    let wanted = &question.expect_policy_version;
    if wanted.is_empty() || wanted == bundle.version() {
        return Ok(());
    }
    Err(AnswerError::PolicyDiffers { at: bundle.version().to_owned(), wanted: wanted.clone() })
}
