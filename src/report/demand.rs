//! A demand: what an authority wants by one process, put together from the decisions and outcomes that are about
//! it. Asked again about the same data, the last answer counts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::{Action, Category, Decision, Disposition, Outcome, Verdict};
use crate::law::{CountsAs, Facts, IdSet, World};

/// What became of a demand; in the order in which it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Fate {
    Full,
    Part,
    Refused,
    Redirected,
    Conflict,
    NoData,
    Withdrawn,
}

/// Where the data was, as seen from the demanding state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Location {
    Inside,
    Both,
    Abroad,
    Unknown,
}

/// What the customer was or is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Notice {
    Given,
    GivenLater,
    Owed,
    Delayed,
    Prohibited,
    None,
}

/// A set of categories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Categories(u8);

/// A demand, as far as the log tells.
#[derive(Clone, Debug)]
pub(super) struct Demand {
    /// Handing over, handing over keys, or preserving.
    pub action: Action,
    /// The demanding state; empty: not known.
    pub state: String,
    /// A declared instrument; empty: none was named.
    pub instrument: String,
    /// What kind of authority; absent: not known.
    pub authority: Option<&'static str>,
    pub tenant: String,
    /// When it was first asked about.
    pub asked_at: Timestamp,
    /// When it was received: as the process says, else when it was first asked about.
    pub received_at: Timestamp,
    /// By the data that it is about.
    pub parts: BTreeMap<String, Part>,
}

/// What was last answered about one part of the data, and what became of that.
#[derive(Clone, Debug)]
pub(super) struct Part {
    decided_at: Timestamp,
    wanted: Categories,
    allowed: Categories,
    decision: Verdict,
    disposition: Disposition,
    to_customer: bool,
    /// States that hold a copy; empty: not known.
    pub stored: BTreeSet<String>,
    location: Location,
    duty: Option<CountsAs>,
    /// The law lets such a demand be counted in wide bands only.
    bands_only: bool,
    /// What the last outcome that says so made of it, when, and about which categories.
    concluded: Option<(CountsAs, Timestamp, Categories)>,
    told: bool,
}

// === impl Categories ===

impl Categories {
    fn of(categories: impl IntoIterator<Item = Category>) -> Self {
        let bit =
            |category| Category::ALL.iter().position(|known| *known == category).map_or(0, |at| 1 << at);
        Self(categories.into_iter().fold(0, |set, category| set | bit(category)))
    }

    const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn iter(self) -> impl Iterator<Item = Category> {
        Category::ALL
            .iter()
            .copied()
            .enumerate()
            .filter(move |(at, _)| self.0 & (1 << at) != 0)
            .map(|(_, category)| category)
    }
}

// === impl Part ===

impl Part {
    fn new(decision: &Decision, state: &str, facts: &Arc<Facts>) -> Self {
        let answer = &decision.answer;
        let verdicts = &answer.category_verdicts;
        let allowed = verdicts.iter().filter(|verdict| verdict.decision == Verdict::Allow);
        let places = decision.holding.iter().flat_map(|holding| &holding.stored_in);
        let places: BTreeSet<String> = places.flat_map(|place| jurisdictions(facts, place)).collect();
        let counted =
            || answer.obligations.iter().filter_map(|duty| facts.counts_as(IdSet::Obligation, &duty.kind));
        // The strictest duty towards the customer is the one that holds.
        let duties = [CountsAs::NoticeProhibited, CountsAs::NoticeDelayed, CountsAs::NoticeDue];
        Self {
            decided_at: answer.decided_at,
            wanted: Categories::of(verdicts.iter().map(|verdict| verdict.category)),
            allowed: Categories::of(allowed.map(|verdict| verdict.category)),
            decision: answer.decision,
            disposition: answer.disposition,
            to_customer: facts.counts_as(IdSet::NextStep, &answer.next_step) == Some(CountsAs::ToCustomer),
            location: location(&World::at(facts, answer.decided_at), state, &places),
            stored: places.iter().map(|place| facts.state_of(place)).collect(),
            duty: duties.into_iter().find(|duty| counted().any(|counted| counted == *duty)),
            bands_only: counted().any(|counted| counted == CountsAs::BandsOnly),
            concluded: None,
            told: false,
        }
    }

    /// What was handed over: as recorded, else as answered.
    fn given(&self) -> Categories {
        match self.concluded {
            Some((CountsAs::Disclosed, _, said)) if said.is_empty() => self.wanted,
            Some((CountsAs::Narrowed, _, said)) if said.is_empty() => self.allowed,
            Some((CountsAs::Disclosed | CountsAs::Narrowed, _, said)) => said.and(self.wanted),
            Some(_) => Categories::default(),
            None => self.allowed,
        }
    }

    fn fate(&self) -> Fate {
        match self.concluded {
            Some((CountsAs::Narrowed, ..)) => Fate::Part,
            Some((CountsAs::Redirected, ..)) => Fate::Redirected,
            Some((CountsAs::NoData, ..)) => Fate::NoData,
            Some((CountsAs::Withdrawn, ..)) => Fate::Withdrawn,
            Some((CountsAs::Disclosed, _, said)) if said.is_empty() => Fate::Full,
            _ if self.given() == self.wanted && !self.wanted.is_empty() => Fate::Full,
            _ if !self.given().is_empty() => Fate::Part,
            None if self.decision == Verdict::Allow => Fate::Full,
            _ if self.disposition == Disposition::ConflictOfLaws => Fate::Conflict,
            None if self.to_customer => Fate::Redirected,
            _ => Fate::Refused,
        }
    }
}

// === impl Demand ===

impl Demand {
    pub fn new(decision: &Decision, facts: &Arc<Facts>) -> Self {
        let question = &decision.question;
        let process = decision.process.as_ref();
        let requester = decision.requester.as_ref();
        let codes = [
            process.map(|process| process.issuing_jurisdiction.as_str()),
            requester.map(|party| party.jurisdiction.as_str()),
            Some(question.requester.jurisdiction.as_str()),
            Some(question.jurisdiction.as_str()),
        ];
        let code = codes.into_iter().flatten().find(|code| !code.is_empty()).unwrap_or_default();
        let state = jurisdictions(facts, code).first().map(|code| facts.state_of(code)).unwrap_or_default();
        let authority = requester.map_or(question.requester.authority_type, |party| party.authority_type);
        Self {
            action: decision.action,
            state,
            instrument: process.map(|process| process.instrument.clone()).unwrap_or_default(),
            authority: authority.map(|authority| authority.as_str()),
            tenant: question.data_ref.tenant().to_owned(),
            asked_at: decision.answer.decided_at,
            received_at: process
                .and_then(|process| process.received_at)
                .unwrap_or(decision.answer.decided_at),
            parts: BTreeMap::new(),
        }
    }

    /// Takes an answer about it; the last about the same data stands.
    pub fn take(&mut self, decision: &Decision, facts: &Arc<Facts>) {
        let part = Part::new(decision, &self.state, facts);
        self.asked_at = self.asked_at.min(part.decided_at);
        match self.parts.get_mut(decision.question.data_ref.as_str()) {
            Some(known) if known.decided_at > part.decided_at => {}
            // What became of it is not undone by asking again.
            Some(known) => *known = Part { concluded: known.concluded, told: known.told, ..part },
            None => drop(self.parts.insert(decision.question.data_ref.as_str().to_owned(), part)),
        }
    }

    /// Takes what became of the answer about one part of the data.
    pub fn conclude(&mut self, data_ref: &str, outcome: &Outcome, facts: &Facts) {
        let Some(part) = self.parts.get_mut(data_ref) else { return };
        match facts.counts_as(IdSet::Outcome, &outcome.kind) {
            Some(CountsAs::NoticeGiven) => part.told = true,
            Some(duty @ (CountsAs::NoticeDelayed | CountsAs::NoticeProhibited)) => part.duty = Some(duty),
            Some(counts_as) if part.concluded.is_none_or(|(_, at, _)| at <= outcome.at) => {
                let said = Categories::of(outcome.categories.iter().copied());
                part.concluded = Some((counts_as, outcome.at, said));
            }
            _ => {}
        }
    }

    pub fn fate(&self) -> Fate {
        let fates: BTreeSet<Fate> = self.parts.values().map(Part::fate).collect();
        let has = |fate| fates.contains(&fate);
        match () {
            () if fates.len() == 1 => fates.first().copied().unwrap_or(Fate::Refused),
            () if has(Fate::Full) || has(Fate::Part) => Fate::Part,
            () if has(Fate::Conflict) => Fate::Conflict,
            () => Fate::Refused,
        }
    }

    /// Why it was refused: the strongest disposition, or that it was withheld although it was permitted.
    pub fn why_refused(&self) -> Disposition {
        self.parts.values().map(|part| part.disposition).min().unwrap_or(Disposition::NoGrant)
    }

    /// Whether what became of all of it is recorded.
    pub fn is_concluded(&self) -> bool {
        self.parts.values().all(|part| part.concluded.is_some())
    }

    /// Seconds from its receipt until the last part of it was concluded; absent where that is not recorded.
    pub fn seconds_to_answer(&self) -> Option<i64> {
        let concluded: Option<Vec<Timestamp>> =
            self.parts.values().map(|part| part.concluded.map(|(_, at, _)| at)).collect();
        // A clock that was wrong makes no time negative.
        Some((concluded?.into_iter().max()?.as_second() - self.received_at.as_second()).max(0))
    }

    pub fn location(&self) -> Location {
        let all: BTreeSet<Location> = self.parts.values().map(|part| part.location).collect();
        match all.first() {
            Some(one) if all.len() == 1 => *one,
            _ if all.contains(&Location::Unknown) => Location::Unknown,
            _ => Location::Both,
        }
    }

    /// The states that hold a copy of any of the data; none where that is not known.
    pub fn stored(&self) -> BTreeSet<String> {
        self.parts.values().flat_map(|part| part.stored.iter().cloned()).collect()
    }

    pub fn notice(&self) -> Notice {
        let strictest = [CountsAs::NoticeProhibited, CountsAs::NoticeDelayed, CountsAs::NoticeDue];
        let duty =
            strictest.into_iter().find(|duty| self.parts.values().any(|part| part.duty == Some(*duty)));
        let told = self.parts.values().any(|part| part.told);
        match duty {
            Some(CountsAs::NoticeDelayed | CountsAs::NoticeProhibited) if told => Notice::GivenLater,
            _ if told => Notice::Given,
            Some(CountsAs::NoticeProhibited) => Notice::Prohibited,
            Some(CountsAs::NoticeDelayed) => Notice::Delayed,
            Some(_) => Notice::Owed,
            None => Notice::None,
        }
    }

    /// Whether the law lets it be counted in wide bands only.
    pub fn is_bands_only(&self) -> bool {
        self.parts.values().any(|part| part.bands_only)
    }

    pub fn wanted(&self) -> Categories {
        self.parts.values().fold(Categories::default(), |all, part| all.or(part.wanted))
    }

    pub fn given(&self) -> Categories {
        self.parts.values().fold(Categories::default(), |all, part| all.or(part.given()))
    }
}

/// The jurisdictions that a place stands for; none for one that the facts do not know.
pub(super) fn jurisdictions(facts: &Facts, place: &str) -> Vec<String> {
    facts.place(place).map(|place| facts.jurisdictions_of(&place)).unwrap_or_default()
}

fn location(world: &World, state: &str, places: &BTreeSet<String>) -> Location {
    if state.is_empty() || places.is_empty() {
        return Location::Unknown;
    }
    let inside = |place: &String| world.closure(place).contains(state);
    // A union that the demanding state is in says nothing of where in it the data is.
    let around = world.closure(state);
    if places.iter().any(|place| !inside(place) && around.contains(place)) {
        return Location::Unknown;
    }
    match (places.iter().any(inside), places.iter().all(inside)) {
        (_, true) => Location::Inside,
        (true, false) => Location::Both,
        (false, _) => Location::Abroad,
    }
}
