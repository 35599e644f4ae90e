//! Which regimes govern a holding, at an instant, towards a place.
//!
//! Of a regime's links any one suffices; each of its limits must hold too. Where data is, whose citizens
//! the people are, where the provider is established and from where it is controlled are separate facts,
//! and each regime says which of them counts.

use std::collections::BTreeSet;

use super::places::Codes;
use super::rows::Limit;
use super::world::World;

/// The links that a regime may name.
pub(super) const LINKS: &[&str] = &[
    "stored_in",
    "collected_in",
    "subject_located_in",
    "subject_citizen_of",
    "controller_established_in",
    "processor_established_in",
    "provider_subject_to_jurisdiction",
    "offers_service_in",
    "targets_market",
    "customer_public_body",
    "forum",
    "question",
];

/// The facts that decide which regimes govern. Lists are codes as stated, not closed upward.
#[derive(Clone, Debug, Default)]
pub struct Circumstances {
    /// For each link of a regime, the codes that it holds for.
    pub links: Vec<(&'static str, Vec<String>)>,
    /// Whether it is a demand for data, not a move of it: each brings in regimes by itself.
    pub demand: bool,
    /// The kinds of data, closed upward, and its categories; empty: any.
    pub scope: BTreeSet<String>,
    /// The regulated sectors.
    pub sectors: BTreeSet<String>,
    /// Whose protected persons the people are known not to be.
    pub not_persons_of: BTreeSet<String>,
    /// The place, closed upward.
    pub place: Codes,
    /// The instrument of the process; empty: none.
    pub instrument: String,
}

/// A regime that governs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Governing {
    /// Its id.
    pub id: String,
    /// Whether it has lapsed, and is relied on all the same.
    pub lapsed: bool,
    /// Whether the place lies outside its territory.
    pub leaves: bool,
    /// Whether it restricts what leaves its territory.
    pub restricts: bool,
    /// Its own jurisdictions, to look for its relations to a place.
    pub jurisdictions: Codes,
}

impl World {
    /// The regimes that govern in these circumstances, in order of declaration.
    #[must_use]
    pub fn governing(&self, circumstances: &Circumstances) -> Vec<Governing> {
        let links: Vec<(&str, Codes)> =
            circumstances.links.iter().map(|(link, codes)| (*link, self.closure_any(codes))).collect();
        let codes = links.iter().flat_map(|(link, codes)| codes.iter().map(move |code| (*link, code)));
        let candidates = self.epoch.regimes.candidates(circumstances, codes);
        candidates
            .into_iter()
            .filter_map(|(number, matched)| self.governs(number, &matched, circumstances))
            .collect()
    }

    /// `matched`: its jurisdictions that a link of its own holds for.
    fn governs(
        &self,
        number: usize,
        matched: &BTreeSet<&String>,
        facts: &Circumstances,
    ) -> Option<Governing> {
        let row = &self.facts.regimes.get(number)?.row;
        let current = self.epoch.regimes.get(number)?;
        let used = row.instruments.contains(&facts.instrument);
        if current.lapsed && !used {
            return None;
        }
        let settings = &self.facts.settings;
        let of_question = if facts.demand { &settings.demand_regimes } else { &settings.move_regimes };
        let by_question = of_question.contains(&row.id);
        let linked = !matched.is_empty() || by_question || (row.links.is_empty() && !row.limits.is_empty());
        let limited = row.limits.iter().all(|limit| match limit {
            Limit::Sector(_) => row.sector.iter().any(|sector| facts.sectors.contains(sector)),
            Limit::PersonsOf(state) => !facts.not_persons_of.contains(state),
            Limit::DestinationIn(group) => facts.place.contains(group),
        });
        let in_scope =
            facts.scope.is_empty() || row.data_scope.iter().any(|scope| facts.scope.contains(scope));
        // An instrument's own regime is named when it is used, even for a category beyond its scope.
        let governs = linked && limited && in_scope;
        if !used && !governs {
            return None;
        }
        let everywhere = row.jurisdictions.iter().any(|code| code == "*");
        let inside = |code: &str| facts.place.contains(code);
        let leaves = match row.territory.as_str() {
            _ if everywhere => false,
            "each" => matched.iter().any(|code| !inside(code)),
            _ => !current.jurisdictions.iter().any(|code| inside(code)),
        };
        let rule = row.transfer_rule();
        let open = &self.facts.settings.open_transfer_rules;
        Some(Governing {
            id: row.id.clone(),
            lapsed: current.lapsed,
            leaves,
            restricts: !rule.is_empty() && !open.iter().any(|known| known == rule),
            jurisdictions: match row.territory.as_str() {
                "each" => matched.iter().map(|code| (*code).clone()).collect(),
                _ => row.jurisdictions.iter().cloned().collect(),
            },
        })
    }

    /// The kinds of data with all that they imply.
    #[must_use]
    pub fn kinds_closed<'a>(&self, kinds: impl IntoIterator<Item = &'a String>) -> BTreeSet<String> {
        self.facts.closed(super::IdSet::DataKind, kinds)
    }

    /// The sectors as stated, with those that a kind of data stands for.
    #[must_use]
    pub fn sectors_closed(&self, sectors: &[String], kinds: &BTreeSet<String>) -> BTreeSet<String> {
        let implied =
            self.facts.sector_kinds.iter().filter(|(_, by)| by.iter().any(|kind| kinds.contains(kind)));
        sectors.iter().cloned().chain(implied.map(|(sector, _)| sector.clone())).collect()
    }

    /// The safeguards as stated, with those that they imply.
    #[must_use]
    pub fn safeguards_closed<'a>(&self, words: impl IntoIterator<Item = &'a String>) -> BTreeSet<String> {
        self.facts.closed(super::IdSet::Safeguard, words)
    }
}
