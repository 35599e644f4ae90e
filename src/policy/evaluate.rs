//! Asking the policies: which permits, forbids and advices hold, and which err.
//!
//! Cedar skips a policy that errs, and a `forbid` that is skipped fails open. So errors come back beside
//! what holds, and the engine turns any of them into a denial.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{Authorizer, Context, Entities, EntityId, EntityTypeName, EntityUid, PolicySet, Request};

use super::ask::{Ask, AskError, EntityValue, Uid, Value};
use super::bundle::Bundle;
use super::rule::Rule;

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
    principal: EntityUid,
    action: EntityUid,
    resource: EntityUid,
}

impl Bundle {
    /// Builds what Cedar will see of a question.
    ///
    /// # Errors
    /// [`AskError`], always a FAULT: a value that Cedar cannot have, or an entity that nothing declares.
    pub fn prepare(&self, ask: Ask) -> Result<Prepared<'_>, AskError> {
        self.check_store(&ask)?;
        let entities = [&ask.principal, &ask.resource].into_iter().chain(&ask.others).map(EntityValue::cedar);
        let entities = entities.collect::<Result<Vec<_>, _>>()?;
        let entities =
            Entities::from_entities(entities, None).map_err(|error| AskError::Schema(error.to_string()))?;
        let principal = ask.principal.uid.cedar()?;
        let resource = ask.resource.uid.cedar()?;
        let action = action(ask.action)?;
        Ok(Prepared { bundle: self, ask, entities, principal, action, resource })
    }

    /// Every entity that a question names is declared, or among its own: Cedar takes one that is missing for
    /// one that is in nothing, and a rule on it would silently not hold.
    fn check_store(&self, ask: &Ask) -> Result<(), AskError> {
        let own: BTreeSet<&Uid> = [&ask.principal, &ask.resource]
            .into_iter()
            .chain(&ask.others)
            .map(|entity| &entity.uid)
            .collect();
        let mut named = BTreeSet::new();
        for entity in [&ask.principal, &ask.resource].into_iter().chain(&ask.others) {
            named.extend(&entity.parents);
            entity.attributes.values().for_each(|value| value.uids(&mut named));
        }
        ask.context.values().for_each(|value| value.uids(&mut named));
        for uid in named.difference(&own) {
            let declared = match uid.kind {
                "Jurisdiction" => self.facts().is_jurisdiction(&uid.id),
                kind => self.lists.get(kind).is_some_and(|ids| ids.contains(&uid.id)),
            };
            if !declared {
                return Err(AskError::Missing { kind: uid.kind, id: uid.id.clone() });
            }
        }
        Ok(())
    }
}

impl<'a> Prepared<'a> {
    /// The question.
    #[must_use]
    pub fn ask(&self) -> &Ask {
        &self.ask
    }

    /// Which permits and forbids hold.
    ///
    /// # Errors
    /// [`AskError`]: the question does not fit the schema. Always a FAULT.
    pub fn judge(&self) -> Result<Judgement<'a>, AskError> {
        let request = self.request(&self.ask.context, &self.bundle.deciding)?;
        let mut judgement = Judgement::default();
        for cell in self.cells() {
            judgement.permits.extend(self.holding(&cell.permits, &request, &mut judgement.errors));
            judgement.forbids.extend(self.holding(&cell.forbids, &request, &mut judgement.errors));
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
        let mut context = self.ask.context.clone();
        context.insert("verdict", verdict);
        let request = self.request(&context, &self.bundle.advising)?;
        let mut errors = Vec::new();
        let mut advice: Vec<&Rule> =
            self.cells().flat_map(|cell| self.holding(&cell.advice, &request, &mut errors)).collect();
        advice.sort_by(|a, b| a.id.cmp(&b.id));
        Ok((advice, errors))
    }

    fn cells(&self) -> impl Iterator<Item = &'a super::bundle::Cell> {
        // What the resource lies in may itself lie in a regime.
        let entities = std::iter::once(&self.ask.resource).chain(&self.ask.others);
        let parents = entities.flat_map(|entity| &entity.parents).filter(|parent| parent.kind == "Regime");
        let regimes: BTreeSet<&String> = parents.map(|parent| &parent.id).collect();
        let keys = std::iter::once(None).chain(regimes.into_iter().map(|regime| Some(regime.clone())));
        let bundle = self.bundle;
        keys.filter_map(move |regime| bundle.cells.get(&(self.ask.action.to_owned(), regime)))
    }

    fn request(
        &self,
        context: &BTreeMap<&'static str, Value>,
        schema: &cedar_policy::Schema,
    ) -> Result<Request, AskError> {
        let pairs = context.iter().map(|(name, value)| Ok(((*name).to_owned(), value.expression()?)));
        let context = Context::from_pairs(pairs.collect::<Result<Vec<_>, AskError>>()?)
            .map_err(|error| AskError::Value(error.to_string()))?;
        Request::new(
            self.principal.clone(),
            self.action.clone(),
            self.resource.clone(),
            context,
            Some(schema),
        )
        .map_err(|error| AskError::Schema(error.to_string()))
    }

    /// The policies of one effect that hold. In a set of one effect every policy that holds is determining.
    fn holding(
        &self,
        set: &PolicySet,
        request: &Request,
        errors: &mut Vec<(String, String)>,
    ) -> Vec<&'a Rule> {
        if set.is_empty() {
            return Vec::new();
        }
        let response = Authorizer::new().is_authorized(request, set, &self.entities);
        for error in response.diagnostics().errors() {
            let cedar_policy::AuthorizationError::PolicyEvaluationError(error) = error;
            errors.push((error.policy_id().to_string(), error.to_string()));
        }
        response.diagnostics().reason().filter_map(|id| self.bundle.rule(id.as_ref())).collect()
    }
}

fn action(id: &str) -> Result<EntityUid, AskError> {
    let name: EntityTypeName =
        "Action".parse().map_err(|_| AskError::Value("`Action` is no type".to_owned()))?;
    Ok(EntityUid::from_type_name_and_id(name, EntityId::new(id)))
}
