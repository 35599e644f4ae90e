//! A point of a question in the words of the policies' schema.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use jiff::Timestamp;

use super::parties::Parties;
use super::picture::Picture;
use super::point::{Point, days_between, is_demand};
use super::resolve::Resolved;
use crate::domain::{Action, Approval, Category, Consent, LegalProcess, Question};
use crate::law::{Between, Codes, RelationState, World};
use crate::policy::{Ask, Bundle, Value};

/// The word for what is not there in a closed list that has one.
const NONE: &str = "none";
/// The word for what is not known in a closed list that has one.
pub(super) const UNKNOWN: &str = "unknown";

/// What is asked, with all that it takes to ask it.
pub(super) struct Asking<'a> {
    pub bundle: &'a Bundle,
    pub question: &'a Question,
    pub resolved: &'a Resolved,
    pub picture: &'a Picture,
    pub world: &'a World,
    /// The instant that is decided for.
    pub at: Timestamp,
    /// What every point shares.
    pub parties: &'a Parties,
}

impl Asking<'_> {
    /// The question of one point.
    pub fn ask(&self, point: &Point) -> Ask {
        Ask {
            action: self.resolved.action.as_str(),
            principal: self.parties.principal.clone(),
            resource: self.parties.holding_in(point.governing.iter().map(|regime| regime.id.as_str())),
            others: self.parties.others.clone(),
            context: if is_demand(self.resolved.action) { self.demand(point) } else { self.movement(point) },
        }
    }

    fn entities<'s>(&self, kind: &'static str, ids: impl IntoIterator<Item = &'s str>) -> Value {
        self.bundle.entities(kind, ids)
    }

    fn words<'s>(&self, kind: &'static str, ids: impl IntoIterator<Item = &'s String>) -> Value {
        self.bundle.entities(kind, ids.into_iter().map(String::as_str))
    }

    fn jurisdictions(&self, codes: &Codes) -> Value {
        self.words("Jurisdiction", codes)
    }

    fn movement(&self, point: &Point) -> BTreeMap<&'static str, Value> {
        let mut context = self.common(point);
        let picture = self.picture;
        let transfer = self.question.transfer.as_ref();
        let nothing = self.bundle.share(self.standing(None, ""));
        for kind in self.world.facts().kinds_between(Between::LawAndPlace) {
            // The schema names the kinds; one that it does not know fails its check, and so fails closed.
            if let Some(name) = MOVE_KINDS.iter().find(|known| **known == kind) {
                let stands = point.by_regime.values().flatten().any(|standing| standing.kind() == kind);
                let value = if stands { self.standing(Some(point), kind) } else { nothing.clone() };
                context.insert(name, value);
            }
        }
        context.insert("mechanisms", self.words("Mechanism", &point.mechanisms));
        context.insert("safeguards", self.words("Safeguard", &picture.safeguards));
        context.insert("mode", Value::entity("Mode", picture.mode.clone()));
        context.insert("systematic", Value::Bool(self.world.facts().is_systematic(&picture.mode)));
        context.insert("purpose", Value::Text(picture.purpose.clone()));
        context.insert("approved", Value::Bool(self.approval(point).is_some()));
        let count = |stated: Option<u64>| Value::long(stated.unwrap_or(picture.subject_count));
        context.insert(
            "subjects_past_12_months",
            count(transfer.and_then(|transfer| transfer.subjects_past_12_months)),
        );
        context.insert(
            "subjects_year_to_date",
            count(transfer.and_then(|transfer| transfer.subjects_year_to_date)),
        );
        let flags =
            self.resolved.process.as_ref().map(|process| process.flags.as_slice()).unwrap_or_default();
        context.insert("flags", self.words("Flag", flags));
        context
    }

    fn common(&self, point: &Point) -> BTreeMap<&'static str, Value> {
        let regimes = |keep: fn(&crate::law::Governing) -> bool| {
            self.words(
                "Regime",
                point.governing.iter().filter(|regime| keep(regime)).map(|regime| &regime.id),
            )
        };
        BTreeMap::from([
            ("place", self.jurisdictions(&point.place)),
            ("recorded", Value::Bool(point.recorded)),
            ("leaves", regimes(|regime| regime.leaves)),
            ("lapsed", regimes(|regime| regime.lapsed)),
        ])
    }

    /// The customer's approval that covers this place, for this, now.
    pub fn approval(&self, point: &Point) -> Option<&Approval> {
        let facts = self.world.facts();
        let action = self.resolved.action;
        self.resolved.tenant.as_ref()?.approvals.iter().find(|approval| {
            let places = super::picture::expand(facts, &approval.destination);
            let covers = |scope: &String| {
                scope == "all"
                    || scope == action.as_str()
                    || *scope == self.picture.mode
                    || (!self.picture.purpose.is_empty() && *scope == self.picture.purpose)
            };
            places.iter().any(|code| point.place.contains(code))
                && approval.scope.iter().any(covers)
                && approval.until.is_some_and(|until| self.at < until)
        })
    }

    fn demand(&self, point: &Point) -> BTreeMap<&'static str, Value> {
        let mut context = self.common(point);
        let derived = &point.process;
        let category = point.category.unwrap_or(Category::Content);
        context.insert("category", Value::entity("Category", category.as_str()));
        context.insert("restricted", self.entities("Regime", point.restricted()));
        context.insert("open", self.entities("Regime", self.open(point)));
        context.insert("lifted", self.words("Regime", &point.lifted));
        for (name, value) in [
            ("copy_in_place", derived.copy_in_place),
            ("only_in_place", derived.only_in_place),
            ("control_in_place", derived.control_in_place),
            ("copy_in_reach", derived.copy_in_reach),
            ("control_in_reach", derived.control_in_reach),
            ("subjects_in_place", derived.subjects_in_place),
        ] {
            context.insert(name, Value::Bool(value));
        }
        for kind in ["mla", "cloud_act_agreement", "eio", "e_evidence"] {
            context.insert(kind, self.entities("RelationState", point.demand_states(kind)));
        }
        let consent = self.consent(category);
        context.insert(
            "transfer_ground",
            Value::Bool(consent.is_some_and(|consent| !consent.transfer_ground.is_empty())),
        );
        context.insert("consent", Value::Bool(consent.is_some()));
        let process = self.process();
        let emergency = process.danger_to_life == Some(true) && process.credible == Some(true);
        context.insert("emergency", Value::Bool(emergency));
        context.insert("process", self.order(point, category));
        context
    }

    /// Restricting regimes towards which free flow or adequacy holds whoever receives the data: a public
    /// authority has none of the certifications that some of them ask for.
    fn open<'p>(&self, point: &'p Point) -> BTreeSet<&'p str> {
        let mut open = point.regimes_by("free_flow", &[RelationState::InForce]);
        open.extend(point.regimes_by("adequacy", &[RelationState::InForce]));
        open
    }

    /// The customer's consent, where it was given, covers this, and its identity was verified.
    fn consent(&self, category: Category) -> Option<&Consent> {
        let consent = self.resolved.tenant.as_ref()?.consent.as_ref()?;
        let data_ref = &self.question.data_ref;
        let scope = consent.scope.as_str();
        let covers = matches!(scope, "this_request" | "all")
            || scope == category.as_str()
            || data_ref.prefixes().any(|prefix| prefix == scope);
        (consent.given == Some(true) && consent.verified_identity == Some(true) && covers).then_some(consent)
    }

    /// The process; one of which nothing is known where there is none.
    fn process(&self) -> &LegalProcess {
        static NO_PROCESS: LazyLock<LegalProcess> = LazyLock::new(LegalProcess::default);
        self.resolved.process.as_deref().unwrap_or(&NO_PROCESS)
    }

    fn order(&self, point: &Point, category: Category) -> Value {
        let process = self.process();
        let derived = &point.process;
        let or = |text: &str, other: &'static str| {
            if text.is_empty() { other.to_owned() } else { text.to_owned() }
        };
        let yes = |fact: Option<bool>| Value::Bool(fact == Some(true));
        let served = super::picture::expand(self.world.facts(), std::slice::from_ref(&process.served_in));
        let covers = process.data_categories.is_empty() || process.data_categories.contains(&category);
        let elapsed = [process.received_at, process.enforcing_authority_notified_at];
        let elapsed = elapsed.into_iter().flatten().map(|from| days_between(from, self.at));
        let elapsed =
            elapsed.chain(process.enforcing_authority_days_elapsed.map(i64::from)).min().unwrap_or(0);
        Value::Record(BTreeMap::from([
            ("instrument", Value::entity("Instrument", or(&process.instrument, NONE))),
            ("legal", Value::Bool(derived.legal)),
            ("own", Value::Bool(derived.own)),
            ("preserves", Value::Bool(derived.preserves)),
            ("basis", self.entities("RelationState", derived.basis.iter().copied())),
            ("unmet", self.words("Condition", &derived.unmet)),
            (
                "system",
                self.jurisdictions(if derived.executed_by.is_empty() {
                    &derived.issuing
                } else {
                    &derived.executed_by
                }),
            ),
            ("issuing", self.jurisdictions(&derived.issuing)),
            ("executed_by", self.jurisdictions(&derived.executed_by)),
            ("served_in", self.jurisdictions(&self.world.closure_any(&served))),
            ("forum", self.jurisdictions(&derived.forum)),
            ("consistent", Value::Bool(derived.consistent)),
            ("by_subdivision", Value::Bool(derived.by_subdivision)),
            ("not_yet_issued", Value::Bool(derived.not_yet_issued)),
            ("issued_by", Value::entity("Issuer", or(&process.issued_by, UNKNOWN))),
            ("validated_by", Value::entity("Issuer", or(&process.validated_by, UNKNOWN))),
            ("covers", Value::Bool(covers)),
            ("names_accounts", yes(process.names_accounts)),
            ("names_none", Value::Bool(process.names_accounts == Some(false))),
            ("bulk", yes(process.bulk)),
            ("stayed", yes(process.stayed)),
            ("upheld", yes(process.upheld)),
            ("expired", Value::Bool(process.expires_at.is_some_and(|until| until <= self.at))),
            (
                "offence_max_penalty_years",
                Value::Long(process.offence_max_penalty_years.map_or(0, i64::from)),
            ),
            ("danger_to_life", yes(process.danger_to_life)),
            ("credible", yes(process.credible)),
            ("ex_post_validation", yes(process.ex_post_validation)),
            ("enforcing_authority_notified", yes(process.enforcing_authority_notified)),
            ("enforcing_authority_cleared", yes(process.enforcing_authority_cleared)),
            ("enforcing_authority_refused", yes(process.enforcing_authority_refused)),
            ("days_elapsed", Value::Long(elapsed)),
            ("invokes_agreement", Value::Bool(!process.invokes_agreement.is_empty())),
            ("via_designated_authority", yes(process.via_designated_authority)),
            ("processor_justification", yes(process.processor_justification)),
            ("gagged", yes(process.nondisclosure)),
            ("ungagged", Value::Bool(process.nondisclosure == Some(false))),
            ("counsel_approved", yes(process.counsel_approved)),
            ("statute", Value::Text(process.statute.clone())),
            ("flags", self.words("Flag", &process.flags)),
        ]))
    }

    /// Where the law of each governing regime stands, by relations of one kind; of no point, nowhere.
    fn standing(&self, point: Option<&Point>, kind: &str) -> Value {
        let regimes = |states: &[RelationState]| {
            let regimes = point.map(|point| point.regimes_by(kind, states)).unwrap_or_default();
            self.entities("Regime", regimes)
        };
        Value::Record(BTreeMap::from([
            ("usable", regimes(&[RelationState::InForce])),
            ("condition_unmet", regimes(&[RelationState::ConditionUnmet])),
            ("invalidated", regimes(&[RelationState::Invalidated])),
            ("ended", regimes(&[RelationState::Ended, RelationState::Suspended])),
            ("not_yet", regimes(&[RelationState::NotYet, RelationState::Future])),
        ]))
    }
}

/// The relation kinds between a law and a place that the schema names.
const MOVE_KINDS: &[&str] = &[
    "free_flow",
    "adequacy",
    "adequacy_list",
    "restricted_list",
    "country_of_concern",
    "foreign_adversary",
    "sanctions",
];

/// The categories that a demand is asked about, each by itself; a move is asked about as a whole.
pub(super) fn categories(question: &Question, action: Action, picture: &Picture) -> Vec<Option<Category>> {
    if !is_demand(action) {
        return vec![None];
    }
    let mut wanted: Vec<Category> = match question.data_categories.as_slice() {
        [] if action == Action::SurrenderKey => vec![Category::Key],
        [] => picture.categories.iter().copied().collect(),
        stated => stated.to_vec(),
    };
    wanted.sort_unstable();
    wanted.dedup();
    wanted.into_iter().map(Some).collect()
}
