//! Values for the tests of this module: a small vocabulary, whole messages, and random ones.

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::{
    Action, Answer, Approval, AuthorityType, Category, CategoryVerdict, Confidence, Consent, DataRef,
    Decision, Disposition, Effect, Holding, HoldingField, IdentifierSet, KeyControl, LegalProcess,
    Obligation, Party, ProviderRole, Question, Reason, Receipt, Record, Requester, RequesterKind, Route,
    Tenant, TenantType, Transfer, Verdict, Vocabulary, near,
};

const PLACES: &[&str] = &["IE", "US", "US-NY", "GB", "EU", "aws:eu-west-1"];
const IDENTIFIERS: &[(IdentifierSet, &[&str])] = &[
    (IdentifierSet::Instrument, &["search_warrant", "subpoena"]),
    (IdentifierSet::Safeguard, &["scc_2021", "encrypted"]),
    (IdentifierSet::Sector, &["bank", "health"]),
    (IdentifierSet::Mode, &["replication", "storage"]),
    (IdentifierSet::DataKind, &["personal", "payment"]),
    (IdentifierSet::Issuer, &["court", "police"]),
    (IdentifierSet::Flag, &["sealed", "joint"]),
    (IdentifierSet::Relation, &["mla-us-ie", "cloud-us-gb"]),
];

/// A few words of each set.
pub(super) struct Known;

impl Known {
    fn of(set: IdentifierSet) -> &'static [&'static str] {
        IDENTIFIERS.iter().find(|(known, _)| *known == set).map_or(&[], |(_, words)| *words)
    }
}

impl Vocabulary for Known {
    fn place(&self, code: &str) -> Option<String> {
        let code = if code == "UK" { "GB" } else { code };
        PLACES.contains(&code).then(|| code.to_owned())
    }

    fn declares(&self, set: IdentifierSet, identifier: &str) -> bool {
        Self::of(set).contains(&identifier)
    }

    fn near_places(&self, code: &str) -> Vec<String> {
        near(code, PLACES.iter().copied())
    }

    fn near_identifiers(&self, set: IdentifierSet, identifier: &str) -> Vec<String> {
        near(identifier, Self::of(set).iter().copied())
    }
}

/// Decides by dice what a value states; [`Dice::full`] makes it state everything.
pub(super) struct Dice(Option<u64>);

impl Dice {
    pub(super) const fn full() -> Self {
        Self(None)
    }

    pub(super) const fn seeded(seed: u64) -> Self {
        Self(Some(seed))
    }

    /// The next number below `sides`, by splitmix64.
    fn roll(&mut self, sides: usize) -> usize {
        let Some(state) = &mut self.0 else { return sides - 1 };
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % sides as u64).unwrap()
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.roll(2) == 1).then(|| make(self))
    }

    fn flag(&mut self) -> Option<bool> {
        self.maybe(|dice| dice.roll(2) == 1)
    }

    fn pick(&mut self, words: &[&str]) -> String {
        words[self.roll(words.len())].to_owned()
    }

    fn text(&mut self, words: &[&str]) -> String {
        self.maybe(|dice| dice.pick(words)).unwrap_or_default()
    }

    fn list(&mut self, words: &[&str]) -> Vec<String> {
        (0..self.roll(4)).map(|_| self.pick(words)).collect()
    }

    fn place(&mut self) -> String {
        self.text(PLACES)
    }

    fn places(&mut self) -> Vec<String> {
        self.list(PLACES)
    }

    fn word(&mut self, set: IdentifierSet) -> String {
        self.text(Known::of(set))
    }

    fn words(&mut self, set: IdentifierSet) -> Vec<String> {
        self.list(Known::of(set))
    }

    fn choice<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        self.maybe(|dice| all[dice.roll(all.len())])
    }

    fn some<T: Copy>(&mut self, all: &[T]) -> Vec<T> {
        all.iter().copied().filter(|_| self.roll(2) == 1).collect()
    }

    fn number(&mut self) -> Option<u64> {
        self.maybe(|dice| [0, 1, u64::MAX][dice.roll(3)])
    }

    fn labels(&mut self) -> Vec<(String, String)> {
        ["a", "team.example/tier"]
            .iter()
            .filter_map(|name| self.maybe(|_| ((*name).to_owned(), format!("{name}ß"))))
            .collect()
    }

    /// Any instant that the wire can carry.
    fn instant(&mut self) -> Timestamp {
        let seconds = [-62_135_596_800, -1, 0, 1_468_497_600, 253_402_207_200][self.roll(5)];
        Timestamp::new(seconds, [0, 1, 999_999_999][self.roll(3)]).unwrap()
    }

    /// An instant that does not come before [`issued_at`].
    fn later(&mut self) -> Option<Timestamp> {
        self.maybe(|dice| issued_at() + jiff::SignedDuration::from_nanos([0, 1, i64::MAX][dice.roll(3)]))
    }
}

pub(super) fn issued_at() -> Timestamp {
    "2016-07-14T12:00:00Z".parse().unwrap()
}

pub(super) fn data_ref() -> DataRef {
    DataRef::parse("acme/mail/2020").unwrap()
}

pub(super) fn holding(dice: &mut Dice, prefix: Option<DataRef>) -> Holding {
    let fields: Vec<_> = HoldingField::ALL.iter().map(|(field, _)| *field).collect();
    Holding {
        data_ref: prefix,
        stored_in: dice.places(),
        location_dynamic: dice.flag(),
        collected_in: dice.places(),
        offered_in: dice.places(),
        targets: dice.places(),
        residency: dice.places(),
        access_boundary: dice.places(),
        data_categories: dice.some(Category::ALL),
        data_kinds: dice.words(IdentifierSet::DataKind),
        sectors: dice.words(IdentifierSet::Sector),
        subject_locations: dice.places(),
        subject_citizenships: dice.places(),
        persons_of: dice.places(),
        not_persons_of: dice.places(),
        subject_count: dice.number(),
        provider_role: dice.choice(ProviderRole::ALL),
        provider_established_in: dice.places(),
        provider_headquarters: dice.place(),
        control_from: dice.places(),
        addressee_in: dice.place(),
        key_control: dice.choice(KeyControl::ALL),
        keys_in: dice.places(),
        labels: dice.labels(),
        cleared: dice.some(&fields),
    }
}

pub(super) fn tenant(dice: &mut Dice) -> Tenant {
    Tenant {
        id: String::from("acme"),
        kind: dice.choice(TenantType::ALL),
        established_in: dice.places(),
        approvals: (0..dice.roll(3))
            .map(|_| Approval {
                destination: dice.places(),
                scope: dice.list(&["all", "replication"]),
                until: dice.maybe(Dice::instant),
            })
            .collect(),
        consent: dice.maybe(|dice| Consent {
            given: dice.flag(),
            scope: dice.text(&["this_request"]),
            verified_identity: dice.flag(),
            transfer_ground: dice.text(&["public interest"]),
        }),
        is_suspect: dice.flag(),
        redirect_attempted: dice.flag(),
        holding_defaults: dice.maybe(|dice| Box::new(holding(dice, None))),
        labels: dice.labels(),
    }
}

pub(super) fn party(dice: &mut Dice) -> Party {
    Party {
        id: String::from("fbi"),
        kind: RequesterKind::Authority,
        jurisdiction: String::from("US"),
        authority_type: dice.choice(AuthorityType::ALL),
        certifications: dice.words(IdentifierSet::Safeguard),
        labels: dice.labels(),
    }
}

pub(super) fn process(dice: &mut Dice) -> LegalProcess {
    LegalProcess {
        id: String::from("13-mag-2814"),
        instrument: dice.word(IdentifierSet::Instrument),
        issuing_jurisdiction: dice.place(),
        issued_by: dice.word(IdentifierSet::Issuer),
        validated_by: dice.word(IdentifierSet::Issuer),
        executed_by_jurisdiction: dice.place(),
        served_in: dice.place(),
        issued_at: Some(issued_at()),
        received_at: dice.maybe(Dice::instant),
        expires_at: dice.later(),
        data_categories: dice.some(Category::ALL),
        names_accounts: dice.flag(),
        bulk: dice.flag(),
        court_circuit: dice.text(&["2"]),
        statute: dice.text(&["18 USC 2703"]),
        stayed: dice.flag(),
        upheld: dice.flag(),
        offence_max_penalty_years: dice.maybe(|_| 5),
        danger_to_life: dice.flag(),
        credible: dice.flag(),
        ex_post_validation: dice.flag(),
        enforcing_authority_notified: dice.flag(),
        enforcing_authority_notified_at: dice.maybe(Dice::instant),
        enforcing_authority_days_elapsed: dice.maybe(|_| u32::MAX),
        enforcing_authority_cleared: dice.flag(),
        enforcing_authority_refused: dice.flag(),
        invokes_agreement: dice.word(IdentifierSet::Relation),
        via_designated_authority: dice.flag(),
        processor_justification: dice.flag(),
        nondisclosure: dice.flag(),
        nondisclosure_until: dice.later(),
        counsel_approved: dice.flag(),
        flags: dice.words(IdentifierSet::Flag),
    }
}

pub(super) fn question(dice: &mut Dice) -> Question {
    Question {
        data_ref: data_ref(),
        requester: Requester {
            id: String::from("fbi"),
            kind: dice.choice(RequesterKind::ALL),
            jurisdiction: dice.place(),
            authority_type: dice.choice(AuthorityType::ALL),
            certifications: dice.words(IdentifierSet::Safeguard),
            labels: dice.labels(),
        },
        jurisdiction: dice.pick(PLACES),
        action: dice.choice(Action::ALL),
        data_categories: dice.some(Category::ALL),
        process: dice.maybe(process),
        transfer: dice.maybe(|dice| Transfer {
            purpose: dice.text(&["fail over"]),
            mode: dice.word(IdentifierSet::Mode),
            safeguards: dice.words(IdentifierSet::Safeguard),
            recipient: dice.text(&["processor-1"]),
            subjects_past_12_months: dice.number(),
            subjects_year_to_date: dice.number(),
        }),
        tenant: dice.maybe(tenant),
        holding: dice.maybe(|dice| {
            let prefix = dice.maybe(|_| DataRef::parse("acme/mail").unwrap());
            holding(dice, prefix)
        }),
        as_of: dice.maybe(Dice::instant),
        at_least_revision: dice.number(),
        expect_policy_version: dice.text(&["sha256:0"]),
        request_id: dice.text(&["q-1"]),
    }
}

/// An answer that states everything.
pub(super) fn answer() -> Answer {
    let text = |text: &str| String::from(text);
    Answer {
        decision: Verdict::Deny,
        disposition: Disposition::OutOfReach,
        next_step: text("challenge"),
        reasons: vec![Reason {
            policy_id: text("core/reach"),
            effect: Effect::Forbid,
            code: text("data_outside_requester_territory"),
            regime: text("us-sca"),
            relations: vec![text("mla-us-ie")],
            citation: text("829 F.3d 197"),
            message: text("The data is stored in IE only."),
            confidence: Confidence::Verified,
        }],
        category_verdicts: vec![CategoryVerdict {
            category: Category::Content,
            decision: Verdict::Deny,
            disposition: Disposition::OutOfReach,
        }],
        obligations: vec![Obligation {
            kind: text("preserve"),
            due: Some(issued_at()),
            period: text("P90D"),
            detail: text("keep a copy"),
        }],
        routes: vec![Route {
            kind: text("mutual_legal_assistance"),
            relation: text("mla-us-ie"),
            detail: text("ask Ireland"),
            citation: text("TIAS 13137"),
        }],
        regimes: vec![text("us-sca")],
        policy_version: text("sha256:1"),
        facts_version: text("sha256:2"),
        catalog_revision: 7,
        decided_at: issued_at(),
        as_of: issued_at(),
        hypothetical: true,
        valid_until: issued_at(),
        receipt: Some(Receipt { log_index: 3, leaf_hash: vec![0, 0xab], signature: vec![1] }),
        decision_id: Uuid::from_u128(1),
        request_id: text("q-1"),
    }
}

/// A record that states everything.
pub(super) fn record() -> Record {
    let dice = &mut Dice::full();
    Record {
        caller: String::from("spiffe://example/desk"),
        trace_id: String::from("4bf92f3577b34da6a3ce929d0e0e4736"),
        engine_version: String::from("0.1.0"),
        decision: Decision {
            question: question(dice),
            action: Action::Disclose,
            tenant: Some(tenant(dice).into()),
            holding: Some(holding(dice, Some(data_ref())).into()),
            matched: Some(data_ref()),
            requester: Some(party(dice).into()),
            recipient: Some(party(dice).into()),
            process: Some(process(dice).into()),
            answer: answer(),
        },
    }
}
