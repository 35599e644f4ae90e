//! The verdict of one point, with its reasons, duties and routes.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::answer::Duty;
use super::ask::Asking;
use super::point::Point;
use crate::domain::{
    Category, Confidence, Disposition, Effect, LegalProcess, Obligation, Reason, Route, Verdict,
};
use crate::law::{IdSet, RelationState, Reviewed, Standing, World};
use crate::policy::{Base, Bundle, Judgement, Rule, Value};

/// What one point came to.
#[derive(Debug)]
pub(super) struct PointVerdict {
    pub category: Option<Category>,
    pub decision: Verdict,
    pub disposition: Disposition,
    pub next_step: String,
    pub reasons: Vec<Reason>,
    pub duties: Vec<Duty>,
    pub routes: Vec<Route>,
    pub regimes: Vec<String>,
}

/// Asks the policies about one point, and puts their words together.
pub(super) fn compile(bundle: &Bundle, asking: &Asking<'_>, point: &Point, now: Timestamp) -> PointVerdict {
    match judge_and_advise(bundle, asking, point, now) {
        Ok(verdict) => verdict,
        Err(error) => fault(bundle, point, &error),
    }
}

fn judge_and_advise(
    bundle: &Bundle,
    asking: &Asking<'_>,
    point: &Point,
    now: Timestamp,
) -> Result<PointVerdict, String> {
    let prepared = bundle.prepare(asking.ask(point)).map_err(|error| error.to_string())?;
    let judgement = prepared.judge().map_err(|error| error.to_string())?;
    if let Some((policy, error)) = judgement.errors.first() {
        return Err(format!("policy `{policy}` failed: {error}"));
    }
    let writer = Writer { bundle, asking, point, now };
    let mut ruling = Ruling::of(&judgement);
    let mut determining: Vec<&Rule> =
        if ruling.allowed { judgement.permits.clone() } else { judgement.forbids.clone() };
    let reviewed = writer.reviewed(&determining);
    let overdue = reviewed.iter().any(|reviewed| reviewed.review_by.is_some_and(|by| by <= now));
    if ruling.allowed && overdue && bundle.facts().overdue_denies(asking.resolved.action.as_str()) {
        ruling = Ruling { allowed: false, disposition: Disposition::NoGrant, ..ruling };
        // A denial lists no permits, and takes neither its next step nor its duties from one.
        determining.clear();
    }
    let confidence =
        reviewed.iter().map(|reviewed| reviewed.confidence).min().unwrap_or(Confidence::Verified);
    let verdict = ruling.value(&determining, confidence, overdue);
    let (advice, errors) = prepared.advise(verdict).map_err(|error| error.to_string())?;
    if let Some((policy, error)) = errors.first() {
        return Err(format!("advice `{policy}` failed: {error}"));
    }
    let said: Vec<&Rule> = determining.iter().chain(&advice).copied().collect();
    let explaining = said.iter().filter(|rule| !rule.reason.is_empty());
    let mut reasons: Vec<Reason> = explaining.map(|rule| writer.reason(rule)).collect();
    let mut next_step = next_step(bundle, &determining, &advice);
    // A bundle whose advice does not speak of a default denial still gets one that can be acted on.
    if reasons.is_empty() {
        reasons.push(plain_reason(bundle, "nothing_permits", ""));
    }
    if next_step.is_empty() && !ruling.allowed {
        bundle.facts().refusal_step().clone_into(&mut next_step);
    }
    Ok(PointVerdict {
        category: point.category,
        decision: if ruling.allowed { Verdict::Allow } else { Verdict::Deny },
        disposition: ruling.disposition,
        next_step,
        reasons,
        duties: said.iter().flat_map(|rule| writer.duties(rule)).collect(),
        routes: if ruling.allowed {
            Vec::new()
        } else {
            said.iter().flat_map(|rule| writer.routes(rule)).collect()
        },
        regimes: point.governing.iter().map(|regime| regime.id.clone()).collect(),
    })
}

/// An evaluation error: denied, whatever else holds.
fn fault(bundle: &Bundle, point: &Point, error: &str) -> PointVerdict {
    tracing::error!(error, place = point.code, "evaluation fault; denied");
    let code = "evaluation_error";
    PointVerdict {
        category: point.category,
        decision: Verdict::Deny,
        disposition: Disposition::Fault,
        next_step: bundle.facts().refusal_step().to_owned(),
        reasons: vec![plain_reason(bundle, code, error)],
        duties: Vec::new(),
        routes: Vec::new(),
        regimes: point.governing.iter().map(|regime| regime.id.clone()).collect(),
    }
}

/// A reason that no policy gives, because none could be asked.
pub(super) fn plain_reason(bundle: &Bundle, code: &str, detail: &str) -> Reason {
    let sentence = bundle.facts().message(IdSet::Reason, code);
    Reason {
        policy_id: String::new(),
        effect: Effect::Forbid,
        code: code.to_owned(),
        regime: String::new(),
        relations: Vec::new(),
        citation: String::new(),
        message: if detail.is_empty() { sentence.to_owned() } else { format!("{sentence} ({detail})") },
        confidence: Confidence::Verified,
    }
}

/// What the permits and forbids come to.
#[derive(Clone, Copy)]
struct Ruling {
    allowed: bool,
    disposition: Disposition,
    compelled: bool,
    blocked: bool,
}

impl Ruling {
    fn of(judgement: &Judgement<'_>) -> Self {
        let forbids = &judgement.forbids;
        let blocked = forbids.iter().any(|rule| rule.blocks);
        let insufficient = forbids.iter().any(|rule| rule.disposition == Disposition::InsufficientProcess);
        let compelled = !insufficient && judgement.permits.iter().any(|rule| rule.compels);
        let allowed = forbids.is_empty() && !judgement.permits.is_empty();
        let strength = |rule: &&Rule| {
            if rule.blocks && compelled { Disposition::ConflictOfLaws } else { rule.disposition }
        };
        let disposition = match allowed {
            true => Disposition::Permitted,
            false => forbids.iter().map(strength).min().unwrap_or(Disposition::NoGrant),
        };
        Self { allowed, disposition, compelled, blocked }
    }

    fn value(self, determining: &[&Rule], confidence: Confidence, overdue: bool) -> Value {
        let reasons = determining.iter().map(|rule| rule.reason.as_str()).filter(|code| !code.is_empty());
        let regimes = determining.iter().map(|rule| rule.regime.as_str()).filter(|regime| !regime.is_empty());
        Value::Record(BTreeMap::from([
            ("allowed", Value::Bool(self.allowed)),
            ("disposition", Value::entity("Disposition", self.disposition.as_str())),
            ("compelled", Value::Bool(self.compelled)),
            ("blocked", Value::Bool(self.blocked)),
            ("reasons", Value::entities("ReasonCode", reasons)),
            ("regimes", Value::entities("Regime", regimes)),
            ("confidence", Value::entity("Confidence", confidence.as_str())),
            ("overdue", Value::Bool(overdue)),
        ]))
    }
}

/// What advice says, the strongest of several; else what the rules of the strongest disposition say.
fn next_step(bundle: &Bundle, determining: &[&Rule], advice: &[&Rule]) -> String {
    fn said<'r>(rules: impl Iterator<Item = &'r Rule>) -> Vec<&'r str> {
        rules.map(|rule| rule.next_step.as_str()).filter(|step| !step.is_empty()).collect()
    }
    let facts = bundle.facts();
    let advised = said(advice.iter().copied());
    if determining.iter().all(|rule| rule.effect == Effect::Permit) {
        let steps = advised.into_iter().chain(said(determining.iter().copied()));
        return facts.strongest_next_step(steps).unwrap_or_default().to_owned();
    }
    if let Some(step) = facts.strongest_next_step(advised) {
        return step.to_owned();
    }
    let dispositions: BTreeSet<Disposition> = determining.iter().map(|rule| rule.disposition).collect();
    let by_strength = dispositions.into_iter().find_map(|disposition| {
        let of_it = determining.iter().filter(|rule| rule.disposition == disposition);
        facts.strongest_next_step(said(of_it.copied()))
    });
    by_strength.unwrap_or_default().to_owned()
}

/// Writes what a rule says about a point.
struct Writer<'a> {
    bundle: &'a Bundle,
    asking: &'a Asking<'a>,
    point: &'a Point,
    now: Timestamp,
}

impl Writer<'_> {
    fn world(&self) -> &World {
        self.asking.world
    }

    /// The relations that a rule turned on.
    fn standings(&self, rule: &Rule) -> Vec<&Standing> {
        let of_regime = |id: &String| rule.regime.is_empty() || *id == rule.regime;
        let of_law =
            self.point.by_regime.iter().filter(|(id, _)| of_regime(id)).flat_map(|(_, standings)| standings);
        // A finding of later days is named only where a rule asks for it; an agreement, once it is signed.
        let unasked = |standing: &Standing, later: &[RelationState]| !later.contains(&standing.state);
        let wanted = |standing: &Standing, later: &[RelationState]| {
            rule.relations.iter().filter(|filter| filter.kind == standing.kind()).any(|filter| {
                filter.states.contains(&standing.state)
                    || (filter.states.is_empty() && unasked(standing, later))
            })
        };
        let of_law =
            of_law.filter(|standing| wanted(standing, &[RelationState::NotYet, RelationState::Future]));
        let demand = self.point.demand.iter().filter(|standing| wanted(standing, &[RelationState::Future]));
        let mut found: Vec<&Standing> = of_law.chain(demand).collect();
        found.sort_by(|a, b| a.relation().cmp(b.relation()));
        found.dedup_by(|a, b| a.relation() == b.relation());
        found
    }

    /// The mechanisms that a rule turned on: those stated that its law knows, and those that it asks for.
    fn mechanisms(&self, rule: &Rule) -> Vec<String> {
        let facts = self.bundle.facts();
        let known = |id: &String| {
            rule.regime.is_empty()
                || facts.mechanisms().any(|(row, _)| row.id == *id && row.laws.contains(&rule.regime))
        };
        let mut turned: Vec<String> = Vec::new();
        for filter in rule.relations.iter().filter(|filter| filter.kind == "mechanisms") {
            turned.extend(self.point.mechanisms.iter().filter(|id| known(id)).cloned());
            turned.extend(filter.asked.iter().cloned());
        }
        turned.sort();
        turned.dedup();
        turned
    }

    /// How sure the facts are that rules turned on. Relations of one kind that each suffice are
    /// alternatives: the surest of them counts.
    fn reviewed(&self, rules: &[&Rule]) -> Vec<Reviewed> {
        let mut reviewed = Vec::new();
        for rule in rules {
            let mut by_kind: BTreeMap<&str, Reviewed> = BTreeMap::new();
            for standing in self.standings(rule) {
                let best = by_kind.entry(standing.kind()).or_insert(standing.reviewed);
                if standing.reviewed.confidence > best.confidence {
                    *best = standing.reviewed;
                }
            }
            reviewed.extend(by_kind.into_values());
            reviewed.extend(self.mechanisms(rule).iter().filter_map(|id| self.world().reviewed(id)));
            reviewed.extend(self.world().reviewed(&rule.regime));
        }
        reviewed
    }

    fn reason(&self, rule: &Rule) -> Reason {
        let standings = self.standings(rule);
        let relations = standings.iter().map(|standing| standing.relation().to_owned());
        Reason {
            policy_id: rule.id.clone(),
            effect: rule.effect,
            code: rule.reason.clone(),
            regime: rule.regime.clone(),
            relations: relations.chain(self.mechanisms(rule)).collect(),
            citation: rule.citation.clone(),
            message: self.message(rule),
            confidence: self
                .reviewed(&[rule])
                .iter()
                .map(|reviewed| reviewed.confidence)
                .min()
                .unwrap_or(Confidence::Verified),
        }
    }

    fn message(&self, rule: &Rule) -> String {
        let facts = self.bundle.facts();
        let names =
            |codes: &[String]| codes.iter().map(|code| facts.place_name(code)).collect::<Vec<_>>().join(", ");
        let process = self.asking.resolved.process.as_deref();
        let instrument = match process.map_or("", |process| process.instrument.as_str()) {
            "" => "demand".to_owned(),
            id => facts.message(IdSet::Instrument, id).to_lowercase(),
        };
        let category = self.point.category.map_or("the", Category::as_str);
        let regime = facts.regime(&rule.regime);
        facts
            .message(IdSet::Reason, &rule.reason)
            .replace("{place}", facts.place_name(&self.point.code))
            .replace("{stored_in}", &names(&self.asking.picture.stored_in))
            .replace("{instrument}", &instrument)
            .replace("{category}", category)
            .replace("{regime}", regime.map_or("the law that governs", |regime| regime.name.as_str()))
    }

    fn duties(&self, rule: &Rule) -> Vec<Duty> {
        let process = self.asking.resolved.process.as_deref();
        let written = rule.obligations.iter().map(|duty| {
            let base = duty.base.map(|base| (base, self.instant(base, process)));
            let detail = match base {
                Some((base, None)) => format!("{} is not known, so no date can be computed", base.as_str()),
                Some((base, Some(_))) if !duty.period.is_empty() => format!("from {}", base.as_str()),
                _ => duty.detail.clone(),
            };
            let due = base.and_then(|(_, instant)| duty.due(instant?));
            let (kind, period) = (duty.kind.clone(), duty.period.clone());
            // Under the law of another instant the decision is as of that.
            let moves = duty.base == Some(Base::DecidedAt) && self.asking.question.as_of.is_none();
            Duty {
                obligation: Obligation { kind, due, period, detail },
                from_decision: moves.then(|| duty.clone()),
            }
        });
        written.collect()
    }

    fn instant(&self, base: Base, process: Option<&LegalProcess>) -> Option<Timestamp> {
        match base {
            Base::IssuedAt => process?.issued_at,
            Base::ReceivedAt => process?.received_at,
            Base::ExpiresAt => process?.expires_at,
            Base::NondisclosureUntil => process?.nondisclosure_until,
            Base::EnforcingAuthorityNotifiedAt => process?.enforcing_authority_notified_at,
            Base::ApprovalUntil => self.asking.approval(self.point).and_then(|approval| approval.until),
            Base::DecidedAt => {
                Some(if self.asking.question.as_of.is_some() { self.asking.at } else { self.now })
            }
        }
    }

    /// The routes that a rule names, each by the relations in force that carry it.
    fn routes(&self, rule: &Rule) -> Vec<Route> {
        let mut routes = Vec::new();
        for kind in rule.routes.iter().filter_map(|kind| self.bundle.facts().route(kind)) {
            let route = |relation: &str, citation: &str| Route {
                kind: kind.id.clone(),
                relation: relation.to_owned(),
                detail: kind.message.clone(),
                citation: citation.to_owned(),
            };
            if kind.carried_by.is_empty() {
                routes.push(route("", ""));
            }
            let open = self.point.demand.iter().filter(|standing| {
                kind.carried_by.iter().any(|known| known == standing.kind())
                    && standing.state == RelationState::InForce
            });
            routes.extend(open.map(|standing| route(standing.relation(), standing.citation())));
        }
        routes
    }
}
