//! The loader's eye: takes the rows of every file, finds each fault, and names its file and line.
//!
//! Two passes: first every id is declared, so that a row may name one of any file; then every row is
//! read, dated and checked against what is declared.

use jiff::Timestamp;
use toml::Spanned;

use super::calendar::{Interval, parse_instant};
use super::condition::Condition;
use super::facts::{Facts, FactsFile, MechanismFact, RegimeFact, RelationFact, Reviewed, Settings, interval};
use super::governs::LINKS;
use super::rows::{Between, ConditionRow, Limit, Regime, ReviewRow};
use super::vocabulary::IdSet;
use crate::domain::{Category, Confidence, Fault, did_you_mean};

mod declare;

pub(super) struct Check<'a> {
    facts: &'a mut Facts,
    faults: Vec<Fault>,
    conditions: Vec<ConditionRow>,
    settings: usize,
}

/// Where a row stands.
#[derive(Clone, Copy)]
struct At<'a> {
    file: &'a str,
    text: &'a str,
    offset: usize,
}

const RELATION_STATUSES: &[&str] =
    &["in_force", "ended", "suspended", "negotiating", "not_in_force", "none", "empty"];

impl<'a> Check<'a> {
    pub fn new(facts: &'a mut Facts, faults: Vec<Fault>) -> Self {
        Self { facts, faults, conditions: Vec::new(), settings: 0 }
    }

    fn fault(&mut self, at: At<'_>, message: impl Into<String>) {
        self.faults.push(Fault::at(at.file, at.text, at.offset, message));
    }

    fn declare_id(&mut self, at: At<'_>, set: IdSet, id: &str) {
        if id.is_empty() {
            self.fault(at, format!("a {} has no id", set.noun()));
        } else if !self.facts.sets.entry(set).or_default().insert(id.to_owned()) {
            self.fault(at, format!("{} `{id}` is declared twice", set.noun()));
        }
    }

    /// Second pass: what rows say.
    pub fn take(&mut self, file: &str, text: &str, rows: &FactsFile) {
        let at = |offset| At { file, text, offset };
        self.take_jurisdictions(file, text, rows);
        for row in rows.route.iter().chain(&rows.sector).chain(&rows.safeguard).chain(&rows.data_kind) {
            let here = at(row.id.span().start);
            row.carried_by.iter().for_each(|kind| self.known(here, IdSet::RelationKind, kind));
            row.implied_by.iter().for_each(|kind| self.known(here, IdSet::DataKind, kind));
        }
        for row in &rows.safeguard {
            row.implies.iter().for_each(|word| self.known(at(row.id.span().start), IdSet::Safeguard, word));
        }
        for row in &rows.outcome {
            let here = at(row.id.span().start);
            row.fulfils.iter().for_each(|duty| self.known(here, IdSet::Obligation, duty));
        }
        for row in &rows.data_kind {
            row.implies.iter().for_each(|word| self.known(at(row.id.span().start), IdSet::DataKind, word));
        }
        rows.relation.iter().for_each(|row| self.take_relation(at(row.span().start), row, &rows.review));
        for row in &rows.mechanism {
            let (here, row) = (at(row.span().start), row.get_ref().clone());
            row.laws.iter().for_each(|law| self.known(here, IdSet::Regime, law));
            row.carried_by.iter().for_each(|word| self.known(here, IdSet::Safeguard, word));
            let interval = self.dated(
                here,
                &row.id,
                row.effective_from.as_deref(),
                row.effective_until.as_deref(),
                None,
            );
            let reviewed = self.reviewed(
                here,
                row.verified,
                row.confidence.as_deref(),
                row.review_by.as_deref(),
                &rows.review,
            );
            self.facts.mechanisms.push(MechanismFact { row, interval, reviewed });
        }
        rows.regime
            .iter()
            .for_each(|row| self.take_regime(at(row.span().start), row.get_ref(), &rows.review));
        for row in &rows.region {
            let here = at(row.id.span().start);
            let places: Vec<String> = row.jurisdiction.iter().chain(&row.jurisdictions).cloned().collect();
            if places.is_empty() || row.jurisdiction.is_some() != row.jurisdictions.is_empty() {
                self.fault(here, "a region has either `jurisdiction` or `jurisdictions`");
            }
            places.iter().for_each(|place| self.place(here, place));
            let places = match row.subdivision.as_str() {
                "" => places,
                subdivision => {
                    self.place(here, subdivision);
                    vec![subdivision.to_owned()]
                }
            };
            if self.facts.regions.insert(row.id.get_ref().to_lowercase(), places).is_some() {
                self.fault(here, format!("region `{}` is declared twice", row.id.get_ref()));
            }
        }
        for row in &rows.absence {
            let absence = row.get_ref();
            if self.facts.absences.iter().any(|known| known.fact == absence.fact) {
                self.fault(
                    at(row.span().start),
                    format!("the absence of `{}` is declared twice", absence.fact),
                );
            }
            self.facts.absences.push(absence.clone());
        }
        for row in &rows.not_a_rule {
            self.known(at(row.span().start), IdSet::Regime, &row.get_ref().regime);
            self.facts.not_rules.push(row.get_ref().clone());
        }
        for row in &rows.settings {
            self.settings += 1;
            self.facts.settings = Settings {
                max_age: row.max_age_seconds,
                max_age_zero_for: row.max_age_zero_for.clone(),
                overdue_denies: row.overdue_denies.clone(),
                open_transfer_rules: row.open_transfer_rules.clone(),
                presumed_mode: row.presumed_mode.clone(),
                first_storage_mode: row.first_storage_mode.clone(),
                move_regimes: row.move_regimes.clone(),
                demand_regimes: row.demand_regimes.clone(),
            };
            let here = At { file, text, offset: 0 };
            [&row.presumed_mode, &row.first_storage_mode]
                .into_iter()
                .for_each(|mode| self.known(here, IdSet::Mode, mode));
            row.move_regimes
                .iter()
                .chain(&row.demand_regimes)
                .for_each(|regime| self.known(here, IdSet::Regime, regime));
        }
    }

    fn take_jurisdictions(&mut self, file: &str, text: &str, rows: &FactsFile) {
        for row in &rows.jurisdiction {
            let here = At { file, text, offset: row.code.span().start };
            let code = row.code.get_ref();
            let private = code.starts_with("X-") || code.contains("-X-");
            if !private && !super::vocabulary::is_iso(code) {
                self.fault(
                    here,
                    format!("`{code}` is not in ISO 3166, and not a private code (X-... or CC-X-...)"),
                );
            }
            if let Some(parent) = &row.parent
                && !self.facts.jurisdictions.contains_key(parent)
            {
                self.fault(here, format!("`{code}` has the parent `{parent}`, which is not declared"));
            }
            let mut memberships = Vec::new();
            for membership in &row.memberships {
                if !self.facts.groupings.contains_key(&membership.group) {
                    let near = crate::domain::near(
                        &membership.group,
                        self.facts.groupings.keys().map(String::as_str),
                    );
                    let hint = did_you_mean(&near);
                    self.fault(
                        here,
                        format!("`{code}` is in `{}`, which is not declared{hint}", membership.group),
                    );
                }
                let interval =
                    self.dated(here, code, membership.from.as_deref(), membership.until.as_deref(), None);
                if membership.status.is_none() {
                    memberships.push((membership.group.clone(), interval));
                }
            }
            if let Some(jurisdiction) = self.facts.jurisdictions.get_mut(code) {
                jurisdiction.memberships = memberships;
            }
        }
        for row in &rows.alias {
            let here = At { file, text, offset: row.code.span().start };
            if !self.facts.is_jurisdiction(&row.is) {
                self.fault(
                    here,
                    format!("`{}` is an alias of `{}`, which is no jurisdiction", row.code.get_ref(), row.is),
                );
            }
        }
    }

    fn take_relation(&mut self, here: At<'_>, row: &Spanned<super::rows::Relation>, review: &ReviewRow) {
        let row = row.get_ref().clone();
        self.known(here, IdSet::RelationKind, &row.kind);
        for place in [&row.from, &row.to].into_iter().chain(&row.extends_from).chain(&row.extends_to) {
            self.place(here, place);
        }
        if !RELATION_STATUSES.contains(&row.status.as_str()) {
            self.fault(
                here,
                format!("status `{}` is not one of {}", row.status, RELATION_STATUSES.join(", ")),
            );
        }
        // Without its end it would count as in force.
        if ["ended", "suspended"].contains(&row.status.as_str()) && row.effective_until.is_none() {
            let message = format!("relation `{}` is {}, but has no `effective_until`", row.id, row.status);
            self.fault(here, message);
        }
        let zone = row.zone.as_deref();
        let interval =
            self.dated(here, &row.id, row.effective_from.as_deref(), row.effective_until.as_deref(), zone);
        let signed = row
            .signed
            .as_deref()
            .and_then(|text| parse_instant(text, zone).map_err(|error| self.fault(here, error)).ok());
        // From the day on which it was signed a relation is no longer one that is only known from later.
        self.facts.boundaries.extend(signed);
        let mut conditions = Vec::new();
        for word in &row.conditions {
            match Condition::read(word, &self.conditions, row.serious_crime_years) {
                Ok(condition) => conditions.push(condition),
                Err(error) => self.fault(here, format!("relation `{}`: {error}", row.id)),
            }
        }
        let reviewed =
            self.reviewed(here, row.verified, row.confidence.as_deref(), row.review_by.as_deref(), review);
        self.facts.relations.push(RelationFact::new(row, interval, signed, conditions, reviewed));
    }

    fn take_regime(&mut self, here: At<'_>, row: &Regime, review: &ReviewRow) {
        row.jurisdictions.iter().filter(|code| *code != "*").for_each(|code| self.place(here, code));
        for link in &row.links {
            if !LINKS.contains(&link.as_str()) {
                let near = crate::domain::near(link, LINKS.iter().copied());
                self.fault(here, format!("regime `{}`: `{link}` is no link{}", row.id, did_you_mean(&near)));
            }
        }
        if row.links.is_empty() && row.limits.is_empty() && row.instruments.is_empty() {
            self.fault(
                here,
                format!("regime `{}` has no link and no limit, so nothing makes it govern", row.id),
            );
        }
        if !["one", "each"].contains(&row.territory.as_str()) {
            self.fault(
                here,
                format!("regime `{}`: territory is `{}`, not one or each", row.id, row.territory),
            );
        }
        for limit in &row.limits {
            match limit {
                Limit::Sector(_) if row.sector.is_empty() => {
                    self.fault(here, format!("regime `{}` is limited to sectors, but names none", row.id));
                }
                Limit::Sector(_) => {}
                Limit::PersonsOf(place) | Limit::DestinationIn(place) => self.place(here, place),
            }
        }
        row.sector.iter().for_each(|sector| self.known(here, IdSet::Sector, sector));
        row.instruments.iter().for_each(|instrument| self.known(here, IdSet::Instrument, instrument));
        row.demand_basis.iter().for_each(|flag| self.known(here, IdSet::Flag, flag));
        for scope in &row.data_scope {
            if scope.parse::<Category>().is_err() {
                self.known(here, IdSet::DataKind, scope);
            }
        }
        if row.data_scope.is_empty() {
            self.fault(here, format!("regime `{}` has no data scope", row.id));
        }
        let zone = row.zone.as_deref();
        let interval =
            self.dated(here, &row.id, row.in_force_from.as_deref(), row.in_force_until.as_deref(), zone);
        let mut phases = Vec::new();
        for phase in &row.phase {
            self.place(here, &phase.jurisdiction);
            let (from, until) = (phase.in_force_from.as_deref(), phase.in_force_until.as_deref());
            phases.push((phase.jurisdiction.clone(), self.dated(here, &row.id, from, until, zone)));
        }
        let reviewed =
            self.reviewed(here, row.verified, row.confidence.as_deref(), row.review_by.as_deref(), review);
        self.facts.regimes.push(RegimeFact { row: row.clone(), interval, phases, reviewed });
    }

    fn known(&mut self, here: At<'_>, set: IdSet, id: &str) {
        if let Err(error) = self.facts.identifier(set, id) {
            self.fault(here, error.to_string());
        }
    }

    fn place(&mut self, here: At<'_>, code: &str) {
        if !self.facts.is_jurisdiction(code) {
            let error = match self.facts.aliases.get(code) {
                Some(canonical) => format!("`{code}` is another name of `{canonical}`; write `{canonical}`"),
                None => {
                    let known = self.facts.jurisdictions.keys().chain(self.facts.groupings.keys());
                    let hint = did_you_mean(&crate::domain::near(code, known.map(String::as_str)));
                    format!(
                        "`{code}` is not a jurisdiction or grouping that the facts or ISO 3166 know{hint}"
                    )
                }
            };
            self.fault(here, error);
        }
    }

    fn dated(
        &mut self,
        here: At<'_>,
        id: &str,
        from: Option<&str>,
        until: Option<&str>,
        zone: Option<&str>,
    ) -> Interval {
        match interval(from, until, zone) {
            Ok(interval) => {
                self.facts.boundaries.extend(interval.boundaries());
                interval
            }
            Err(error) => {
                self.fault(here, format!("`{id}`: {error}"));
                Interval::default()
            }
        }
    }

    fn reviewed(
        &mut self,
        here: At<'_>,
        verified: bool,
        confidence: Option<&str>,
        review_by: Option<&str>,
        file: &ReviewRow,
    ) -> Reviewed {
        let confidence = match (verified, confidence) {
            (true, _) => Confidence::Verified,
            (false, Some("high")) => Confidence::High,
            (false, Some("medium")) => Confidence::Medium,
            (false, Some("low") | None) => Confidence::Low,
            (false, Some(other)) => {
                self.fault(here, format!("confidence `{other}` is not high, medium or low"));
                Confidence::Low
            }
        };
        let read = |text: &str| parse_instant(text, None);
        let review_by: Option<Timestamp> = match review_by.or(file.review_by.as_deref()).map(read) {
            None => None,
            Some(Ok(instant)) => Some(instant),
            Some(Err(error)) => {
                self.fault(here, format!("review_by: {error}"));
                None
            }
        };
        Reviewed { confidence, review_by }
    }

    /// What can only be seen once every file was read.
    pub fn finish(mut self) -> Vec<Fault> {
        let undeclared: Vec<(String, String)> = self
            .facts
            .instruments
            .iter()
            .filter_map(|(id, instrument)| Some((id.clone(), instrument.under.clone()?)))
            .filter(|(_, under)| under != "comity" && !self.facts.relation_kinds.contains_key(under))
            .collect();
        for (id, under) in undeclared {
            self.faults.push(Fault::of_file(
                "facts",
                format!("instrument `{id}` is under `{under}`, which is no relation kind"),
            ));
        }
        if self.settings != 1 {
            let message = format!("the bundle has {} rows of settings, not one", self.settings);
            self.faults.push(
                Fault::of_file("facts", message).help("add one [[settings]] table to facts/settings.toml"),
            );
        }
        if !self.facts.relation_kinds.values().any(|between| *between == Between::LawAndPlace) {
            let message =
                "no relation kind stands between a law and a place, so no transfer could ever be eased";
            self.faults.push(Fault::of_file("facts", message));
        }
        self.facts.boundaries.sort_unstable();
        self.facts.boundaries.dedup();
        self.faults.sort();
        self.faults
    }
}
