//! Who asks, for what, and whose it is, in the words of the policies' schema: what every point of a question
//! shares.

use std::collections::BTreeMap;

use super::ask::UNKNOWN;
use super::picture::{Picture, expand};
use super::resolve::Resolved;
use crate::domain::{Question, RequesterKind, Tenant};
use crate::law::{IdSet, World};
use crate::policy::{Bundle, EntityValue, Uid, Value};

/// The entities of a question, but for the regimes that govern at a point.
pub(super) struct Parties {
    pub principal: EntityValue,
    /// The tenant, and what the holding lies in beside its regimes, which the bundle declares. A rule can name a
    /// prefix, but cannot read its facts: the holding has them.
    pub others: Vec<EntityValue>,
    holding: EntityValue,
}

/// What they are made of.
struct Made<'a> {
    bundle: &'a Bundle,
    question: &'a Question,
    resolved: &'a Resolved,
    picture: &'a Picture,
    world: &'a World,
}

impl Parties {
    pub fn of(
        bundle: &Bundle,
        question: &Question,
        resolved: &Resolved,
        picture: &Picture,
        world: &World,
    ) -> Self {
        let made = Made { bundle, question, resolved, picture, world };
        let tenant = made.tenant();
        let holding = made.holding(&tenant.uid);
        let prefixes = question.data_ref.prefixes().skip(1);
        let prefixes = prefixes.map(|prefix| EntityValue::bare(Uid::new("Holding", prefix)));
        let others = std::iter::once(tenant).chain(prefixes).collect();
        Self { principal: made.principal(), others, holding }
    }

    /// The holding, in these regimes.
    pub fn holding_in<'a>(&self, regimes: impl Iterator<Item = &'a str>) -> EntityValue {
        let mut holding = self.holding.clone();
        holding.parents.extend(regimes.map(|regime| Uid::new("Regime", regime)));
        holding
    }
}

impl Made<'_> {
    fn words<'s>(&self, kind: &'static str, ids: impl IntoIterator<Item = &'s String>) -> Value {
        self.bundle.entities(kind, ids.into_iter().map(String::as_str))
    }

    fn closed(&self, codes: &[String]) -> Value {
        self.words("Jurisdiction", &self.world.closure_any(codes))
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
        let places = expand(self.world.facts(), std::slice::from_ref(&requester.jurisdiction));
        let mut entity = EntityValue::bare(Uid::new(kind, requester.id.clone()));
        entity.attributes.insert("jurisdiction", self.closed(&places));
        let certified = self.world.safeguards_closed(&requester.certifications);
        entity.attributes.insert("certifications", self.words("Safeguard", &certified));
        if requester.kind == RequesterKind::Authority {
            let authority = requester.authority_type.map_or(UNKNOWN, crate::domain::AuthorityType::as_str);
            entity.attributes.insert("authority_type", Value::entity("AuthorityType", authority));
        }
        entity.tags = requester.labels.iter().cloned().collect();
        entity
    }

    fn tenant(&self) -> EntityValue {
        let tenant = self.resolved.tenant.as_deref();
        let stated = tenant.map(|tenant| tenant.id.as_str()).filter(|id| !id.is_empty());
        let id = stated.unwrap_or_else(|| self.question.data_ref.tenant());
        let mut entity = EntityValue::bare(Uid::new("Tenant", id));
        let kind = tenant.and_then(|tenant| tenant.kind).map_or(UNKNOWN, crate::domain::TenantType::as_str);
        let known = |fact: fn(&Tenant) -> Option<bool>| Value::Bool(tenant.and_then(fact).unwrap_or(false));
        entity.attributes = BTreeMap::from([
            ("type", Value::entity("TenantType", kind)),
            ("established_in", self.closed(&self.picture.tenant_established_in)),
            ("is_suspect", known(|tenant| tenant.is_suspect)),
            ("redirect_attempted", known(|tenant| tenant.redirect_attempted)),
        ]);
        entity.tags = tenant.map(|tenant| tenant.labels.iter().cloned().collect()).unwrap_or_default();
        entity
    }

    fn holding(&self, tenant: &Uid) -> EntityValue {
        let (picture, data_ref) = (self.picture, &self.question.data_ref);
        let mut entity = EntityValue::bare(Uid::new("Holding", data_ref.as_str()));
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
        let everywhere = self.world.closure_all(&picture.stored_in);
        attributes.insert("stored_only_in", self.words("Jurisdiction", &everywhere));
        for (name, codes) in
            [("persons_of", &picture.persons_of), ("not_persons_of", &picture.not_persons_of)]
        {
            attributes.insert(name, self.words("Jurisdiction", codes));
        }
        // INVARIANT: a promise that was not made is absent, never empty: `containsAll` of nothing is true.
        for (name, codes) in
            [("residency", &picture.residency), ("access_boundary", &picture.access_boundary)]
        {
            if !codes.is_empty() {
                attributes.insert(name, self.words("Jurisdiction", codes));
            }
        }
        let kinds = match picture.kinds.is_empty() {
            true => self.world.facts().ids(IdSet::DataKind),
            false => &picture.kinds,
        };
        let categories = picture.categories.iter().map(|category| category.as_str());
        attributes.insert("data_kinds", self.words("DataKind", kinds));
        attributes.insert("sectors", self.words("Sector", &picture.sectors));
        attributes.insert("categories", self.bundle.entities("Category", categories));
        let dynamic = self.resolved.holding.location_dynamic.unwrap_or(false);
        attributes.insert("location_dynamic", Value::Bool(dynamic));
        attributes.insert("subject_count", Value::long(picture.subject_count));
        attributes.insert("controller", Value::Bool(picture.controller));
        attributes.insert("processor", Value::Bool(picture.processor));
        attributes.insert("customer_keys", Value::Bool(picture.customer_keys));
        entity.tags = self.resolved.holding.labels.iter().cloned().collect();
        entity
    }
}
