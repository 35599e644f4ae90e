//! The words of case files, both ways.

use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::audit::{Logged, LoggedRecord};
use crate::domain::{Category, ContentRef, Hidden, Masking, Outcome, Personal};
use crate::grpc::testing::{self, Dice, Known};

/// Three cases as case files have them.
const CASES: &str = r#"
[[case]]
[case.request]
data_ref = "example/msft-ie-2013-12-04"
action = "disclose"
jurisdiction = "US-NY"
requester = { kind = "authority", authority_type = "police", jurisdiction = "US-NY" }
data_categories = ["content"]
[case.request.holding]
stored_in = ["IE"]
residency = ["IE"]
data_categories = ["content"]
data_kinds = ["personal"]
subject_count = 1
provider_role = "processor"
provider_established_in = ["US", "IE"]
provider_headquarters = "US"
control_from = ["US", "IE"]
[case.request.process]
instrument = "search_warrant"
issuing_jurisdiction = "US-NY"
issued_by = "court"
names_accounts = true
statute = "18 USC 2703"
nondisclosure_until = "2026-05-01"

[[case]]
[case.request]
data_ref = "example/eu-us-2021-scc-tia"
action = "transfer"
jurisdiction = "US"
requester = { kind = "workload", jurisdiction = "US" }
as_of = 2022-01-10
[case.request.holding]
stored_in = "IE"
key_control = "customer"
keys_in = ["IE"]
labels = { tier = 1, gold = true, team = "mail" }
[case.request.transfer]
mode = "storage"
safeguards = ["scc_2021", "encrypted"]
subjects_year_to_date = 1200000

[[case]]
[case.request]
data_ref = "example/customer-consented-us"
action = "surrender-key"
jurisdiction = "US"
requester = "fbi"
process = "13-mag-2814"
as_of = 2018-06-01T09:30:00+02:00
[case.request.tenant]
type = "public_body"
is_suspect = false
consent = { given = true, scope = "this_request", verified_identity = true }
approval = { destination = "US", scope = ["all"], until = "2030-01-01" }
"#;

fn requests() -> Vec<Value> {
    let cases: toml::Value = toml::from_str(CASES).unwrap();
    cases["case"].as_array().unwrap().iter().map(|case| from_toml(&case["request"])).collect()
}

/// That words are refused at this path, with this said.
fn check(words: Value, path: &str, says: &str) {
    let Err(WordsError::Bad(bad)) = read::<proto::AuthorizeRequest>(&words) else {
        panic!("{words} is read");
    };
    assert!(
        matches!(bad.fields(), [field] if field.path == path && field.problem.contains(says)),
        "want {path:?} with {says:?}, found {bad}"
    );
}

#[test]
fn case_files_are_questions() {
    let questions: Vec<_> = requests().iter().map(|words| question(words, &Known).unwrap()).collect();
    assert_eq!(questions[0].data_ref.as_str(), "example/msft-ie-2013-12-04");
    assert_eq!(questions[0].holding.as_ref().unwrap().control_from, ["US", "IE"]);
    let process = questions[0].process.as_ref().unwrap();
    assert_eq!(process.nondisclosure_until, "2026-05-01T12:00:00Z".parse().ok());

    assert_eq!(questions[1].as_of, "2022-01-10T12:00:00Z".parse().ok());
    let holding = questions[1].holding.as_ref().unwrap();
    assert_eq!(holding.stored_in, ["IE"]);
    let labels: Vec<_> = holding.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(labels, [("gold", "true"), ("team", "mail"), ("tier", "1")]);

    assert_eq!(questions[2].action.unwrap().as_str(), "surrender_key");
    assert_eq!(questions[2].requester.id, "fbi");
    assert_eq!(questions[2].process.as_ref().unwrap().id, "13-mag-2814");
    assert_eq!(questions[2].as_of, "2018-06-01T07:30:00Z".parse().ok());
    assert_eq!(questions[2].tenant.as_ref().unwrap().approvals[0].destination, ["US"]);
}

#[test]
fn what_is_read_is_written_in_the_same_words() {
    for words in requests() {
        let message: proto::AuthorizeRequest = read(&words).unwrap();
        let written = write(&message).unwrap();
        assert_eq!(read::<proto::AuthorizeRequest>(&written).unwrap(), message, "{words}");
    }
    let written = write(&read::<proto::AuthorizeRequest>(&requests()[0]).unwrap()).unwrap();
    assert_eq!(written["action"], "disclose");
    assert_eq!(written["holding"]["provider_role"], "processor");
    assert_eq!(written.get("as_of"), None);
}

#[test]
fn every_message_comes_back_from_its_words() {
    let draft = convert::draft(&testing::record(), &Masking::default()).unwrap();
    let entry: proto::LogEntry = prost::Message::decode(draft.body.as_slice()).unwrap();
    assert_eq!(read::<proto::LogEntry>(&write(&entry).unwrap()).unwrap(), entry);
    let stream = proto::AuthorizeStreamResponse {
        request_id: String::from("q-1"),
        sequence: u64::MAX,
        result: Some(proto::authorize_stream_response::Result::Status(tonic_types::Status {
            code: 3,
            message: String::from("no"),
            details: vec![prost_types::Any { type_url: String::from("x/y"), value: vec![0, 255] }],
        })),
        bad_fields: vec![proto::BadField { field: String::from("a"), description: String::from("b") }],
    };
    assert_eq!(read::<proto::AuthorizeStreamResponse>(&write(&stream).unwrap()).unwrap(), stream);
}

#[test]
fn an_answer_is_written_in_words() {
    assert_eq!(
        answer(testing::answer()).unwrap(),
        json!({
            "decision": "deny",
            "disposition": "out_of_reach",
            "next_step": "challenge",
            "reasons": [{
                "policy_id": "core/reach",
                "effect": "forbid",
                "code": "data_outside_requester_territory",
                "regime": "us-sca",
                "relations": ["mla-us-ie"],
                "citation": "829 F.3d 197",
                "message": "The data is stored in IE only.",
                "confidence": "verified",
            }],
            "category_verdicts": [
                { "category": "content", "decision": "deny", "disposition": "out_of_reach" },
            ],
            "obligations": [{
                "kind": "preserve",
                "due": "2016-07-14T12:00:00Z",
                "period": "P90D",
                "detail": "keep a copy",
            }],
            "routes": [{
                "kind": "mutual_legal_assistance",
                "relation": "mla-us-ie",
                "detail": "ask Ireland",
                "citation": "TIAS 13137",
            }],
            "regimes": ["us-sca"],
            "policy_version": "sha256:1",
            "facts_version": "sha256:2",
            "catalog_revision": 7,
            "decided_at": "2016-07-14T12:00:00Z",
            "as_of": "2016-07-14T12:00:00Z",
            "hypothetical": true,
            "valid_until": "2016-07-14T12:00:00Z",
            "receipt": { "log_index": 3, "leaf_hash": "00ab", "signature": "01" },
            "decision_id": "00000000-0000-0000-0000-000000000001",
            "request_id": "q-1",
        })
    );
}

/// A record that states everything, read back from its entry.
fn recorded(masking: &Masking) -> LoggedRecord {
    let mut record = testing::record();
    record.decision.answer.receipt = None;
    let draft = convert::draft(&record, masking).unwrap();
    let places = draft.contents.iter().zip(0..);
    let refs: Vec<_> = places.map(|(content, index)| ContentRef { sha256: content.sha256, index }).collect();
    let entry = [draft.body, convert::content_refs(&refs)].concat();
    let content = |at: &ContentRef| Some(draft.contents[at.index as usize].bytes.clone());
    let read = convert::recorded(&entry, &[], content).unwrap().unwrap();
    LoggedRecord { index: 7, leaf_hash: [0xab; 32], what: Logged::Decision(Box::new(read)) }
}

fn outcome() -> LoggedRecord {
    let outcome = Outcome {
        id: Uuid::from_u128(2),
        decision_id: Uuid::from_u128(1),
        tenant: String::from("acme"),
        kind: String::from("disclosed"),
        at: testing::issued_at(),
        recorded_at: testing::issued_at(),
        caller: String::from("desk"),
        categories: vec![Category::Content],
        detail: String::from("by courier"),
    };
    let what = Logged::Outcome(Box::new(outcome), Hidden::default());
    LoggedRecord { index: 8, leaf_hash: [0xcd; 32], what }
}

#[test]
fn a_record_has_stable_names_which_its_page_tells() {
    let page = include_str!("../../../docs/audit.md");
    let masking = Masking { mask: vec![Personal::Caller], erase: vec![Personal::TraceId] };
    let mut told = 0;
    for record in [recorded(&Masking::default()), recorded(&masking), outcome()] {
        let json = logged("example.test/log", &record).unwrap();
        for name in json.as_object().unwrap().keys() {
            assert!(page.contains(&format!("`{name}`")), "docs/audit.md lacks `{name}`");
            told += 1;
        }
    }
    assert!(told > 40, "{told}");
}

#[test]
fn a_record_in_words_says_what_was_decided() {
    let json = logged("example.test/log", &recorded(&Masking::default())).unwrap();
    assert_eq!(json["type"], "enquiry");
    assert_eq!(json["labels"], json!({ "id": "example.test/log", "version": "0.1.0" }));
    assert_eq!(json["revision"], json!({ "policy": "sha256:1", "facts": "sha256:2", "catalog": 7 }));
    assert_eq!(json["requested_by"], "spiffe://example/desk");
    assert_eq!(json["input"]["requester"]["kind"], json["facts"]["requester"]["kind"]);
    assert_eq!(json["result"]["disposition"], "out_of_reach");
    assert_eq!((json["log_index"].as_u64(), json["leaf_hash"].as_str()), (Some(7), Some(&*"ab".repeat(32))));
    assert_eq!((json.get("masked"), json.get("erased")), (None, None));

    let masking = Masking { mask: vec![Personal::Caller], erase: vec![Personal::TraceId] };
    let json = logged("example.test/log", &recorded(&masking)).unwrap();
    assert_eq!((json.get("requested_by"), json.get("trace_id")), (None, None));
    assert_eq!((&json["masked"], &json["erased"]), (&json!(["caller"]), &json!(["trace_id"])));

    let json = logged("example.test/log", &outcome()).unwrap();
    assert_eq!((&json["type"], &json["kind"]), (&json!("outcome"), &json!("disclosed")));
    assert_eq!((&json["requested_by"], &json["data_categories"]), (&json!("desk"), &json!(["content"])));
}

#[test]
fn entries_come_back_from_their_words() {
    let dice = &mut Dice::full();
    for full in [
        Entry::Tenant(testing::tenant(dice)),
        Entry::Holding(testing::holding(dice, Some(testing::data_ref()))),
        Entry::Party(testing::party(dice)),
        Entry::Process(testing::process(dice)),
    ] {
        assert_eq!(entry(full.kind(), &to_entry(&full).unwrap(), &Known).unwrap(), full);
    }
}

#[test]
fn faults_of_an_entry_are_named_as_in_its_file() {
    let words = json!({ "data_ref": "acme/mail", "stored_in": ["XX"] });
    let Err(WordsError::Bad(bad)) = entry(EntryKind::Holding, &words, &Known) else { panic!("it is read") };
    assert_eq!(bad.fields()[0].path, "stored_in[0]");
}

#[test]
fn words_that_fit_nothing_are_refused() {
    check(json!({ "holding": { "storedin": ["IE"] } }), "holding.storedin", "did you mean `stored_in`");
    check(json!({ "action": "disclosed" }), "action", "not one of transfer, access, disclose");
    check(json!({ "action": "key" }), "action", "not one of");
    check(json!({ "action": "unspecified" }), "action", "not one of");
    check(json!({ "action": 3 }), "action", "takes a word");
    check(json!({ "as_of": "2016-13-14" }), "as_of", "no date");
    check(json!({ "as_of": "2016-07-14T12:00:00" }), "as_of", "with its zone");
    check(json!({ "holding": { "subject_count": -1 } }), "holding.subject_count", "whole number from 0");
    check(json!({ "holding": { "subject_count": 1.5 } }), "holding.subject_count", "whole number from 0");
    let years = json!({ "process": { "offence_max_penalty_years": 4_294_967_296_u64 } });
    check(years, "process.offence_max_penalty_years", "whole number from 0");
    check(json!({ "process": { "stayed": "true" } }), "process.stayed", "true or false");
    check(json!({ "holding": "acme/mail" }), "holding", "table of fields");
    check(json!({ "holding": { "labels": { "a": [1] } } }), "holding.labels[`a`]", "takes a text");
    check(json!({ "jurisdiction": ["IE"] }), "jurisdiction", "takes a text");
    check(json!([]), "", "table of fields");
    let twice = json!({ "response": {}, "status": {} });
    let Err(WordsError::Bad(bad)) = read::<proto::AuthorizeResult>(&twice) else { panic!("it is read") };
    assert!(bad.fields()[0].problem.contains("cannot stand beside"));
}

#[test]
fn a_float_that_json_lacks_is_not_taken_for_unset() {
    let value: toml::Value = toml::from_str("[holding]\nsubject_count = nan").unwrap();
    check(from_toml(&value), "holding.subject_count", "whole number from 0");
}

#[test]
fn every_fault_is_found_at_once() {
    let words = json!({ "holdin": 1, "action": "x", "process": { "stayed": 1, "flag": [] } });
    let Err(WordsError::Bad(bad)) = read::<proto::AuthorizeRequest>(&words) else { panic!("it is read") };
    let mut paths: Vec<_> = bad.fields().iter().map(|field| field.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["action", "holdin", "process.flag", "process.stayed"]);
}
