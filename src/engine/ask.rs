//! A point of a question in the words of the policies' schema.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::picture::Picture;
use super::point::{Point, days_between, is_demand};
use super::resolve::Resolved;
use crate::domain::{Action, Approval, Category, Consent, Question, RequesterKind};
use crate::law::{Between, Codes, RelationState, World};
use crate::policy::{Ask, EntityValue, Uid, Value};

/// The word for what is not there in a closed list that has one.
const NONE: &str = "none";
/// The word for what is not known in a closed list that has one.
const UNKNOWN: &str = "unknown";
/// The entity of data, or of a tenant, that has no id.
const UNNAMED: &str = "";

/// What is asked, with all that it takes to ask it.
pub(super) struct Asking<'a> {
    pub question: &'a Question,
    pub resolved: &'a Resolved,
    pub picture: &'a Picture,
    pub world: &'a World,
    /// The instant that is decided for.
    pub at: Timestamp,
}

impl Asking<'_> {
    /// The question of one point.
    pub fn ask(&self, point: &Point) -> Ask {
        let tenant = self.tenant();
        // What the holding lies in beside its regimes, which the bundle declares. A rule can name a prefix, but
        // cannot read its facts: the holding has them.
        let prefixes = self.question.data_ref.prefixes().skip(1);
        let prefixes = prefixes.map(|prefix| EntityValue::bare(Uid::new("Holding", prefix)));
        Ask {
            action: self.resolved.action.as_str(),
            principal: self.principal(),
            resource: self.holding(point, &tenant.uid),
            others: std::iter::once(tenant.clone()).chain(prefixes).collect(),
            context: if is_demand(self.resolved.action) { self.demand(point) } else { self.movement(point) },
        }
    }

    fn closed(&self, codes: &[String]) -> Value {
        jurisdictions(&self.world.closure_any(codes))
    }

    fn principal(&self) -> EntityValue {
        let requester = &self.resolved.requester;
        let kind = match requester.kind {
            RequesterKind::Workload => "Workload",
            RequesterKind::Operator => "Operator",
            RequesterKind::Customer => "Customer",
            RequesterKind::Recipient => "Recipient",
            RequesterKind::Authority => "Authority",
        };
        let places =
            super::picture::expand(self.world.facts(), std::slice::from_ref(&requester.jurisdiction));
        let mut entity = EntityValue::bare(Uid::new(kind, requester.id.clone()));
        entity.attributes.insert("jurisdiction", self.closed(&places));
        let certified = self.world.safeguards_closed(&requester.certifications);
        entity.attributes.insert("certifications", Value::entities("Safeguard", certified));
        if requester.kind == RequesterKind::Authority {
            let authority = requester.authority_type.map_or(UNKNOWN, crate::domain::AuthorityType::as_str);
            entity.attributes.insert("authority_type", Value::entity("AuthorityType", authority));
        }
        entity.tags = requester.labels.iter().cloned().collect();
        entity
    }

    fn tenant(&self) -> EntityValue {
        let tenant = self.resolved.tenant.clone().unwrap_or_default();
        let id = match tenant.id.as_str() {
            UNNAMED => self.question.data_ref.tenant().to_owned(),
            id => id.to_owned(),
        };
        let mut entity = EntityValue::bare(Uid::new("Tenant", id));
        let kind = tenant.kind.map_or(UNKNOWN, crate::domain::TenantType::as_str);
        entity.attributes.insert("type", Value::entity("TenantType", kind));
        entity.attributes.insert("established_in", self.closed(&self.picture.tenant_established_in));
        entity.attributes.insert("is_suspect", Value::Bool(tenant.is_suspect.unwrap_or(false)));
        entity
            .attributes
            .insert("redirect_attempted", Value::Bool(tenant.redirect_attempted.unwrap_or(false)));
        entity.tags = tenant.labels.into_iter().collect();
        entity
    }

    fn holding(&self, point: &Point, tenant: &Uid) -> EntityValue {
        let (picture, data_ref) = (self.picture, &self.question.data_ref);
        let mut entity = EntityValue::bare(Uid::new("Holding", data_ref.as_str()));
        entity.parents.extend(point.governing.iter().map(|regime| Uid::new("Regime", regime.id.clone())));
        entity.parents.insert(tenant.clone());
        entity.parents.extend(data_ref.prefixes().skip(1).map(|prefix| Uid::new("Holding", prefix)));
        let attributes = &mut entity.attributes;
        attributes.insert("tenant", Value::Entity(tenant.clone()));
        for (name, codes) in [
            ("stored_in", &picture.stored_in),
            ("collected_in", &picture.collected_in),
            ("offered_in", &picture.offered_in),
            ("targets", &picture.targets),
            ("subject_locations", &picture.subject_locations),
            ("subject_citizenships", &picture.subject_citizenships),
            ("provider_established_in", &picture.provider_established_in),
            ("provider_headquarters", &picture.provider_headquarters),
            ("control_from", &picture.control_from),
            ("addressee_in", &picture.addressee_in),
            ("keys_in", &picture.keys_in),
        ] {
            attributes.insert(name, self.closed(codes));
        }
        attributes.insert("stored_only_in", jurisdictions(&self.world.closure_all(&picture.stored_in)));
        for (name, codes) in
            [("persons_of", &picture.persons_of), ("not_persons_of", &picture.not_persons_of)]
        {
            attributes.insert(name, Value::entities("Jurisdiction", codes));
        }
        // INVARIANT: a promise that was not made is absent, never empty: `containsAll` of nothing is true.
        for (name, codes) in
            [("residency", &picture.residency), ("access_boundary", &picture.access_boundary)]
        {
            if !codes.is_empty() {
                attributes.insert(name, Value::entities("Jurisdiction", codes));
            }
        }
        let kinds = if picture.kinds.is_empty() {
            self.world.facts().ids(crate::law::IdSet::DataKind).clone()
        } else {
            picture.kinds.clone()
        };
        attributes.insert("data_kinds", Value::entities("DataKind", kinds));
        attributes.insert("sectors", Value::entities("Sector", &picture.sectors));
        attributes.insert(
            "categories",
            Value::entities("Category", picture.categories.iter().map(ToString::to_string)),
        );
        let dynamic = self.resolved.holding.location_dynamic.unwrap_or(false);
        attributes.insert("location_dynamic", Value::Bool(dynamic));
        attributes.insert("subject_count", Value::long(picture.subject_count));
        attributes.insert("controller", Value::Bool(picture.controller));
        attributes.insert("processor", Value::Bool(picture.processor));
        attributes.insert("customer_keys", Value::Bool(picture.customer_keys));
        entity.tags = self.resolved.holding.labels.iter().cloned().collect();
        entity
    }

    fn movement(&self, point: &Point) -> BTreeMap<&'static str, Value> {
        let mut context = self.common(point);
        let picture = self.picture;
        let transfer = self.question.transfer.clone().unwrap_or_default();
        for kind in self.world.facts().kinds_between(Between::LawAndPlace) {
            // The schema names the kinds; one that it does not know fails its check, and so fails closed.
            if let Some(name) = MOVE_KINDS.iter().find(|known| **known == kind) {
                context.insert(name, standing(point, kind));
            }
        }
        context.insert("mechanisms", Value::entities("Mechanism", &point.mechanisms));
        context.insert("safeguards", Value::entities("Safeguard", &picture.safeguards));
        context.insert("mode", Value::entity("Mode", picture.mode.clone()));
        context.insert("systematic", Value::Bool(self.world.facts().is_systematic(&picture.mode)));
        context.insert("purpose", Value::Text(picture.purpose.clone()));
        context.insert("approved", Value::Bool(self.approval(point).is_some()));
        let count = |stated: Option<u64>| Value::long(stated.unwrap_or(picture.subject_count));
        context.insert("subjects_past_12_months", count(transfer.subjects_past_12_months));
        context.insert("subjects_year_to_date", count(transfer.subjects_year_to_date));
        let flags =
            self.resolved.process.as_ref().map(|process| process.flags.as_slice()).unwrap_or_default();
        context.insert("flags", Value::entities("Flag", flags));
        context
    }

    fn common(&self, point: &Point) -> BTreeMap<&'static str, Value> {
        let regimes = |keep: fn(&crate::law::Governing) -> bool| {
            Value::entities(
                "Regime",
                point.governing.iter().filter(|regime| keep(regime)).map(|regime| regime.id.clone()),
            )
        };
        BTreeMap::from([
            ("place", jurisdictions(&point.place)),
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
        context.insert("restricted", Value::entities("Regime", point.restricted()));
        context.insert("open", Value::entities("Regime", self.open(point)));
        context.insert("lifted", Value::entities("Regime", &point.lifted));
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
            context.insert(kind, Value::entities("RelationState", point.demand_states(kind)));
        }
        let consent = self.consent(category);
        context.insert(
            "transfer_ground",
            Value::Bool(consent.is_some_and(|consent| !consent.transfer_ground.is_empty())),
        );
        context.insert("consent", Value::Bool(consent.is_some()));
        let process = self.resolved.process.clone().unwrap_or_default();
        let emergency = process.danger_to_life == Some(true) && process.credible == Some(true);
        context.insert("emergency", Value::Bool(emergency));
        context.insert("process", self.process(point, category));
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

    fn process(&self, point: &Point, category: Category) -> Value {
        let process = self.resolved.process.clone().unwrap_or_default();
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
            ("basis", Value::entities("RelationState", derived.basis.iter().copied())),
            ("unmet", Value::entities("Condition", &derived.unmet)),
            (
                "system",
                jurisdictions(if derived.executed_by.is_empty() {
                    &derived.issuing
                } else {
                    &derived.executed_by
                }),
            ),
            ("issuing", jurisdictions(&derived.issuing)),
            ("executed_by", jurisdictions(&derived.executed_by)),
            ("served_in", self.closed(&served)),
            ("forum", jurisdictions(&derived.forum)),
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
            ("flags", Value::entities("Flag", &process.flags)),
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

fn standing(point: &Point, kind: &str) -> Value {
    let regimes = |states: &[RelationState]| Value::entities("Regime", point.regimes_by(kind, states));
    Value::Record(BTreeMap::from([
        ("usable", regimes(&[RelationState::InForce])),
        ("condition_unmet", regimes(&[RelationState::ConditionUnmet])),
        ("invalidated", regimes(&[RelationState::Invalidated])),
        ("ended", regimes(&[RelationState::Ended, RelationState::Suspended])),
        ("not_yet", regimes(&[RelationState::NotYet, RelationState::Future])),
    ]))
}

fn jurisdictions(codes: &Codes) -> Value {
    Value::entities("Jurisdiction", codes)
}

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
