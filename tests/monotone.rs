//! Unknown is not false: taking away a fact that no default is presumed for, or adding a forbid, never turns
//! a DENY into an ALLOW. Held over every case, over random questions, and over cases that are varied.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::dice::{Dice, unset};
use common::{ask, bundle, facts, files, load, question, questions, well_formed, with, words_of};
use proptest::prelude::*;
use serde_json::Value as Json;
use situs::domain::{Answer, Category, Question, Verdict};
use situs::law::IdSet;
use situs::policy::Bundle;

/// What was denied in the first answer, and is allowed in the second.
fn loosened(before: &Answer, after: &Answer) -> Option<String> {
    if before.decision == Verdict::Deny && after.decision == Verdict::Allow {
        return Some(format!("the whole was denied: {:?}", common::codes(before)));
    }
    let verdicts: BTreeMap<Category, Verdict> =
        before.category_verdicts.iter().map(|verdict| (verdict.category, verdict.decision)).collect();
    let freed = after.category_verdicts.iter().find(|verdict| {
        verdict.decision == Verdict::Allow && verdicts.get(&verdict.category) == Some(&Verdict::Deny)
    });
    freed.map(|verdict| format!("{} was denied: {:?}", verdict.category, common::codes(before)))
}

/// Whether a fact of this question can be taken away as what is not known. Some cannot, and facts/absences.toml
/// says so: before the first storage there is no copy, keys are no part of data unless they are stated, and
/// a bad order turned into a bare request is judged as that where no order is needed.
fn can_be_unknown(words: &Json, fact: &str) -> bool {
    match fact {
        "holding.stored_in" => words["transfer"]["mode"] != "first_storage",
        "holding.data_categories" => {
            !words["holding"]["data_categories"].as_array().is_some_and(|list| list.contains(&"key".into()))
        }
        "process.instrument" => {
            words["process"]["danger_to_life"] != true && words["tenant"]["consent"].is_null()
        }
        _ => true,
    }
}

/// The question without a fact; absent where it does not state it.
fn without(words: &Json, fact: &str) -> Option<Question> {
    let mut less = words.clone();
    (can_be_unknown(words, fact) && unset(&mut less, fact)).then(|| question(&less).unwrap())
}

/// Takes each fact away that is not presumed, and says which of them loosened the answer.
fn loosening(bundle: &Bundle, words: &Json, facts: &[String]) -> Vec<String> {
    let before = ask(bundle, &question(words).unwrap());
    if before.decision == Verdict::Allow {
        return Vec::new();
    }
    let freed = facts.iter().filter_map(|fact| {
        let less = without(words, fact)?;
        let after = ask(bundle, &less);
        Some(format!("without `{fact}`: {}", loosened(&before, &after)?))
    });
    freed.collect()
}

/// The names of the fields of a message of the wire.
fn fields(message: &str) -> Vec<String> {
    let pool = prost_reflect::DescriptorPool::decode(situs::grpc::proto::FILE_DESCRIPTOR_SET).unwrap();
    let name = match message {
        "holding" => "situs.v1.Holding",
        "tenant" => "situs.v1.Tenant",
        "process" => "situs.v1.LegalProcess",
        _ => "situs.v1.Transfer",
    };
    pool.get_message_by_name(name).unwrap().fields().map(|field| field.name().to_owned()).collect()
}

#[test]
fn every_optional_fact_has_a_meaning_of_its_absence() {
    // What each message can state, by the words of the wire: a new field must say what its absence means.
    for (message, except) in [
        ("holding", &["data_ref", "cleared", "labels"][..]),
        ("tenant", &["id", "holding_defaults", "labels"]),
        ("process", &["id"]),
        ("transfer", &["recipient"]),
    ] {
        let fields = fields(message);
        assert!(!fields.is_empty());
        for field in fields.iter().filter(|field| !except.contains(&field.as_str())) {
            let fact = format!("{message}.{field}");
            assert!(facts::optional().contains(&fact), "`{fact}` has no row in facts/absences.toml");
        }
    }
}

#[test]
fn taking_a_fact_away_from_a_case_never_allows_what_was_denied() {
    let facts = facts::not_presumed();
    let mut found = Vec::new();
    let questions = questions();
    assert!(!questions.is_empty());
    let (taken, facts) = (&AtomicUsize::new(0), &facts);
    let halves: Vec<_> = questions.chunks(questions.len().div_ceil(2)).collect();
    std::thread::scope(|scope| {
        let threads = halves.into_iter().map(|half| {
            scope.spawn(move || {
                let mut found = Vec::new();
                for (id, asked) in half {
                    let words = words_of(asked);
                    let stated = facts.iter().filter(|fact| without(&words, fact).is_some()).count();
                    taken.fetch_add(stated, Ordering::Relaxed);
                    found.extend(
                        loosening(bundle(), &words, facts).into_iter().map(|what| format!("{id} {what}")),
                    );
                }
                found
            })
        });
        let threads: Vec<_> = threads.collect();
        threads.into_iter().for_each(|thread| found.extend(thread.join().unwrap()));
    });
    assert!(taken.load(Ordering::Relaxed) > questions.len(), "hardly a fact was taken away");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Random questions, and cases with a few facts stated otherwise: these come closer to an ALLOW.
fn any_words() -> impl Strategy<Value = Json> {
    any::<u64>().prop_map(|seed| {
        let mut dice = Dice::new(seed);
        if dice.now_and_then(4) {
            return dice.question();
        }
        let (_id, base) = dice.one(questions());
        let mut words = words_of(base);
        // A case is decided under the law of its day; the same is asked under the law of now as well.
        if dice.now_and_then(3) {
            unset(&mut words, "as_of");
        }
        dice.vary(words)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn taking_a_fact_away_from_any_question_never_allows_what_was_denied(words in any_words(), seed: u64) {
        // What the door refuses is no question.
        let Ok(asked) = question(&words) else { return Ok(()) };
        let answer = ask(bundle(), &asked);
        prop_assert_eq!(well_formed(&asked, &answer), Ok(()));
        let mut dice = Dice::new(seed);
        let facts = facts::not_presumed();
        let some: Vec<String> = facts.into_iter().filter(|_| dice.now_and_then(4)).collect();
        let found = loosening(bundle(), &words, &some);
        prop_assert!(found.is_empty(), "{}", found.join("\n"));
    }
}

/// A condition that is true of some questions.
fn condition(dice: &mut Dice) -> String {
    let place = dice.one(&["US", "IE", "EU", "CN", "GB"]).to_owned();
    let conditions = [
        "context.recorded".to_owned(),
        format!("context.place.contains(Jurisdiction::\"{place}\")"),
        format!("resource.stored_in.contains(Jurisdiction::\"{place}\")"),
        "resource has residency && resource.residency.contains(Jurisdiction::\"IE\")".to_owned(),
        "resource.controller".to_owned(),
        "resource.subject_count > 100".to_owned(),
        "principal.jurisdiction.containsAny(resource.stored_in)".to_owned(),
        "!context.leaves.isEmpty()".to_owned(),
        "resource.hasTag(\"team\") && resource.getTag(\"team\") == \"blue\"".to_owned(),
    ];
    dice.one(&conditions).clone()
}

/// A forbid that loads.
fn forbid(dice: &mut Dice, number: usize) -> String {
    let principal = *dice.one(&["principal", "principal is Authority", "principal is Workload"]);
    let action = *dice.one(&[
        "action == Action::\"transfer\"",
        "action == Action::\"disclose\"",
        "action in [Action::\"transfer\", Action::\"access\", Action::\"disclose\"]",
        "action in [Action::\"access\", Action::\"preserve\", Action::\"surrender_key\"]",
    ]);
    let regimes: Vec<&String> = bundle().facts().ids(IdSet::Regime).iter().collect();
    let regime = format!("resource in Regime::\"{}\"", dice.one(&regimes));
    let resource = if dice.now_and_then(2) { regime } else { "resource".to_owned() };
    let word = if dice.now_and_then(3) { "unless" } else { "when" };
    let condition = condition(dice);
    format!(
        "@id(\"test.forbid.{number}\")\n@reason(\"nothing_permits\")\n@disposition(\"prohibited_by_law\")\n\
         @next_step(\"refuse_policy\")\nforbid ({principal}, {action}, {resource})\n{word} {{ {condition} }};\n"
    )
}

proptest! {
    // Each of them loads a bundle.
    #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn adding_forbids_never_allows_what_was_denied(seed: u64) {
        let mut dice = Dice::new(seed);
        let policies: Vec<String> = (0..1 + dice.roll(3)).map(|number| forbid(&mut dice, number)).collect();
        let policies = policies.join("\n");
        let stricter = load(&with(files(), "core/test-forbids.cedar", &policies));
        prop_assert!(stricter.is_ok(), "{:?}\n{policies}", stricter.err());
        let stricter = stricter.unwrap();
        // A fifth of them each time: the policies differ, and so do the questions.
        let asked = questions().iter().filter(|_| dice.now_and_then(5));
        for (id, asked) in asked.collect::<Vec<_>>() {
            let (before, after) = (ask(bundle(), asked), ask(&stricter, asked));
            let freed = loosened(&before, &after);
            prop_assert!(freed.is_none(), "{id}: {freed:?}\n{policies}");
            prop_assert_eq!(well_formed(asked, &after), Ok(()), "{}", id);
        }
    }
}
