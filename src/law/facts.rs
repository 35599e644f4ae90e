//! The facts of a bundle, loaded and indexed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::calendar::{Interval, parse_instant};
use super::check;
use super::condition::Condition;
use super::index::Index;
use super::places::Codes;
use super::rows::{
    Absence, AliasRow, ConditionRow, CountsAs, GroupingRow, InstrumentRow, JurisdictionRow, Level, Mechanism,
    NotARule, Regime, RegionRow, Relation, RelationKindRow, ReviewRow, RouteKind, SettingsRow, WordRow,
};
use super::vocabulary::IdSet;
use super::world::Epoch;
use crate::domain::{Confidence, Fault, Files};

/// How sure a fact is, and when it must be looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reviewed {
    /// How sure it is.
    pub confidence: Confidence,
    /// From this instant, an answer that turns on it says that it is overdue for review.
    pub review_by: Option<Timestamp>,
}

/// What the facts say of an instrument.
#[derive(Clone, Copy, Debug)]
pub struct InstrumentFact<'a> {
    /// The demanding state's own, under no treaty or agreement.
    pub own: bool,
    /// A legal process, not a mere request.
    pub legal_process: bool,
    /// It preserves and discloses nothing.
    pub preserves: bool,
    /// Another state than the one that asks executes it, by its own law.
    pub executed: bool,
    /// The relation kind that it stands under; `comity` where none is needed.
    pub under: Option<&'a str>,
}

pub(super) struct RelationFact {
    pub row: Arc<Relation>,
    /// Its ends, and the groupings that stand with them.
    pub parties: Arc<Codes>,
    pub interval: Interval,
    pub signed: Option<Timestamp>,
    pub conditions: Vec<Condition>,
    pub reviewed: Reviewed,
}

pub(super) struct RegimeFact {
    pub row: Regime,
    pub interval: Interval,
    pub phases: Vec<(String, Interval)>,
    pub reviewed: Reviewed,
}

pub(super) struct MechanismFact {
    pub row: Mechanism,
    pub interval: Interval,
    pub reviewed: Reviewed,
}

pub(super) struct Jurisdiction {
    pub name: String,
    pub level: Level,
    pub parent: Option<String>,
    pub memberships: Vec<(String, Interval)>,
}

pub(super) struct Grouping {
    pub interval: Interval,
    pub circuit: Option<String>,
}

pub(super) struct Instrument {
    pub own: bool,
    pub under: Option<String>,
    pub legal_process: bool,
    pub preserves: bool,
    pub executed: bool,
}

pub(super) struct Settings {
    pub max_age: u32,
    pub max_age_zero_for: Vec<String>,
    pub overdue_denies: Vec<String>,
    pub open_transfer_rules: Vec<String>,
    pub presumed_mode: String,
    pub first_storage_mode: String,
    pub move_regimes: Vec<String>,
    pub demand_regimes: Vec<String>,
}

/// The facts of a bundle. Behind [`Facts::load`] every id is declared and nothing dangles.
pub struct Facts {
    pub(super) version: String,
    pub(super) jurisdictions: HashMap<String, Jurisdiction>,
    pub(super) groupings: HashMap<String, Grouping>,
    pub(super) aliases: HashMap<String, String>,
    pub(super) relations: Vec<RelationFact>,
    pub(super) regimes: Vec<RegimeFact>,
    pub(super) mechanisms: Vec<MechanismFact>,
    pub(super) regions: HashMap<String, Vec<String>>,
    pub(super) instruments: HashMap<String, Instrument>,
    pub(super) sets: BTreeMap<IdSet, BTreeSet<String>>,
    pub(super) implies: HashMap<(IdSet, String), Vec<String>>,
    pub(super) sector_kinds: HashMap<String, Vec<String>>,
    pub(super) systematic: BTreeSet<String>,
    pub(super) messages: HashMap<(IdSet, String), String>,
    pub(super) counted: HashMap<(IdSet, String), CountsAs>,
    pub(super) routes: BTreeMap<String, RouteKind>,
    pub(super) next_steps: Vec<String>,
    pub(super) fulfils: BTreeMap<String, Vec<String>>,
    pub(super) relation_kinds: BTreeMap<String, super::rows::Between>,
    pub(super) absences: Vec<Absence>,
    pub(super) not_rules: Vec<NotARule>,
    pub(super) settings: Settings,
    pub(super) boundaries: Vec<Timestamp>,
    /// Every instant from which a fact is overdue for review, in order.
    pub(super) reviews: Vec<Timestamp>,
    pub(super) index: Index,
    epochs: Vec<OnceLock<Arc<Epoch>>>,
}

/// Every file of `facts/`, by the tables that it may hold.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FactsFile {
    pub review: ReviewRow,
    pub grouping: Vec<GroupingRow>,
    pub jurisdiction: Vec<JurisdictionRow>,
    pub alias: Vec<AliasRow>,
    pub relation: Vec<toml::Spanned<Relation>>,
    pub mechanism: Vec<toml::Spanned<Mechanism>>,
    pub regime: Vec<toml::Spanned<Regime>>,
    pub region: Vec<RegionRow>,
    pub instrument: Vec<InstrumentRow>,
    pub safeguard: Vec<WordRow>,
    pub sector: Vec<WordRow>,
    pub mode: Vec<WordRow>,
    pub data_kind: Vec<WordRow>,
    pub issuer: Vec<WordRow>,
    pub flag: Vec<WordRow>,
    pub reason: Vec<WordRow>,
    pub obligation: Vec<WordRow>,
    pub route: Vec<WordRow>,
    pub next_step: Vec<WordRow>,
    pub outcome: Vec<WordRow>,
    pub relation_kind: Vec<RelationKindRow>,
    pub condition: Vec<ConditionRow>,
    pub absence: Vec<toml::Spanned<Absence>>,
    pub not_a_rule: Vec<toml::Spanned<NotARule>>,
    pub settings: Vec<SettingsRow>,
}

impl Facts {
    /// Reads and checks every `facts/*.toml` of a bundle.
    ///
    /// # Errors
    /// Every fault found, each with its file and line.
    pub fn load(files: &Files) -> Result<Self, Vec<Fault>> {
        let mut digest = Sha256::new();
        let mut parsed = Vec::new();
        let mut faults = Vec::new();
        for (path, text) in files.iter().filter(|(path, _)| path.starts_with("facts/") && is_toml(path)) {
            digest.update((path.len() as u64).to_be_bytes());
            digest.update(path);
            digest.update((text.len() as u64).to_be_bytes());
            digest.update(text.as_bytes());
            match toml::from_str::<FactsFile>(text) {
                Ok(file) => parsed.push((path.as_str(), text.as_ref(), file)),
                Err(error) => {
                    let offset = error.span().map_or(0, |span| span.start);
                    faults.push(Fault::at(path, text, offset, error.message().to_owned()));
                }
            }
        }
        if parsed.is_empty() && faults.is_empty() {
            faults.push(Fault::of_file("facts", "the bundle has no facts").help("add facts/*.toml"));
        }
        let mut facts = Self::empty(hex(&digest.finalize()));
        let mut check = check::Check::new(&mut facts, faults);
        parsed.iter().for_each(|(path, text, file)| check.declare(path, text, file));
        parsed.iter().for_each(|(path, text, file)| check.take(path, text, file));
        let faults = check.finish();
        if !faults.is_empty() {
            return Err(faults);
        }
        facts.reviews = facts.reviews();
        facts.index = Index::of(&facts);
        facts.epochs = std::iter::repeat_with(OnceLock::new).take(facts.boundaries.len() + 1).collect();
        Ok(facts)
    }

    fn empty(version: String) -> Self {
        Self {
            version,
            jurisdictions: HashMap::new(),
            groupings: HashMap::new(),
            aliases: HashMap::new(),
            relations: Vec::new(),
            regimes: Vec::new(),
            mechanisms: Vec::new(),
            regions: HashMap::new(),
            instruments: HashMap::new(),
            sets: BTreeMap::new(),
            implies: HashMap::new(),
            sector_kinds: HashMap::new(),
            systematic: BTreeSet::new(),
            messages: HashMap::new(),
            counted: HashMap::new(),
            routes: BTreeMap::new(),
            next_steps: Vec::new(),
            fulfils: BTreeMap::new(),
            relation_kinds: BTreeMap::new(),
            absences: Vec::new(),
            not_rules: Vec::new(),
            settings: Settings {
                max_age: 0,
                max_age_zero_for: Vec::new(),
                overdue_denies: Vec::new(),
                open_transfer_rules: Vec::new(),
                presumed_mode: String::new(),
                first_storage_mode: String::new(),
                move_regimes: Vec::new(),
                demand_regimes: Vec::new(),
            },
            boundaries: Vec::new(),
            reviews: Vec::new(),
            index: Index::default(),
            epochs: Vec::new(),
        }
    }

    /// Digest of the facts, in hexadecimal.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What holds at an instant. Built once for each interval between two boundaries.
    pub(super) fn epoch(&self, at: Timestamp) -> Arc<Epoch> {
        let index = self.boundaries.partition_point(|boundary| *boundary <= at);
        match self.epochs.get(index) {
            Some(slot) => Arc::clone(slot.get_or_init(|| Arc::new(Epoch::build(self, index)))),
            None => Arc::new(Epoch::build(self, index)),
        }
    }

    /// Every instant at which something begins or ends, in order.
    #[must_use]
    pub fn boundaries(&self) -> &[Timestamp] {
        &self.boundaries
    }

    /// Every regime, in order of declaration.
    pub fn regimes(&self) -> impl Iterator<Item = (&Regime, Interval)> {
        self.regimes.iter().map(|fact| (&fact.row, fact.interval))
    }

    /// A regime by its id.
    #[must_use]
    pub fn regime(&self, id: &str) -> Option<&Regime> {
        Some(&self.regimes.get(self.index.regime(id)?)?.row)
    }

    /// Every relation, in order of declaration.
    pub fn relations(&self) -> impl Iterator<Item = (&Relation, Interval)> {
        self.relations.iter().map(|fact| (&*fact.row, fact.interval))
    }

    /// Every mechanism, in order of declaration.
    pub fn mechanisms(&self) -> impl Iterator<Item = (&Mechanism, Interval)> {
        self.mechanisms.iter().map(|fact| (&fact.row, fact.interval))
    }

    /// The name of a declared jurisdiction; the code itself where none is declared.
    #[must_use]
    pub fn place_name<'a>(&'a self, code: &'a str) -> &'a str {
        self.jurisdictions.get(code).map_or(code, |jurisdiction| &jurisdiction.name)
    }

    /// How many jurisdictions the facts speak of.
    #[must_use]
    pub fn jurisdiction_count(&self) -> usize {
        self.jurisdictions.len()
    }

    /// The strongest of several next steps, as the facts rank them.
    ///
    /// `None` where there is none to choose from.
    pub fn strongest_next_step<'a>(&self, steps: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
        let rank = |step: &str| self.next_steps.iter().position(|known| known == step).unwrap_or(usize::MAX);
        steps.into_iter().min_by_key(|step| rank(step))
    }

    /// The strongest next step of all: where no policy could be asked, none weaker is safe to name.
    #[must_use]
    pub fn refusal_step(&self) -> &str {
        self.next_steps.first().map_or("", String::as_str)
    }

    /// What the absence of each optional fact means.
    #[must_use]
    pub fn absences(&self) -> &[Absence] {
        &self.absences
    }

    /// What regimes say that no rule of the bundle carries.
    #[must_use]
    pub fn not_rules(&self) -> &[NotARule] {
        &self.not_rules
    }

    /// The relation kinds that are looked for between two ends.
    pub fn kinds_between(&self, between: super::rows::Between) -> BTreeSet<&str> {
        let kinds = self.relation_kinds.iter().filter(|(_, known)| **known == between);
        kinds.map(|(kind, _)| kind.as_str()).collect()
    }

    /// The longest that an answer to this action may be used, in seconds.
    #[must_use]
    pub fn max_age(&self, action: &str) -> u32 {
        if self.settings.max_age_zero_for.iter().any(|zero| zero == action) {
            0
        } else {
            self.settings.max_age
        }
    }

    /// Whether an answer to this action that turns on a fact overdue for review is a denial.
    #[must_use]
    pub fn overdue_denies(&self, action: &str) -> bool {
        self.settings.overdue_denies.iter().any(|denied| denied == action)
    }
}

fn is_toml(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, extension)| extension == "toml")
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        use std::fmt::Write;
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Reads an interval of a row; a date that cannot be read is a fault of that row.
pub(super) fn interval(
    from: Option<&str>,
    until: Option<&str>,
    zone: Option<&str>,
) -> Result<Interval, String> {
    let read = |text: Option<&str>| text.map(|text| parse_instant(text, zone)).transpose();
    let interval = Interval { from: read(from)?, until: read(until)? };
    if interval.is_ordered() { Ok(interval) } else { Err(String::from("it ends before it begins")) }
}
