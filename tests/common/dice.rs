//! Random questions from the bundle's own words. All of them pass the door: they are in the vocabulary.

use serde_json::{Map, Value as Json, json};
use situs::domain::{Action, AuthorityType, Category, KeyControl, ProviderRole, RequesterKind, TenantType};
use situs::law::IdSet;

use super::{bundle, facts};

/// Decides by a seed.
pub struct Dice(u64);

impl Dice {
    /// The same seed gives the same throws.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number below `sides`, by splitmix64.
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % sides.max(1) as u64).unwrap_or(0)
    }

    /// One of a list that is not empty.
    pub fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let index = self.roll(of.len());
        of.get(index).unwrap_or_else(|| panic!("nothing to choose from"))
    }

    /// True in one of `sides` throws.
    pub fn now_and_then(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }

    fn word<T: ToString>(&mut self, of: &[T]) -> Json {
        Json::from(self.one(of).to_string())
    }

    fn id(&mut self, set: IdSet) -> Json {
        let ids: Vec<&String> = bundle().facts().ids(set).iter().collect();
        self.word(&ids)
    }

    fn ids(&mut self, set: IdSet) -> Json {
        (0..self.roll(3)).map(|_| self.id(set)).collect()
    }

    fn place(&mut self) -> Json {
        // Places of which the facts say most come often, so that laws meet.
        const OFTEN: &[&str] =
            &["US", "IE", "DE", "GB", "FR", "CN", "JP", "CH", "RU", "IN", "US-NY", "US-CA", "BR", "FJ"];
        match self.roll(8) {
            0 => self.word(facts::jurisdictions()),
            1 => self.word(facts::regions()),
            _ => self.word(OFTEN),
        }
    }

    fn places(&mut self) -> Json {
        (0..1 + self.roll(2)).map(|_| self.place()).collect()
    }

    fn flag(&mut self) -> Json {
        Json::from(self.now_and_then(2))
    }

    fn instant(&mut self) -> Json {
        let boundaries = bundle().facts().boundaries();
        let boundary = *self.one(boundaries);
        let seconds = i64::try_from(self.roll(3)).unwrap_or(0) - 1;
        let instant = jiff::Timestamp::from_second(boundary.as_second() + seconds);
        Json::from(instant.unwrap_or(boundary).to_string())
    }

    fn number(&mut self) -> Json {
        Json::from(*self.one(&[
            0_u64,
            1,
            5,
            99,
            100,
            101,
            1000,
            10_000,
            100_000,
            1_000_000,
            10_000_000,
            u64::MAX,
        ]))
    }

    /// A value of a field, by its name; absent where there is no such field.
    fn value(&mut self, fact: &str) -> Option<Json> {
        let (message, field) = fact.split_once('.')?;
        Some(match field {
            "data_categories" => (0..1 + self.roll(2)).map(|_| self.word(Category::ALL)).collect(),
            "data_kinds" => (0..1 + self.roll(2)).map(|_| self.id(IdSet::DataKind)).collect(),
            "sectors" => self.ids(IdSet::Sector),
            "safeguards" | "certifications" => self.ids(IdSet::Safeguard),
            "flags" => self.ids(IdSet::Flag),
            "mode" => self.id(IdSet::Mode),
            "instrument" => self.id(IdSet::Instrument),
            "issued_by" | "validated_by" => self.id(IdSet::Issuer),
            "invokes_agreement" => self.id(IdSet::Relation),
            "provider_role" => self.word(ProviderRole::ALL),
            "key_control" => self.word(KeyControl::ALL),
            "type" => self.word(TenantType::ALL),
            "kind" => self.word(RequesterKind::ALL),
            "authority_type" => self.word(AuthorityType::ALL),
            "purpose" => Json::from("analysis"),
            "statute" => self.word(&["50 USC 1881a", "18 USC 2703", "none"]),
            "court_circuit" => self.word(&["2", "9", "dc"]),
            "labels" => json!({ "team": "blue" }),
            "consent" => json!({
                "given": self.flag(), "verified_identity": self.flag(),
                "scope": self.word(&["all", "content", "this_request"]),
                "transfer_ground": self.word(&["", "explicit_consent"]),
            }),
            "approval" => json!([{ "destination": self.places(), "scope": ["all"], "until": "2030-01-01" }]),
            "issued_at" => Json::from("2010-01-01"),
            "expires_at" | "received_at" | "enforcing_authority_notified_at" | "nondisclosure_until" => {
                Json::from(*self.one(&["2012-01-01", "2026-11-01", "2026-11-21", "2031-01-01"]))
            }
            "subject_count" | "subjects_past_12_months" | "subjects_year_to_date" => self.number(),
            "offence_max_penalty_years" => Json::from(self.roll(8)),
            "enforcing_authority_days_elapsed" => Json::from(self.roll(15)),
            "provider_headquarters"
            | "addressee_in"
            | "served_in"
            | "issuing_jurisdiction"
            | "executed_by_jurisdiction"
            | "jurisdiction" => self.place(),
            "location_dynamic" | "is_suspect" | "redirect_attempted" => self.flag(),
            _ if message == "process" => self.flag(),
            _ => self.places(),
        })
    }

    /// A question in plain words that states some of the facts.
    pub fn question(&mut self) -> Json {
        let mut words = json!({ "data_ref": "acme/mail", "jurisdiction": self.place() });
        if !self.now_and_then(4) {
            let action = self.word(Action::ALL);
            set(&mut words, "action", action);
        }
        if self.now_and_then(4) {
            let as_of = self.instant();
            set(&mut words, "as_of", as_of);
        }
        for fact in [
            "requester.kind",
            "requester.jurisdiction",
            "holding.stored_in",
            "holding.provider_established_in",
        ] {
            if !self.now_and_then(16) {
                self.put(&mut words, fact);
            }
        }
        for fact in facts::optional() {
            if self.now_and_then(2) {
                self.put(&mut words, &fact);
            }
        }
        words
    }

    /// The same question with a few facts stated otherwise.
    pub fn vary(&mut self, mut words: Json) -> Json {
        let all = facts::optional();
        for _ in 0..1 + self.roll(4) {
            let fact = self.one(&all).clone();
            self.put(&mut words, &fact);
        }
        if self.now_and_then(4) {
            let place = self.place();
            set(&mut words, "jurisdiction", place);
        }
        if self.now_and_then(4) {
            let action = self.word(Action::ALL);
            set(&mut words, "action", action);
        }
        words
    }

    fn put(&mut self, words: &mut Json, fact: &str) {
        let Some(value) = self.value(fact) else { return };
        set(words, fact, value);
    }
}

/// States a fact, such as `holding.stored_in`.
pub fn set(words: &mut Json, fact: &str, value: Json) {
    let Json::Object(fields) = words else { return };
    match fact.split_once('.') {
        None => drop(fields.insert(fact.to_owned(), value)),
        Some((message, rest)) => {
            let inner = fields.entry(message.to_owned()).or_insert_with(|| Json::Object(Map::new()));
            set(inner, rest, value);
        }
    }
}

/// Takes a fact away; whether it was stated.
pub fn unset(words: &mut Json, fact: &str) -> bool {
    let Json::Object(fields) = words else { return false };
    match fact.split_once('.') {
        None => fields.remove(fact).is_some(),
        Some((message, rest)) => fields.get_mut(message).is_some_and(|inner| unset(inner, rest)),
    }
}
