//! Recorded decisions, decided again: the same answers under what was recorded, and under anything else a
//! difference that names its cause.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and one says how many it compared"
)]

mod common;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use common::dice::{Dice, set, unset};
use common::{bundle, files, instant, load, now, question, questions, with, words_of};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};
use situs::audit::{Format, Log, LogDir, NotEncoded, Options};
use situs::catalog::{Catalog, Codec, Expected, Limits, Sqlite};
use situs::domain::{
    ContentPart, ContentRef, Decision, Digest, Draft, EntryKind, Files, Masking, Outcome, Personal, Question,
    Record, Recorded, Verdict,
};
use situs::engine::enquire;
use situs::grpc::{self, content_refs, draft, recorded, words};
use situs::policy::Bundle;
use situs::replay::{
    After, Cause, Change, Difference, Edit, Part, Replay, Replayed, Select, Shelf, Skipped, Summary, past,
};
use situs::server::Kept;
use tempfile::TempDir;

/// How many random decisions are made and replayed.
const DECISIONS: usize = 2000;

/// A catalogue in a folder of its own.
fn catalog() -> (TempDir, Catalog) {
    let folder = TempDir::new().unwrap();
    let store = Sqlite::open(&folder.path().join("catalog.db"), Sqlite::HISTORY).unwrap();
    let codec = Codec { encode: grpc::encode_entry, decode: grpc::decode_entry };
    let catalog = Catalog::open(Arc::new(store), codec, Limits::default()).unwrap();
    (folder, catalog)
}

/// Keeps the bundle under test, and others, by their versions.
fn shelf(others: &[&Bundle]) -> Shelf {
    let all = others.iter().copied().chain([bundle()]);
    let kept: HashMap<String, Files> =
        all.map(|bundle| (bundle.version().to_owned(), bundle.files().clone())).collect();
    Box::new(move |version| kept.get(version).cloned())
}

fn made(decision: Decision) -> Record {
    Record {
        caller: String::from("desk"),
        trace_id: String::from("00f067aa0ba902b7"),
        engine_version: String::from("0.1.0"),
        decision,
    }
}

/// Decides, records, and reads the record back.
fn record(bundle: &Bundle, catalog: &Catalog, question: &Question, at: Timestamp) -> Recorded {
    let record = made(enquire(bundle, catalog, question, at).unwrap());
    let draft = draft(&record, &Masking::default()).unwrap();
    let contents: HashMap<Digest, Vec<u8>> =
        draft.contents.into_iter().map(|content| (content.sha256, content.bytes)).collect();
    let refs: Vec<_> = contents.keys().map(|sha256| ContentRef { sha256: *sha256, index: 0 }).collect();
    let bytes = [draft.body, content_refs(&refs)].concat();
    recorded(&bytes, &[], |at| contents.get(&at.sha256).cloned()).unwrap().unwrap()
}

/// One decision by what the question says itself.
fn simple(bundle: &Bundle, words: &Json) -> Recorded {
    let (_folder, catalog) = catalog();
    record(bundle, &catalog, &question(words).unwrap(), now())
}

/// A move that is allowed, whatever the rules of a team say of it: the data stays in its country.
fn stays() -> Json {
    json!({
        "data_ref": "acme/mail", "jurisdiction": "IE", "action": "transfer",
        "requester": { "kind": "workload", "jurisdiction": "IE" },
        "holding": {
            "stored_in": ["IE"], "data_kinds": ["personal"], "subject_count": 1, "provider_role": "processor",
            "subject_locations": ["IE"], "provider_established_in": ["IE"], "data_categories": ["content"],
        },
        "tenant": { "type": "enterprise", "established_in": ["IE"] },
        "transfer": { "mode": "replication" },
    })
}

fn differs(replayed: Replayed) -> Difference {
    match replayed {
        Replayed::Differs(difference) => *difference,
        other => panic!("{other:?}"),
    }
}

const FORBID: &str = "@id(\"test.stays\")\n@reason(\"nothing_permits\")\n@disposition(\"prohibited_by_law\")\n\
     @next_step(\"refuse_policy\")\nforbid (principal, action == Action::\"transfer\", resource)\n\
     when { resource.subject_count < 5 };\n";

/// Registers some of what a question says of its own, so that the next are decided by it.
async fn register(dice: &mut Dice, catalog: &Catalog, words: &Json) {
    let id = dice.one(&["one", "two", "three"]).to_string();
    let (kind, part, key, value) = match dice.roll(4) {
        0 => (EntryKind::Tenant, "tenant", "id", String::from("acme")),
        1 => (EntryKind::Party, "requester", "id", id),
        2 => (EntryKind::Process, "process", "id", id),
        _ => {
            let data_ref = *dice.one(&["acme/mail", "acme/mail/2020", "acme/files"]);
            (EntryKind::Holding, "holding", "data_ref", data_ref.to_owned())
        }
    };
    let Some(mut entry) = words.get(part).cloned() else { return };
    set(&mut entry, key, Json::from(value));
    if kind == EntryKind::Tenant && dice.now_and_then(2) {
        set(&mut entry, "holding_defaults", json!({ "sectors": [], "labels": { "of": "tenant" } }));
    }
    // What the door or the catalogue refuses is not registered; most are.
    let Ok(entry) = words::entry(kind, &entry, &**bundle().facts()) else { return };
    let _put = catalog.put(entry, Expected::Any).await;
}

/// Points a question at what is registered.
fn point(dice: &mut Dice, words: &mut Json) {
    let data_ref = *dice.one(&["acme/mail", "acme/mail/2020/q1", "acme/files/x", "other/mail"]);
    set(words, "data_ref", Json::from(data_ref));
    for fact in ["requester.id", "process.id", "transfer.recipient"] {
        if dice.now_and_then(3) {
            let id = *dice.one(&["one", "two", "three", "nobody"]);
            set(words, fact, Json::from(id));
        }
    }
    if dice.now_and_then(4) {
        set(words, "holding.cleared", json!(["residency", "sectors"]));
    }
    if dice.now_and_then(4) {
        set(words, "request_id", Json::from("the caller's own"));
    }
}

fn masking(dice: &mut Dice) -> Masking {
    let mut some = |sides: usize| -> Vec<Personal> {
        Personal::ALL.iter().copied().filter(|_| dice.now_and_then(sides)).collect()
    };
    match some(2).len() % 3 {
        0 => Masking::default(),
        1 => Masking { mask: some(2), erase: Vec::new() },
        _ => Masking { mask: some(3), erase: some(8) },
    }
}

/// Entries as messages, with fields hidden that change from record to record.
#[derive(Default)]
struct Masked(Mutex<Masking>);

impl Format for Masked {
    fn decision(&self, record: &Record) -> Result<Draft, NotEncoded> {
        Ok(draft(record, &self.0.lock().unwrap()).unwrap())
    }

    fn outcome(&self, outcome: &Outcome) -> Result<Draft, NotEncoded> {
        Ok(grpc::draft_outcome(outcome, &self.0.lock().unwrap()).unwrap())
    }

    fn content(&self, part: &ContentPart) -> Vec<u8> {
        grpc::content_entry(part)
    }

    fn references(&self, contents: &[ContentRef]) -> Vec<u8> {
        content_refs(contents)
    }
}

/// A random question about what may be registered, that passes the door.
async fn asked(dice: &mut Dice, catalog: &Catalog) -> Question {
    loop {
        let mut words = if dice.now_and_then(3) {
            dice.question()
        } else {
            let (_id, base) = dice.one(questions());
            let base = words_of(base);
            dice.vary(base)
        };
        if !dice.now_and_then(4) {
            unset(&mut words, "as_of");
        }
        register(dice, catalog, &words).await;
        point(dice, &mut words);
        if let Ok(asked) = question(&words) {
            return asked;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_random_decisions_are_the_same_again() {
    let mut dice = Dice::new(20_261_122);
    let (folder, catalog) = catalog();
    let format = Arc::new(Masked::default());
    let (log, _recovery) = Log::open(folder.path(), format.clone(), Options::default()).unwrap();
    let later = load(&with(other_facts(files()), "core/test-stays.cedar", FORBID)).unwrap();
    let mut boundaries = bundle().facts().boundaries().to_vec();
    boundaries.push(now());
    for number in 0..DECISIONS {
        // An edit of the policies in between.
        let current = if number < DECISIONS / 2 { bundle() } else { &later };
        let asked = asked(&mut dice, &catalog).await;
        let moment = SignedDuration::new(i64::try_from(dice.roll(3)).unwrap() - 1, 123_456_789);
        let at = dice.one(&boundaries).checked_add(moment).unwrap();
        *format.0.lock().unwrap() = masking(&mut dice);
        let record = made(enquire(current, &catalog, &asked, at).unwrap());
        log.append_buffered(&record).await.unwrap();
    }
    log.close().await.unwrap();

    let dir = LogDir::open(folder.path());
    let mut erased = 0;
    for index in 0..dir.checkpoint().unwrap().unwrap().size {
        if dice.now_and_then(8) && dir.erase(index).unwrap() {
            erased += 1;
        }
    }
    assert!(erased > 0);
    let all = || past(&dir, Select::default()).unwrap();
    let read: Vec<Recorded> = all().collect::<Result<_, _>>().unwrap();
    let whole = |recorded: &&Recorded| {
        let hidden = ["caller", "trace_id", "request_id", "detail"];
        recorded.withheld.iter().all(|name| hidden.contains(&name.as_str()))
    };
    let expected = read.iter().filter(whole).count() as u64;
    let summary = Replay::new(shelf(&[&later])).all(all(), 3, |_| {}).unwrap();
    assert_eq!(summary.differ, 0, "{:#?}", summary.first);
    assert_eq!((summary.records, summary.same), (DECISIONS as u64, expected));
    assert_eq!(summary.erased, DECISIONS as u64 - expected);
    println!("{} of {} random decisions are the same again", summary.same, summary.records);

    // They were of every kind, or this would say little.
    let count = |holds: &dyn Fn(&Recorded, &Decision) -> bool| {
        let whole = read.iter().filter(whole);
        whole.filter(|made| made.decision.as_ref().is_some_and(|decision| holds(made, decision))).count()
    };
    let kinds = [
        ("allowed", count(&|_, made| made.answer.decision == Verdict::Allow)),
        ("by registered facts", count(&|_, made| made.matched.is_some())),
        ("enquiries", count(&|_, made| made.answer.hypothetical)),
        ("with due dates", count(&|_, made| made.answer.obligations.iter().any(|duty| duty.due.is_some()))),
        ("masked", count(&|made, _| !made.decided.hidden.masked.is_empty())),
        ("under the later bundle", count(&|made, _| made.decided.policy_version == later.version())),
        ("erased", usize::try_from(summary.erased).unwrap()),
        ("revisions of the catalogue", usize::try_from(catalog.revision()).unwrap()),
    ];
    println!("{kinds:?}");
    assert!(kinds.iter().all(|(_kind, count)| *count >= 20));
    let tenants: BTreeSet<&str> = read.iter().map(|made| made.decided.tenant.as_str()).collect();
    assert_eq!(tenants.into_iter().collect::<Vec<_>>(), ["acme", "other"]);

    // The bundles that they name stay, however old; of others only the newest.
    let kept = Kept::of(folder.path());
    for bundle in [bundle(), &later] {
        kept.keep(bundle.version(), bundle.files()).unwrap();
    }
    let others: Vec<String> = (0..40).map(|number| format!("{number:064x}")).collect();
    for version in &others {
        kept.keep(version, &Files::from([(String::from("a.cedar"), version.as_str().into())])).unwrap();
    }
    kept.prune(&dir).unwrap();
    assert_eq!(others.iter().filter(|version| kept.files(version).is_some()).count(), 16);
    for bundle in [bundle(), &later] {
        assert_eq!(kept.files(bundle.version()).as_ref(), Some(bundle.files()));
    }

    // Some of them, by time and by tenant.
    let from = bundle().facts().boundaries()[10];
    let select = Select { from: Some(from), until: Some(now()), tenant: Some(String::from("other")) };
    let some = past(&dir, select).unwrap().map(Result::unwrap);
    let chosen = read.iter().filter(|made| {
        let at = made.decided.decided_at;
        at >= from && at < now() && made.decided.tenant == "other"
    });
    assert!(some.eq(chosen.cloned()));
}

#[test]
fn an_answer_that_this_program_does_not_give_is_the_engines_difference() {
    let mut recorded = simple(bundle(), &stays());
    recorded.decision.as_mut().unwrap().answer.next_step = String::from("refuse_policy");
    let difference = differs(Replay::new(shelf(&[])).again(&recorded));
    assert_eq!((difference.fields, difference.causes), (vec!["next_step"], vec![Cause::Engine]));
}

#[test]
fn another_rule_is_named_with_the_flow_and_the_tenant_that_it_stops() {
    let recorded = simple(bundle(), &stays());
    let stricter = load(&with(files(), "core/test-stays.cedar", FORBID)).unwrap();
    let replay = Replay::new(shelf(&[])).under(Arc::new(stricter));
    let difference = differs(replay.again(&recorded));
    assert_eq!(difference.change(), Change::Denied);
    assert_eq!(difference.causes, [Cause::Bundle]);
    assert_eq!(
        (difference.tenant.as_str(), difference.flow.to_string().as_str()),
        ("acme", "transfer IE -> IE")
    );
    let [rule] = difference.rules.as_slice() else { panic!("{difference:?}") };
    assert_eq!((rule.rule.as_str(), rule.part, rule.edit), ("test.stays", Part::New, Edit::Added));
    // The other way round it is gone, and what it denied is allowed.
    let stricter = load(&with(files(), "core/test-stays.cedar", FORBID)).unwrap();
    let denied = simple(&stricter, &stays());
    let replay = Replay::new(shelf(&[&stricter])).under(Arc::new(load(&files()).unwrap()));
    let difference = differs(replay.again(&denied));
    assert_eq!((difference.change(), difference.causes), (Change::Allowed, vec![Cause::Bundle]));
    let [rule] = difference.rules.as_slice() else { panic!("{:?}", difference.rules) };
    assert_eq!((rule.rule.as_str(), rule.part, rule.edit), ("test.stays", Part::Gone, Edit::Removed));
}

/// Facts by which an answer lives half as long.
fn other_facts(files: Files) -> Files {
    let path = "facts/settings.toml";
    let text = files[path].replace("max_age_seconds = 60", "max_age_seconds = 30");
    assert_ne!(*text, *files[path]);
    with(files, path, &text)
}

#[test]
fn facts_and_rules_are_told_apart() {
    let recorded = simple(bundle(), &stays());
    let facts = Arc::new(load(&other_facts(files())).unwrap());
    let difference = differs(Replay::new(shelf(&[])).under(facts).again(&recorded));
    assert_eq!((difference.fields, difference.causes), (vec!["valid_until"], vec![Cause::Facts]));
    let both = with(other_facts(files()), "core/test-stays.cedar", FORBID);
    let difference = differs(Replay::new(shelf(&[])).under(Arc::new(load(&both).unwrap())).again(&recorded));
    assert_eq!(difference.causes, [Cause::Facts, Cause::Bundle]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_catalogue_says_now_is_another_cause() {
    let (_folder, catalog) = catalog();
    let mut words = stays();
    let mut tenant = words.as_object_mut().unwrap().remove("tenant").unwrap();
    set(&mut tenant, "id", Json::from("acme"));
    let mut holding = words.as_object_mut().unwrap().remove("holding").unwrap();
    set(&mut holding, "data_ref", Json::from("acme/mail"));
    let put = async |kind: EntryKind, words: &Json| {
        let entry = words::entry(kind, words, &**bundle().facts()).unwrap();
        catalog.put(entry, Expected::Any).await.unwrap();
    };
    put(EntryKind::Tenant, &tenant).await;
    put(EntryKind::Holding, &holding).await;
    let asked = question(&words).unwrap();
    let recorded = record(bundle(), &catalog, &asked, now());
    let before = Replay::new(shelf(&[])).with_catalog(catalog.clone());
    assert_eq!(before.again(&recorded), Replayed::Same);
    set(&mut holding, "residency", json!(["US"]));
    put(EntryKind::Holding, &holding).await;
    assert_eq!(Replay::new(shelf(&[])).again(&recorded), Replayed::Same, "by what was known then");
    let after = Replay::new(shelf(&[])).with_catalog(catalog.clone());
    let difference = differs(after.again(&recorded));
    assert_eq!((difference.change(), difference.causes), (Change::Denied, vec![Cause::Catalogue]));
}

#[test]
fn what_is_not_at_hand_is_counted_and_not_guessed() {
    let recorded = simple(bundle(), &stays());
    let version = bundle().version().to_owned();
    let mut summary = Summary::default();
    let mut add = |replay: &Replay, recorded: &Recorded| {
        let replayed = replay.again(recorded);
        summary.add(recorded, replayed.clone(), 10);
        replayed
    };
    let nothing = Replay::new(Box::new(|_| None));
    assert_eq!(add(&nothing, &recorded), Replayed::Skipped(Skipped::NotKept(version.clone())));
    let other = Replay::new(Box::new(|_| Some(other_facts(files()))));
    assert_eq!(add(&other, &recorded), Replayed::Skipped(Skipped::NotLoaded(version)));
    let whole = Replay::new(shelf(&[]));
    let pruned = Recorded { decision: None, ..recorded.clone() };
    assert_eq!(add(&whole, &pruned), Replayed::Skipped(Skipped::Pruned));
    let erased = Recorded { withheld: vec![String::from("requester")], ..recorded.clone() };
    assert_eq!(add(&whole, &erased), Replayed::Skipped(Skipped::Erased));
    // Who asked has no bearing on the answer.
    let nameless = Recorded { withheld: vec![String::from("caller")], ..recorded.clone() };
    assert_eq!(add(&whole, &nameless), Replayed::Same);
    assert_eq!((summary.records, summary.replayed(), summary.pruned, summary.erased), (5, 1, 1, 1));
    assert_eq!((summary.not_kept.total(), summary.not_loaded.total()), (1, 1));
    // Under another bundle it can be compared, but not what the difference comes of.
    let stricter = load(&with(files(), "core/test-stays.cedar", FORBID)).unwrap();
    let difference = differs(Replay::new(Box::new(|_| None)).under(Arc::new(stricter)).again(&recorded));
    assert_eq!((difference.change(), difference.causes), (Change::Denied, vec![Cause::Untold]));
}

#[test]
fn a_question_in_words_that_the_bundle_does_not_declare_is_refused_there() {
    let mut words = stays();
    let mode = "[[mode]]\nid = \"test_move\"\nmessage = \"A test.\"\n";
    let wider = load(&with(files(), "facts/test-mode.toml", mode)).unwrap();
    set(&mut words, "transfer.mode", Json::from("test_move"));
    let asked = words::question(&words, &**wider.facts()).unwrap();
    let (_folder, catalog) = catalog();
    let recorded = record(&wider, &catalog, &asked, instant("2026-01-01T00:00:00Z"));
    let narrower = Arc::new(load(&files()).unwrap());
    let difference = differs(Replay::new(shelf(&[&wider])).under(narrower).again(&recorded));
    assert_eq!(difference.change(), Change::Refused);
    let After::Refused(why) = &difference.after else { panic!("{difference:?}") };
    assert!(why.contains("transfer.mode"), "{why}");
}
