//! Fail closed: what is broken, misspelt, missing or not known is a fault of the load, a FAULT or a DENY, and
//! never an ALLOW.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::dice::set;
use common::{
    ask, ask_at, bundle, codes, faults_with, files, instant, load, now, question, well_formed, with,
};
use serde_json::{Value as Json, json};
use situs::domain::{Answer, Disposition, Effect, Files, Party, RequesterKind, Verdict};
use situs::engine::{Known, decide};
use situs::policy::{Ask, AskError, Bundle, EntityValue, Uid, Value};
use situs::scenario::CaseFile;
use uuid::Uuid;

/// A move inside one country, which every law allows.
fn at_home() -> Json {
    json!({
        "data_ref": "acme/mail", "action": "transfer", "jurisdiction": "DE",
        "requester": { "kind": "workload", "jurisdiction": "DE" },
        "tenant": { "type": "enterprise" },
        "holding": {
            "stored_in": ["DE"], "data_kinds": ["personal"], "data_categories": ["content"], "subject_count": 1,
            "provider_role": "processor", "provider_established_in": ["DE"], "subject_locations": ["DE"],
        },
        "transfer": { "mode": "replication" },
    })
}

fn stating(facts: &[(&str, Json)]) -> Json {
    let mut words = at_home();
    facts.iter().for_each(|(fact, value)| set(&mut words, fact, value.clone()));
    words
}

fn answer_to(bundle: &Bundle, words: &Json) -> Answer {
    let asked = question(words).unwrap();
    let answer = ask(bundle, &asked);
    assert_eq!(well_formed(&asked, &answer), Ok(()));
    answer
}

fn with_policy(text: &str) -> Result<Bundle, String> {
    load(&with(files(), "core/test.cedar", text)).map_err(|faults| format!("{faults:?}"))
}

/// A forbid with this condition, otherwise whole.
fn forbid(condition: &str) -> String {
    format!(
        "@id(\"test.forbid\")\n@reason(\"nothing_permits\")\n@disposition(\"prohibited_by_law\")\n\
         @next_step(\"refer_counsel\")\nforbid (principal, action == Action::\"transfer\", resource)\n\
         when {{ {condition} }};\n"
    )
}

#[test]
fn what_every_law_allows_is_allowed() {
    let answer = answer_to(bundle(), &at_home());
    assert_eq!(answer.decision, Verdict::Allow, "{answer:?}");
}

#[test]
fn a_policy_that_errs_is_a_fault_and_not_skipped() {
    // More than any number overflows: Cedar would skip the forbid, and so allow.
    let unknown_count = stating(&[("holding.subject_count", json!(u64::MAX))]);
    let forbids = forbid("resource.subject_count + 1 > 0");
    let permits =
        forbids.replace("forbid (", "permit (").replace("@disposition(\"prohibited_by_law\")\n", "");
    let advises = "@id(\"test.advice\")\n@advice\n@obligations(\"record\")\n\
                   permit (principal, action == Action::\"transfer\", resource)\n\
                   when { resource.subject_count + 1 > 0 };\n";
    for policy in [forbids.as_str(), permits.as_str(), advises] {
        let erring = with_policy(policy).unwrap();
        let answer = answer_to(&erring, &unknown_count);
        assert_eq!((answer.decision, answer.disposition), (Verdict::Deny, Disposition::Fault), "{policy}");
        assert_eq!(codes(&answer), ["evaluation_error"]);
        assert!(answer.reasons.iter().all(|reason| reason.message.contains("overflow")), "{answer:?}");
    }
    // Where it does not err it does what it says.
    let erring = with_policy(&forbids).unwrap();
    assert_eq!(answer_to(&erring, &at_home()).disposition, Disposition::ProhibitedByLaw);
}

/// What is wrong with each of several policies, which are loaded at once: every fault is found, not only the
/// first. The id of each is its place among them.
fn faults_of_each(policies: &[String]) -> Vec<String> {
    let named =
        |(place, policy): (usize, &String)| policy.replace("test.forbid", &format!("test.{place:03}"));
    let files: Vec<String> = policies.iter().enumerate().map(named).collect();
    let faults = faults_with("core/test.cedar", &files.join("\n"));
    let of = |place: usize| -> Vec<&str> {
        let id = format!("`test.{place:03}`");
        faults.iter().filter(|fault| fault.contains(&id)).map(String::as_str).collect()
    };
    (0..policies.len()).map(|place| of(place).join("\n")).collect()
}

#[test]
fn a_misspelt_id_is_a_fault_of_the_load_that_names_the_near_ones() {
    let misspelt = [
        ("resource in Regime::\"eu-gpdr-ch5\"", "eu-gdpr-ch5"),
        ("context.place.contains(Jurisdiction::\"UK\")", "GB"),
        ("context.place.contains(Jurisdiction::\"EUU\")", "`EU`"),
        ("context.safeguards.contains(Safeguard::\"scc_2012\")", "scc_2021"),
        ("context.mode == Mode::\"replicaton\"", "replication"),
        ("resource.data_kinds.contains(DataKind::\"helth\")", "health"),
        ("resource.tenant.type == TenantType::\"enterprize\"", "enterprise"),
        ("context.flags.contains(Flag::\"listed_ofence\")", "listed_offence"),
        ("context.mechanisms.contains(Mechanism::\"scc-eu-202l\")", "scc-eu-2021"),
        ("resource.sectors.contains(Sector::\"banks\")", "bank"),
    ];
    let mut policies: Vec<String> = misspelt.iter().map(|(condition, _)| forbid(condition)).collect();
    policies.push(forbid("true").replace(", resource)", ", resource in Regime::\"eu-gpdr-ch5\")"));
    let nearest = misspelt.iter().map(|(_, near)| *near).chain(["did you mean `eu-gdpr-ch5"]);
    for ((faults, policy), near) in faults_of_each(&policies).iter().zip(&policies).zip(nearest) {
        assert!(faults.contains("core/test.cedar:") && faults.contains(near), "{policy}: {faults}");
    }
}

#[test]
fn a_word_that_is_not_declared_is_a_fault_of_the_load() {
    let good = forbid("true");
    let wrong = [
        ("@reason(\"nothing_permits\")", "@reason(\"nothing_permitted\")", "nothing_permits"),
        ("@reason(\"nothing_permits\")", "", "no reason"),
        ("@next_step(\"refer_counsel\")", "@next_step(\"refer_council\")", "refer_counsel"),
        ("@next_step(\"refer_counsel\")", "", "no next step"),
        ("@disposition(\"prohibited_by_law\")", "@disposition(\"prohibited\")", "prohibited_by_law"),
        ("@disposition(\"prohibited_by_law\")", "", "no disposition"),
        ("forbid (", "@routes(\"ask_council\") forbid (", "ask_counsel"),
        ("forbid (", "@obligations(\"preserv\") forbid (", "preserve"),
        ("forbid (", "@obligations(\"preserve@process.served_at+P1D\") forbid (", "process.served_at"),
        ("forbid (", "@obligations(\"preserve@process.received_at+1 day\") forbid (", "ISO 8601"),
        ("forbid (", "@relations(\"adequasy\") forbid (", "adequacy"),
        ("forbid (", "@relations(\"adequacy:in_forse\") forbid (", "in_forse"),
        ("forbid (", "@regime(\"eu-gpdr-ch5\") forbid (", "eu-gdpr-ch5"),
        ("forbid (", "@citaton(\"x\") forbid (", "citation"),
        ("forbid (", "@advice forbid (", "advice only explains"),
        ("when { true }", "when { resource.stored_inn.isEmpty() }", "stored_in"),
        ("when { true }", "when { context has verdict && true }", "verdict"),
    ];
    let policies: Vec<String> = wrong.iter().map(|(was, is, _)| good.replacen(was, is, 1)).collect();
    assert!(policies.iter().all(|policy| *policy != good));
    for ((faults, policy), (_, _, says)) in faults_of_each(&policies).iter().zip(&policies).zip(wrong) {
        assert!(faults.contains(says), "{policy}: {faults}");
    }
    // These have no id of their own to be found by.
    for (was, is, says) in [
        ("@id(\"test.forbid\")", "", "no id"),
        ("@id(\"test.forbid\")", "@id(\"core.move\")", "taken"),
        ("when { true }", "when { ", "core/test.cedar:"),
    ] {
        let faults = faults_with("core/test.cedar", &good.replacen(was, is, 1)).join("\n");
        assert!(faults.contains(says), "`{was}` as `{is}`: {faults}");
    }
    assert!(with_policy(&good).is_ok());
}

#[test]
fn a_forbid_may_not_go_quiet_where_a_fact_is_missing() {
    // A made-up optional fact: required, adverse, presumed, and not declared at all.
    let schema = files()["situs.cedarschema"].replace("residency?:", "novelty?: Bool,\n  residency?:");
    let declared = |meaning: &str| {
        let absence = format!(
            "[[absence]]\nfact = \"holding.novelty\"\nabsence = \"{meaning}\"\ndefault = \"no\"\nreason = \"why\"\n"
        );
        let absence = if meaning.is_empty() { String::new() } else { absence };
        let files = with(files(), "situs.cedarschema", &schema);
        let files = with(files, "facts/novelty.toml", &absence);
        let policy = forbid("resource has novelty && resource.novelty");
        load(&with(files, "core/test.cedar", &policy)).map(|_| ()).map_err(|faults| format!("{faults:?}"))
    };
    assert_eq!(declared("presumed"), Ok(()));
    for meaning in ["required", "adverse", ""] {
        assert!(declared(meaning).unwrap_err().contains("guards `novelty` by `has`"), "{meaning}");
    }
}

#[test]
fn facts_that_do_not_hang_together_are_faults_of_the_load() {
    let row = "[[relation]]\nid = \"test-00\"\nkind = \"mla\"\nfrom = \"US\"\nto = \"IE\"\nstatus = \"in_force\"\ncitation = \"c\"\n";
    assert!(load(&with(files(), "facts/test.toml", row)).is_ok());
    let wrong = [
        ("kind = \"mla\"", "kind = \"mlat\"", "mla"),
        ("from = \"US\"", "from = \"USA\"", "USA"),
        ("to = \"IE\"", "to = \"UK\"", "write `GB`"),
        ("status = \"in_force\"", "status = \"inforce\"", "in_force"),
        ("status = \"in_force\"", "status = \"suspended\"", "effective_until"),
        ("status = \"in_force\"", "status = \"ended\"", "effective_until"),
        ("citation = \"c\"", "citation = \"c\"\neffective_from = \"2020-02-30\"", "2020-02-30"),
        (
            "citation = \"c\"",
            "citation = \"c\"\neffective_from = \"2020-01-02\"\neffective_until = \"2020-01-01\"",
            "ends before",
        ),
        ("citation = \"c\"", "citation = \"c\"\nconditions = [\"order.unheard_of\"]", "mapped to nothing"),
        ("id = \"test-00\"", "id = \"mla-us-ie\"", "twice"),
    ];
    let mut text = String::new();
    let mut lines = Vec::new();
    for (place, (was, is, _)) in wrong.iter().enumerate() {
        let faulty = row.replacen(was, is, 1).replace("test-00", &format!("test-{place:02}"));
        assert_ne!(faulty, row);
        let first = text.lines().count() + 1;
        lines.push(first..first + faulty.lines().count());
        text.push_str(&faulty);
    }
    let faults = load(&with(files(), "facts/test.toml", &text)).err().unwrap();
    for ((was, is, says), lines) in wrong.iter().zip(lines) {
        let found = faults.iter().any(|fault| {
            fault.file == "facts/test.toml" && lines.contains(&fault.line) && fault.to_string().contains(says)
        });
        assert!(found, "`{was}` as `{is}`: {faults:#?}");
    }
    assert!(
        faults_with("facts/test.toml", &format!("{row}unheard_of = 1\n")).join("").contains("unheard_of")
    );
}

#[test]
fn a_file_that_is_gone_is_a_fault_though_nothing_dangles() {
    let without = |gone: &str| {
        let mut rest: Files = files();
        assert!(rest.remove(gone).is_some(), "{gone}");
        rest.retain(|path, _| !path.starts_with("scenarios/"));
        load(&rest).err().unwrap_or_default().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let faults = without("facts/relations.toml");
    assert!(faults.contains("no relation of kind `country_of_concern`"), "{faults}");
    let faults = without("regimes/cl-21719.cedar");
    assert!(faults.contains("regime `cl-21719` has no rule"), "{faults}");
    assert!(faults.contains("facts/regimes.toml:"), "{faults}");
    let nothing = load(&Files::new()).err().unwrap();
    assert!(nothing[0].to_string().contains("situs policies init"), "{nothing:?}");
}

#[test]
fn an_action_that_is_never_asked_about_is_a_fault_of_the_load() {
    let schema = &files()["situs.cedarschema"];
    let more = "action export appliesTo { principal: [Workload], resource: [Holding], context: Move };\n";
    let faults = faults_with("situs.cedarschema", &format!("{schema}\n{more}")).join("\n");
    assert!(faults.contains("`export`"), "{faults}");
    let grouped =
        schema.replace("action transfer appliesTo", "action moves;\naction transfer in [moves] appliesTo");
    assert!(faults_with("situs.cedarschema", &grouped).join("\n").contains("`moves`"));
}

#[test]
fn an_entity_that_nothing_declares_is_a_fault() {
    let access = |field: Value| Ask {
        action: "assert",
        principal: EntityValue {
            attributes: [
                ("local", Value::Bool(true)),
                ("credential", Value::entity("Credential", "local")),
                ("subject", Value::Text(String::new())),
                ("issuer", Value::Text(String::new())),
                ("groups", Value::Set([].into())),
            ]
            .into(),
            ..EntityValue::bare(Uid::new("Caller", "somebody"))
        },
        resource: EntityValue::bare(Uid::new("Service", "AuthorizationService")),
        others: Vec::new(),
        context: [("field", field), ("tenant", Value::Text(String::new()))].into(),
    };
    assert!(bundle().prepare(access(Value::Text("x".to_owned()))).is_ok());
    for uid in [
        Uid::new("Regime", "eu-gpdr-ch5"),
        Uid::new("Jurisdiction", "UK"),
        Uid::new("Holding", "acme/mail"),
        Uid::new("Safeguard", ""),
    ] {
        let (kind, id) = (uid.kind, uid.id.clone());
        let in_a_set = Value::Set([Value::Entity(uid.clone())].into());
        let in_a_record = Value::Record([("x", in_a_set)].into());
        let error = bundle().prepare(access(in_a_record)).err();
        assert_eq!(error, Some(AskError::Missing { kind, id: id.clone() }));
        let mut below = access(Value::Text("x".to_owned()));
        below.resource.parents.insert(uid);
        assert_eq!(bundle().prepare(below).err(), Some(AskError::Missing { kind, id }));
    }
    // A value that is not what the schema says is no question either.
    assert!(matches!(bundle().prepare(access(Value::Bool(true))).unwrap().judge(), Err(AskError::Schema(_))));
    // The engine denies what it cannot ask: a word that came past the door.
    let mut asked = question(&at_home()).unwrap();
    asked.transfer.as_mut().unwrap().safeguards.push("a_new_safeguard".to_owned());
    let answer = ask(bundle(), &asked);
    assert_eq!((answer.decision, answer.disposition), (Verdict::Deny, Disposition::Fault), "{answer:?}");
    assert!(answer.reasons[0].message.contains("a_new_safeguard"));
}

#[test]
fn a_question_over_several_places_is_allowed_only_if_each_is() {
    let to = |place: &str, residency: &[&str]| {
        let words = stating(&[
            ("jurisdiction", json!(place)),
            ("holding.residency", json!(residency)),
            ("transfer.safeguards", json!(["contract"])),
        ]);
        answer_to(bundle(), &words).decision
    };
    // A dual region of Belgium and the United Kingdom.
    for residency in [&["BE", "GB"][..], &["BE"], &["GB"], &["EU"], &["DE"]] {
        let each = [to("BE", residency), to("GB", residency)];
        let all = if each == [Verdict::Allow, Verdict::Allow] { Verdict::Allow } else { Verdict::Deny };
        assert_eq!(to("gcp:eur5", residency), all, "{residency:?}");
    }
    assert_eq!(to("gcp:eur5", &["BE", "GB"]), Verdict::Allow);
    // To reach in from elsewhere is to be there too.
    let from = |jurisdiction: &str| {
        let words = stating(&[
            ("action", json!("access")),
            ("requester.jurisdiction", json!(jurisdiction)),
            ("holding.residency", json!(["DE"])),
        ]);
        answer_to(bundle(), &words)
    };
    assert_eq!(from("DE").decision, Verdict::Allow);
    let abroad = from("US");
    assert!(codes(&abroad).contains(&"customer_residency_commitment"), "{abroad:?}");
}

#[test]
fn a_demand_for_several_categories_is_allowed_only_if_each_is() {
    let samples = CaseFile::read("samples", include_str!("common/samples.toml"), bundle().facts()).unwrap();
    let asked = &samples.cases.iter().find(|case| case.id == "sample-warrant-abroad").unwrap().question;
    let answer = ask(bundle(), asked);
    assert_eq!(answer.decision, Verdict::Deny);
    assert_eq!(answer.category_verdicts.len(), 2);
    let mut narrowed = asked.clone();
    for verdict in &answer.category_verdicts {
        narrowed.data_categories = vec![verdict.category];
        assert_eq!(ask(bundle(), &narrowed).decision, verdict.decision, "{}", verdict.category);
    }
}

#[test]
fn what_is_not_known_is_denied_and_says_so() {
    let denied = |words: &Json| {
        let answer = answer_to(bundle(), words);
        assert_eq!(answer.decision, Verdict::Deny);
        assert!(answer.reasons.iter().all(|reason| reason.effect != Effect::Permit));
        (answer.disposition, codes(&answer).join(" "), answer.reasons[0].message.clone())
    };
    let mut nothing = at_home();
    nothing.as_object_mut().unwrap().remove("holding");
    assert_eq!(denied(&nothing).0, Disposition::UnknownData);
    assert_eq!(denied(&nothing).1, "unknown_data");
    let mut nobody = at_home();
    set(&mut nobody, "requester", json!({ "id": "somebody" }));
    assert_eq!(
        (denied(&nobody).0, denied(&nobody).1.as_str()),
        (Disposition::UnknownRequester, "unknown_requester")
    );
    for fact in ["stored_in", "provider_established_in"] {
        let mut less = at_home();
        assert!(common::dice::unset(&mut less, &format!("holding.{fact}")));
        let (disposition, code, message) = denied(&less);
        assert_eq!((disposition, code.as_str()), (Disposition::UnknownData, "fact_missing"));
        assert!(message.contains(fact), "{message}");
    }
    // Only a first storage has no copy yet.
    let mut demand = stating(&[("action", json!("disclose")), ("transfer.mode", json!("first_storage"))]);
    set(&mut demand, "holding.collected_in", json!(["DE"]));
    common::dice::unset(&mut demand, "holding.stored_in");
    assert_eq!(denied(&demand).0, Disposition::UnknownData);
}

#[test]
fn a_place_of_which_the_facts_say_nothing_is_a_denial_that_says_so() {
    assert!(!common::facts::jurisdictions().contains(&"FJ".to_owned()), "choose another place");
    for (fact, value) in [("jurisdiction", json!("FJ")), ("holding.stored_in", json!(["DE", "FJ"]))] {
        let answer = answer_to(bundle(), &stating(&[(fact, value)]));
        assert_eq!(answer.decision, Verdict::Deny);
        assert!(codes(&answer).contains(&"jurisdiction_not_recorded"), "{answer:?}");
    }
    let nowhere = stating(&[("jurisdiction", json!("XQ"))]);
    assert!(question(&nowhere).unwrap_err().contains("jurisdiction"));
}

#[test]
fn what_a_third_party_receives_is_also_where_that_party_is() {
    let known_to = |recipient: Option<Party>| {
        let mut words = at_home();
        set(&mut words, "transfer.recipient", json!("partner"));
        let asked = question(&words).unwrap();
        let known = Known { recipient: recipient.map(Into::into), ..Known::default() };
        decide(bundle(), &asked, &known, now(), Uuid::nil()).answer
    };
    let in_place = |jurisdiction: &str| Party {
        id: "partner".to_owned(),
        kind: RequesterKind::Recipient,
        jurisdiction: jurisdiction.to_owned(),
        authority_type: None,
        certifications: Vec::new(),
        labels: Vec::new(),
    };
    assert_eq!(known_to(Some(in_place("FR"))).decision, Verdict::Allow);
    assert_eq!(known_to(Some(in_place("CN"))).disposition, Disposition::ProhibitedByLaw);
    // A name that nobody registered says nothing of who receives.
    let unknown = known_to(None);
    assert_eq!((unknown.disposition, codes(&unknown)[0]), (Disposition::UnknownData, "fact_missing"));
    assert!(unknown.reasons[0].message.contains("transfer.recipient"), "{unknown:?}");
    // So does an id of a process, whatever the action.
    let mut named = at_home();
    set(&mut named, "process", json!({ "id": "warant-7" }));
    let answer = answer_to(bundle(), &named);
    assert_eq!((answer.disposition, codes(&answer)[0]), (Disposition::UnknownData, "fact_missing"));
    // A recipient that asks for itself is where it is, whatever place it names.
    let asking = stating(&[("requester", json!({ "kind": "recipient", "jurisdiction": "CN" }))]);
    assert_eq!(answer_to(bundle(), &asking).disposition, Disposition::ProhibitedByLaw);
}

#[test]
fn an_answer_ends_with_the_law_with_the_process_and_with_its_age() {
    let valid = |words: &Json, now: &str| {
        let answer = ask_at(bundle(), &question(words).unwrap(), instant(now));
        assert_eq!(answer.decided_at, instant(now));
        answer.valid_until
    };
    let age = i64::from(bundle().facts().max_age("transfer"));
    assert!(age > 0);
    let calm = "2019-02-03T12:00:00Z";
    assert_eq!(valid(&at_home(), calm), instant(calm) + jiff::SignedDuration::from_secs(age));
    // One second before the law changes, and at the change.
    for boundary in ["2020-02-01T00:00:00Z", "2021-01-01T00:00:00Z"] {
        let before = instant(boundary) - jiff::SignedDuration::from_secs(1);
        assert_eq!(valid(&at_home(), &before.to_string()), instant(boundary));
        assert!(valid(&at_home(), boundary) > instant(boundary));
    }
    for (fact, value) in [
        ("process.expires_at", json!("2019-02-03T12:00:10Z")),
        ("process.nondisclosure_until", json!("2019-02-03T12:00:10Z")),
        (
            "tenant.approval",
            json!([{ "destination": ["US"], "scope": ["all"], "until": "2019-02-03T12:00:10Z" }]),
        ),
    ] {
        assert_eq!(valid(&stating(&[(fact, value)]), calm), instant("2019-02-03T12:00:10Z"), "{fact}");
    }
    // What hands something over is good for the moment, and what is only imagined for no time.
    let demand = stating(&[("action", json!("disclose"))]);
    assert_eq!(valid(&demand, calm), instant(calm));
    assert_eq!(valid(&stating(&[("as_of", json!("2018-01-01"))]), calm), instant(calm));
}

#[test]
fn a_fact_that_nobody_looked_at_in_time_denies_where_the_bundle_says_so() {
    let settings = &files()["facts/settings.toml"];
    let denying = settings.replace("overdue_denies = []", "overdue_denies = [\"disclose\"]");
    assert_ne!(**settings, *denying);
    let strict = load(&with(files(), "facts/settings.toml", &denying)).unwrap();
    let samples = CaseFile::read("samples", include_str!("common/samples.toml"), bundle().facts()).unwrap();
    let at_home = samples.cases.iter().find(|case| case.id == "sample-warrant-at-home").unwrap();
    let mut asked = at_home.question.clone();
    asked.as_of = None;
    let late = instant("2036-01-01T12:00:00Z");
    for (bundle, now, expected, overdue) in [
        (bundle(), now(), Verdict::Allow, false),
        (bundle(), late, Verdict::Allow, true),
        (&strict, now(), Verdict::Allow, false),
        (&strict, late, Verdict::Deny, true),
    ] {
        let answer = ask_at(bundle, &asked, now);
        assert_eq!(well_formed(&asked, &answer), Ok(()));
        assert_eq!(answer.decision, expected, "{now}: {answer:?}");
        assert_eq!(codes(&answer).contains(&"facts_overdue_for_review"), overdue, "{now}: {answer:?}");
        assert!(expected == Verdict::Allow || answer.next_step == "refer_counsel", "{answer:?}");
    }
}
