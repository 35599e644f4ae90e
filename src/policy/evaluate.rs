//! Asking the policies: which permits, forbids and advices hold, and which err.
//!
//! Cedar skips a policy that errs, and a `forbid` that is skipped fails open. So errors come back beside
//! what holds, and the engine turns any of them into a denial.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use cedar_policy::Schema;
use cedar_policy_core::ast::{self, Literal, RequestSchema, SlotEnv, ValueKind};
use cedar_policy_core::authorizer::AuthorizationError;
use cedar_policy_core::entities::Entities;
use cedar_policy_core::evaluator::Evaluator;
use cedar_policy_core::extensions::Extensions;
use smol_str::SmolStr;

use super::ask::{Ask, AskError, Uid, Value};
use super::bundle::Bundle;
use super::form::{self, Fields};
use super::index::Phase;
use super::rule::Rule;
use super::shape::{Fitting, Shape};
use crate::domain::Effect;

/// The slots of a policy that has none: links are filled when a bundle loads.
static NO_SLOTS: LazyLock<SlotEnv> = LazyLock::new(HashMap::new);

/// What the permits and forbids say.
#[derive(Debug, Default)]
pub struct Judgement<'a> {
    /// The permits that hold, whether or not a forbid does.
    pub permits: Vec<&'a Rule>,
    /// The forbids that hold.
    pub forbids: Vec<&'a Rule>,
    /// Policies that err, with the error. Any of them is a FAULT.
    pub errors: Vec<(String, String)>,
}

/// The advices that hold, and policies that err, with the error.
pub type Advice<'a> = (Vec<&'a Rule>, Vec<(String, String)>);

/// A question whose entities are built, ready to be judged and advised on.
pub struct Prepared<'a> {
    bundle: &'a Bundle,
    ask: Ask,
    entities: Entities,
    context: Arc<Fields>,
}

/// A schema, and the shapes that are known to fit it.
pub(super) struct Checked {
    schema: Schema,
    fitting: Fitting,
}

/// A policy that holds, or that errs.
type Judged<'a> = Result<&'a Rule, (String, String)>;

// === impl Checked ===

impl Checked {
    pub fn new(schema: Schema) -> Self {
        Self { schema, fitting: Fitting::default() }
    }

    /// Checks a request, unless one of its shape is known to fit.
    fn check(&self, request: &ast::Request, shape: Option<Shape>) -> Result<(), AskError> {
        if shape.as_ref().is_some_and(|shape| self.fitting.has(shape)) {
            return Ok(());
        }
        self.schema
            .as_ref()
            .validate_request(request, Extensions::all_available())
            .map_err(|error| AskError::Schema(error.to_string()))?;
        if let Some(shape) = shape {
            self.fitting.add(shape);
        }
        Ok(())
    }
}

// === impl Bundle ===

impl Bundle {
    /// Builds what Cedar will see of a question.
    ///
    /// # Errors
    /// [`AskError`], always a FAULT: a value that Cedar cannot have, or an entity that nothing declares.
    pub fn prepare(&self, ask: Ask) -> Result<Prepared<'_>, AskError> {
        self.check_store(&ask)?;
        let entities = ask.entities()?;
        let context = Arc::new(form::fields(&ask.context)?);
        Ok(Prepared { bundle: self, ask, entities, context })
    }

    /// Every entity that a question names is declared, or among its own: Cedar takes one that is missing for
    /// one that is in nothing, and a rule on it would silently not hold.
    fn check_store(&self, ask: &Ask) -> Result<(), AskError> {
        let mut missing = None;
        let mut each = |uid: &Uid| {
            let is_known = || self.declares(uid) || ask.own().any(|entity| entity.uid == *uid);
            if missing.is_none() && !is_known() {
                missing = Some(AskError::Missing { kind: uid.kind, id: uid.id.clone() });
            }
        };
        for entity in ask.own() {
            entity.parents.iter().for_each(&mut each);
            entity.attributes.values().for_each(|value| value.uids(&mut each));
        }
        ask.context.values().for_each(|value| value.uids(&mut each));
        missing.map_or(Ok(()), Err)
    }

    /// Whether the facts declare an entity.
    pub(super) fn declares(&self, uid: &Uid) -> bool {
        match uid.kind {
            "Jurisdiction" => self.facts().is_jurisdiction(&uid.id),
            kind => self.lists.get(kind).is_some_and(|ids| ids.contains(&uid.id)),
        }
    }
}

// === impl Prepared ===

impl<'a> Prepared<'a> {
    /// The question.
    #[must_use]
    pub fn ask(&self) -> &Ask {
        &self.ask
    }

    pub(super) fn into_ask(self) -> Ask {
        self.ask
    }

    /// Which permits and forbids hold.
    ///
    /// # Errors
    /// [`AskError`]: the question does not fit the schema. Always a FAULT.
    pub fn judge(&self) -> Result<Judgement<'a>, AskError> {
        let request = self.ask.request(Arc::clone(&self.context))?;
        self.bundle.deciding.check(&request, Shape::of_question(&self.ask))?;
        let mut judgement = Judgement::default();
        for judged in self.evaluate(request, Phase::Judge) {
            match judged {
                Ok(rule) if rule.effect == Effect::Forbid => judgement.forbids.push(rule),
                Ok(rule) => judgement.permits.push(rule),
                Err(error) => judgement.errors.push(error),
            }
        }
        judgement.permits.sort_by(|a, b| a.id.cmp(&b.id));
        judgement.forbids.sort_by(|a, b| a.disposition.cmp(&b.disposition).then(a.id.cmp(&b.id)));
        Ok(judgement)
    }

    /// Which advices hold, given the verdict; and the errors, each a FAULT.
    ///
    /// # Errors
    /// [`AskError`]: the question does not fit the schema. Always a FAULT.
    pub fn advise(&self, verdict: Value) -> Result<Advice<'a>, AskError> {
        let mut context = (*self.context).clone();
        context.insert(SmolStr::new_static("verdict"), verdict.cedar()?);
        let request = self.ask.request(Arc::new(context))?;
        let shape = Shape::of_question(&self.ask).and_then(|shape| shape.with("verdict", &verdict));
        self.bundle.advising.check(&request, shape)?;
        let (mut advice, mut errors) = (Vec::new(), Vec::new());
        for judged in self.evaluate(request, Phase::Advise) {
            match judged {
                Ok(rule) => advice.push(rule),
                Err(error) => errors.push(error),
            }
        }
        advice.sort_by(|a: &&Rule, b| a.id.cmp(&b.id));
        Ok((advice, errors))
    }

    /// Evaluates each policy that the question can match: those that hold, and those that err.
    fn evaluate(&self, request: ast::Request, phase: Phase) -> impl Iterator<Item = Judged<'a>> {
        let evaluator = Evaluator::new(request, &self.entities, Extensions::all_available());
        let (bundle, reached) = (self.bundle, self.bundle.index.reach(&self.ask, phase));
        reached.filter_map(move |entry| {
            let rule = bundle.rules().get(entry.rule)?;
            let error = match evaluator.interpret(&entry.condition, &NO_SLOTS) {
                Ok(value) => match value.value {
                    ValueKind::Lit(Literal::Bool(held)) => return held.then_some(Ok(rule)),
                    // Scope and conditions are a conjunction, which Cedar keeps to truth values itself.
                    _ => String::from("its condition is no truth value"),
                },
                Err(error) => {
                    let id = ast::PolicyID::from_string(&rule.id);
                    AuthorizationError::PolicyEvaluationError { id, error }.to_string()
                }
            };
            Some(Err((rule.id.clone(), error)))
        })
    }
}
