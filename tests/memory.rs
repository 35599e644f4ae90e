//! What is remembered is what would be decided: with and without the memory of rulings every decision is the same,
//! whatever was registered, deleted or reloaded in between, and however the clock went.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::sync::{Arc, LazyLock};

use common::dice::{Dice, set, unset};
use common::{bundle, files, instant, load, question, questions, with, words_of};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use situs::catalog::{Catalog, Codec, Expected, Limits, Sqlite};
use situs::domain::{Disposition, EntryKind, Question, Verdict};
use situs::engine::{Known, Memory, decide};
use situs::grpc::{decode_entry, encode_entry, words};
use situs::policy::Bundle;
use uuid::Uuid;

/// The bundle under test, and one that forbids what some of it allows.
static BUNDLES: LazyLock<[Arc<Bundle>; 2]> = LazyLock::new(|| {
    let stricter = with(
        files(),
        "core/test-forbid.cedar",
        "@id(\"test.forbid\")\n@reason(\"nothing_permits\")\n@disposition(\"never\")\n@next_step(\"refer_counsel\")\n\
         @obligations(\"record@decided_at+P1D; record@decided_at; record@process.received_at\")\n\
         forbid (principal, action in [Action::\"transfer\", Action::\"disclose\"], resource) when { resource.controller };\n",
    );
    [&files(), &stricter].map(|files| Arc::new(load(files).unwrap()))
});

const PREFIXES: &[&str] = &["acme/mail", "acme/mail/2020", "acme/mail/2020/q1"];

/// A catalogue in a folder of its own, asked with and without a memory.
struct World {
    catalog: Catalog,
    memories: [Memory; 2],
    current: usize,
    now: Timestamp,
    /// How often a ruling was at hand, and how often an answer came from one that was made at another instant.
    found: usize,
    asked: usize,
}

impl World {
    fn new(folder: &std::path::Path) -> Self {
        let codec = Codec { encode: encode_entry, decode: decode_entry };
        let store = Sqlite::open(&folder.join("catalog.db"), Sqlite::HISTORY).unwrap();
        let catalog = Catalog::open(Arc::new(store), codec, Limits::default()).unwrap();
        let memories = BUNDLES.each_ref().map(|bundle| Memory::new(Arc::clone(bundle)));
        Self { catalog, memories, current: 0, now: common::now(), found: 0, asked: 0 }
    }

    /// Registers facts of a kind under a key, or deletes them. What the catalogue refuses stays as it was.
    async fn edit(&self, kind: EntryKind, key: &str, facts: Option<Json>) {
        let Some(mut facts) = facts else {
            let _refused = self.catalog.delete(kind, key, Expected::Any).await;
            return;
        };
        let name = if kind == EntryKind::Holding { "data_ref" } else { "id" };
        set(&mut facts, name, json!(key));
        if let Ok(entry) = words::entry(kind, &facts, &**bundle().facts()) {
            let _refused = self.catalog.put(entry, Expected::Any).await;
        }
    }

    /// Asks with and without the memory.
    fn ask(&mut self, question: &Question) -> Result<(), TestCaseError> {
        let memory = &self.memories[self.current];
        let known = Known::of(&self.catalog, question);
        self.asked += 1;
        self.found += usize::from(memory.knows(question, &known, self.now));
        let remembered = memory.decide(question.clone(), &known, self.now, Uuid::nil());
        let decided = decide(memory.bundle(), question, &known, self.now, Uuid::nil());
        prop_assert_eq!(remembered, decided, "at {}", self.now);
        Ok(())
    }
}

/// A random question's words, with parts of which the catalogue is filled.
fn any_words(dice: &mut Dice) -> Json {
    let mut words = if dice.now_and_then(3) {
        dice.question()
    } else {
        let (_id, base) = dice.one(questions());
        let words = words_of(base);
        dice.vary(words)
    };
    unset(&mut words, "as_of");
    words
}

/// What is asked over and over: by ids, and with facts of its own.
fn asked(dice: &mut Dice) -> Vec<Question> {
    let mut all = Vec::new();
    while all.len() < 6 {
        let mut words = any_words(dice);
        set(&mut words, "data_ref", json!(dice.one(PREFIXES)));
        if dice.now_and_then(2) {
            for part in ["holding", "tenant", "process", "requester"] {
                unset(&mut words, part);
            }
            set(&mut words, "requester.id", json!("party"));
            set(&mut words, "process.id", json!("process"));
        }
        all.extend(question(&words));
    }
    all
}

/// Instants about which something turns, and the steps between.
fn step(dice: &mut Dice, now: Timestamp) -> Timestamp {
    let (day, second) = (SignedDuration::from_hours(24), SignedDuration::from_secs(1));
    let by = |duration: SignedDuration| now.checked_add(duration).unwrap();
    match dice.roll(8) {
        0 => by(day),
        1 => by(second),
        2 => by(-second),
        3 => by(-day * 3),
        4 => {
            let boundary = *dice.one(bundle().facts().boundaries());
            boundary.checked_sub(second * i32::try_from(dice.roll(2)).unwrap()).unwrap()
        }
        5 => bundle().facts().next_review(now).unwrap_or(now),
        6 => {
            *dice.one(&["2026-11-22T00:00:00Z", "2030-01-01T00:00:00Z", "2031-01-01T00:00:00Z"].map(instant))
        }
        _ => now,
    }
}

async fn edits(world: &World, dice: &mut Dice) {
    let words = any_words(dice);
    let deleted = dice.now_and_then(4);
    let part = |name: &str| (!deleted).then(|| words.get(name).cloned().unwrap_or_else(|| json!({})));
    let prefix: &&str = dice.one(PREFIXES);
    match dice.roll(4) {
        0 => world.edit(EntryKind::Tenant, "acme", part("tenant")).await,
        1 => world.edit(EntryKind::Party, "party", part("requester")).await,
        2 => world.edit(EntryKind::Process, "process", part("process")).await,
        _ => world.edit(EntryKind::Holding, prefix, part("holding")).await,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_remembered_ruling_is_the_one_that_would_be_made(seed: u64) {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut dice = Dice::new(seed);
        let mut world = World::new(folder.path());
        runtime.block_on(async {
            world.edit(EntryKind::Tenant, "acme", Some(json!({}))).await;
            let questions = asked(&mut dice);
            for _ in 0..60 {
                match dice.roll(8) {
                    0 | 1 => edits(&world, &mut dice).await,
                    2 => world.now = step(&mut dice, world.now),
                    3 => world.current = dice.roll(2),
                    _ => {}
                }
                world.ask(dice.one(&questions))?;
            }
            Ok::<(), TestCaseError>(())
        })?;
        prop_assert!(world.found > 0 && world.found < world.asked, "{} of {}", world.found, world.asked);
    }
}

/// What every clock must turn, one by one.
#[test]
fn a_ruling_stands_until_what_it_hangs_on_turns() {
    let memory = Memory::new(Arc::clone(&BUNDLES[1]));
    let words = json!({
        "data_ref": "acme/mail", "requester": { "kind": "authority", "jurisdiction": "US" }, "jurisdiction": "US",
        "holding": { "stored_in": ["US"], "provider_established_in": ["US"] },
        "process": { "instrument": "search_warrant", "received_at": "2026-11-20T10:00:00Z", "expires_at": "2026-12-23T18:00:00Z" },
    });
    let asked = question(&words).unwrap();
    let stands = |at: &str| memory.knows(&asked, &Known::default(), instant(at));
    let decided = |at: &str| {
        let decision = memory.decide(asked.clone(), &Known::default(), instant(at), Uuid::nil());
        assert_eq!(decision, decide(memory.bundle(), &asked, &Known::default(), instant(at), Uuid::nil()));
        decision.answer
    };
    assert!(!stands("2026-11-22T12:00:00Z"));
    let answer = decided("2026-11-22T12:00:00Z");
    assert_eq!((answer.decision, answer.disposition), (Verdict::Deny, Disposition::Never));
    assert!(stands("2026-11-22T12:00:00Z") && stands("2026-11-23T09:59:59Z"));
    // Three whole days have passed; and before it was ruled, who knows.
    assert!(!stands("2026-11-23T10:00:00Z") && !stands("2026-11-22T11:59:59Z"));
    let due =
        |answer: &situs::domain::Answer| answer.obligations.iter().map(|duty| duty.due).collect::<Vec<_>>();
    let later = decided("2026-11-22T13:00:00Z");
    assert_ne!(due(&answer), due(&later), "a day from the decision is another day");
    // The process ends, and not a moment later does the ruling.
    decided("2026-12-23T12:00:00Z");
    assert!(stands("2026-12-23T17:59:59Z") && !stands("2026-12-23T18:00:00Z"));
}
