//! One point of a question: one place and, for a demand, one category of data. Cedar cannot iterate, so a
//! question over several places is decided once for each, and is ALLOW only if each is.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::picture::{Conditions, Picture, expand};
use super::resolve::Resolved;
use crate::domain::{Action, Category, LegalProcess, Question, RequesterKind};
use crate::law::{Between, Circumstances, Codes, Governing, RelationState, Standing, World};

/// What is asked at one point, and the law that bears on it.
#[derive(Debug)]
pub(super) struct Point {
    /// The place, as a code.
    pub code: String,
    /// The place, closed upward.
    pub place: Codes,
    pub category: Option<Category>,
    pub governing: Vec<Governing>,
    /// Relations between the law of each governing regime and the place.
    pub by_regime: BTreeMap<String, Vec<Standing>>,
    /// Relations between the demanding state and the states of the data, the provider and the addressee.
    pub demand: Vec<Standing>,
    pub mechanisms: BTreeSet<String>,
    pub process: ProcessFacts,
    /// Governing regimes whose state is party to what carries the process: they stand back.
    pub lifted: BTreeSet<String>,
    /// Every place that matters is one that the facts speak of.
    pub recorded: bool,
}

/// What is derived of the process.
#[derive(Debug, Default)]
pub(super) struct ProcessFacts {
    pub issuing: Codes,
    pub executed_by: Codes,
    pub forum: Codes,
    pub own: bool,
    pub legal: bool,
    pub preserves: bool,
    pub consistent: bool,
    /// Issued by an authority of a part of a state.
    pub by_subdivision: bool,
    /// Its day of issue is still to come.
    pub not_yet_issued: bool,
    pub basis: BTreeSet<&'static str>,
    pub unmet: BTreeSet<String>,
    /// The parties to the relation in force that it stands under; none for a state's own order.
    pub parties: Codes,
    pub copy_in_place: bool,
    /// A copy is in the demanding state, or with one of the parties.
    pub copy_in_reach: bool,
    /// The same for what the provider stands under.
    pub control_in_reach: bool,
    pub only_in_place: bool,
    pub control_in_place: bool,
    pub subjects_in_place: bool,
}

/// Whether an action is a demand for data, not a move of it.
pub(super) fn is_demand(action: Action) -> bool {
    matches!(action, Action::Disclose | Action::Preserve | Action::SurrenderKey)
}

/// The places that a question is decided for, each by itself.
pub(super) fn places(question: &Question, resolved: &Resolved, world: &World) -> Vec<String> {
    let facts = world.facts();
    let process = resolved.process.as_deref().filter(|_| is_demand(resolved.action));
    // What another state executes is that state's own act: it is its place that is asked about.
    let executing = process.map(|process| executing(question, process, world)).unwrap_or_default();
    let mut codes = if executing.is_empty() { vec![question.jurisdiction.clone()] } else { executing };
    // Who reaches in from elsewhere reaches from there too; what a third party receives is also where it is.
    let requester = &resolved.requester;
    let receivers = match resolved.action {
        Action::Access => vec![&**requester],
        Action::Transfer => {
            let asks = (requester.kind == RequesterKind::Recipient).then_some(&**requester);
            asks.into_iter().chain(resolved.recipient.as_deref()).collect()
        }
        Action::Disclose | Action::Preserve | Action::SurrenderKey => Vec::new(),
    };
    let stated = receivers.iter().map(|party| &party.jurisdiction).filter(|code| !code.is_empty());
    codes.extend(stated.cloned());
    let mut places = expand(facts, &codes);
    places.sort();
    places.dedup();
    places
}

impl Point {
    pub fn of(
        question: &Question,
        resolved: &Resolved,
        picture: &Picture,
        world: &World,
        code: &str,
        category: Option<Category>,
        at: Timestamp,
    ) -> Self {
        let facts = world.facts();
        let process = resolved.process.as_deref();
        let place = world.closure(code);
        let state = facts.state_of(code);
        let conditions = Conditions { picture, process };
        let mut derived = ProcessFacts::default();
        let mut demand = Vec::new();
        if is_demand(resolved.action) {
            let stored = world.closure_any(&picture.stored_in);
            derived.copy_in_place = stored.contains(&state);
            derived.only_in_place = world.closure_all(&picture.stored_in).contains(&state);
            derived.control_in_place = world.closure_any(picture.provider_places()).contains(&state);
            derived.subjects_in_place =
                picture.subjects_stated && world.closure_all(&picture.subject_locations).contains(&state);
            demand = demand_standings(question, process, picture, world, code, &conditions);
            derived.of_process(question, resolved, world, &demand, at);
            let of_party = |code: &String| !world.closure(code).is_disjoint(&derived.parties);
            derived.copy_in_reach = derived.copy_in_place || picture.stored_in.iter().any(of_party);
            derived.control_in_reach = derived.control_in_place || picture.provider_places().any(of_party);
        }
        let mut scope: BTreeSet<String> = picture.kinds.clone();
        if !picture.kinds.is_empty() {
            match category {
                Some(category) => {
                    scope.insert(category.to_string());
                }
                None => scope.extend(picture.categories.iter().map(ToString::to_string)),
            }
        }
        let circumstances = Circumstances {
            links: picture.links(&derived.forum),
            demand: is_demand(resolved.action),
            scope,
            sectors: picture.sectors.clone(),
            not_persons_of: picture.not_persons_of.iter().cloned().collect(),
            place: place.clone(),
            instrument: process.map(|process| process.instrument.clone()).unwrap_or_default(),
        };
        let governing = world.governing(&circumstances);
        let crosses = picture.stored_in.is_empty()
            || picture.stored_in.iter().any(|code| facts.state_of(code) != state)
            || governing.iter().any(|regime| regime.leaves);
        let by_regime = governing
            .iter()
            .filter(|_| crosses)
            .map(|regime| {
                (
                    regime.id.clone(),
                    world.standings(&regime.jurisdictions, &place, Between::LawAndPlace, &conditions),
                )
            })
            .filter(|(_, standings)| !standings.is_empty())
            .collect();
        let stands_back = |regime: &&Governing| {
            regime.jurisdictions.iter().any(|code| world.is_among(code, &derived.parties))
        };
        let lifted = governing.iter().filter(stands_back).map(|regime| regime.id.clone()).collect();
        let recorded = std::iter::once(code).chain(picture.stored_in.iter().map(String::as_str));
        let recorded = recorded.into_iter().all(|code| facts.is_recorded(code));
        Self {
            code: code.to_owned(),
            place,
            category,
            governing,
            by_regime,
            demand,
            mechanisms: world.mechanisms_carried_by(&picture.safeguards),
            process: derived,
            lifted,
            recorded,
        }
    }

    /// The states of the relations of one kind between the demanding state and the others.
    pub fn demand_states(&self, kind: &str) -> BTreeSet<&'static str> {
        let states: BTreeSet<&'static str> = self
            .demand
            .iter()
            .filter(|standing| standing.kind() == kind)
            .map(|standing| standing.state.as_str())
            .collect();
        if states.is_empty() { BTreeSet::from([RelationState::None.as_str()]) } else { states }
    }

    /// The regimes whose standing by one kind of relation is in one of these states, where no better one is.
    pub fn regimes_by(&self, kind: &str, wanted: &[RelationState]) -> BTreeSet<&str> {
        let mut regimes = BTreeSet::new();
        for (regime, standings) in &self.by_regime {
            let states: BTreeSet<RelationState> = standings
                .iter()
                .filter(|standing| standing.kind() == kind)
                .map(|standing| standing.state)
                .collect();
            let best = [RelationState::InForce, RelationState::ConditionUnmet];
            let holds = match best.iter().find(|state| states.contains(state)) {
                Some(best) => wanted.contains(best),
                None => wanted.iter().any(|state| states.contains(state)),
            };
            if holds {
                regimes.insert(regime.as_str());
            }
        }
        regimes
    }

    /// Governing regimes that restrict what leaves for the place, whose territory it is outside of, and that do
    /// not stand back.
    pub fn restricted(&self) -> BTreeSet<&str> {
        let restricted =
            self.governing.iter().filter(|regime| regime.leaves && regime.restricts && !regime.lapsed);
        restricted.map(|regime| regime.id.as_str()).filter(|id| !self.lifted.contains(*id)).collect()
    }
}

fn demand_standings(
    question: &Question,
    process: Option<&LegalProcess>,
    picture: &Picture,
    world: &World,
    code: &str,
    conditions: &Conditions<'_>,
) -> Vec<Standing> {
    let facts = world.facts();
    let issuing = issuing(question, process, world);
    let from = world.closure_any(&issuing);
    let own: BTreeSet<String> = issuing.iter().map(|code| facts.state_of(code)).collect();
    let foreign = |codes: &[String]| -> Vec<String> {
        codes.iter().filter(|code| !own.contains(&facts.state_of(code))).cloned().collect()
    };
    let mut stored = foreign(&picture.stored_in);
    // The executing state answers for a treaty request.
    stored.extend(foreign(&[code.to_owned()]));
    let provider: Vec<String> = picture.provider_places().chain(&picture.stored_in).cloned().collect();
    let addressee = if picture.addressee_in.is_empty() {
        &picture.provider_established_in
    } else {
        &picture.addressee_in
    };
    let mut standings: Vec<Standing> = Vec::new();
    for (between, side) in [
        (Between::DemandAndStore, stored),
        (Between::DemandAndProvider, foreign(&provider)),
        (Between::DemandAndAddressee, addressee.clone()),
    ] {
        // Each other side by itself: two states that the data lies in are not one.
        for code in &side {
            for standing in world.standings(&from, &world.closure(code), between, conditions) {
                if !standings.iter().any(|known| known.relation() == standing.relation()) {
                    standings.push(standing);
                }
            }
        }
    }
    standings
}

/// Whose law the process was issued under; presumed to be the one that the question invokes.
fn issuing(question: &Question, process: Option<&LegalProcess>, world: &World) -> Vec<String> {
    let stated = process.map(|process| process.issuing_jurisdiction.clone()).filter(|code| !code.is_empty());
    expand(world.facts(), &[stated.unwrap_or_else(|| question.jurisdiction.clone())])
}

/// The state that executes the process, where it is one that another state executes. To say so of a state's own
/// order, or of a request to itself, executes nothing.
fn executing(question: &Question, process: &LegalProcess, world: &World) -> Vec<String> {
    let facts = world.facts();
    if !facts.instrument(&process.instrument).is_some_and(|instrument| instrument.executed) {
        return Vec::new();
    }
    let own: BTreeSet<String> =
        issuing(question, Some(process), world).iter().map(|code| facts.state_of(code)).collect();
    let mut executing = expand(facts, std::slice::from_ref(&process.executed_by_jurisdiction));
    executing.retain(|code| !own.contains(&facts.state_of(code)));
    executing
}

impl ProcessFacts {
    fn of_process(
        &mut self,
        question: &Question,
        resolved: &Resolved,
        world: &World,
        demand: &[Standing],
        at: Timestamp,
    ) {
        let facts = world.facts();
        let process = resolved.process.as_deref().cloned().unwrap_or_default();
        let issuing = issuing(question, Some(&process), world);
        self.issuing = world.closure_any(&issuing);
        let executing = executing(question, &process, world);
        self.executed_by = world.closure_any(&executing);
        self.forum = forum(&process, &issuing, world);
        let instrument = facts.instrument(&process.instrument);
        self.legal = instrument.is_some_and(|instrument| instrument.legal_process);
        self.preserves = instrument.is_some_and(|instrument| instrument.preserves);
        let invoked: Vec<&Standing> =
            demand.iter().filter(|standing| standing.relation() == process.invokes_agreement).collect();
        let under: Vec<&Standing> = match instrument.and_then(|instrument| instrument.under) {
            Some(kind) if process.invokes_agreement.is_empty() => {
                demand.iter().filter(|standing| standing.kind() == kind).collect()
            }
            Some(_) => invoked.clone(),
            None => invoked.clone(),
        };
        // What began after the process was issued does not carry it: waiting gives it no basis.
        let state_of = |standing: &Standing| {
            let older =
                process.issued_at.zip(standing.begins).is_some_and(|(issued, begins)| issued < begins);
            let helps = matches!(standing.state, RelationState::InForce | RelationState::ConditionUnmet);
            if older && helps { RelationState::NotYet } else { standing.state }
        };
        let stands = |state: RelationState| under.iter().any(|standing| state_of(standing) == state);
        let of_agreement = stands(RelationState::InForce) || stands(RelationState::ConditionUnmet);
        let own_instrument = instrument.is_none_or(|instrument| instrument.own);
        // The state's own order is under an agreement only where one is in force.
        self.own = own_instrument && (process.invokes_agreement.is_empty() || !of_agreement);
        self.basis = match instrument.and_then(|instrument| instrument.under) {
            _ if self.own => BTreeSet::from(["own"]),
            Some("comity") if executing.is_empty() => BTreeSet::from([RelationState::None.as_str()]),
            Some("comity") => BTreeSet::from([RelationState::InForce.as_str()]),
            _ if under.is_empty() => BTreeSet::from([RelationState::None.as_str()]),
            _ => under.iter().map(|standing| state_of(standing).as_str()).collect(),
        };
        if !self.own {
            let carrying = under.iter().filter(|standing| state_of(standing) == RelationState::InForce);
            self.parties = carrying.flat_map(|standing| standing.parties.iter().cloned()).collect();
        }
        if !self.basis.contains(RelationState::InForce.as_str()) {
            self.unmet = under.iter().flat_map(|standing| standing.unmet.iter().cloned()).collect();
        }
        self.consistent = consistent(question, resolved, world, &issuing, &executing);
        self.by_subdivision = issuing.iter().any(|code| facts.state_of(code) != *code);
        self.not_yet_issued = process.issued_at.is_some_and(|issued| at < issued);
    }
}

/// Requester and place belong to the state that issued, or to the one that executes.
fn consistent(
    question: &Question,
    resolved: &Resolved,
    world: &World,
    issuing: &[String],
    executing: &[String],
) -> bool {
    let facts = world.facts();
    let belongs = |code: &String| {
        issuing.iter().chain(executing).any(|other| {
            facts.state_of(code) == facts.state_of(other)
                || world.closure(code).contains(other)
                || world.closure(other).contains(code)
        })
    };
    let invoked = expand(facts, std::slice::from_ref(&question.jurisdiction));
    let requester = expand(facts, std::slice::from_ref(&resolved.requester.jurisdiction));
    invoked.iter().chain(&requester).all(belongs)
}

/// The place of the issuing court or agency, with its circuit: the stated one, or that of the place.
fn forum(process: &LegalProcess, issuing: &[String], world: &World) -> Codes {
    let facts = world.facts();
    let place = world.closure_any(issuing);
    let stated = process.court_circuit.as_str();
    if stated.is_empty() {
        return place;
    }
    let other_circuit = |code: &String| facts.is_circuit(code);
    let mut forum: Codes = place.into_iter().filter(|code| !other_circuit(code)).collect();
    forum.extend(facts.circuits(stated));
    forum
}

/// Whole days from one instant to a later one; none where it is not later.
pub(super) fn days_between(from: Timestamp, to: Timestamp) -> i64 {
    (to.as_second().saturating_sub(from.as_second()) / 86_400).max(0)
}
