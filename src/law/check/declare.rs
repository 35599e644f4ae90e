//! The first pass: every id is declared, so that a row may name one of any file.

use super::{At, Check};
use crate::law::facts::{FactsFile, Grouping, Instrument, Jurisdiction};
use crate::law::rows::{RouteKind, WordRow};
use crate::law::vocabulary::IdSet;

impl Check<'_> {
    /// First pass: ids.
    pub fn declare(&mut self, file: &str, text: &str, rows: &FactsFile) {
        let at = |offset| At { file, text, offset };
        for row in &rows.grouping {
            let id = row.id.get_ref();
            let interval =
                self.dated(at(row.id.span().start), id, row.from.as_deref(), row.until.as_deref(), None);
            let grouping = Grouping { interval, circuit: row.court_circuit.clone() };
            if self.facts.groupings.insert(id.clone(), grouping).is_some() {
                self.fault(at(row.id.span().start), format!("grouping `{id}` is declared twice"));
            }
        }
        for row in &rows.jurisdiction {
            let code = row.code.get_ref();
            let jurisdiction = Jurisdiction {
                name: row.name.clone(),
                level: row.level,
                parent: row.parent.clone(),
                memberships: Vec::new(),
            };
            if self.facts.jurisdictions.insert(code.clone(), jurisdiction).is_some() {
                self.fault(at(row.code.span().start), format!("jurisdiction `{code}` is declared twice"));
            }
            for alias in &row.aliases {
                self.facts.aliases.insert(alias.clone(), code.clone());
            }
        }
        for row in &rows.alias {
            self.facts.aliases.insert(row.code.get_ref().clone(), row.is.clone());
        }
        for row in &rows.relation_kind {
            self.declare_id(at(row.id.span().start), IdSet::RelationKind, row.id.get_ref());
            self.facts.relation_kinds.insert(row.id.get_ref().clone(), row.between);
        }
        for row in &rows.instrument {
            let id = row.id.get_ref();
            self.declare_id(at(row.id.span().start), IdSet::Instrument, id);
            let instrument = Instrument {
                own: row.own,
                under: row.under.clone(),
                legal_process: row.legal_process,
                executed: row.executed,
                preserves: row.preserves,
            };
            self.facts.messages.insert((IdSet::Instrument, id.clone()), row.name.clone());
            self.facts.instruments.insert(id.clone(), instrument);
        }
        for (set, words) in [
            (IdSet::Safeguard, &rows.safeguard),
            (IdSet::Sector, &rows.sector),
            (IdSet::Mode, &rows.mode),
            (IdSet::DataKind, &rows.data_kind),
            (IdSet::Issuer, &rows.issuer),
            (IdSet::Flag, &rows.flag),
            (IdSet::Reason, &rows.reason),
            (IdSet::Obligation, &rows.obligation),
            (IdSet::Route, &rows.route),
            (IdSet::NextStep, &rows.next_step),
            (IdSet::Outcome, &rows.outcome),
        ] {
            words.iter().for_each(|row| self.declare_word(at(row.id.span().start), set, row));
        }
        for row in &rows.condition {
            self.declare_id(at(row.id.span().start), IdSet::Condition, row.id.get_ref());
            self.conditions.push(row.clone());
        }
        for row in &rows.relation {
            self.declare_id(at(row.span().start), IdSet::Relation, &row.get_ref().id);
        }
        for row in &rows.mechanism {
            self.declare_id(at(row.span().start), IdSet::Mechanism, &row.get_ref().id);
        }
        for row in &rows.regime {
            self.declare_id(at(row.span().start), IdSet::Regime, &row.get_ref().id);
        }
    }

    fn declare_word(&mut self, at: At<'_>, set: IdSet, row: &WordRow) {
        let id = row.id.get_ref().clone();
        self.declare_id(at, set, &id);
        if row.name.is_empty() {
            self.fault(at, format!("{} `{id}` has no name or message", set.noun()));
        }
        if row.counts_as.is_some_and(|counts_as| !counts_as.fits(set)) {
            self.fault(at, format!("no {} counts as that", set.noun()));
        }
        if set != IdSet::Outcome && !row.fulfils.is_empty() {
            self.fault(at, format!("{} `{id}` fulfils nothing: only an outcome does", set.noun()));
        }
        let facts = &mut *self.facts;
        facts.counted.extend(row.counts_as.map(|counts_as| ((set, id.clone()), counts_as)));
        facts.messages.insert((set, id.clone()), row.name.clone());
        facts.implies.insert((set, id.clone()), row.implies.clone());
        match set {
            IdSet::Sector => {
                facts.sector_kinds.insert(id, row.implied_by.clone());
            }
            IdSet::Mode if row.systematic => {
                facts.systematic.insert(id);
            }
            IdSet::NextStep => facts.next_steps.push(id),
            IdSet::Outcome => {
                facts.fulfils.insert(id, row.fulfils.clone());
            }
            IdSet::Route => {
                let route = RouteKind {
                    id: id.clone(),
                    message: row.name.clone(),
                    carried_by: row.carried_by.clone(),
                };
                facts.routes.insert(id, route);
            }
            _ => {}
        }
    }
}
